"""Progress of long work: scoring, sampling, attribution and jobs report the share that is done."""

import contextlib
import io
import subprocess
import sys
import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from conftest import PROSE
from doubles import Fixed, run_job
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text as RichText

from genbench import scoring
from genbench.analysis.author_models import passage_bits
from genbench.capabilities import token_log_probs
from genbench.experiments.job import Job
from genbench.generator import Progress, ProgressCallback, Text, TrainContext, rescale
from genbench.processes.clock import COMPILING
from genbench.registry import create
from genbench.report.terminal.live import Live
from genbench.report.terminal.plain_progress import PlainProgress
from genbench.sampling import Sampling, generate_many
from genbench.spec import Spec
from genbench.training import ProgressListener, TrainingText, TrainSettings, train_model


def is_rising_to_one(shares: list[float]) -> bool:
    return shares == sorted(shares) and shares[-1] == 1.0 and all(0 <= share <= 1 for share in shares)


def test_scoring_a_long_text_reports_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "PROGRESS_EVERY", 0.0)
    shares: list[float] = []
    scoring.score(Fixed(), "ab" * 2000, shares.append)
    assert is_rising_to_one(shares)
    assert len(shares) > 10


def test_scoring_that_fails_ends_its_progress() -> None:
    class Broken(Fixed):
        def log_probs(self, state: Any) -> Any:
            raise ZeroDivisionError

    shares: list[float] = []
    with pytest.raises(ZeroDivisionError):
        scoring.score(Broken(), "ab", shares.append)
    assert shares == [0.0, 1.0]


def test_sampling_many_texts_reports_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.sampling.loop.MIN_BATCH", 2)
    monkeypatch.setattr("genbench.sampling.loop.MAX_BATCH_CELLS", 0)
    shares: list[float] = []
    rngs = [np.random.default_rng(seed) for seed in range(5)]
    generate_many(Fixed(), [""] * 5, [Sampling(length=20)] * 5, rngs, shares.append)
    assert is_rising_to_one(shares)
    assert len(shares) > 20


def test_scoring_texts_of_several_authors_reports_its_share() -> None:
    shares: list[float] = []
    passage_bits([Fixed(), Fixed()], ["ab", "cd"], shares.append)
    assert is_rising_to_one(shares)


def test_a_job_reports_that_it_is_scoring() -> None:
    reports: list[Progress] = []
    job = Job("a", PROSE * 3, PROSE, PROSE, Spec.parse("markov-char:order=2"), samplings=[Sampling(length=20)])
    assert run_job(job, reports.append).status == "ok"
    assert [report.fraction for report in reports if report.note == "scoring"][-1] == 1.0


def test_a_stage_is_rescaled_to_the_whole_task() -> None:
    shares: list[float] = []
    rescale(shares.append, 0.5, 0.25)(0.5)
    assert shares == [0.625]


def test_no_bar_is_drawn_while_a_message_is_printed() -> None:
    """A bar that a thread draws in between is not removed: the message goes up by the lines of the bars before."""

    class Refreshes:
        waits: bool | None = None

        def process_renderables(self, renderables: list[Any]) -> list[Any]:
            if threading.current_thread() is threading.main_thread():
                thread = threading.Thread(target=live.bars.refresh)
                thread.start()
                thread.join(0.05)
                self.waits, self.thread = thread.is_alive(), thread
            return renderables

    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={})
    hook = Refreshes()
    with Live(console) as live:
        live.job_progress(0, "austen lstm-char", Progress(0.5))
        console.push_render_hook(hook)
        live.message("a sentence")
        console.pop_render_hook()
        hook.thread.join()
    assert hook.waits


@pytest.mark.parametrize("width", [50, 60, 70, 80, 120])
def test_parts_of_a_status_that_do_not_fit_are_left_out(width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, _environ={})
    with Live(console) as live, console.capture() as capture:
        live.job_progress(0, "pell lstm-char", Progress(0.5, 10, 2.314, 139000.0, passes=0.42))
        console.print(live.bars.get_renderable())
    (line, *_) = [line for line in RichText.from_ansi(capture.get()).plain.splitlines() if "loss" in line]
    status = line[line.index("loss") :].rsplit(maxsplit=2)[0].rstrip()
    parts = ["loss 2.31", "42% of a pass", "139k char/s"]
    assert status in [", ".join(parts[:number]) for number in (1, 2, 3)]
    assert (status.count(",") == 2) == (width >= 80)


