"""Audits: scores come from predictions made before the token was known, so that lies and bugs cost their own row."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from doubles import Fixed, Unigram
from liars import BUGS, LIES, Lie, write_lie

from genbench import Tokenizer, scoring
from genbench.errors import ContractError
from genbench.experiments.audit import walk as walking
from genbench.experiments.audit.rereading import reread
from genbench.experiments.audit.walk import Predictor, _Pace, walk
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.generator import TrainContext
from genbench.spec import Spec
from genbench.training import TrainingText, TrainSettings, train_model
from genbench.tokenization import Text

WORDS = "the cat sat on a mat and saw her dog run to them while it ate all of his fish or none".split()
PROSE = " ".join(np.random.default_rng(0).choice(WORDS, 6000).tolist())  # no passage occurs twice
TRAIN, VALID, TEST = PROSE[:8000], PROSE[8000:11000], PROSE[11000:19000]


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def run(spec: str, **fields: float | None) -> Row:
    job = replace(Job("cats", TRAIN, VALID, TEST, Spec.parse(spec)), **fields)
    *_, row = [event for _, event in LocalExecutor(1).run([job])]
    assert isinstance(row, Row)
    return row


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Row:
    from processes import write_plugin

    return run(write_plugin(tmp_path_factory.mktemp("honest"), "dump", "pass"))


def honest_bits() -> float:
    """Return the bits of the test text by the honest generator, computed in this process by the six methods."""
    generator = Unigram()
    generator.fit(Text(TRAIN), Text(VALID), TrainContext())
    return -float(generator.table[generator.tokenizer.encode(TEST)].sum()) / np.log(2)


@pytest.mark.slow
def test_an_honest_row_has_the_bits_of_the_six_methods(honest: Row) -> None:
    assert honest.error is None
    assert honest.bits == pytest.approx(honest_bits(), rel=1e-12)
    assert honest.audit is not None
    assert honest.audit.share == 1.0
    assert honest.audit.reread == pytest.approx(1.0, abs=1e-3)
    assert not honest.adaptive


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BUGS, *LIES])
def test_no_lie_gains_anything(name: str, honest: Row, tmp_path: Path, server: int) -> None:
    lie: Lie = (BUGS | LIES)[name]
    (tmp_path / "test.txt").write_text(TEST, encoding="utf-8")
    row = run(write_lie(tmp_path, lie, tmp_path / "test.txt", server))
    if lie.reason:
        assert row.error is not None, row
        assert lie.reason in row.error
    else:
        assert row.adaptive or (row.bits or 0) >= (honest.bits or 0), row
