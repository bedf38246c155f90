"""The tables of a comparison as pandas DataFrames: one observation per line, columns named as the keys of the JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from genbench.errors import UserError, missing_package, nearest
from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row
from genbench.report.export.files import flat_values

if TYPE_CHECKING:
    import pandas

Values = dict[str, Any]


def to_pandas(comparison: Comparison, table: str = "rows") -> pandas.DataFrame:
    """Return a table of a comparison.

    rows      one line for each author, SPEC and seed; nested values have tables of their own
    samples   one for each text that was generated
    strata    one for each kind of place of the test text by which the bits were split
    curves    one for each validation during a training: seconds, and bits per character of validation text

    Lines of the further tables begin with the author, generator, SPEC and seed of their row. Raises UserError for
    another table, and where pandas is not installed.
    """
    if table not in TABLES:
        raise UserError(f"there is no table {table!r}: {nearest(table, TABLES)}")
    try:
        import pandas
    except ImportError:
        raise missing_package("to_pandas", "pandas") from None

    lines = [line for row in comparison.results for line in TABLES[table](row)]
    frame = pandas.DataFrame(lines, columns=COLUMNS.get(table))

    # figures that no line has are NaN, as those are that only some lines have: pandas takes no mean of None
    figures = [name for name in frame.columns[frame.isna().all()] if name not in TEXTS]
    return frame.astype(dict.fromkeys(figures, float))


def _row_lines(row: Row) -> Iterator[Values]:
    yield flat_values(row)


def _sample_lines(row: Row) -> Iterator[Values]:
    for sample in row.samples:
        bits = sum(bits for _, bits in sample.surprisal) if sample.surprisal else None  # under its own generator
        values = vars(sample) | sample.sampling | {"characters": len(sample.text), "bits": bits}
        yield _key(row) | {name: values[name] for name in COLUMNS["samples"] if name in values}


def _stratum_lines(row: Row) -> Iterator[Values]:
    for by, strata in row.splits.items():
        for stratum, sums in strata.items():
            yield _key(row) | {"by": by, "stratum": stratum, "characters": sums.characters, "bits": sums.bits}


def _curve_lines(row: Row) -> Iterator[Values]:
    for seconds, bits in row.curve:
        yield _key(row) | {"seconds": seconds, "validation_bits_per_character": bits}


def _key(row: Row) -> Values:
    return {name: getattr(row, name) for name in KEY}


KEY = ("author", "generator", "spec", "seed")
TEXTS = (*KEY, "error", "stratum", "by", "prompt", "text")
CHOICES = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")  # that were used, also by default
COLUMNS = {
    "samples": [*KEY, *CHOICES, "prompt", "text", "characters", "bits", "longest_copy", "copied_share"],
    "strata": [*KEY, "by", "stratum", "characters", "bits"],
    "curves": [*KEY, "seconds", "validation_bits_per_character"],
}
TABLES = {"rows": _row_lines, "samples": _sample_lines, "strata": _stratum_lines, "curves": _curve_lines}
