"""Models and checkpoints as an attacker writes them: bits flipped, files cut, fields and arrays of every wrong kind."""

from __future__ import annotations

import contextlib
import json
import random
import signal
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from genbench import GenbenchError, Sampling, generate, registry, scoring
from genbench.generator import TrainContext
from genbench.sampling.overlap import TrainingWords
from genbench.storage import files as store
from genbench.storage import models

Files = dict[str, bytes]
TEXT = "The old ferry went over at six, and again at seven, if the tide would let it.\nNobody hurried. Eggs -- 12!\n"
MODELS = {
    "markov-char": "markov-char:order=4",
    "unbounded": "markov-word:order=unbounded,smoothing=fitted",
    "markov": "markov",
    "markov-class": "markov-class:classes=6",
    "markovify": "markovify",
    "nltk-lm": "nltk-lm",
    "adaptive": "markov-char:order=3,adaptive=true",
    "mixture": "mixture:parts=(markov-char:order=2)+(markov-word)",
    "lstm-char": "lstm-char:hidden=8,embedding=4",
    "gru-word": "gru-word:hidden=8,embedding=4",
    "lstm-window": "lstm-window:hidden=4,window=5",
    "peephole": "peephole-lstm-char:hidden=4,embedding=4",
}
WRONG: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**63,
    10**30,
    "HUGE",
    "DEEP",
    -0.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
]
WRONG += ["\x1b[2J", "../../../etc/passwd", "\ud800", "x" * 100_000, [], {}, [[]], [1, 2], {"array": "0"}, {"dict": 3}]
WRONG += [{"array": ["0"]}, {"dict": {"": None}}, {"array": "99"}, "mixture:parts=(" * 400, "./evil.py", "markov-char"]
NUMBERS = [
    0,
    1,
    -1,
    2,
    127,
    255,
    2**15,
    2**31 - 1,
    -(2**31),
    2**62,
    -(2**63),
    1e-300,
    1e300,
    0.5,
    float("nan"),
    float("inf"),
]
LIMIT = 20  # seconds that a load may take


def model(spec: str, folder: Path) -> Files:
    """The files of a small model of this SPEC."""
    made = registry.make(spec)
    made.fit(TEXT * 12, TEXT, TrainContext(steps=2))
    made.training_words = TrainingWords.of(TEXT * 12)
    card = {"author": "x", "sha256": "0", "held_out": "", "seed": 0, "budget": None, "steps": 2, "device": "cpu"}
    card |= {"spec": spec, "training": {"notes": [], "train_seconds": 1.0}, "books": ["X"], "lines": "join"}
    kept = models.keep(made, folder, card | models.key(spec, card))
    return {path.name: path.read_bytes() for path in kept.folder.iterdir()}


def signed(files: Files) -> Files:
    """The same with checksums that fit, as an attacker makes them."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):  # the card is JSON no longer
        card = json.loads(files["model.json"])
        card["files"] = {name: sha256(data).hexdigest() for name, data in files.items() if name != "model.json"}
        return files | {"model.json": json.dumps(card).encode()}
    return files


def written(files: Files, folder: Path) -> Path:
    """A folder with these files."""
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


# ways to spoil


def flipped(data: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.choice([0, 1, 7, 8, 9, rng.randrange(len(data)), len(data) - 1])]


def moved(data: bytes, rng: random.Random) -> bytes:
    start, stop = sorted(rng.choices(range(len(data)), k=2))
    return rng.choice([data[:start] + data[stop:], data[:stop] + data[start:], data[:start] + bytes(8) + data[start:]])


def reworded(data: bytes, rng: random.Random) -> bytes:
    """JSON with one value replaced by a wrong one, or taken away, or with a name twice."""
    value = json.loads(data)
    places = list(_places(value))
    holder, key = rng.choice(places)
    if rng.random() < 0.1:
        del holder[key]
    else:
        holder[key] = rng.choice(WRONG)
    text = json.dumps(value).replace('"HUGE"', "9" * 5000).replace('"DEEP"', "[" * 50_000 + "]" * 50_000)
    return (text if rng.random() < 0.95 else '{"x": 1, "x": 2, ' + text[1:]).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(value) if isinstance(value, dict) else range(min(len(value), 20)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def reshaped(data: bytes, rng: random.Random) -> bytes:
    """Arrays with one line of their header changed; the bytes of the arrays stay."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    name = rng.choice(list(header))
    if name != "__metadata__":
        key = rng.choice(["dtype", "shape", "data_offsets"])
        wrong = {"dtype": ["F64", "U8", "I64", "BOOL", "BF16", "O", "F32"], "data_offsets": [[0, 8], [-8, 0], [8, 0]]}
        wrong["shape"] = [[], [0], [-1], [2**40], [2**62, 4], [1] * 40, [10**6, 10**6], header[name]["shape"][::-1]]
        header[name][key] = rng.choice([*wrong[key], *WRONG[:20]])
    else:
        header[name] = rng.choice(WRONG)
    text = json.dumps(header).encode()
    length = rng.choice([len(text)] * 9 + [2**62, 0])
    return length.to_bytes(8, "little") + text + data[8 + size :]