def test_the_next_stage_restarts_the_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={})
    with Live(console) as live:
        live.job_progress(0, "austen lstm-char", Progress(0.9))
        task = live.bars.tasks[0]
        live.job_progress(0, "austen lstm-char", Progress(0.1, note="scoring"))
        assert task.completed == pytest.approx(0.1)
        assert task.fields["status"] == "scoring"


def test_short_work_prints_nothing_in_a_pipe() -> None:
    out = io.StringIO()
    with Live(Console(file=out)) as live:
        report = live.task("reading")
        for share in (0.0, 0.5, 1.0):
            report(share)
    live.plain.print_due()
    assert out.getvalue() == ""
    assert isinstance(live, ProgressListener)


def test_a_stage_is_announced_at_once_and_ends_with_its_block() -> None:
    shares: list[float] = []

    class Listener(ProgressListener):
        def task(self, name: str) -> ProgressCallback:
            assert name == "importing"
            return shares.append

    with contextlib.suppress(ZeroDivisionError), Listener().stage("importing") as progress:
        assert shares == [0.0]
        progress(0.5)
        raise ZeroDivisionError
    assert shares == [0.0, 0.5, 1.0]


def test_a_task_inside_another_has_its_own_bar() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, _environ={})
    with Live(console) as live, live.stage("reading austen"):
        live.download("pg1342.txt", 0.5)
        assert [task.description for task in live.bars.tasks] == ["reading austen", "pg1342.txt"]
        live.download("pg1342.txt", 1.0)
        assert [task.description for task in live.bars.tasks] == ["reading austen"]
    assert not live.bars.tasks


def test_a_bar_shows_the_seconds_so_far_and_with_an_estimate_counts_down(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(Console(file=io.StringIO(), force_terminal=True, width=80, _environ={}))
    seconds = [0.0]
    monkeypatch.setattr(live.bars, "get_time", lambda: seconds[0])

    def shown(second: float, share: float | None = None) -> str:
        seconds[0] = second
        if share is not None:
            report(share)
        return str(live.bars.columns[-1].render(live.bars.tasks[0]))

    report = live.task("scoring")
    assert [shown(0, 0.0), shown(7)] == ["0 s", "7 s"]
    assert [shown(10, 0.1), shown(20, 0.2), shown(25), shown(200)] == ["10 s", "01:20", "01:15", "00:00"]


def test_a_bar_shows_at_most_the_rest_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(Console(file=io.StringIO(), force_terminal=True, width=80, _environ={}))
    seconds = [0.0]
    monkeypatch.setattr(live.bars, "get_time", lambda: seconds[0])

    # its first steps are slow: by their speed it would take an hour
    for share in (0.0, 0.001, 0.002):
        live.job_progress(0, "pell lstm-char", Progress(share, remaining=25.0))
        seconds[0] += 3.0
    assert str(live.bars.columns[-1].render(live.bars.tasks[0])) == "00:22"


@pytest.mark.parametrize("spec", ["markov-char:order=2", "mixture:parts=markov-char+markov-word"])
def test_every_stage_of_a_training_is_announced(spec: str) -> None:
    reports: list[Progress] = []
    train_model(
        create(spec),
        Spec.parse(spec),
        TrainingText("a", PROSE * 3, PROSE),
        TrainSettings(steps=1),
        on_progress=reports.append,
    )
    notes = [report.note for report in reports]
    assert (notes[0], notes[-1]) == ("preparing", "scoring validation text")


@pytest.mark.slow
def test_a_mixture_reports_its_share_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench_plugins.markov.word_view.SYMBOLS_AT_ONCE", 128)
    mixture = create("mixture:parts=markov-char+markov-word")
    mixture.fit(Text(PROSE * 3), Text(PROSE), TrainContext())
    shares: list[float] = []
    token_log_probs(mixture, mixture.tokenizer.encode(PROSE * 20), shares.append)
    assert is_rising_to_one(shares)
    assert len({share for share in shares if 0.5 < share < 1}) > 3  # of the words, in blocks


@pytest.mark.slow
def test_a_network_reports_the_share_of_a_text_that_it_has_read() -> None:
    network = create("lstm-char:hidden=8")
    network.fit(Text(PROSE * 3), Text(PROSE), TrainContext(steps=1))
    shares: list[float] = []
    token_log_probs(network, network.tokenizer.encode(PROSE * 10), shares.append)
    assert len(set(shares)) > 3
    assert all(0 <= share < 1 for share in shares)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import genbench.report.terminal.live", {"genbench.training.train", "genbench.api", "torch", "nltk"}),
        ("from genbench.cli.main import app; app(['corpora', 'list'], standalone_mode=False)", {"torch", "nltk"}),
        ("from genbench.cli.main import app; app(['models', 'list'], standalone_mode=False)", {"torch", "nltk"}),
        ("from genbench.cli.main import app; app(['runs', 'list'], standalone_mode=False)", {"torch", "nltk"}),
    ],
)
def test_the_first_word_does_not_wait_for_imports_that_it_does_not_need(code: str, heavy: set[str]) -> None:
    code += f"\nimport sys; assert not {heavy!r} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_without_a_terminal_short_tasks_in_a_row_are_no_silence() -> None:
    seconds, output = [0.0], io.StringIO()
    plain = PlainProgress(Console(file=output, width=80), clock=lambda: seconds[0])
    printed = []
    for tenth in range(400):  # a task of 0.3 seconds after the other
        seconds[0] = tenth / 10
        if tenth % 3 == 0:
            plain.remove(tenth - 3)
            plain.update(tenth, f"task {tenth}", 0.0, "")
        plain.print_due()
        if len(output.getvalue().splitlines()) > len(printed):
            printed.append(seconds[0])
    assert printed[0] <= 0.6
    gaps = [after - before for before, after in pairwise(printed)]
    assert max(gaps) < 10.5
    assert min(gaps) > 9.9


