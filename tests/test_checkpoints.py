"""A training that is interrupted is resumed, and ends with the same weights as one that was not interrupted."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import PROSE

import genbench
from genbench.generator import TrainContext
from genbench.neural import training
from genbench.registry import create
from genbench.storage import files as store
from genbench.storage import models
from genbench.storage.checkpoints import Checkpoint

pytestmark = pytest.mark.slow

TRAIN, VALID = PROSE * 12, PROSE * 2


class StoppedError(Exception):
    """Interrupts a training."""


def trained_weights(spec: str, context: TrainContext) -> dict[str, Any]:
    generator = create(spec)
    generator.fit(TRAIN, VALID, context)
    weights: dict[str, Any] = generator.dump()["weights"]
    return weights


@cache
def uninterrupted_weights(spec: str) -> dict[str, Any]:
    return trained_weights(spec, TrainContext(steps=40))


@pytest.mark.parametrize("stop", [1, 17, 39])
@pytest.mark.parametrize(
    ("generator", "options"),
    [("lstm-char", "dropout=.3"), ("gru-word", "dropout=.3"), ("lstm-char", "schedule=5/10/25")],
)
def test_a_resumed_training_ends_with_the_same_weights(
    generator: str, options: str, stop: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = f"{generator}:hidden=32,embedding=16,{options}"
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
        trained_weights(spec, TrainContext(steps=40, on_checkpoint=save))
    context = TrainContext(steps=40, on_checkpoint=checkpoint.save, last_checkpoint=checkpoint.resume)
    resumed = trained_weights(spec, context)
    uninterrupted = uninterrupted_weights(spec)
    assert context.stats.notes == [f"resumed at step {stop}"]
    assert all(np.array_equal(resumed[name], uninterrupted[name]) for name in uninterrupted)


def ticks() -> Callable[[], float]:
    """Return a clock that advances by a millisecond whenever it is read."""
    count = itertools.count()
    return lambda: next(count) / 1000


def test_a_budget_includes_the_time_before_the_interruption(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    checkpoint = Checkpoint(tmp_path / "c.safetensors")

    def save(state: dict[str, Any]) -> None:
        checkpoint.save(state)
        if state["seconds"] > 0.2:
            raise StoppedError

    with pytest.raises(StoppedError):
        trained_weights("lstm-char:hidden=16,dropout=0", TrainContext(budget=0.4, clock=ticks(), on_checkpoint=save))
    saved = checkpoint.resume()
    assert saved is not None
    assert saved["step"] > 0
    generator = create("lstm-char:hidden=16,dropout=0")
    context = TrainContext(budget=0.4, clock=ticks(), last_checkpoint=checkpoint.resume)
    generator.fit(TRAIN, VALID, context)
    assert context.stats.steps is not None
    assert saved["step"] < context.stats.steps < 3 * saved["step"]
    assert sum(map(int, str(context.stats.chosen["schedule"]).split("/"))) == context.stats.steps


def test_a_resumed_training_keeps_its_size_on_a_slower_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    monkeypatch.setattr("genbench.neural.auto_size.MULTIPLE", 8)  # a short text has sizes to choose from
    monkeypatch.setattr("genbench.neural.recurrent.seconds_per_step", lambda *_, **__: 1e-6)
    checkpoint = Checkpoint(tmp_path / "c.safetensors")

    def save(state: dict[str, Any]) -> None:
        checkpoint.save(state)
        raise StoppedError

    with pytest.raises(StoppedError):
        trained_weights("lstm-char", TrainContext(budget=0.2, clock=ticks(), on_checkpoint=save))
    monkeypatch.setattr("genbench.neural.recurrent.seconds_per_step", lambda *_, **__: 1e3)
    resumed = TrainContext(budget=0.2, clock=ticks(), last_checkpoint=checkpoint.resume)
    restarted = TrainContext(budget=0.2, clock=ticks())
    for context in (resumed, restarted):
        trained_weights("lstm-char", context)
    assert resumed.stats.chosen["hidden"] > restarted.stats.chosen["hidden"]  # type: ignore[operator]


def test_a_damaged_checkpoint_is_ignored(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "deep" / "c.safetensors")
    assert checkpoint.resume() is None
    checkpoint.save({"a": np.arange(3), "b": [None, "x", 1.5]})
    whole = checkpoint.path.read_bytes()
    for damaged in (b"", whole[:20], whole[:-1], b"\xff" * 40, whole.replace(b"values", b"nothing")):
        checkpoint.path.write_bytes(damaged)
        assert checkpoint.resume() is None
    checkpoint.remove()
    assert not checkpoint.path.exists()


def test_packed_values_are_unpacked() -> None:
    state = {"a": np.arange(6.0).reshape(2, 3), "b": [np.array(3), {"c": None}], "d": "text"}
    unpacked = store.unpack(store.pack(state))
    assert np.array_equal(unpacked["a"], state["a"])
    assert unpacked["b"][0] == 3
    assert unpacked["b"][1] == {"c": None}
    assert unpacked["d"] == "text"


KILLED = """
import os, signal, sys, genbench
from genbench.neural import training
from genbench.storage.checkpoints import Checkpoint

def save_and_die(checkpoint, state):
    save(checkpoint, state)
    if state["step"] == 5:
        os.kill(os.getpid(), signal.SIGKILL)

training.SAVE_EVERY = 0.0
save, Checkpoint.save = Checkpoint.save, save_and_die
genbench.train(sys.argv[1], "lstm-char:hidden=32", steps=60)
"""


def test_the_same_command_resumes_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    author = tmp_path / "author.txt"
    author.write_text(PROSE * 20)
    env = os.environ | {"GENBENCH_HOME": str(tmp_path / "home")}
    process = subprocess.run([sys.executable, "-c", KILLED, author], env=env, check=False)
    assert process.returncode == -signal.SIGKILL
    unfinished = tmp_path / "home" / "models" / ".unfinished"
    assert any(unfinished.glob("*.safetensors"))

    # the same training in another process resumes it
    arrays = []
    for home in ("home", "other"):
        monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / home))
        genbench.train(author, "lstm-char:hidden=32", steps=60)
        (stored,) = models.list_models(tmp_path / home / "models")
        assert stored.card.training.notes[:1] == (["resumed at step 5"] if home == "home" else [])
        arrays.append((stored.folder / "arrays.safetensors").read_bytes())
    assert not any(unfinished.glob("*.safetensors"))

    # the weights equal those of an uninterrupted training
    assert arrays[0] == arrays[1]
