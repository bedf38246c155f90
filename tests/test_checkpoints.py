"""A training that is stopped goes on, and ends with the very weights of one that was never stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PROSE

from genbench import TrainContext, make
from genbench.neural import training
from genbench.storage import files as store
from genbench.storage import models
from genbench.storage.checkpoints import Checkpoint

pytestmark = pytest.mark.slow

TRAIN, VALID = PROSE * 12, PROSE * 2


class StoppedError(Exception):
    """What stops a training here."""


def learned(spec: str, context: TrainContext) -> dict[str, Any]:
    generator = make(spec)
    generator.fit(TRAIN, VALID, run)
    return {"facts": generator.facts, **generator.dump()["weights"]}


@pytest.mark.parametrize("stop", [1, 17, 39])
@pytest.mark.parametrize("spec", ["lstm-char:dropout=.3", "gru-word", "lstm-char:schedule=5/10/25"])
def test_it_ends_with_the_same_weights(spec: str, stop: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    checkpoint = Checkpoint(tmp_path / "c.safetensors")
    saved = 0

    def save(state: dict[str, Any]) -> None:
        nonlocal saved
        checkpoint.save(state)
        saved += 1
        if saved == stop:
            raise StoppedError

    with pytest.raises(StoppedError):
        learned(spec, TrainContext(steps=40, on_checkpoint=save))
    again = learned(spec, TrainContext(steps=40, on_checkpoint=checkpoint.save, last_checkpoint=checkpoint.resume))
    whole = learned(spec, TrainContext(steps=40))
    assert again.pop("facts")["notes"] == [f"resumed at step {stop}"]
    whole.pop("facts")
    assert all(np.array_equal(again[name], whole[name]) for name in whole)


def test_a_budget_counts_what_was_spent_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    checkpoint = Checkpoint(tmp_path / "c.safetensors")

    def save(state: dict[str, Any]) -> None:
        checkpoint.save(state)
        if state["seconds"] > 1.0:
            raise StoppedError

    with pytest.raises(StoppedError):
        learned("lstm-char:hidden=16,dropout=0", TrainContext(budget=2.0, on_checkpoint=save))
    kept = checkpoint.resume()
    assert kept is not None
    assert kept["step"] > 0
    generator = make("lstm-char:hidden=16,dropout=0")
    generator.fit(TRAIN, VALID, TrainContext(budget=2.0, last_checkpoint=checkpoint.resume))
    assert generator.facts["steps"] > kept["step"]
    assert sum(map(int, generator.facts["chosen"]["schedule"].split("/"))) == generator.facts["steps"]


def test_a_machine_that_has_become_slower_goes_on_with_the_same_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    monkeypatch.setattr("genbench.neural.auto_size.MULTIPLE", 8)  # a short text has sizes to choose from
    monkeypatch.setattr("genbench.neural.recurrent.seconds_a_step", lambda *_: 1e-6)
    checkpoint = Checkpoint(tmp_path / "c.safetensors")

    def save(state: dict[str, Any]) -> None:
        checkpoint.save(state)
        raise StoppedError

    with pytest.raises(StoppedError):
        learned("lstm-char", TrainContext(budget=2.0, on_checkpoint=save))
    monkeypatch.setattr("genbench.neural.recurrent.seconds_a_step", lambda *_: 1e3)
    again = learned("lstm-char", TrainContext(budget=2.0, last_checkpoint=checkpoint.resume))["facts"]["chosen"]
    fresh = learned("lstm-char", TrainContext(budget=2.0))["facts"]["chosen"]
    assert again["hidden"] > fresh["hidden"]


def test_a_damaged_checkpoint_is_none(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "deep" / "c.safetensors")
    assert checkpoint.resume() is None
    checkpoint.save({"a": np.arange(3), "b": [None, "x", 1.5]})
    whole = checkpoint.path.read_bytes()
    for damaged in (b"", whole[:20], whole[:-1], b"\xff" * 40, whole.replace(b"values", b"nothing")):
        checkpoint.path.write_bytes(damaged)
        assert checkpoint.resume() is None
    checkpoint.remove()
    assert not checkpoint.path.exists()


def test_what_is_packed_comes_back() -> None:
    state = {"a": np.arange(6.0).reshape(2, 3), "b": [np.array(3), {"c": None}], "d": "text"}
    found = store.unpacked(store.packed(state))
    assert np.array_equal(found["a"], state["a"])
    assert found["b"][0] == 3
    assert found["b"][1] == {"c": None}
    assert found["d"] == "text"


KILLED = """
import sys, genbench
from genbench.neural import training
training.SAVE_EVERY = 0.0
genbench.train(sys.argv[1], "lstm-char:hidden=32", steps=400)
"""


def test_the_same_command_goes_on_after_a_kill(tmp_path: Path) -> None:
    (tmp_path / "author.txt").write_text(PROSE * 20)
    env = os.environ | {"GENBENCH_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-c", KILLED, str(tmp_path / "author.txt")]
    process = subprocess.Popen(words, env=env)
    unfinished = tmp_path / "home" / "models" / ".unfinished"
    while not (unfinished.is_dir() and any(unfinished.glob("*.safetensors"))):
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(words, env=env, check=True)
    (kept,) = models.kept(tmp_path / "home" / "models")
    assert "resumed at step" in kept.card["training"]["notes"][0]
    assert not any(unfinished.glob("*.safetensors"))
    fresh = subprocess.run(words, env=env | {"GENBENCH_HOME": str(tmp_path / "other")}, check=True)
    assert fresh.returncode == 0
    (other,) = models.kept(tmp_path / "other" / "models")
    arrays = [(model.folder / "arrays.safetensors").read_bytes() for model in (kept, other)]
    assert arrays[0] == arrays[1]
