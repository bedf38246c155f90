"""Watching a network learn: samples at a few moments, outside the clock, from the training text alone."""

import io
import json
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pages
import pytest
from conftest import PROSE
from doubles import Unigram
from genbench_plugins.lstm import LSTMChar
from rich.console import Console

from genbench.errors import ContractError
from genbench.experiments.executors.messages import format_message, parse_message
from genbench.experiments.job import Job, add_training
from genbench.experiments.row import Row
from genbench.experiments.safe_listener import SafeListener
from genbench.generator import Generator, Progress, Text, TrainContext
from genbench.processes.clock import Stopwatch, announced, uncounted
from genbench.report.html import comparison_page
from genbench.report.terminal.live import Live
from genbench.spec import Spec
from genbench.storage.cards import FILES, ModelCard, Snapshot
from genbench.training import TrainingText, TrainSettings, train_model
from genbench.training.watching import Watcher, WatchOptions

PROGRESS = Progress(0.1, 7, 2.5, passes=0.25)


def unigram() -> Generator:
    generator = Unigram()
    generator.fit(Text(PROSE), Text(PROSE), TrainContext())
    return generator


@dataclass
class Clock:
    """Seconds of training, which a test sets."""

    now: float = 0.0
    reported: list[Progress] = field(default_factory=list)

    def watcher(self, *prompts: str, every: float = 0.0) -> Watcher:
        return Watcher(WatchOptions(prompts, every), PROSE, lambda: self.now, self.reported.append)

    def offer(self, watcher: Watcher, make: Any, *times: float) -> None:
        for self.now in times:
            watcher(make, PROGRESS)


def test_texts_are_kept_after_1_5_15_and_60_seconds_then_after_four_times_the_last() -> None:
    clock, generator = Clock(), unigram()
    watcher = clock.watcher("", "The c")
    clock.offer(watcher, lambda: generator, 0.5, 1.1, 1.4, 5.2, 14.9, 15.0, 59.0, 61.0, 239.0, 241.0)
    assert [snapshot.seconds for snapshot in watcher.kept] == [1.1, 5.2, 15.0, 61.0, 241.0]
    first = watcher.kept[0]
    assert (first.prompt, first.step, first.loss, first.passes) == ("The c", 7, 2.5, 0.25)
    assert len(first.text) == 120
    assert len({snapshot.text for snapshot in watcher.kept}) == 1  # nothing was learned in between
    assert clock.reported == []


def test_without_a_prompt_a_sentence_of_the_training_text_is_continued() -> None:
    clock, generator = Clock(), unigram()
    watcher = clock.watcher()
    clock.offer(watcher, lambda: generator, 2.0)
    assert watcher.kept[0].prompt in PROSE
    assert len(watcher.kept[0].prompt) > 10


def test_texts_are_shown_every_few_seconds_as_long_as_they_take_a_hundredth_of_the_time() -> None:
    clock, generator = Clock(), unigram()
    watcher = clock.watcher("The c", every=3.0)
    clock.offer(watcher, lambda: generator, 2.9, 3.0, 5.9, 100.0)
    assert [report.text.startswith("The c") for report in clock.reported] == [True] * len(clock.reported)
    assert len(clock.reported) == 3  # at 2.9 and 5.9, where one is kept, and at 100
    watcher.cost, watcher._last_cost = 1.5, 0.5  # CPU seconds
    clock.offer(watcher, lambda: generator, 110.0, 150.0)
    assert len(clock.reported) == 3
    clock.offer(watcher, lambda: generator, 201.0)
    assert len(clock.reported) == 4


def test_no_text_is_kept_where_it_would_take_more_than_two_hundredths_of_the_training() -> None:
    clock, generator = Clock(), unigram()
    watcher = clock.watcher("The c")
    watcher.cost, watcher._last_cost = 0.15, 0.06
    clock.offer(watcher, lambda: generator, 1.0)  # a tenth of the training
    assert watcher.kept == []
    watcher.cost = 0.13
    clock.offer(watcher, lambda: generator, 1.0)
    assert len(watcher.kept) == 1


def test_a_text_that_fails_ends_the_watching_and_not_the_training() -> None:
    def fail() -> Generator:
        calls.append(1)
        raise ZeroDivisionError

    clock, calls = Clock(), list[int]()
    watcher = clock.watcher(every=1.0)
    clock.offer(watcher, fail, 1.5, 6.0, 20.0)
    assert (watcher.kept, clock.reported, calls) == ([], [], [1])


def test_sampling_is_in_no_figure_and_is_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("genbench.processes.clock.time.perf_counter", lambda: now[0])
    watch, seen = Stopwatch(), list[bool]()
    with announced(seen.append), uncounted(silent=True):
        now[0] += 5
    now[0] += 1
    assert watch.wall_seconds == 1
    assert seen == []


