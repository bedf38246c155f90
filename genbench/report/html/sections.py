"""The part of the comparison page about one author: charts, their tables, and sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from genbench.analysis.intervals import estimate_mean
from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row
from genbench.experiments.seeds import widen
from genbench.experiments.significance import StratumResult, labels, verdict_notes
from genbench.report.comparison_tables import (
    audit_sentences,
    baselines_sentence,
    context_table,
    corpus_heading,
    failure_sentences,
    interruption_sentences,
    note_sentences,
    strata_title,
    tokenization_sentences,
)
from genbench.report.html import charts, tables
from genbench.report.html.charts import Chart, Point, Series
from genbench.report.html.film import Film, film
from genbench.report.html.result import FLOORS, Card, Figure, apart_sentence, cards, figures, winner_sentence

BITS = "bits per character"
DIRECTION = "Fewer bits are better."
NEAR = 1.0  # bits per character above the highest figure of a chart, up to which a floor is drawn
MANY = 9  # lines, above which the matrix of pairs has no place beside the chart
MIN_SECONDS = 0.001  # smallest value on the logarithmic axis, which has no 0


def generator_key(row: Row) -> str:
    """Return a key of a generator with its options; rows that differ only in author or seed have the same key."""
    return json.dumps([row.generator, row.options, row.pretrained], sort_keys=True)


def _interval(row: Row, by: str, stratum: str) -> Point | None:
    """Return the 95 % interval of the bits per character of a row on a stratum."""
    counts = row.splits[by][stratum]
    estimate = estimate_mean(np.array(counts.block_bits), np.array(counts.block_characters))
    return None if estimate is None else widen(estimate, counts.seed_variance, row.seeds).interval()


def _counted_seconds(row: Row) -> float:
    """Return the seconds of a training as its budget and its curve count them: a busy machine adds none."""
    counted = [seconds for seconds in (row.train_seconds, row.cpu_seconds) if seconds is not None]
    last = row.curve[-1][0] if row.curve else 0.0
    return max(min(counted, default=0.0), last, MIN_SECONDS)


@dataclass(frozen=True)
class Split:
    """Bits on the strata of an author's test text, as the template shows them."""

    title: str
    chart: Markup
    table: tables.Table
    verdicts: list[str]


