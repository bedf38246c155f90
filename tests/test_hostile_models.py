"""Models and checkpoints that an attacker wrote: one sentence, no execution, bounded memory and time."""

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
from attacks import MODELS, Files, corrupt_model, outcome, with_valid_checksums, write_folder
from hostile import driving
from test_cli import run

from genbench import UserError, load
from genbench.errors import GenbenchError
from genbench.generator import Text, TrainContext
from genbench.neural import training
from genbench.registry import create
from genbench.storage import models, untrusted
from genbench.storage.checkpoints import Checkpoint
from genbench.storage.sharing import CHECKSUMS, import_model, write_checksums

QUICK_VARIANTS = 12  # variants of each model; `make stress` tries thousands
MAX_MEGABYTES = 500  # that a load of a small hostile model may take beyond what Python and PyTorch take
SMALL = ("markov-char", "lstm-char", "gru-word", "nltk-lm")


@pytest.fixture(scope="module")
def files_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Files]:
    """Return the files of a small model, by its name in MODELS; it is trained once."""
    cache: dict[str, Files] = {}

    def files_of(name: str) -> Files:
        if name not in cache:
            cache[name] = attacks.model_files(MODELS[name], tmp_path_factory.mktemp("models"))
        return cache[name]

    return files_of


def changed(files: Files, file: str, change: Callable[[Any], None]) -> Files:
    """Return the files with the value of a JSON file changed, and valid checksums."""
    value = json.loads(files[file])
    change(value)
    return with_valid_checksums(files | {file: json.dumps(value).encode()})


