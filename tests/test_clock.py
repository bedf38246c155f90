"""Time that figures count: not that of loops which are compiled once after an installation."""

from __future__ import annotations

import json
import socket
import time

import pytest
from genbench_plugins.markov import compiling
from genbench_plugins.markov.ngram import MarkovWord
from genbench_plugins.markov.preload import TEXT

from genbench.experiments.executors.worker import _Reporter
from genbench.generator import Progress, Text, TrainContext
from genbench.processes import clock
from genbench.processes.clock import COMPILING, Stopwatch, TrainingClock, announced, uncounted
from genbench.processes.forking import _Connection


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let both clocks show the first number of a list."""
    now = [0.0]
    monkeypatch.setattr(clock.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(clock.time, "process_time", lambda: now[0] / 2)
    monkeypatch.setattr(clock, "tree_cpu_seconds", lambda: now[0] / 2)
    return now


def test_uncounted_work_is_in_no_figure(ticks: list[float]) -> None:
    before = Stopwatch()
    ticks[0] += 1
    training, seen = TrainingClock(), []
    with announced(seen.append):
        ticks[0] += 2
        with uncounted():
            ticks[0] += 10
            with uncounted():  # a function that another one calls
                ticks[0] += 10
        ticks[0] += 4
    assert (before.wall_seconds, before.cpu_seconds) == pytest.approx((7, 3.5))
    assert (training.wall_seconds, training.cpu_seconds, training()) == pytest.approx((6, 3, 3))
    assert seen == [True, False]


def test_time_before_an_error_is_uncounted_too(ticks: list[float]) -> None:
    watch = Stopwatch()

    def fail() -> None:
        ticks[0] += 5
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"), uncounted():
        fail()
    with uncounted():
        ticks[0] += 5
    ticks[0] += 1
    assert watch.wall_seconds == 1


def test_only_the_closest_listener_is_told(ticks: list[float]) -> None:
    outer: list[bool] = []
    inner: list[bool] = []
    with announced(outer.append):
        with announced(inner.append), uncounted():
            pass
        with uncounted():
            pass
    with uncounted():
        pass
    assert (outer, inner) == ([True, False], [True, False])


def test_a_kernel_is_compiled_outside_of_all_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling._Implementation, "_locator_classes", ())  # no folder for its code

    def triple(value: int) -> int:
        return 3 * value

    seen: list[bool] = []
    watch, started = Stopwatch(), time.process_time()
    with announced(seen.append):
        assert compiling.kernel(triple)(4) == 12
    spent = time.process_time() - started
    assert seen == [True, False]
    assert watch.cpu_seconds < spent / 2


def test_a_worker_says_that_it_compiles_and_returns_to_what_it_did() -> None:
    sent: list[Progress] = []
    reporter = _Reporter(sent.append)
    reporter(Progress(0.5, note="counting"))
    reporter.tell(begins=True)
    reporter.tell(begins=False)
    assert [progress.note for progress in sent] == ["counting", COMPILING, "counting"]
    assert all(progress.fraction == 0.5 for progress in sent)


def test_a_fork_server_says_why_it_does_not_answer_yet() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        for packet in ({"uncounted": True}, {"uncounted": False}, {"process": 7}):
            theirs.send(json.dumps(packet).encode())
        seen: list[bool] = []
        connection = _Connection(ours)
        with announced(seen.append):
            assert connection.ask({"poll": 1}) == {"process": 7}
        connection.close()
    assert seen == [True, False]


def test_the_text_of_the_preload_has_words_that_are_read_by_the_character() -> None:
    words = MarkovWord(order=2, smoothing="fitted")
    words.fit(Text(TEXT), Text(TEXT), TrainContext())
    assert words.character_view() is not None
