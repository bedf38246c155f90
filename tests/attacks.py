"""Models and checkpoints as an attacker writes them: flipped bits, truncated files, wrong values and arrays."""

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

from genbench import Model, Sampling, registry, scoring
from genbench.errors import GenbenchError
from genbench.generator import Text, TrainContext
from genbench.sampling.overlap import TrainingWords
from genbench.spec import Spec, option_values
from genbench.storage import files, models
from genbench.storage.cards import ModelCard, TrainingRecord

Files = dict[str, bytes]
TEXT = "The old ferry went over at six, and again at seven, if the tide would let it.\nNobody hurried. Eggs -- 12!\n"
MODELS = {
    "markov-char": "markov-char:order=4",
    "unbounded": "markov-word:order=unbounded,smoothing=fitted",
    "markov": "markov",
    "markov-class": "markov-class:classes=6",
    "markov-subword": "markov-subword:order=3,vocabulary=60",
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
MAX_SECONDS = 20  # that a load may take


def model_files(spec: str, folder: Path) -> Files:
    """Return the files of a small model of a SPEC."""
    generator = registry.create(spec)
    generator.fit(Text(TEXT * 12), Text(TEXT), TrainContext(steps=2))
    about = {"author": "x", "sha256": "0", "held_out": "", "seed": 0, "budget": None, "steps": 2, "device": "cpu"}
    key = models.training_key(Spec.parse(spec), option_values(generator), [], about)
    card = ModelCard(spec=spec, books=["X"], lines="join", training=TrainingRecord(seconds=1.0), **key)
    stored = models.store_model(generator, folder, card, TrainingWords.from_text(TEXT * 12))
    return {path.name: path.read_bytes() for path in stored.folder.iterdir()}


def with_valid_checksums(contents: Files) -> Files:
    """Return the files with a card that has their checksums, as an attacker would write it."""
    with contextlib.suppress(ValueError, TypeError, RecursionError):  # the card is not JSON any more
        card = json.loads(contents["model.json"])
        card["files"] = {name: sha256(data).hexdigest() for name, data in contents.items() if name != "model.json"}
        return contents | {"model.json": json.dumps(card).encode()}
    return contents


def write_folder(contents: Files, folder: Path) -> Path:
    """Write the files into a folder; return it."""
    folder.mkdir(exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


# Ways to corrupt a file: each takes its bytes and a random generator


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    """Return the data with some bits flipped."""
    flipped = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8, 64])):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    return bytes(flipped)


def truncate(data: bytes, rng: random.Random) -> bytes:
    """Return the beginning of the data."""
    return data[: rng.choice([0, 1, 7, 8, 9, rng.randrange(len(data)), len(data) - 1])]


def move_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return the data with a part removed, repeated or moved on by zeros."""
    start, stop = sorted(rng.choices(range(len(data)), k=2))
    return rng.choice([data[:start] + data[stop:], data[:stop] + data[start:], data[:start] + bytes(8) + data[start:]])


def corrupt_json(data: bytes, rng: random.Random) -> bytes:
    """Return JSON with one value replaced by a wrong one or removed, or with a duplicate name."""
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


def corrupt_header(data: bytes, rng: random.Random) -> bytes:
    """Return a safetensors file with one entry of its header changed; the bytes of the arrays stay."""
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


def corrupt_numbers(data: bytes, rng: random.Random) -> bytes:
    """Return a safetensors file with wrong numbers in one array."""
    size, corrupted = int.from_bytes(data[:8], "little"), bytearray(data)
    header = json.loads(data[8 : 8 + size])
    entry = rng.choice([entry for name, entry in header.items() if name != "__metadata__"])
    first, last = (8 + size + offset for offset in entry["data_offsets"])
    from genbench.storage.untrusted import DTYPES

    values = np.frombuffer(data[first:last], DTYPES[entry["dtype"]]).copy()
    if len(values):
        with np.errstate(all="ignore"):
            wrong = np.array(rng.choice(NUMBERS)).astype(values.dtype) if values.dtype.kind != "?" else True
        if rng.random() < 0.3:
            values[:] = wrong
        elif rng.random() < 0.5:
            values = np.random.default_rng(rng.randrange(2**32)).permutation(values)
        else:
            values[rng.randrange(len(values))] = wrong
    corrupted[first:last] = values.tobytes()
    return bytes(corrupted)


ANY: list[Callable[[bytes, random.Random], bytes]] = [flip_bits, truncate, move_bytes]
WAYS = {"model.json": [*ANY, corrupt_json, corrupt_json], "learned.json": [*ANY, corrupt_json, corrupt_json]}
WAYS["arrays.safetensors"] = [*ANY, corrupt_header, corrupt_numbers, corrupt_numbers, corrupt_numbers]


def corrupt_model(contents: Files, rng: random.Random) -> tuple[str, Files]:
    """Corrupt one file in one way, mostly with valid checksums; return what was done, and the files."""
    name = rng.choice(sorted(WAYS))
    way = rng.choice(WAYS[name])
    corrupted = contents | {name: way(contents[name], rng)}
    return f"{way.__name__} {name}", with_valid_checksums(corrupted) if rng.random() < 0.9 else corrupted


# The outcome


class TooLate(BaseException):
    """It takes too long; nothing that catches exceptions catches this."""


@contextlib.contextmanager
def time_limit(seconds: int = MAX_SECONDS) -> Iterator[None]:
    """Raise TooLate after so many seconds."""

    def late(*_: object) -> None:
        raise TooLate(f"not over after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def require_sentence(error: Exception) -> None:
    """Check that an error is one sentence of a readable length."""
    assert str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 2000


def outcome(folder: Path) -> str:
    """Return how a folder is treated: refused in one sentence, failing in use, or working; other errors are raised."""
    with time_limit():
        try:
            stored = models.read_model(folder)
            if stored is None:
                return "no model"
            model = Model.from_stored(stored)
        except GenbenchError as error:
            require_sentence(error)
            return "refused"
        try:
            scoring.score(model.generator, TEXT)
            model.generate(sampling=Sampling(length=30), count=2)
            model.generate("The o", Sampling(length=30, temperature=0.5))
            files.generator_files(model.generator, model.training_words)
        except GenbenchError:
            return "fails in use"
        except Exception as error:
            if not models.model_at_fault(error):
                raise
            return "fails in use"
    return "works"
