"""The part of a page about one author: charts, the tables behind them, and sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row
from genbench.experiments.significance import StratumResult, labels
from genbench.report.comparison_tables import corpus_heading, rows_by_note, strata_note, strata_title
from genbench.report.formatting import format_decimals
from genbench.report.html import charts, tables
from genbench.report.html.charts import Chart, Point, Series

BITS = "bits per character"
DIRECTION = "Fewer bits are better."
MIN_SECONDS = 0.001  # a logarithmic axis has no 0


def generator_key(row: Row) -> str:
    """Return a key that is the same for all rows of one generator with the same options."""
    return json.dumps([row.generator, row.options], sort_keys=True)


@dataclass(frozen=True)
class Split:
    """The bits of an author on the strata of the test text."""

    title: str
    chart: Markup
    table: tables.Table
    verdicts: list[str]
    note: str


class AuthorSection:
    """The results of one author of a comparison, as the template shows them.

    `number` is that of the author; `numbers` are those of the generators, by `generator_key`.
    """

    def __init__(self, comparison: Comparison, name: str, number: int, numbers: dict[str, int]) -> None:
        self.name, self.number, self.numbers, self.comparison = name, number, numbers, comparison

        # rows, and the same with several seeds of a generator as one line
        self.rows = comparison.ranked(name)
        self.finished = [row for row in self.rows if row.ok]
        self.lines = comparison.lines(name)
        self.labels = labels(self.lines)
        self.label_of = {generator_key(line): label for line, label in zip(self.lines, self.labels, strict=True)}
        self.numbers_by_label = {
            self.label_of[generator_key(line)]: numbers[generator_key(line)] for line in self.lines
        }

        # sentences
        self.heading = corpus_heading(comparison, name)
        verdicts = comparison.verdicts(name)
        self.first_verdict = verdicts[0].sentence() if verdicts else ""
        self.verdicts = [verdict.sentence(unit="") for verdict in verdicts]
        baselines = comparison.baselines.get(name, {})
        self.baselines = ", ".join(f"{baseline} {bits:.2f}" for baseline, bits in baselines.items())
        self.notes = rows_by_note(self.rows)
        self.failures = [
            f"{label} {row.status}: {row.error or ''}"
            for label, row in zip(labels(self.rows), self.rows, strict=True)
            if not row.ok
        ]
        self.seeds = max((line.seeds for line in self.lines), default=1)
        self.adaptive = [label for line, label in zip(self.lines, self.labels, strict=True) if line.adaptive]

        # which sections of the page have something to show
        self.has_memory = any(line.memory for line in self.lines)
        self.has_splits = any(strata for strata in comparison.splits(name).values())

    @property
    def best(self) -> str:
        """The sentence that says which generator predicts this author best."""
        if not self.lines:
            return f"Every generator failed for {self.name}."
        bits = format_decimals(self.lines[0].bits_per_character, 3)
        fewest = "the fewest bits" if len(self.lines) > 1 else "its bits"
        return f"{self.labels[0]} needs {fewest}: {bits} per character."

    def ranking(self) -> tuple[Markup, tables.Table]:
        """Return the chart of bits per character with their intervals, and the result table."""
        bits = [line.ranking_bits for line in self.lines]
        series = [
            self._series(line, [(value, 0.0)], [line.interval]) for line, value in zip(self.lines, bits, strict=True)
        ]
        values = "; ".join(f"{generator.name} {value:.3f}" for generator, value in zip(series, bits, strict=True))
        chart = self._chart("ranking", "who predicts best", f"Bits per character, best first: {values}.", BITS, "")
        numbers = [generator.number for generator in series]
        return charts.ranking(chart, series), tables.ranking(self.name, self.lines, numbers)

    def learning(self) -> tuple[Markup, tables.Table]:
        """Return bits per character by seconds of training: lines on validation text, rings on test text."""
        series = []
        for row in self.finished:
            # a logarithmic axis has no 0
            points = [(max(seconds, MIN_SECONDS), bits) for seconds, bits in row.curve]
            end = (max(row.train_seconds or 0.0, MIN_SECONDS), row.ranking_bits)
            series.append(self._series(row, points, end=end))
        description = "A line for each generator that is trained in steps, a ring at the end of each training."
        chart = self._chart("learning", "bits by seconds of training", description, "seconds of training", BITS, log=10)
        return charts.lines(chart, series), tables.learning_curves(self.name, series)

    def memory(self) -> tuple[Markup, tables.Table]:
        """Return bits per character by length of context, of the rows where that was measured."""
        curves = []
        for line in self.lines:
            if curve := line.memory:
                points = [(float(point.context), point.bits_per_character) for point in curve]
                bands = [point.interval for point in curve]
                curves.append((self._series(line, points, bands), curve))
        description = "A line for each generator; the farther to the right it falls, the longer its memory."
        chart = self._chart("memory", "bits by context", description, "characters of context", BITS, log=2)
        return charts.lines(chart, [series for series, _ in curves]), tables.memory(self.name, curves)

    def splits(self) -> list[Split]:
        """Return a chart, a table and verdicts for each split of the bits."""
        return [self._split(by, strata) for by, strata in self.comparison.splits(self.name).items() if strata]

    def _split(self, by: str, strata: Sequence[StratumResult]) -> Split:
        """Return the chart, the table and the verdicts of one split."""
        series = [
            self._series(line, [(float(at), result.bits_per_character[label]) for at, result in enumerate(strata)])
            for line, label in zip(self.lines, self.labels, strict=True)
            if not line.adaptive
        ]

        # the strata are the places 0, 1, ... of the x axis
        title = strata_title(by)
        chart = self._chart(f"by-{by}", f"bits {title}", f"A line for each generator, by {by}.", by, BITS)
        chart = replace(chart, categories=[result.stratum for result in strata])

        return Split(
            title=title,
            chart=charts.lines(chart, series),
            table=tables.strata(self.name, by, strata, self.numbers_by_label),
            verdicts=[
                f"{result.stratum}: {verdict.sentence()}" for result in strata for verdict in result.verdicts[:1]
            ],
            note=strata_note(by),
        )

    def novelty(self) -> tables.Table | None:
        """Return what the samples copy and repeat."""
        return tables.novelty(
            self.name, self.lines, self.comparison.held_out_text.get(self.name), self.numbers_by_label
        )

    def style(self) -> tables.Table | None:
        """Return whose style the samples have."""
        return tables.style(self.comparison, self.name, self.lines, self.numbers_by_label)

    def _chart(self, kind: str, title: str, description: str, x_label: str, y_label: str, log: int = 0) -> Chart:
        """Return a chart of this author."""
        name, full_title = f"{kind}-{self.number}", f"{self.name}: {title}"
        return Chart(name, full_title, f"{description} {DIRECTION}", x_label, y_label, log)

    def _series(
        self, row: Row, points: Sequence[Point] = (), band: Sequence[Point | None] = (), end: Point | None = None
    ) -> Series:
        """Return the points of a row under the name and the number of its generator."""
        key = generator_key(row)
        return Series(self.label_of[key], self.numbers[key], points, band, end)
