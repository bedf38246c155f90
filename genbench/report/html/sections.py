"""What a report says of one author: charts, the tables behind them, and sentences."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from genbench.analysis.strata import BY
from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Row
from genbench.experiments.labels import adaptive, labels
from genbench.experiments.significance import sentence
from genbench.report.formatting import decimals
from genbench.report.html import charts, tables
from genbench.report.html.charts import Chart, Series
from genbench.report.terminal import comparison as terminal
from genbench.report.terminal import strata as splits

Figures = dict[str, Any]
UP = "bits per character"
UNITS = "fewer is better"
SOONEST = 0.001  # seconds; an axis of powers of ten has no 0


def key(row: Row) -> str:
    """What tells a generator with its options from others."""
    return json.dumps([row["generator"], row["options"]], sort_keys=True)


class Author:
    """The figures of one author of a comparison. `number` is the author's, `places` the generators' by `key`."""

    def __init__(self, comparison: Comparison, name: str, number: int, places: dict[str, int]) -> None:
        self.name, self.number, self.places, self.comparison = name, number, places, comparison
        self.rows = comparison.ranked(name)
        self.ok = [row for row in self.rows if row["status"] == "ok"]
        self.lines = comparison.lines(name)
        self.names = {key(line): label for line, label in zip(self.lines, labels(self.lines), strict=True)}
        self.marks = {self.names[key(line)]: places[key(line)] for line in self.lines}
        self.heading = terminal.heading(comparison, name)
        verdicts = [sentence(verdict) for verdict in comparison.verdicts(name)]
        self.first, self.pairs = verdicts[:1], [verdict.replace(f" {UP}", "") for verdict in verdicts]
        self.floors = ", ".join(f"{floor} {bits:.2f}" for floor, bits in comparison.floors.get(name, {}).items())
        self.notes = terminal.notes(self.rows)
        self.failed = [
            f"{label} {row['status']}: {row.get('error', '')}"
            for label, row in zip(labels(self.rows), self.rows, strict=True)
            if row["status"] != "ok"
        ]
        self.seeds = max((line.get("seeds", 1) for line in self.lines), default=1)
        self.apart = [label for line, label in zip(self.lines, labels(self.lines), strict=True) if adaptive(line)]
        self.remembers = any(row.get("memory") for row in self.lines)
        self.divided = any(kinds for kinds in comparison.splits(name).values())

    @property
    def best(self) -> str:
        """One sentence: who predicts this author best."""
        if not self.lines:
            return f"No generator came through for {self.name}."
        first = self.lines[0]
        fewest = "the fewest bits" if len(self.lines) > 1 else "its bits"
        return f"{self.names[key(first)]} needs {fewest}: {decimals(first['bits_per_character'], 3)} per character."

    def ranking(self) -> tuple[Markup, tables.Table]:
        """Bits per character with their intervals, and the result table."""
        bits = [row["bits_per_character"] for row in self.lines]
        series = [
            self._series(row, [(x, 0.0)], band=[row["interval"]]) for row, x in zip(self.lines, bits, strict=True)
        ]
        said = "; ".join(f"{each.name} {x:.3f}" for each, x in zip(series, bits, strict=True))
        chart = self._chart("ranking", "who predicts best", f"Bits per character, best first: {said}.", UP, "")
        return charts.ranking(chart, series), tables.ranking(self.name, self.lines, [each.place for each in series])

    def learning(self) -> tuple[Markup, tables.Table]:
        """Bits per character against seconds of training: lines on valid text, rings on test text."""
        series = []
        for row in self.ok:
            points = [(max(x, SOONEST), y) for x, y in row.get("curve") or ()]
            end = (max(row["train_seconds"], SOONEST), row["bits_per_character"])
            series.append(self._series(row, points, end=end))
        said = "A line for each generator that learns step by step, a ring for where each ended."
        chart = self._chart("learning", "bits against seconds of training", said, "seconds of training", UP, log=10)
        return charts.lines(chart, series), tables.curve(self.name, series)

    def memory(self) -> tuple[Markup, tables.Table]:
        """Bits per character by how much context was given, of the rows where it was measured."""
        found = []
        for row in self.lines:
            if curve := row.get("memory"):
                points = [(float(at["context"]), at["bits_per_character"]) for at in curve]
                found.append((self._series(row, points, band=[at.get("interval") for at in curve]), curve))
        said = "A line for each generator; the farther it falls to the right, the longer its memory."
        chart = self._chart("memory", "bits by context", said, "characters of context", UP, log=2)
        return charts.lines(chart, [series for series, _ in found]), tables.memory(self.name, found)

    def splits(self) -> list[Figures]:
        """For each way in which the bits were split: chart, table, and who is better where."""
        made = []
        for by, kinds in self.comparison.splits(self.name).items():
            if not kinds:
                continue
            series = [
                self._series(row, [(float(at), kind["bits_per_character"][label]) for at, kind in enumerate(kinds)])
                for row, label in zip(self.lines, labels(self.lines), strict=True)
                if not adaptive(row)
            ]
            words = " ".join((BY[by].__doc__ or "").split()).rstrip(".").lower() if by in BY else by
            chart = self._chart(f"by-{by}", f"bits {words}", f"A line for each generator, by {by}.", by, UP)
            chart = replace(chart, kinds=[kind["kind"] for kind in kinds])
            said = [f"{k['kind']}: {sentence(v)}" for k in kinds for v in k["verdicts"][:1]]
            note = splits.SPREAD if by in ("position", "word-frequency") else ""
            table = tables.kinds(self.name, by, kinds, self.marks)
            made.append({"chart": charts.lines(chart, series), "table": table, "said": said, "note": note, "by": words})
        return made

    def copied(self) -> tables.Table | None:
        """What its samples copy and repeat."""
        return tables.copied(self.name, self.lines, self.comparison.human.get(self.name), self.marks)

    def style(self) -> tables.Table | None:
        """Whose style its samples have."""
        return tables.style(self.comparison, self.name, self.lines, self.marks)

    def _chart(self, kind: str, title: str, said: str, across: str, up: str, log: int = 0) -> Chart:
        return Chart(f"{kind}-{self.number}", f"{self.name}: {title}", f"{said} {UNITS}.", across, up, log)

    def _series(self, row: Row, points: Sequence[charts.Point] = (), **more: Any) -> Series:
        return Series(self.names[key(row)], self.places[key(row)], points, **more)