def refused(files: Files, folder: Path) -> str:
    """Return the sentence with which these files are refused."""
    with pytest.raises(GenbenchError) as caught:
        load(str(write_folder(files, folder)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Corrupt variants


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_corrupt_model_is_refused_fails_in_one_sentence_or_works(
    name: str, files_of: Callable[[str], Files], tmp_path: Path
) -> None:
    rng, outcomes = random.Random(name), Counter[str]()
    assert outcome(write_folder(files_of(name), tmp_path / "whole")) == "works"
    for _ in range(QUICK_VARIANTS):
        change, files = corrupt_model(files_of(name), rng)
        shutil.rmtree(tmp_path / "x", ignore_errors=True)
        try:
            outcomes[outcome(write_folder(files, tmp_path / "x"))] += 1
        except BaseException as error:
            raise AssertionError(f"{name}: {change}") from error
    assert outcomes["refused"] + outcomes["no model"] > QUICK_VARIANTS / 3


def interrupted_checkpoint(spec: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return the checkpoint of an interrupted training."""
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    checkpoint = Checkpoint(path)

    def save(state: dict[str, Any]) -> None:
        checkpoint.save(state)
        if state["step"] >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create(spec).fit(Text(attacks.TEXT * 12), Text(attacks.TEXT), TrainContext(steps=9, on_checkpoint=save))
    return path.read_bytes()


def resume_from(data: bytes, spec: str, path: Path) -> str:
    """Return how a training treats a checkpoint: refused in one sentence, ignored, or resumed."""
    path.write_bytes(data)
    context = TrainContext(steps=9, last_checkpoint=Checkpoint(path).resume)
    with attacks.time_limit():
        try:
            create(spec).fit(Text(attacks.TEXT * 12), Text(attacks.TEXT), context)
        except UserError as error:
            attacks.require_sentence(error)
            return "refused" if "--retrain" in str(error) else str(error)
    return "resumed" if context.stats.notes else "ignored"


def corrupt_checkpoint(data: bytes, rng: random.Random) -> bytes:
    """Return a checkpoint corrupted in one way: bytes, the header of its arrays, their numbers, or its values."""
    way = rng.choice([*attacks.ANY, attacks.corrupt_header, attacks.corrupt_numbers, None, None])
    if way is not None:
        return way(data, rng)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["__metadata__"]["values"] = attacks.corrupt_json(header["__metadata__"]["values"].encode(), rng).decode()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


@pytest.mark.slow
@pytest.mark.parametrize("spec", [MODELS["lstm-char"], MODELS["gru-word"]])
def test_a_corrupt_checkpoint_is_refused_ignored_or_resumed(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, rng = interrupted_checkpoint(spec, tmp_path / "c", monkeypatch), random.Random(spec)
    monkeypatch.setattr(training, "SAVE_EVERY", 5.0)
    assert resume_from(data, spec, tmp_path / "c") == "resumed"
    outcomes = Counter(resume_from(corrupt_checkpoint(data, rng), spec, tmp_path / "c") for _ in range(QUICK_VARIANTS))
    assert outcomes["refused"] + outcomes["ignored"] > QUICK_VARIANTS / 3


def test_a_checkpoint_with_impossible_values_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = MODELS["lstm-char"]
    interrupted_checkpoint(spec, tmp_path / "c", monkeypatch)
    for name, wrong in (("step", 10**15), ("planned", [10**15]), ("seconds", -1.0), ("size", {"hidden": 10**9})):
        state = Checkpoint(tmp_path / "c").resume()
        assert state is not None
        Checkpoint(tmp_path / "d").save(state | {name: wrong})
        assert resume_from((tmp_path / "d").read_bytes(), spec, tmp_path / "d") == "refused"


# Each kind of attack by name


class Evil:
    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.ran),)


def test_a_pickle_is_never_run(files_of: Callable[[str], Files], tmp_path: Path) -> None:
    data = pickle.dumps(Evil(tmp_path / "ran"))
    for file in ("arrays.safetensors", "learned.json"):
        assert "cannot be used" in refused(with_valid_checksums(files_of("lstm-char") | {file: data}), tmp_path / file)
    with pytest.raises(UserError, match=r"model.json in .* is damaged"):
        load(str(write_folder(files_of("lstm-char") | {"model.json": data}, tmp_path / "card")))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("file", ["model.json", "learned.json", "arrays.safetensors", "SHA256SUMS"])
def test_links_pipes_and_devices_are_refused(file: str, files_of: Callable[[str], Files], tmp_path: Path) -> None:
    files = files_of("markov-char")
    (tmp_path / "target").write_bytes(files.get(file, b""))
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "target", tmp_path / "pipe", Path("/dev/zero"), Path("/etc/passwd"), tmp_path / "none"):
        folder = write_folder(files, tmp_path / "model")
        write_checksums(folder)
        (folder / file).unlink()
        (folder / file).symlink_to(target)
        with attacks.time_limit(5), pytest.raises(UserError):
            import_model(folder)
        if file != "SHA256SUMS":
            with attacks.time_limit(5), pytest.raises(UserError):
                load(str(folder))
        shutil.rmtree(folder)


def test_names_with_parent_folders_are_not_used_as_paths(files_of: Callable[[str], Files], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    files = files_of("markov-char")

    def climb(card: Any) -> None:
        card["files"]["../secret"] = sha256(b"secret").hexdigest()

    folder = write_folder(files | {"model.json": _card(files, climb)}, tmp_path / "m")
    with pytest.raises(UserError, match=r"model.json in .* is damaged"):
        load(str(folder))
    climbing = changed(files, "model.json", lambda card: card.update(author="../../up", generator="/etc/x"))
    shared = write_folder(climbing, tmp_path / "s")
    write_checksums(shared)
    model = import_model(shared)
    assert model.folder.parent == models.models_folder()
    assert model.name.startswith("_up-_etc_x-")
    checksums = (shared / CHECKSUMS).read_text(encoding="utf-8")
    (shared / CHECKSUMS).write_text(checksums + f"{sha256(b'secret').hexdigest()}  ../secret\n")
    with pytest.raises(UserError, match=r"\.\./secret of .* is missing"):
        import_model(shared)


def _card(files: Files, change: Callable[[Any], None]) -> bytes:
    card = json.loads(files["model.json"])
    change(card)
    return json.dumps(card).encode()


@pytest.mark.slow
def test_a_card_cannot_control_the_terminal(
    files_of: Callable[[str], Files],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    evil = "\x1b]0;x\x07\u202e\x9b2J"
    files = changed(
        files_of("markov-char"), "model.json", lambda card: card.update(author=evil, device=evil, books=[evil])
    )
    shared = write_folder(files, tmp_path / "s")
    write_checksums(shared)
    assert run(monkeypatch, "models", "import", str(shared)) == 0
    (name,) = (path.name for path in models.models_folder().iterdir() if not path.name.startswith("."))
    assert run(monkeypatch, "models", "list") == 0
    assert run(monkeypatch, "models", "show", name) == 0
    printed = capsys.readouterr()
    assert not driving(printed.out + printed.err)


def test_json_values_are_counted_before_they_are_created(monkeypatch: pytest.MonkeyPatch) -> None:
    assert untrusted.parse_json('{"a": [1, [2]]}', max_values=5) == {"a": [1, [2]]}
    with pytest.raises(ValueError, match="more than 4 values"):
        untrusted.parse_json('{"a": [1, [2]]}', max_values=4)
    assert untrusted.parse_json("[NaN]")
    with pytest.raises(ValueError, match="JSON with NaN"):
        untrusted.parse_json("[NaN]", allow_nan=False)


@pytest.mark.parametrize(("text", "message"), [
    ("[" * 100_000, "nested too deep"),
    ('{"a": ' * 50_000, "nested too deep"),
    ('{"a": 1, "a": 2}', "duplicate name"),
    ("9" * 5_000, "more than 64 bits"),
    ("[" + "9" * 30 + "]", "more than 64 bits"),
    ('"' + "x" * untrusted.MAX_CARD_BYTES + '"', "more than 1 MB"),
    (b"\xff\xfe", "utf-8"),
    ("", "Expecting value"),
])  # fmt: skip
def test_json_has_limits(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        untrusted.parse_json(text)


def safetensors(header: Any, body: bytes, size: int | None = None) -> np.ndarray[Any, Any]:
    text = json.dumps(header).encode()
    return np.frombuffer(struct.pack("<Q", len(text) if size is None else size) + text + body, np.uint8)


def array(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape, "data_offsets": offsets}


@pytest.mark.parametrize(("header", "message"), [
    ([], "no names"),
    ({"0": 3}, "int where names"),
    ({"0": {}}, "dtype is missing"),
    ({"0": array("O")}, "of type 'O'"),
    ({"0": array(["F32"])}, "dtype is list"),
    ({"0": array(shape=(2**62, 2**62))}, "outside the file"),
    ({"0": array(shape=(-2,))}, "invalid"),
    ({"0": array(shape=(2.0,))}, "invalid"),
    ({"0": array(shape=(True, 2))}, "invalid"),
    ({"0": array(shape=(0, 2**62))}, "outside the file"),
    ({"0": array(shape=(1,) * 40)}, "invalid"),
    ({"0": array(shape=(3,))}, "another size than its shape"),
    ({"0": array(offsets=(0, 10**18))}, "outside the file"),
    ({"0": array(offsets=(8, 0))}, "outside the file"),
    ({"0": array(offsets=(-8, 0))}, "invalid"),
    ({"0": array(offsets=(0,))}, "invalid"),
    ({"0": array(), "1": array()}, "overlap or leave gaps"),
    ({"0": array(shape=(1,), offsets=(4, 8))}, "overlap or leave gaps"),
    ({"0": array(shape=(1,), offsets=(0, 4))}, "overlap or leave gaps"),
])  # fmt: skip
def test_invalid_array_headers_are_refused(header: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        untrusted.parse_safetensors(safetensors(header, bytes(8)))


@pytest.mark.parametrize("size", [0, 2**62, 2**64 - 1, 10_000])
def test_a_header_that_ends_outside_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=r"header ends outside|Expecting value"):
        untrusted.parse_safetensors(safetensors({}, b"", size))
    with pytest.raises(ValueError, match="before its header"):
        untrusted.parse_safetensors(np.zeros(7, np.uint8))


def test_weights_that_are_not_numbers_are_refused(files_of: Callable[[str], Files], tmp_path: Path) -> None:
    for name in SMALL[1:3]:
        data = bytearray(files_of(name)["arrays.safetensors"])
        size = int.from_bytes(data[:8], "little")
        entries = json.loads(data[8 : 8 + size]).values()
        entry = next(entry for entry in entries if entry["dtype"] == "F32")
        struct.pack_into("<f", data, 8 + size + entry["data_offsets"][0], float("nan"))
        files = with_valid_checksums(files_of(name) | {"arrays.safetensors": bytes(data)})
        assert "are not numbers" in refused(files, tmp_path / name)


def test_a_model_that_fails_in_use_is_one_sentence_on_the_command_line(
    files_of: Callable[[str], Files],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise IndexError("index 7 is out of bounds\nfor axis 0")

    model = load(str(write_folder(files_of("markov-char"), tmp_path / "m")))
    monkeypatch.setattr(type(model.generator), "token_log_probs", lambda self, ids, progress: fail())
    monkeypatch.setattr("genbench.api.load_or_train", lambda *_, **__: model)
    (tmp_path / "page.txt").write_text("Some words.\n")
    assert run(monkeypatch, "score", "pell", str(tmp_path / "page.txt"), "-g", "markov-char") == 2
    message = capsys.readouterr().err
    assert (
        "genbench: model m fails in use (IndexError: index 7 is out of bounds for axis 0); genbench models" in message
    )
    assert "Traceback" not in message


# Bounded memory and time

LOAD_SCRIPT = """
import resource, sys, time
from genbench import UserError, load
for folder in sys.argv[1:]:
    started = time.process_time()
    try:
        load(folder)
        print("loaded")
    except UserError as error:
        print(error)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, time.process_time() - started)
"""


def _letters(value: Any) -> None:
    value["learned"]["dict"]["tokenizer"]["dict"]["letters"] = "".join(map(chr, range(0x3000, 0xD000)))


def _learned(**more: Any) -> Callable[[Any], None]:
    return lambda value: value["learned"]["dict"].update(more)


def _options(**more: Any) -> Callable[[Any], None]:
    return lambda value: value["options"].update(more)


BOMBS = [
    ("lstm-char", "learned.json", _learned(hidden=10**6)),
    ("lstm-char", "learned.json", _learned(hidden=20_000)),
    ("lstm-char", "model.json", _options(layers=10**9)),
    ("lstm-char", "model.json", _options(embedding=10**9)),
    ("gru-word", "model.json", _options(embedding=10**8)),
    ("lstm-window", "learned.json", _letters),
    ("peephole", "model.json", _options(layers=10**7)),
]


LISTS = untrusted.MAX_JSON_VALUES // 2 - 10  # as many as are accepted: each is a bracket and a comma
RAW_BOMBS = [
    b'{"learned": {"dict": {"x": [' + b"[]," * LISTS + b"[]]}}}",
    b'{"learned": {"dict": {"x": [' + b"[]," * (untrusted.MAX_JSON_BYTES // 3 - 20) + b"[]]}}}",
    b'{"learned": {"dict": {"x": ' + b"[" * LISTS + b"]" * LISTS + b"}}}",
    b'{"learned": {"dict": {"x": "\\ud83d\\ude00' + b"x" * (untrusted.MAX_JSON_BYTES - 60) + b'"}}}',
]


@pytest.mark.slow
def test_bombs_take_little_memory_and_time(files_of: Callable[[str], Files], tmp_path: Path) -> None:
    folders = [write_folder(files_of(name), tmp_path / name) for name in sorted({name for name, _, _ in BOMBS})]
    for index, (name, file, change) in enumerate(BOMBS):
        folders.append(write_folder(changed(files_of(name), file, change), tmp_path / f"bomb{index}"))
    for index, data in enumerate(RAW_BOMBS):
        files = with_valid_checksums(files_of("markov-char") | {"learned.json": data})
        folders.append(write_folder(files, tmp_path / f"raw{index}"))
    command = [sys.executable, "-W", "ignore", "-c", LOAD_SCRIPT, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    lines = done.stdout.strip().splitlines()
    messages = lines[::2]
    megabytes, seconds = zip(*(map(float, line.split()) for line in lines[1::2]), strict=True)
    valid = len(messages) - len(BOMBS) - len(RAW_BOMBS)
    assert messages[:valid] == ["loaded"] * valid
    assert all("cannot be used" in message for message in messages[valid:])
    assert max(megabytes) - megabytes[valid - 1] < MAX_MEGABYTES
    assert max(seconds[valid:]) < 20


def test_files_that_are_too_large_are_not_read(files_of: Callable[[str], Files], tmp_path: Path) -> None:
    started = time.process_time()
    for file, size in (("model.json", 1 << 21), ("arrays.safetensors", 1 << 37), ("learned.json", 1 << 40)):
        folder = write_folder(files_of("markov-char"), tmp_path / file)
        with (folder / file).open("r+b") as stream:
            stream.truncate(size)  # a sparse file: it takes no space
        with pytest.raises(UserError):
            load(str(folder))
    assert time.process_time() - started < 5
