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
    if not lines:
        return f"Every generator failed for {author}."
    best, bits = labels(lines)[0], format_decimals(lines[0].bits_per_character, 3)
    if len(lines) == 1:
        return f"{best} needs {bits} bits per character."
    alike = [v.worse for v in verdicts if v.better == verdicts[0].better and not v.clear and v.adjusted_interval]
    if alike:
        others = ", ".join(alike[:-1]) + (" and " if alike[1:] else "") + alike[-1]
        return f"{best} predicts {author} best with {bits} bits per character, but not clearly better than {others}."
    return f"{best} predicts {author} best: {bits} bits per character."


def figures(lines: Sequence[Row], floors: dict[str, float], number: Callable[[Row], int]) -> list[Figure]:
    """Return the fewest bits per character, beside those of the floors."""
    best = [Figure(format_decimals(line.bits_per_character, 3), name, number(line)) for line, name in _best(lines)]
    return best + [Figure(f"{floors[name]:z.2f}", words) for name, words in FLOORS.items() if name in floors]


def _best(lines: Sequence[Row]) -> list[tuple[Row, str]]:
    return [(lines[0], labels(lines)[0])] if lines else []


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
