"""Models and checkpoints that somebody else wrote: one sentence, no execution, bounded memory and time."""

import json
import os
import pickle
import random
import shutil
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import attacks
import numpy as np
import pytest
from attacks import MODELS, Files, outcome, signed, spoiled, written
from hostile import driving
from test_cli import run

from genbench import GenbenchError, TrainContext, UserError, import_model, load, make
from genbench.neural import training
from genbench.storage import models, sharing, untrusted
from genbench.storage.checkpoints import Checkpoint

QUICK = 12  # variants of each model; `make stress` tries thousands
MEMORY = 500  # MB that a load of a small hostile model may take beyond what Python and PyTorch take
SMALL = ("markov-char", "lstm-char", "gru-word", "nltk-lm")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Files]:
    """The files of a small model, by its name in MODELS; made once."""
    made: dict[str, Files] = {}

    def of(name: str) -> Files:
        if name not in made:
            made[name] = attacks.model(MODELS[name], tmp_path_factory.mktemp("kept"))
        return made[name]

    return of


def changed(files: Files, file: str, change: Callable[[Any], None]) -> Files:
    """The same with the value of a JSON file changed, and checksums that fit."""
    value = json.loads(files[file])
    change(value)
    return signed(files | {file: json.dumps(value).encode()})


def refused(files: Files, folder: Path) -> str:
    """The one sentence that is said of these files."""
    with pytest.raises(GenbenchError) as caught:
        load(str(written(files, folder)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# thousands of variants


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_spoiled_model_is_refused_fails_in_one_sentence_or_works(
    name: str, kept: Callable[[str], Files], tmp_path: Path
) -> None:
    rng, found = random.Random(name), Counter[str]()
    assert outcome(written(kept(name), tmp_path / "whole")) == "works"
    for _ in range(QUICK):
        what, files = spoiled(kept(name), rng)
        shutil.rmtree(tmp_path / "x", ignore_errors=True)
        try:
            found[outcome(written(files, tmp_path / "x"))] += 1
        except BaseException as error:
            raise AssertionError(f"{name}: {what}") from error
    assert found["refused"] + found["no model"] > QUICK / 3


def _checkpoint(spec: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The checkpoint of a training that was stopped half-way."""
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    checkpoint = Checkpoint(path)

    def save(state: dict[str, Any]) -> None:
        checkpoint.save(state)
        if state["step"] >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(spec).fit(attacks.TEXT * 12, attacks.TEXT, TrainContext(steps=9, on_checkpoint=save))
    return path.read_bytes()


def went_on(data: bytes, spec: str, path: Path) -> str:
    """How a training takes a checkpoint: refused in one sentence, begun anew, or gone on with."""
    path.write_bytes(data)
    made = make(spec)
    with attacks.in_time():
        try:
            made.fit(attacks.TEXT * 12, attacks.TEXT, TrainContext(steps=9, last_checkpoint=Checkpoint(path).resume))
        except UserError as error:
            attacks.require_sentence(error)
            return "refused" if "--fresh begins anew" in str(error) else str(error)
    return "gone on with" if made.facts.get("notes") else "begun anew"


def spoiled_checkpoint(data: bytes, rng: random.Random) -> bytes:
    """A checkpoint spoiled in one way: bytes, the header of its arrays, their numbers, or its values."""
    way = rng.choice([*attacks.ANY, attacks.reshaped, attacks.renumbered, None, None])
    if way is not None:
        return way(data, rng)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"]["values"] = attacks.reworded(header["__metadata__"]["values"].encode(), rng).decode()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


@pytest.mark.slow
@pytest.mark.parametrize("spec", [MODELS["lstm-char"], MODELS["gru-word"]])
def test_a_spoiled_checkpoint_is_refused_passed_over_or_gone_on_with(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, rng = _checkpoint(spec, tmp_path / "c", monkeypatch), random.Random(spec)
    monkeypatch.setattr(training, "SAVE_EVERY", 5.0)
    assert went_on(data, spec, tmp_path / "c") == "gone on with"
    found = Counter(went_on(spoiled_checkpoint(data, rng), spec, tmp_path / "c") for _ in range(QUICK))
    assert found["refused"] + found["begun anew"] > QUICK / 3


def test_a_checkpoint_far_in_a_run_that_is_short_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = MODELS["lstm-char"]
    _checkpoint(spec, tmp_path / "c", monkeypatch)
    for name, wrong in (("step", 10**15), ("planned", [10**15]), ("seconds", -1.0), ("size", {"hidden": 10**9})):
        state = Checkpoint(tmp_path / "c").resume()
        assert state is not None
        Checkpoint(tmp_path / "d").save(state | {name: wrong})
        assert went_on((tmp_path / "d").read_bytes(), spec, tmp_path / "d") == "refused"


# each kind of attack by name


class Evil:
    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.ran),)


def test_a_pickle_is_never_run(kept: Callable[[str], Files], tmp_path: Path) -> None:
    data = pickle.dumps(Evil(tmp_path / "ran"))
    for file in ("arrays.safetensors", "learned.json"):
        assert "cannot be used" in refused(signed(kept("lstm-char") | {file: data}), tmp_path / file)
    with pytest.raises(UserError, match="no model is called"):
        load(str(written(kept("lstm-char") | {"model.json": data}, tmp_path / "card")))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("file", ["model.json", "learned.json", "arrays.safetensors", "SHA256SUMS"])
def test_links_pipes_and_devices_are_no_files(file: str, kept: Callable[[str], Files], tmp_path: Path) -> None:
    files = kept("markov-char")
    (tmp_path / "target").write_bytes(files.get(file, b""))
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "target", tmp_path / "pipe", Path("/dev/zero"), Path("/etc/passwd"), tmp_path / "none"):
        folder = written(files, tmp_path / "model")
        (folder / sharing.SUMS).write_text(sharing._sums(folder))
        (folder / file).unlink()
        (folder / file).symlink_to(target)
        with attacks.in_time(5), pytest.raises(UserError):
            import_model(folder)
        if file != "SHA256SUMS":
            with attacks.in_time(5), pytest.raises(UserError):
                load(str(folder))
        shutil.rmtree(folder)


def test_names_that_climb_lead_nowhere(kept: Callable[[str], Files], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    files = kept("markov-char")

    def climb(card: Any) -> None:
        card["files"]["../secret"] = sha256(b"secret").hexdigest()

    folder = written(files | {"model.json": _card(files, climb)}, tmp_path / "m")
    with pytest.raises(UserError, match="no model is called"):
        load(str(folder))
    climbing = changed(files, "model.json", lambda card: card.update(author="../../up", generator="/etc/x"))
    shared = written(climbing, tmp_path / "s")
    (shared / sharing.SUMS).write_text(sharing._sums(shared))
    model = import_model(shared)
    assert model.folder.parent == models.home()
    assert model.name.startswith("_up-_etc_x-")
    (shared / sharing.SUMS).write_text(sharing._sums(shared) + f"{sha256(b'secret').hexdigest()}  ../secret\n")
    with pytest.raises(UserError, match=r"\.\./secret of .* is missing"):
        import_model(shared)


def _card(files: Files, change: Callable[[Any], None]) -> bytes:
    card = json.loads(files["model.json"])
    change(card)
    return json.dumps(card).encode()


def test_a_card_drives_no_terminal(
    kept: Callable[[str], Files], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b]0;x\x07\u202e\x9b2J"
    files = changed(kept("markov-char"), "model.json", lambda card: card.update(author=evil, device=evil, books=[evil]))
    shared = written(files, tmp_path / "s")
    (shared / sharing.SUMS).write_text(sharing._sums(shared))
    assert run(monkeypatch, "models", "import", str(shared)) == 0
    (name,) = (path.name for path in models.home().iterdir() if not path.name.startswith("."))
    assert run(monkeypatch, "models", "list") == 0
    assert run(monkeypatch, "models", "show", name) == 0
    printed = capsys.readouterr()
    assert not driving(printed.out + printed.err)


@pytest.mark.parametrize(("text", "said"), [
    ("[" * 100_000, "nested too deep"),
    ('{"a": ' * 50_000, "nested too deep"),
    ('{"a": 1, "a": 2}', "stands twice"),
    ("9" * 5_000, "more than 64 bits"),
    ("[" + "9" * 30 + "]", "more than 64 bits"),
    ('"' + "x" * untrusted.SMALL + '"', "more than 1 MB"),
    (b"\xff\xfe", "utf-8"),
    ("", "Expecting value"),
])  # fmt: skip
def test_json_has_limits(text: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        untrusted.parsed(text)


def safetensors(header: Any, body: bytes, size: int | None = None) -> np.ndarray[Any, Any]:
    text = json.dumps(header).encode()
    return np.frombuffer(struct.pack("<Q", len(text) if size is None else size) + text + body, np.uint8)


def array(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape, "data_offsets": offsets}


@pytest.mark.parametrize(("header", "said"), [
    ([], "no names"),
    ({"0": 3}, "int where names"),
    ({"0": {}}, "dtype is missing"),
    ({"0": array("O")}, "of type 'O'"),
    ({"0": array(["F32"])}, "dtype is list"),
    ({"0": array(shape=(2**62, 2**62))}, "outside the file"),
    ({"0": array(shape=(-2,))}, "that are none"),
    ({"0": array(shape=(2.0,))}, "that are none"),
    ({"0": array(shape=(True, 2))}, "that are none"),
    ({"0": array(shape=(0, 2**62))}, "outside the file"),
    ({"0": array(shape=(1,) * 40)}, "that are none"),
    ({"0": array(shape=(3,))}, "another size than its shape"),
    ({"0": array(offsets=(0, 10**18))}, "outside the file"),
    ({"0": array(offsets=(8, 0))}, "outside the file"),
    ({"0": array(offsets=(-8, 0))}, "that are none"),
    ({"0": array(offsets=(0,))}, "that are none"),
    ({"0": array(), "1": array()}, "lie upon each other"),
    ({"0": array(shape=(1,), offsets=(4, 8))}, "one after the other"),
    ({"0": array(shape=(1,), offsets=(0, 4))}, "one after the other"),
])  # fmt: skip
def test_arrays_are_where_and_what_their_header_says(header: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        untrusted.arrays(safetensors(header, bytes(8)))


@pytest.mark.parametrize("size", [0, 2**62, 2**64 - 1, 10_000])
def test_a_header_that_ends_outside_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=r"header ends outside|Expecting value"):
        untrusted.arrays(safetensors({}, b"", size))
    with pytest.raises(ValueError, match="before its header"):
        untrusted.arrays(np.zeros(7, np.uint8))


def test_weights_that_are_no_numbers_are_refused(kept: Callable[[str], Files], tmp_path: Path) -> None:
    for name in SMALL[1:3]:
        data = bytearray(kept(name)["arrays.safetensors"])
        size = int.from_bytes(data[:8], "little")
        about = next(each for each in json.loads(data[8 : 8 + size]).values() if each["dtype"] == "F32")
        struct.pack_into("<f", data, 8 + size + about["data_offsets"][0], float("nan"))
        files = signed(kept(name) | {"arrays.safetensors": bytes(data)})
        assert "are no numbers" in refused(files, tmp_path / name)


def test_a_model_that_fails_in_use_is_one_sentence_on_the_command_line(
    kept: Callable[[str], Files], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise IndexError("index 7 is out of bounds\nfor axis 0")

    made = load(str(written(kept("markov-char"), tmp_path / "m")))
    monkeypatch.setattr(type(made), "token_log_probs", lambda self, ids: fails())
    monkeypatch.setattr("genbench.api.ready", lambda *_, **__: made)
    (tmp_path / "page.txt").write_text("Some words.\n")
    assert run(monkeypatch, "score", "pell", str(tmp_path / "page.txt"), "-g", "markov-char") == 2
    said = capsys.readouterr().err
    assert "genbench: model m fails in use (IndexError: index 7 is out of bounds for axis 0); genbench models" in said
    assert "Traceback" not in said


# bounded memory and time

BOMBS = """
import resource, sys, time
from genbench import UserError, load
for folder in sys.argv[1:]:
    began = time.process_time()
    try:
        load(folder)
        print("loaded")
    except UserError as error:
        print(error)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, time.process_time() - began)
"""


def _letters(value: Any) -> None:
    value["tokenizer"]["letters"] = "".join(map(chr, range(0x3000, 0xD000)))


def _learned(**more: Any) -> Callable[[Any], None]:
    return lambda value: value["learned"]["dict"].update(more)


def _options(**more: Any) -> Callable[[Any], None]:
    return lambda value: value["options"].update(more)


BOMB = [
    ("lstm-char", "learned.json", _learned(hidden=10**6)),
    ("lstm-char", "learned.json", _learned(hidden=20_000)),
    ("lstm-char", "model.json", _options(layers=10**9)),
    ("lstm-char", "model.json", _options(embedding=10**9)),
    ("gru-word", "model.json", _options(embedding=10**8)),
    ("lstm-window", "learned.json", _letters),
    ("peephole", "model.json", _options(layers=10**7)),
]


@pytest.mark.slow
def test_bombs_take_no_memory_and_no_time(kept: Callable[[str], Files], tmp_path: Path) -> None:
    folders = [written(kept(name), tmp_path / name) for name in sorted({name for name, _, _ in BOMB})]
    for place, (name, file, change) in enumerate(BOMB):
        folders.append(written(changed(kept(name), file, change), tmp_path / f"bomb{place}"))
    command = [sys.executable, "-W", "ignore", "-c", BOMBS, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    lines = done.stdout.strip().splitlines()
    said = lines[::2]
    megabytes, seconds = zip(*(map(float, line.split()) for line in lines[1::2]), strict=True)
    whole = len(said) - len(BOMB)
    assert said[:whole] == ["loaded"] * whole
    assert all("cannot be used" in sentence for sentence in said[whole:])
    assert max(megabytes) - megabytes[whole - 1] < MEMORY
    assert max(seconds[whole:]) < 20


def test_files_that_are_too_large_are_not_read(kept: Callable[[str], Files], tmp_path: Path) -> None:
    began = time.process_time()
    for file, size in (("model.json", 1 << 21), ("arrays.safetensors", 1 << 37), ("learned.json", 1 << 40)):
        folder = written(kept("markov-char"), tmp_path / file)
        with (folder / file).open("r+b") as stream:
            stream.truncate(size)  # a hole: it takes no room
        with pytest.raises(UserError):
            load(str(folder))
    assert time.process_time() - began < 5
