"""Audits: scores come from predictions made before the token was known, so that lies and bugs cost their own row."""

import json
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from doubles import Unigram
from liars import BUGS, LIES, Lie, in_method, write_lie

from genbench import Tokenizer, registry
from genbench.capabilities import step_through
from genbench.errors import ContractError
from genbench.experiments.audit import auditor
from genbench.experiments.audit import walk as walking
from genbench.experiments.audit.predictor import DECODE, HEADER, TOKEN
from genbench.experiments.audit.request import AuditRequest, ScoreRequest
from genbench.experiments.audit.rereading import reread
from genbench.experiments.audit.walk import Predictor, _Pace, walk
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.executors.messages import Message, TestRead
from genbench.experiments.job import Job
from genbench.experiments.preview import Preview
from genbench.experiments.row import Row
from genbench.generator import LogProbs, Progress, TrainContext
from genbench.processes.tree import Suspension
from genbench.spec import Spec
from genbench.tokenization import Text
from genbench.tokenization.tokenizer import Ids
from genbench.training import TrainingText, TrainSettings, train_model

WORDS = ["the", "cat", "sat", "on", "a", "mat", "saw", "her", "dog", "run", "to", "them", "while", "fish", "or", "none"]
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
def test_no_lie_gains_anything(
    name: str, honest: Row, tmp_path: Path, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # what a lie does to jobs, it does to its own
    lie: Lie = (BUGS | LIES)[name]
    (tmp_path / "test.txt").write_text(TEST, encoding="utf-8")
    row = run(write_lie(tmp_path, lie, tmp_path / "test.txt", server, VALID))
    if lie.reason:
        assert row.error is not None, row
        assert lie.reason in row.error
    else:
        assert row.adaptive or (row.bits or 0) >= (honest.bits or 0), row


def predictor(spec: str, folder: Path) -> Predictor:
    """Train a generator, store it, and return a process that predicts with it."""
    text = TrainingText("cats", TRAIN, VALID, "0" * 64, "", [], "join")
    parsed = Spec.parse(spec)
    model = train_model(registry.create(parsed), parsed, text, TrainSettings(steps=1))
    return Predictor(model.save(folder / "model"), registry.plugin_files(parsed))


def steps(spec: str, ids: Ids) -> LogProbs:
    """Return the log-probabilities of tokens by the six methods, in this process."""
    generator = registry.create(Spec.parse(spec))
    generator.fit(Text(TRAIN), Text(VALID), TrainContext(steps=1))
    return step_through(generator, ids)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["markov-char:order=3", "markov-subword:order=3,vocabulary=60"])
def test_a_walk_gives_the_log_probabilities_of_the_six_methods(spec: str, tmp_path: Path) -> None:
    with predictor(spec, tmp_path) as process:
        assert process.loaded.tokenizer is not None
        assert not process.loaded.adaptive
        ids = Tokenizer.restore(process.loaded.tokenizer).encode(TEST[:2000])
        expected = steps(spec, ids)
        reading = walk(process, ids, None)
        assert reading.share == 1.0
        assert reading.log_probs.tolist() == expected.tolist()
        assert process.decode(ids) == TEST[:2000]

        # without time only some stretches are predicted, and the state is the same there
        process_ids = np.tile(ids, 10)
        expected = steps(spec, process_ids)
        reading = walk(process, process_ids, 0.0)
        read = np.isfinite(reading.log_probs)
        assert 0 < reading.share < 0.5
        assert reading.log_probs[read].tolist() == expected[read].tolist()


def test_the_share_that_is_predicted_follows_the_time_that_is_left() -> None:
    pace = _Pace()
    assert pace.share(0.0, 1000) == 1.0  # the first stretch is always predicted
    pace.record(True, 100, 1.0)
    assert pace.share(10.0, 1000) == 1.0
    assert pace.share(5.0, 1000) == 0.5
    assert pace.share(None, 10**9) == 1.0
    pace.record(False, 100, 0.5)  # advancing alone takes half as long
    assert pace.share(7.5, 1000) == 0.5
    assert pace.share(-1.0, 1000) == walking.MIN_SHARE


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "learns"), [("markov-char:order=4", False), ("markov-char:order=4,adaptive=true", True)]
)
def test_rereading_finds_generators_that_learn(spec: str, learns: bool, tmp_path: Path) -> None:
    with predictor(spec, tmp_path) as process:
        tokenizer = Tokenizer.restore(process.loaded.tokenizer or {})
        assert process.loaded.adaptive is learns
        passage = tokenizer.encode(VALID)
        result = reread(process, passage, tokenizer.encode(TRAIN), float(-steps(spec, passage).sum()))
        assert result.learns is learns, result