@pytest.mark.parametrize("terminal", [True, False])
def test_what_waits_while_loops_are_compiled_says_so_in_its_own_line(terminal: bool) -> None:
    """The line of a row that has not begun, or of the last task; there is a line of its own where nothing waits."""
    seconds, output = [0.0], io.StringIO()
    live = Live(Console(file=output, force_terminal=terminal, width=80, _environ={}))
    live.plain.clock = lambda: seconds[0]

    def shown() -> list[tuple[str, str]]:
        seconds[0] += 20
        live.plain.print_due()
        tasks = [(task.name, task.status) for task in live.plain._tasks.values()]
        return [(task.description, task.fields["status"]) for task in live.bars.tasks] if terminal else tasks

    # nothing waits but a network that is trained, then another row
    live.compiling(True)
    assert shown() == [(COMPILING, "")]
    live.job_progress(0, "pell lstm-char", Progress(0.1, loss=2.0))
    assert shown() == [(COMPILING, ""), ("pell lstm-char", "loss 2.00")]
    live.job_progress(1, "pell markov-char", Progress(0.0, note="starting"))
    assert shown() == [("pell lstm-char", "loss 2.00"), ("pell markov-char", COMPILING)]
    live.compiling(False)
    assert shown() == [("pell lstm-char", "loss 2.00"), ("pell markov-char", "starting")]

    # a training in this process
    live.job_done(0, "pell lstm-char", "2.000 bits/char")
    live.job_progress(1, "pell markov-char", Progress(0.4, note="counting"))
    live.compiling(True)
    assert shown() == [("pell markov-char", COMPILING)]
    live.compiling(False)
    live.job_done(1, "pell markov-char", "2.000 bits/char")
    assert shown() == []


@pytest.mark.parametrize("width", [20, 80])
def test_lines_of_progress_leave_room_for_what_a_terminal_shows_of_ctrl_c(width: int) -> None:
    """With ^C in a line of its own, the lines above would not be erased."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width, _environ={})
    live = Live(console)
    live.job_progress(0, "pell lstm-char", Progress(0.5, loss=2.25, text="\u4e2d\u6587 It was a ball " * 20))
    with console.capture() as capture:
        console.print(*live.bars.get_renderables())
    lines = RichText.from_ansi(capture.get()).plain.splitlines()
    assert len(lines) > 3
    assert max(map(cell_len, lines)) <= width - len("^C")


def test_more_jobs_than_lines_of_the_terminal_leave_nothing_there() -> None:
    """Such as after Ctrl-C, when they are not done: only as much as was on the screen can be erased."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=60, height=10, _environ={})
    with Live(console) as live:
        for job in range(30):
            live.job_progress(job, f"job{job} lstm-char", Progress(0.5, loss=2.25, text="It was a ball " * 20))
        live.bars.refresh()
        shown = out.tell()
        assert "job5" in out.getvalue()
    assert "job" not in out.getvalue()[shown:]
    assert not live.bars.tasks


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_long_name_leaves_room_for_what_is_said_of_it(width: int) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, _environ={})
    live = Live(console)
    live.job_progress(
        0, f"/home/me/my books {'lstm-char:hidden=512,layers=2' * 3}", Progress(0.5, loss=2.25, speed=9e3)
    )
    with console.capture() as capture:
        console.print(*live.bars.get_renderables())
    (line,) = RichText.from_ansi(capture.get()).plain.splitlines()
    assert len(line) <= width
    assert "…" in line
    assert "loss" in line
