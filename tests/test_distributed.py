"""One network trained by two processes: the bits of one process, one stored model, one report."""

import os
import subprocess
import sys

import pytest
import torch

import genbench
from genbench.errors import UserError
from genbench.neural.batches import Batch
from genbench.neural.distributed import SINGLE_PROCESS, ProcessGroup
from genbench.storage import models


def train_with(processes: int, spec: str) -> "subprocess.CompletedProcess[str]":
    """Run `genbench train pell` with several processes."""
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", "29512"]
    command = ["-m", "genbench.cli.main", "train", "pell", "-g", spec, "--steps", "20", "--retrain"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *torchrun, *command], capture_output=True, text=True, env=env, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["lstm-char:hidden=32,dropout=0", "lstm-word:hidden=32,dropout=0"])
def test_two_processes_learn_what_one_learns(spec: str) -> None:
    single = genbench.train("pell", spec, steps=20, keep=False)
    process = train_with(2, spec)
    assert process.returncode == 0, process.stderr
    assert process.stdout.count("validation bits per token") == 1
    (stored,) = models.list_models(models.models_folder())
    distributed = genbench.load(stored.name)
    assert distributed.card is not None
    assert single.card is not None
    details, single_details = distributed.card.training.details, single.card.training.details
    assert details["processes"] == 2
    bits = details["validation_bits_per_token"]
    assert bits == pytest.approx(single_details["validation_bits_per_token"], abs=0.02)
    text = genbench.corpus("pell").valid
    scores = [model.score(text).bits_per_character for model in (distributed, single)]
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


@pytest.mark.slow
def test_rows_that_cannot_be_divided_evenly_are_refused() -> None:
    process = train_with(2, "lstm-char:hidden=8,batch=7")
    assert process.returncode != 0
    assert "7 rows cannot be divided among 2 processes" in process.stderr
    assert models.list_models(models.models_folder()) == []


def test_each_process_has_its_own_rows() -> None:
    ids = torch.arange(12).view(4, 3)
    shards = [ProcessGroup(rank, 2).shard(Batch(ids, ids + 1, 3)) for rank in range(2)]
    assert sorted(torch.cat([shard.inputs for shard in shards]).flatten().tolist()) == list(range(12))
    assert torch.equal(shards[1].targets, shards[1].inputs + 1)
    assert SINGLE_PROCESS.shard(Batch(ids, ids, 3)).inputs is ids


def test_a_comparison_cannot_be_run_by_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(UserError, match="genbench train"):
        genbench.compare(["pell"], ["markov-char"])
