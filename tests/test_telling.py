"""Long work tells how far it is: reading, drawing, and what passes it on."""

import io
import json
from typing import Any

import numpy as np
import pytest
from doubles import Fixed
from rich.console import Console

import genbench
from genbench import scoring
from genbench.analysis import attribution as style
from genbench.experiments import job as jobs
from genbench.experiments import plan
from genbench.generator import Progress, within
from genbench.report.terminal.live import Live
from genbench.sampling import Sampling, generate_many
from genbench.training import ProgressListener


def rising(told: list[float]) -> bool:
    return told == sorted(told) and told[-1] == 1.0 and all(0 <= share <= 1 for share in told)


def test_reading_a_long_text_tells_its_share_and_stops_listening(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "TOLD_EVERY", 0.0)
    made, told = Fixed(), list[float]()
    genbench.score(made, "ab" * 2000)
    before = made.telling
    scoring.score(made, "ab" * 2000, told.append)
    assert rising(told)
    assert len(told) > 10
    assert made.telling == before


def test_a_generator_that_fails_is_not_listened_to_any_more() -> None:
    class Broken(Fixed):
        def log_probs(self, state: Any) -> Any:
            raise ZeroDivisionError

    made = Broken()
    before = made.telling
    with pytest.raises(ZeroDivisionError):
        scoring.score(made, "ab", [].append)
    assert made.telling == before


def test_drawing_many_texts_tells_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.sampling.FEWEST", 2)
    monkeypatch.setattr("genbench.sampling.CELLS", 0)
    told: list[float] = []
    rngs = [np.random.default_rng(place) for place in range(5)]
    generate_many(Fixed(), [""] * 5, [Sampling(length=20)] * 5, rngs, told.append)
    assert rising(told)
    assert len(told) > 20


def test_authors_and_verdicts_tell_their_share() -> None:
    told: list[float] = []
    style.matrix([Fixed(), Fixed()], ["ab", "cd"], told.append)
    assert rising(told)
    told.clear()
    style.verdict([Fixed(), Fixed()], ["one", "two"], "abcd", told.append)
    assert rising(told)


def test_a_row_tells_that_it_is_scored(prose_file: Any) -> None:
    text = genbench.corpus(prose_file)
    (job,) = plan.jobs([text], ["markov-char:order=2"], plan.Training(), [Sampling(length=20)])
    told: list[Progress] = []
    row = jobs.run_job(job, told.append)
    assert row["status"] == "ok"
    assert [each.fraction for each in told if each.note == "scoring"][-1] == 1.0
    json.dumps(row)


def test_a_part_tells_its_share_of_the_whole() -> None:
    told: list[float] = []
    within(told.append, 0.5, 0.25)(0.5)
    assert told == [0.625]


def test_the_work_after_another_begins_anew_and_its_time_left_too() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={})
    with Live(console) as live:
        live.job_progress(0, "austen lstm-char", Progress(0.9))
        task = live.bars.tasks[0]
        live.job_progress(0, "austen lstm-char", Progress(0.1, note="scoring"))
        assert task.completed == pytest.approx(0.1)
        assert task.fields["status"] == "scoring"


def test_in_a_pipe_what_ends_soon_says_nothing() -> None:
    out = io.StringIO()
    with Live(Console(file=out)) as live:
        going = live.task("reading")
        for share in (0.0, 0.5, 1.0):
            going(share)
    assert out.getvalue() == ""
    assert isinstance(live, ProgressListener)
