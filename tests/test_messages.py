"""Messages of workers: what a plugin reports is converted or refused, and rubbish on the pipe costs its own row."""

import io
import json
import queue
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import Unigram, run_job
from processes import write_plugin

from genbench.errors import ContractError
from genbench.experiments.executors import messages
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.executors.messages import Trained, format_message, parse_message
from genbench.experiments.executors.ray_task import parse_result, parse_task_message
from genbench.experiments.job import Job
from genbench.experiments.row import Audit, Row
from genbench.generator import MAX_NOTE, Progress, TrainContext
from genbench.processes import parent
from genbench.sampling import Sampling
from genbench.spec import Spec
from genbench.storage.cards import CARD, FILES
from genbench.testing.runner import run_checks
from genbench.testing.subject import Subject

TEXT = "the cat sat on the mat. " * 60
JOB = Job("cats", TEXT, TEXT[:200], TEXT[:1200], Spec.parse("markov-char:order=2"), samplings=[Sampling(20)])
WRITE_TO_PIPES = """import stat
        for fd in range(3, 30):
            if os.path.exists(f"/proc/self/fd/{fd}") and stat.S_ISFIFO(os.fstat(fd).st_mode):
                os.write(fd, b'{"row": {}}\\n')"""
NOT_JSON = ["", "{", "[" * 100_000, '{"row": {}, "row": {}}', '{"progress": {"fraction": NaN', b"x", None]


@pytest.fixture(scope="module")
def row() -> Row:
    return run_job(JOB, lambda progress: None)


class NeverANumber:
    def __float__(self) -> float:
        raise RuntimeError("on another device")


KINDS = [float, int, float, float, str, float, type(None), type(None), str]  # of the fields of Progress


def test_reported_numbers_of_any_type_are_stored_as_python_numbers() -> None:
    torch = pytest.importorskip("torch")
    progress = Progress(
        Fraction(1, 2),  # type: ignore[arg-type]
        np.int64(7),  # type: ignore[arg-type]
        torch.tensor(2.5, requires_grad=True),
        "39000",  # type: ignore[arg-type]
        5,  # type: ignore[arg-type]
        Decimal("1.25"),  # type: ignore[arg-type]
    )
    assert progress == Progress(0.5, 7, 2.5, 39000.0, "5", 1.25)
    assert [type(value) for value in vars(progress).values()] == KINDS


def test_reported_numbers_that_are_not_finite_are_left_out() -> None:
    nan = float("nan")
    assert Progress(nan, nan, nan, -float("inf"), None, nan) == Progress(0.0)  # type: ignore[arg-type]
    assert [Progress(share).fraction for share in (-1, 2)] == [0.0, 1.0]
    assert len(Progress(0, note="x" * 10_000).note) == MAX_NOTE


@pytest.mark.parametrize("value", ["fast", [1.0, 2.0], NeverANumber(), 10**400, np.ones(2), object()])
def test_a_report_that_is_not_a_number_is_refused_by_name(value: Any) -> None:
    with pytest.raises(ContractError, match=r"it reports speed as .*, but must report a number"):
        Progress(0.5, speed=value)


def test_a_report_that_is_not_progress_is_refused() -> None:
    with pytest.raises(ContractError, match=r"it reports 0\.5, but must report a Progress"):
        TrainContext().report(0.5)  # type: ignore[arg-type]


def test_the_checks_for_plugins_see_a_wrong_report() -> None:
    class Odd(Unigram):
        def fit(self, train: Any, valid: Any, context: TrainContext) -> None:
            context.report(Progress(0.5, loss="low"))  # type: ignore[arg-type]
            super().fit(train, valid, context)

    (result,) = run_checks(Subject.of(Odd))
    assert (result.check, result.outcome) == ("learns", "fails")
    assert "it reports loss as 'low'" in result.example


def test_messages_are_the_same_after_the_pipe(row: Row) -> None:
    for message in (row, Row.blank(JOB).failed("why"), Progress(0.5, 3, 1.0, 2.0, "note", 2.0)):
        assert parse_message(format_message(message), JOB) == message