class AuthorSection:
    """The results of one author of a comparison, as the template shows them.

    `number` is the position of the author on the page; `numbers` has the number of each generator by `generator_key`.
    """

    def __init__(self, comparison: Comparison, name: str, number: int, numbers: dict[str, int]) -> None:
        self.name, self.number, self.numbers, self.comparison = name, number, numbers, comparison

        # rows; and lines, each of which is the mean of a generator's rows over seeds
        self.rows = comparison.ranked(name)
        self.finished = [row for row in self.rows if row.ok]
        self.lines = comparison.lines(name)
        self.labels = labels(self.lines)
        self.label_of = {generator_key(line): label for line, label in zip(self.lines, self.labels, strict=True)}
        self.numbers_by_label = {
            self.label_of[generator_key(line)]: numbers[generator_key(line)] for line in self.lines
        }

        # sentences: the corpus, the verdicts on each pair, and the baselines
        self.heading = corpus_heading(comparison, name)
        verdicts = comparison.verdicts(name)
        self.winner = winner_sentence(name, self.lines, verdicts)
        self.first_verdict = verdicts[0].sentence().replace("no clear", "No clear", 1) if verdicts else ""
        self.apart = apart_sentence(self.lines)
        self.has_verdicts = any(verdict.adjusted_interval for verdict in verdicts)
        self.has_intervals = any(line.interval for line in self.lines)
        self.has_curves = any(row.curve for row in self.finished)
        self.pairs = tables.pairs(name, verdicts, self.numbers_by_label)
        self.many = len(self.lines) > MANY
        self.verdict_notes = verdict_notes(verdicts)
        self.baselines = baselines_sentence(comparison, name)
        self.floors = {floor: bits for floor, bits in comparison.baselines.get(name, {}).items() if floor in FLOORS}
        self.scoring_notes = tokenization_sentences(self.lines) + audit_sentences(self.lines)

        # remarks on rows
        self.notes = note_sentences(self.rows)
        self.corpus_notes = comparison.corpora[name].notes
        self.failures = failure_sentences(self.rows) + interruption_sentences(self.rows)
        self.seeds = max((line.seeds for line in self.lines), default=1)
        self.adaptive = [label for line, label in zip(self.lines, self.labels, strict=True) if line.adaptive]

        # whether the sections on memory and strata have something to show
        self.has_memory = any(line.memory for line in self.lines)
        self.has_splits = any(strata for strata in comparison.splits(name).values())

    def figures(self) -> list[Figure]:
        """Return the best figure beside those of the floors."""
        return figures(self.lines, self.floors, self._number)

    def cards(self) -> list[Card]:
        """Return two samples and a passage of the author."""
        return cards(self.comparison, self.name, self.lines, self._number)

    def _number(self, row: Row) -> int:
        return self.numbers[generator_key(row)]

    def ranking(self) -> tuple[Markup, tables.Table]:
        """Return the chart of bits per character with their intervals, and the result table."""
        # a point for each line
        bits = [line.ranking_bits for line in self.lines]
        series = [
            self._series(line, [(value, 0.0)], [line.interval]) for line, value in zip(self.lines, bits, strict=True)
        ]

        # screen readers read the values in the description
        values = "; ".join(f"{generator.name} {value:z.3f}" for generator, value in zip(series, bits, strict=True))
        chart = self._chart("ranking", "who predicts best", f"Bits per character, best first: {values}.", BITS, "")
        numbers = [generator.number for generator in series]
        return charts.ranking(chart, series, self.floors), tables.ranking(self.name, self.lines, numbers)

    def learning(self) -> tuple[Markup, tables.Table]:
        """Return the chart and table of bits per character by seconds of training.

        A line has the bits of the validation text, a ring those of the test text.
        """
        # a series for each finished row that was trained here
        series = []
        for row in (row for row in self.finished if not row.pretrained):
            points = [(max(seconds, MIN_SECONDS), bits) for seconds, bits in row.curve]
            end = (_counted_seconds(row), row.ranking_bits)
            series.append(self._series(row, points, end=end))

        # the chart, and its table
        description = "A line for each generator that is trained in steps, a ring at the end of each training."
        chart = self._chart("learning", "bits by seconds of training", description, "seconds of training", BITS, log=10)
        shown = [one for one in series if one.points or one.end]
        bits = [y for one in shown for _, y in (*one.points, *([one.end] if one.end else []))]
        near = {name: y for name, y in self.floors.items() if bits and y < max(bits) + NEAR}
        return charts.lines(chart, series, near), tables.learning_curves(self.name, series)

    def films(self) -> list[Film]:
        """Return what each network wrote as it learned."""
        return [
            film(self.label_of[generator_key(line)], self._number(line), line.snapshots)
            for line in self.lines
            if line.snapshots
        ]

    def memory(self) -> tuple[Markup, tables.Table, tables.Table]:
        """Return the chart of bits per character by length of context, the table of its points, and all figures."""
        # a series for each line that has this measurement
        curves = []
        for line in self.lines:
            if curve := line.memory:
                points = [(float(point.context), point.bits_per_character) for point in curve]
                bands = [point.interval for point in curve]
                curves.append((self._series(line, points, bands), curve))

        # the chart, and its table
        description = "A line for each generator; the farther to the right it falls, the longer its memory."
        chart = self._chart("memory", "bits by context", description, "characters of context", BITS, log=2)
        compact = tables.from_text(f"{self.name}: bits by context", context_table(self.lines), self.numbers_by_label)
        return charts.lines(chart, [series for series, _ in curves]), compact, tables.memory(self.name, curves)

    def splits(self) -> list[Split]:
        """Return the chart, the table and the verdicts of each split of the test text into strata."""
        return [self._split(by, strata) for by, strata in self.comparison.splits(self.name).items() if strata]

    def _split(self, by: str, strata: Sequence[StratumResult]) -> Split:
        """Return the chart, the table and the verdicts of one split."""
        # adaptive generators are ranked apart and have no strata
        series = []
        for line, label in zip(self.lines, self.labels, strict=True):
            if label in strata[0].bits_per_character:
                points = [(float(at), result.bits_per_character[label]) for at, result in enumerate(strata)]
                series.append(self._series(line, points, [_interval(line, by, result.stratum) for result in strata]))

        # the strata are the positions 0, 1, ... on the x axis
        title = strata_title(by)
        chart = self._chart(f"by-{by}", f"bits {title}", f"A dot for each generator, by {by}.", by, BITS)
        chart = replace(chart, categories=[result.stratum for result in strata])

        # a verdict for each stratum: the best generator and the next
        return Split(
            title=title,
            chart=charts.dots(chart, series),
            table=tables.strata(self.name, by, strata, self.numbers_by_label),
            verdicts=[
                f"{result.stratum}: {verdict.sentence()}" for result in strata for verdict in result.verdicts[:1]
            ],
        )

    def novelty(self) -> tables.Table | None:
        """Return the table of copying and repetition in the samples, or None without samples."""
        return tables.novelty(
            self.name, self.lines, self.comparison.held_out_text.get(self.name), self.numbers_by_label
        )

    def style(self) -> tables.Table | None:
        """Return the table of samples attributed to their author, or None if the style was not judged."""
        return tables.style(self.comparison, self.name, self.lines, self.numbers_by_label)

    def _chart(self, kind: str, title: str, description: str, x_label: str, y_label: str, log: int = 0) -> Chart:
        """Return the texts and axes of a chart about this author."""
        name, full_title = f"{kind}-{self.number}", f"{self.name}: {title}"
        return Chart(name, full_title, f"{description} {DIRECTION}", x_label, y_label, log)

    def _series(
        self, row: Row, points: Sequence[Point] = (), band: Sequence[Point | None] = (), end: Point | None = None
    ) -> Series:
        """Return a series with the name and the number of the generator of a row."""
        key = generator_key(row)
        return Series(self.label_of[key], self.numbers[key], points, band, end)