@pytest.mark.slow
def test_a_predictor_that_fails_says_why(tmp_path: Path) -> None:
    with predictor("markov-char:order=2", tmp_path) as process:
        process._send(HEADER.pack(DECODE, 1) + np.array([10**6], TOKEN).tobytes())
        with pytest.raises(ContractError, match="IndexError"):
            process.decode(np.array([1]))


@pytest.mark.slow
def test_a_plugin_in_a_mixture_may_have_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from processes import write_plugin

    monkeypatch.chdir(tmp_path)
    name = Path(write_plugin(tmp_path, "dump", "pass")).name
    with predictor(f"mixture:parts=./{name}+markov-char:order=1", tmp_path) as process:  # in another working folder
        process.start()
        assert np.isfinite(process.read(np.array([Tokenizer.characters(TRAIN).encode("the")[0]]))).all()


@pytest.mark.slow
def test_the_auditor_imports_no_plugin_to_say_what_went_wrong(tmp_path: Path) -> None:
    log = tmp_path / "importers"
    code = f"""
try:
    with open({str(log)!r}, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
except OSError:
    pass  # isolated
"""
    source = in_method("dump", "pass").replace("@dataclass", code + "@dataclass", 1)
    spec = write_lie(tmp_path, Lie(source, ""), tmp_path, 0)
    with predictor(spec, tmp_path):
        imported = log.read_text().split().count(str(os.getpid()))
    assert imported > 0

    # a preview that is no array raises what is no GenbenchError
    job = Job("cats", TRAIN, VALID, TEST, Spec.parse(spec))
    requests = [AuditRequest(job, str(tmp_path / "model"), {}), ScoreRequest(Row.blank(job), Preview("?", 1.0))]
    waiting = iter([json.loads(json.dumps(request.to_dict())) for request in requests])
    messages: list[Message] = []
    auditor._run(lambda: next(waiting), messages.append, Suspension())
    assert [type(message) for message in messages if not isinstance(message, Progress)] == [TestRead, Row]
    row = messages[-1]
    assert isinstance(row, Row)
    assert "Error: " in (row.error or "")
    assert log.read_text().split().count(str(os.getpid())) == imported


def test_a_distribution_is_required_at_every_step() -> None:
    rows = np.log(np.full((3, 4), 0.25))
    walking._require_distributions(rows, 0)
    for value, reason in ((0.0, "sum to 1.75"), (-np.inf, "every token needs some probability"), (np.nan, "nan nats")):
        wrong = rows.copy()
        wrong[1, 2] = value
        with pytest.raises(ContractError, match=f"at token 101: .*{reason}"):
            walking._require_distributions(wrong, 100)


@pytest.mark.slow
def test_nothing_of_a_generator_runs_while_the_test_text_is_read(tmp_path: Path) -> None:
    # a thread and a process write the time again and again, from the training on
    ticks = f"open({str(tmp_path / 'ticks')!r}, 'a').write(f'{{time.time()}} ')"
    code = f"""
        def tick():
            while True:
                {ticks}
                time.sleep(0.01)
        threading.Thread(target=tick, daemon=True).start()
        subprocess.Popen([sys.executable, "-c", "import time\\nwhile True:\\n    {ticks}\\n    time.sleep(0.01)"])
""".strip()
    slow = "time.sleep(0.0002)"
    spec = write_lie(tmp_path, Lie(in_method("fit", code), ""), tmp_path, 0)
    text = Path(spec).read_text(encoding="utf-8").replace("return self.table", f"{slow}; return self.table")
    Path(spec).write_text(text, encoding="utf-8")
    row = run(spec)
    assert row.error is None, row
    assert row.audit is not None
    written = np.array(sorted(map(float, (tmp_path / "ticks").read_text().split())))
    assert np.diff(written).max() > 0.8 * row.audit.seconds > 1.0