def renumbered(data: bytes, rng: random.Random) -> bytes:
    """Arrays of the right shapes with wrong numbers in one of them."""
    size, found = int.from_bytes(data[:8], "little"), bytearray(data)
    header = json.loads(data[8 : 8 + size])
    about = rng.choice([each for name, each in header.items() if name != "__metadata__"])
    first, last = (8 + size + offset for offset in about["data_offsets"])
    from genbench.storage.untrusted import DTYPES

    values = np.frombuffer(data[first:last], DTYPES[about["dtype"]]).copy()
    if len(values):
        with np.errstate(all="ignore"):
            wrong = np.array(rng.choice(NUMBERS)).astype(values.dtype) if values.dtype.kind != "?" else True
        if rng.random() < 0.3:
            values[:] = wrong
        elif rng.random() < 0.5:
            values = np.random.default_rng(rng.randrange(2**32)).permutation(values)
        else:
            values[rng.randrange(len(values))] = wrong
    found[first:last] = values.tobytes()
    return bytes(found)


ANY: list[Callable[[bytes, random.Random], bytes]] = [flipped, cut, moved]
WAYS = {"model.json": [*ANY, reworded, reworded], "learned.json": [*ANY, reworded, reworded]}
WAYS["arrays.safetensors"] = [*ANY, reshaped, renumbered, renumbered, renumbered]


def spoiled(files: Files, rng: random.Random) -> tuple[str, Files]:
    """One file spoiled in one way, and what was done; checksums fit mostly."""
    name = rng.choice(sorted(WAYS))
    way = rng.choice(WAYS[name])
    found = files | {name: way(files[name], rng)}
    return f"{way.__name__} {name}", signed(found) if rng.random() < 0.9 else found


# what came of it


class Late(BaseException):
    """It takes too long; nothing that catches exceptions catches it."""


@contextlib.contextmanager
def in_time(seconds: int = LIMIT) -> Iterator[None]:
    """Late after so many seconds."""

    def late(*_: object) -> None:
        raise Late(f"not over after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def require_sentence(error: Exception) -> None:
    """One sentence of a length that can be read."""
    assert str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 2000


def outcome(folder: Path) -> str:
    """How a folder is taken: refused in one sentence, failing in use in one, or working; anything else is raised."""
    with in_time():
        try:
            found = models.inside(folder)
            if found is None:
                return "no model"
            made = found.generator()
        except GenbenchError as error:
            require_sentence(error)
            return "refused"
        try:
            scoring.score(made, TEXT)
            generate(made, sampling=Sampling(length=30), count=2)
            generate(made, "The o", Sampling(length=30, temperature=0.5))
            store.as_files(made)
        except GenbenchError:
            return "fails in use"
        except Exception as error:
            if not models.at_fault(error):
                raise
            return "fails in use"
    return "works"
