"""The first screen of a comparison page: who predicts an author best, in words and figures, and texts side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from genbench.experiments.comparison import Comparison, compared_lines
from genbench.experiments.row import Row
from genbench.experiments.significance import Verdict, labels
from genbench.report.formatting import format_decimals
from genbench.report.html.surprisal import colored_text

FLOORS = {"unigram": "unigram: characters by their frequency", "xz": "xz, which also learns from the test text"}
MAX_CARD_BYTES = 4_000


@dataclass(frozen=True)
class Figure:
    """A number of the first screen, what it is, and the number of its generator."""

    value: str
    name: str
    number: int | None = None


@dataclass(frozen=True)
class Card:
    """A text of the first screen; `number` is that of its generator, None for the author's own text."""

    title: str
    text: Markup
    foot: str
    number: int | None = None


def winner_sentence(author: str, lines: Sequence[Row], verdicts: Sequence[Verdict]) -> str:
    """Return who predicts an author best, and how sure that is."""
    best = best_line(lines)
    if best is None:
        return f"No generator has a result for {author}."
    name, bits = labels(lines)[lines.index(best)], format_decimals(best.ranking_bits, 3)
    if not verdicts:
        return f"{name} needs {bits} bits per character."
    alike = [v.worse for v in verdicts if v.better == verdicts[0].better and not v.clear and v.adjusted_interval]
    if alike:
        others = ", ".join(alike[:-1]) + (" and " if alike[1:] else "") + alike[-1]
        return f"{name} predicts {author} best with {bits} bits per character, but not clearly better than {others}."
    return f"{name} predicts {author} best: {bits} bits per character."


def best_line(lines: Sequence[Row]) -> Row | None:
    """Return the best of the lines that verdicts are about, or of all without such a line; None without lines."""
    return next(iter([*compared_lines(lines), *lines]), None)


def apart_sentence(lines: Sequence[Row]) -> str:
    """Return which lines have fewer bits than the best one and are in no verdict; "" without such lines."""
    best, compared = best_line(lines), {id(line) for line in compared_lines(lines)}
    if lines and not compared:
        return "No verdict includes it, for a reason that the notes below give."
    apart = [
        f"{name} ({line.ranking_bits:z.3f})"
        for name, line in zip(labels(lines), lines, strict=True)
        if best is not None and id(line) not in compared and line.ranking_bits < best.ranking_bits
    ]
    if not apart:
        return ""
    return f"In no verdict, for reasons that the notes below give, though with fewer bits: {', '.join(apart)}."


def figures(lines: Sequence[Row], floors: dict[str, float], number: Callable[[Row], int]) -> list[Figure]:
    """Return the fewest bits per character, beside those of the floors."""
    best = best_line(lines)
    if best is None:
        return []
    first = Figure(f"{best.ranking_bits:z.3f}", labels(lines)[lines.index(best)], number(best))
    return [first, *(Figure(f"{floors[name]:z.2f}", words) for name, words in FLOORS.items() if name in floors)]


def card_rows(lines: Sequence[Row]) -> list[Row]:
    """Return the best line, and the best of those that learn in the other way: by counting, or in steps."""
    ranked = compared_lines(lines) or list(lines)
    if len(ranked) < 2:
        return ranked
    first, *others = ranked
    other_way = [row for row in others if (row.steps is None) != (first.steps is None)]
    return [first, (other_way or others)[0]]


def cards(comparison: Comparison, author: str, lines: Sequence[Row], number: Callable[[Row], int]) -> list[Card]:
    """Return a text of each of `card_rows`, and one of the author, as long as they are."""
    names = {id(line): label for line, label in zip(lines, labels(lines), strict=True)}
    shown = []
    for row in card_rows(lines):
        if row.samples:
            sample = row.samples[0]
            copy = f"longest copy {sample.longest_copy:,} characters" if sample.longest_copy is not None else ""
            text = colored_text(
                sample.prompt + sample.text, [], _moved(sample.copies, len(sample.prompt)), MAX_CARD_BYTES
            )
            shown.append(Card(names[id(row)], text, copy, number(row)))
    if shown and (passage := comparison.corpora[author].passage):
        text = colored_text(passage, [], [], MAX_CARD_BYTES)
        shown.append(Card(author, text, "the author's own words, from the validation text"))
    return shown


def _moved(copies: Sequence[Sequence[int]], by: int) -> list[list[int]]:
    return [[start + by, stop + by] for start, stop in copies]
