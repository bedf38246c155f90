"""One network trained by two processes: the bits of one process, one model, one voice."""

import os
import subprocess
import sys

import pytest
import torch

import genbench
from genbench.errors import UserError
from genbench.neural.batches import Batch
from genbench.neural.distributed import ALONE, Team
from genbench.storage import models


def together(processes: int, spec: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """`genbench train pell`, by several processes."""
    run = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", "29512"]
    words = ["-m", "genbench.cli.main", "train", "pell", "-g", spec, "--steps", "40", "--fresh"]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **more}
    return subprocess.run([sys.executable, *run, *words], capture_output=True, text=True, env=env, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["lstm-char:hidden=32,dropout=0", "lstm-word:hidden=32,dropout=0"])
def test_two_processes_learn_what_one_learns(spec: str) -> None:
    alone = genbench.train("pell", spec, steps=40, keep=False)
    found = together(2, spec)
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("valid bits per token") == 1
    (model,) = models.kept(models.home())
    made = model.generator()
    assert made.facts["processes"] == 2
    assert made.facts["valid_bits_per_token"] == pytest.approx(alone.facts["valid_bits_per_token"], abs=0.02)
    text = genbench.corpus("pell").valid
    bits = [genbench.score(each, text).bits_per_character for each in (made, alone)]
    assert bits[0] == pytest.approx(bits[1], abs=0.01)


@pytest.mark.slow
def test_rows_that_cannot_be_shared_are_refused() -> None:
    found = together(2, "lstm-char:hidden=8,batch=7")
    assert found.returncode != 0
    assert "7 rows cannot be shared by 2 processes" in found.stderr
    assert models.kept(models.home()) == []


def test_each_process_has_its_rows() -> None:
    ids = torch.arange(12).view(4, 3)
    shares = [Team(rank, 2).share(Batch(ids, ids + 1, 3)) for rank in range(2)]
    assert sorted(torch.cat([each.inputs for each in shares]).flatten().tolist()) == list(range(12))
    assert torch.equal(shares[1].targets, shares[1].inputs + 1)
    assert ALONE.share(Batch(ids, ids, 3)).inputs is ids


def test_a_comparison_is_not_for_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(UserError, match="name genbench train"):
        genbench.compare(["pell"], ["markov-char"])
