"""The differences between two comparisons: which rows correspond, and how much their bits differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from genbench.analysis.holm import adjust_tests
from genbench.analysis.intervals import Estimate, Interval, estimate_mean
from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row
from genbench.experiments.seeds import row_block_sizes
from genbench.experiments.significance import labels
from genbench.storage.records import JsonRecord

TextMatch = Literal["the same", "another", "in one only"]


@dataclass(frozen=True)
class RowDifference:
    """Two corresponding rows, `a` and `b`, by their labels."""

    author: str
    a: str
    b: str
    bits_per_character: tuple[float | None, float | None]  # None where the row is not ok
    difference: float | None = None  # b minus a, bits per character; None where the texts differ
    interval: Interval | None = None  # 95 %, adjusted for the number of rows (Holm 1979)
    clear: bool = False  # whether the interval excludes zero at three decimals
    identical: bool = False  # the bits of every block, and the samples


@dataclass(frozen=True)
class ComparisonDifference(JsonRecord):
    """What differs between the comparisons `a` and `b`."""

    a: str  # name of the stored run
    b: str
    texts: dict[str, TextMatch]  # by author
    rows: list[RowDifference]
    only_a: list[str]  # labels of the rows that correspond to none
    only_b: list[str]


def diff_comparisons(a: Comparison, b: Comparison) -> ComparisonDifference:
    """Return the differences between two comparisons.

    Rows correspond by author, generator, options and seed; then by author, generator and seed where only the options
    differ.
    """
    # rows with a counterpart; the rest is listed by itself
    pairs = list(_pair_rows(a.results, b.results))
    paired_a, paired_b = {id(row) for row, _ in pairs}, {id(row) for _, row in pairs}
    return ComparisonDifference(
        a=a.name,
        b=b.name,
        texts={author: _match_texts(a, b, author) for author in dict.fromkeys([*a.corpora, *b.corpora])},
        rows=_adjust([_diff_rows(row_a, row_b, a, b) for row_a, row_b in pairs]),
        only_a=[_label(row, a.results) for row in a.results if id(row) not in paired_a],
        only_b=[_label(row, b.results) for row in b.results if id(row) not in paired_b],
    )


def _pair_rows(rows_a: Sequence[Row], rows_b: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """Yield the corresponding rows, each in at most one pair, in the order of the first comparison."""
    partners: dict[int, Row] = {}
    for key in (_exact_key, _loose_key):
        # rows that have no partner yet
        paired_b = {id(row) for row in partners.values()}
        left = [row for row in rows_a if id(row) not in partners]
        right = [row for row in rows_b if id(row) not in paired_b]

        # pair those whose key is unique on both sides
        for row in left:
            matches = [other for other in right if key(other) == key(row)]
            if len(matches) == 1 and sum(key(other) == key(row) for other in left) == 1:
                partners[id(row)] = matches[0]
    yield from ((row, partners[id(row)]) for row in rows_a if id(row) in partners)


def _exact_key(row: Row) -> Any:
    return row.author, row.generator, row.options, row.seed


def _loose_key(row: Row) -> Any:
    return row.author, row.generator, row.seed


def _match_texts(a: Comparison, b: Comparison, author: str) -> TextMatch:
    """Return whether an author's text and its split are the same in both comparisons."""
    texts = [comparison.corpora[author] for comparison in (a, b) if author in comparison.corpora]
    if len(texts) < 2:
        return "in one only"
    first, second = ((text.sha256, text.held_out, text.train, text.test) for text in texts)
    return "the same" if first == second else "another"


def _diff_rows(row_a: Row, row_b: Row, a: Comparison, b: Comparison) -> tuple[RowDifference, Estimate | None]:
    """Return the difference of two rows, without its interval yet, and the estimate of it; None for other texts."""
    bits_a, bits_b = (row.bits_per_character if row.ok else None for row in (row_a, row_b))
    result = RowDifference(row_a.author, _label(row_a, a.results), _label(row_b, b.results), (bits_a, bits_b))
    same_text = _match_texts(a, b, row_a.author) == "the same" and row_a.characters == row_b.characters
    if bits_a is None or bits_b is None or not same_text:
        return result, None

    # rows of the same text, paired by block; earlier versions left the last, shorter block out
    result = replace(result, difference=bits_b - bits_a, identical=_outputs(row_a) == _outputs(row_b))
    blocks = min(len(row_a.block_bits), len(row_b.block_bits))
    differences = np.array(row_b.block_bits[:blocks]) - np.array(row_a.block_bits[:blocks])
    return result, estimate_mean(differences, row_block_sizes(row_a)[:blocks])


def _adjust(pairs: Sequence[tuple[RowDifference, Estimate | None]]) -> list[RowDifference]:
    """Return the differences with their intervals, adjusted for their number."""
    tests = adjust_tests([estimate for _, estimate in pairs])
    return [
        difference if test is None else replace(difference, interval=test.interval, clear=test.sign != 0)
        for (difference, _), test in zip(pairs, tests, strict=True)
    ]


def _outputs(row: Row) -> Any:
    """Return what is equal in identical rows: bits and generated texts."""
    samples = [(sample.temperature, sample.prompt, sample.text) for sample in row.samples]
    return row.bits, row.block_bits, samples


def _label(row: Row, rows: Sequence[Row]) -> str:
    """Return the label of a row among those of its author."""
    same = [other for other in rows if other.author == row.author]
    return labels(same)[next(index for index, other in enumerate(same) if other is row)]