def fit(context: TrainContext) -> LSTMChar:
    generator = LSTMChar(hidden=16, embedding=16, batch=4)
    generator.fit(Text(PROSE * 3), Text(PROSE), context)
    return generator


def test_a_training_that_is_watched_ends_with_the_same_weights() -> None:
    ticks = iter(range(10**6))
    texts: list[str] = []

    def look(make: Any, progress: Progress) -> None:
        sampled = make()
        state = sampled.advance(sampled.start(), 3)
        texts.append(str(np.argmax(sampled.log_probs(state))))
        assert np.exp(sampled.log_probs(state)).sum() == pytest.approx(1, abs=1e-6)
        assert progress.passes is not None

    watched = fit(TrainContext(steps=20, clock=lambda: float(next(ticks)), on_snapshot=look))
    plain = fit(TrainContext(steps=20))
    assert len(texts) > 10
    for name, value in plain.dump()["weights"].items():
        np.testing.assert_array_equal(watched.dump()["weights"][name], value)


def test_a_part_of_a_composed_generator_says_which_it_is() -> None:
    notes: list[str] = []
    context = TrainContext(on_snapshot=lambda make, progress: notes.append(progress.note))
    context.part("lstm", 0.5).snapshot(unigram, PROGRESS)
    assert notes == ["lstm"]


class Watched(Unigram):
    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        context.snapshot(lambda: self, PROGRESS)


def test_the_texts_of_a_training_are_kept_with_its_model_and_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.training.watching.MARKS", (1e-9,))
    text, watch = TrainingText("a", PROSE, PROSE), WatchOptions(["", "The c"])
    model = train_model(Watched(), Spec.parse("w"), text, TrainSettings(steps=1), watch=watch)
    assert model.card is not None
    (snapshot,) = model.card.training.snapshots
    assert (snapshot.prompt, snapshot.passes) == ("The c", 0.25)
    assert add_training(Row("a", "w"), model).snapshots == [snapshot]

    # what is read back from a model, which may be of somebody else
    card = replace(model.card, files=dict.fromkeys(FILES, "0"), created="2026-11-30T12:00:00+00:00")
    values = json.loads(json.dumps(card.to_dict()))
    assert ModelCard.from_dict(values).training.snapshots == [snapshot]
    for wrong in ("text", [1], [{"text": 1}], [vars(snapshot) | {"text": "x" * 4001}], [vars(snapshot)] * 101):
        with pytest.raises(ValueError, match=r".+"):
            ModelCard.from_dict(values | {"training": values["training"] | {"snapshots": wrong}})


def snapshot_row(count: int) -> Row:
    return Row("a", "markov-char", snapshots=[Snapshot(1.0, 2, 0.1, 3.0, "It", " was")] * count)


def test_the_texts_are_the_same_after_json() -> None:
    row = snapshot_row(2)
    assert Row.from_dict(json.loads(json.dumps(row.to_dict()))) == row


def test_a_row_with_very_many_texts_is_refused() -> None:
    job = Job("a", "", "", "", Spec.parse("markov-char"))
    for count, refused in ((2, False), (101, True)):
        line = format_message(snapshot_row(count))
        if refused:
            with pytest.raises(ContractError, match="too many snapshots"):
                parse_message(line, job, scored=False)
        else:
            assert parse_message(line, job, scored=False) == snapshot_row(count)


@pytest.mark.parametrize(
    ("terminal", "watch", "seconds"), [(False, False, 0.0), (True, False, 3.0), (False, True, 1.0)]
)
def test_texts_are_shown_below_the_bars_or_printed_and_never_in_a_pipe(
    terminal: bool, watch: bool, seconds: float
) -> None:
    out = io.StringIO()
    live = Live(Console(file=out, force_terminal=terminal, width=80, _environ={}), watch)
    assert live.watch == SafeListener(live).watch == seconds
    with live:
        live.job_progress(0, "austen lstm-char", Progress(0.5, loss=2.314, passes=0.42, text="It was\n\x1b[31ma ball"))
        (*_, last) = live.bars.get_renderables()
        below = str(last.renderable)
    assert ("It was ␛[31ma ball" in below) == (terminal and not watch)
    line = "austen lstm-char, loss 2.31, 42% of a pass: It was ␛[31ma ball"
    assert (line in out.getvalue().replace("\n", "")) == watch
    live.job_done(0, "austen lstm-char", "done")
    assert not live.bars.texts


@pytest.mark.slow
def test_the_report_has_a_film_strip_of_each_network() -> None:
    html = comparison_page(pages.complete_comparison())
    assert html.count('<ol class="film"') == 3  # two of austen's networks and one of carroll's
    assert "<b>after 5s</b>" in html
    assert "20% of a pass, loss 3.00 bits per token" in html
    assert "lstm-char: what it wrote as it learned" in html