RUBBISH: dict[str, Callable[[dict[str, Any]], Any]] = {  # from the fields of a row
    "an empty row": lambda row: {"row": {}},
    "no row": lambda row: {"row": None},
    "another name": lambda row: {"line": row},
    "two names": lambda row: {"row": row, "progress": {"fraction": 0.5}},
    "a list": lambda row: [row],
    "a number": lambda row: 5,
    "progress of text": lambda row: {"progress": {"fraction": "half"}},
    "progress without a fraction": lambda row: {"progress": {}},
    "the row of another author": lambda row: {"row": row | {"author": "dogs"}},
    "the row of another seed": lambda row: {"row": row | {"seed": 1}},
    "a pruned row": lambda row: {"row": row | {"status": "pruned", "error": "x"}},
    "a row that failed for no reason": lambda row: {"row": row | {"status": "failed"}},
    "a row without a score": lambda row: {"row": row | {"bits": None}},
    "a row of another text": lambda row: {"row": row | {"characters": 5}},
    "a row with missing blocks": lambda row: {"row": row | {"block_bits": []}},
    "a row with infinite bits": lambda row: {"row": row | {"bits": float("inf")}},
    "a row without samples": lambda row: {"row": row | {"samples": []}},
    "a row with splits": lambda row: {"row": row | {"splits": {"position": {}}}},
    "a row with the score of text": lambda row: {"row": row | {"bits": "2"}},
    "a row with an enormous number": lambda row: {"row": row | {"parameters": 10**100}},
}


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_rubbish_is_refused_in_one_sentence(rubbish: str, row: Row) -> None:
    line = json.dumps(RUBBISH[rubbish](json.loads(format_message(row))["row"]))
    with pytest.raises(ContractError, match=r"^its process sent a message that genbench did not write \(.+\)") as error:
        parse_message(line, JOB)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("line", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_not_json_is_refused(line: Any) -> None:
    with pytest.raises(ContractError, match="did not write"):
        parse_message(line, JOB)


def test_a_line_without_an_end_is_not_read_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(parent, "MAX_LINE", 10)
    parent._read_lines(io.BytesIO(b"one\n" + b"x" * 15 + b"\nhalf"), lines)
    assert [lines.get_nowait() for _ in range(lines.qsize())] == ["one\n", "x" * 10, "x" * 5 + "\n"]
    monkeypatch.setattr(messages, "MAX_LINE", 10)
    with pytest.raises(ContractError, match="sent a message of more than"):
        parse_message("x" * 10, JOB)


def test_a_worker_cannot_send_a_score(row: Row) -> None:
    unscored = replace(row, bits=None, block_bits=[], splits={}, audit=None)
    assert parse_message(format_message(unscored), JOB, scored=False) == unscored
    for forged in (row, replace(unscored, bits=1.0), replace(unscored, audit=Audit(1.0, 1.0))):
        with pytest.raises(ContractError, match="a row whose score was not audited"):
            parse_message(format_message(forged), JOB, scored=False)
    assert parse_message(format_message(Trained("folder")), JOB, scored=False) == Trained("folder")


def test_a_long_reason_is_shortened() -> None:
    message = parse_message(format_message(Row.blank(JOB).failed("x" * 10_000)), JOB)
    assert isinstance(message, Row)
    assert message.error == "x" * messages.MAX_ERROR


def test_results_of_other_machines_are_validated_too(row: Row) -> None:
    files = dict.fromkeys((CARD, *FILES), b"{}")
    assert parse_result((format_message(row), {}), JOB) == (row, {})
    assert parse_result((format_message(row), files), JOB) == (row, files)
    invalid = (row, (row, {}), (format_message(row), None), (format_message(Progress(0.5)), {}), ('{"row": {}}\n', {}))
    wrong_files = ({"../x": b""}, {CARD: b""}, files | {"more": b""}, files | {CARD: 5}, [1])
    for result in (*invalid, *((format_message(row), wrong) for wrong in wrong_files)):
        with pytest.raises(ContractError, match=r"^its (node|process) sent"):
            parse_result(result, JOB)


def test_progress_of_other_machines_is_validated_too(row: Row) -> None:
    assert parse_task_message(format_message(Progress(0.5)), JOB) == Progress(0.5)
    assert parse_task_message(b"checkpoint", JOB) == b"checkpoint"
    for message in (format_message(row), Progress(0.5), "", None):
        with pytest.raises(ContractError, match=r"^its (node|process) sent"):
            parse_task_message(message, JOB)


@pytest.mark.slow
def test_odd_reports_and_rubbish_on_the_pipe_cost_their_own_row(tmp_path: Path) -> None:
    codes = {
        "fraction": "from fractions import Fraction; context.report(Progress(Fraction(1, 2), note=5))",
        "text": "context.report(Progress(0.5, speed='fast'))",
        "rubbish": WRITE_TO_PIPES,
    }
    jobs = [JOB]
    for name, code in codes.items():
        (tmp_path / name).mkdir()
        jobs.append(replace(JOB, spec=Spec.parse(write_plugin(tmp_path / name, "fit", code))))
    rows = {index: event for index, event in LocalExecutor(2).run(jobs) if isinstance(event, Row)}
    errors = [rows[index].error for index in range(4)]
    assert errors[:2] == [None, None]
    assert "it reports speed as 'fast', but must report a number" in (errors[2] or "")
    assert "its process sent a message that genbench did not write" in (errors[3] or "")


def test_the_row_of_a_text_without_spaces_is_accepted_without_words() -> None:
    text = "ACGTTACAGATTACA" * 100
    job = Job("dna", text, text, text[:600], Spec.parse("markov-char:order=2"))
    row = run_job(job, lambda progress: None)
    assert row.ok, row.error
    assert row.words is None
    assert parse_message(format_message(row), job) == row
