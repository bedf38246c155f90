"""Write a comparison or a sweep as JSON, CSV, Markdown or HTML.

JSON has everything, CSV and Markdown have a line for each row. A sweep has JSON and HTML only.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genbench.errors import UserError
from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row
from genbench.experiments.significance import labels, verdict_notes
from genbench.experiments.sweep import Sweep
from genbench.report import comparison_tables as tables
from genbench.report.anchors import published_lines
from genbench.report.columns import columns_for
from genbench.report.comparison_tables import TextTable
from genbench.report.formatting import escape_markdown, printable
from genbench.report.pairs import legend, next_column, pair_sentences
from genbench.report.terminal.screen import print_json
from genbench.storage.outputs import is_standard_output, require_writable, write_output

# fields of a row that have no column: nested values
NOT_IN_CSV = {
    "samples",
    "further_samples",
    "snapshots",
    "ancestors",
    "details",
    "audit",
    "notes",
    "block_bits",
    "splits",
    "novelty",
    "style",
    "curve",
    "memory",
    "cross_scores",
}
# fields of aggregated rows, and fields that are written in another form
NOT_IN_CSV |= {"seeds", "spread", "interval", "error"}

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")  # of a cell, in spreadsheet programs


def as_json(result: Comparison | Sweep) -> str:
    """Return a comparison or a sweep as JSON, complete and indented."""
    return json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def as_html(comparison: Comparison) -> str:
    """Return a comparison as an HTML page."""
    from genbench.report.html import comparison_page  # imported late: matplotlib takes half a second

    return comparison_page(comparison)


def sweep_as_html(sweep: Sweep) -> str:
    """Return a sweep as an HTML page."""
    from genbench.report.html.sweep import sweep_page  # imported late: matplotlib takes half a second

    return sweep_page(sweep)


def as_csv(comparison: Comparison) -> str:
    """Return a comparison as CSV: a line for each row, the options as JSON, an interval as two columns.

    A text that a spreadsheet would run as a formula begins with an apostrophe.
    """
    lines = [_csv_line(row) for row in comparison.results]
    names = list(dict.fromkeys(name for line in lines for name in line))

    # rows may have different columns: the header has all of them, in order of appearance
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _csv_line(row: Row) -> dict[str, object]:
    """Return the values of a row by column name, as a spreadsheet may read them."""
    flat = flat_values(row)
    flat["options"] = json.dumps(flat["options"], ensure_ascii=False)
    return {name: defuse(value) for name, value in flat.items()}


def flat_values(row: Row) -> dict[str, Any]:
    """Return the values of a row by column name: no lists, and an interval as two values."""
    # simple values; the interval in another form
    values = row.to_dict()
    low, high = row.interval or (None, None)
    flat = {name: value for name, value in values.items() if name not in NOT_IN_CSV}
    flat |= {"interval_low": low, "interval_high": high, "error": row.error}
    flat["fine_tuned"] = row.fine_tuned
    audit = values["audit"] or {}
    flat |= {f"audit_{name}": audit.get(name) for name in ("share", "seconds", "reread")}

    # statistics of the samples at the first temperature, with a column for each length of n-gram
    for name, value in (values["novelty"][0] if row.novelty else {}).items():
        if isinstance(value, list):
            flat |= {f"{name}_{n}": share for n, share in enumerate(value, 1)}
        else:
            flat["sample_words" if name == "words" else name] = value  # words counts those of the test text
    return flat


def defuse(value: object) -> object:
    """Return a value of a cell; a text that a spreadsheet would run as a formula begins with an apostrophe.

    Names of authors and generators, titles and errors may begin so; numbers are no texts, and stay as they are.
    """
    if not isinstance(value, str):
        return value
    text = value.replace("\r\n", "\n").replace("\r", "\n")  # the csv module does not quote a carriage return
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def as_markdown(comparison: Comparison) -> str:
    """Return a comparison as Markdown: the tables of each author, best row first, and what is clearly different."""
    return "\n".join(_author_markdown(comparison, author) for author in comparison.corpora)


def _author_markdown(comparison: Comparison, author: str) -> str:
    """Return the tables and verdicts of one author as Markdown."""
    rows = comparison.lines(author)

    # the result table, with the failed rows at its end
    verdicts = comparison.verdicts(author)
    columns = [*columns_for(rows), *filter(None, [next_column(rows, verdicts)])]
    results = [
        [label, *(column.format(row) for column in columns)] for label, row in zip(labels(rows), rows, strict=True)
    ]
    failed = [row for row in comparison.ranked(author) if not row.ok]
    failures = [[label, f"{row.status}: {row.error}"] for label, row in zip(labels(failed), failed, strict=True)]
    result_table = TextTable(["generator", *(column.heading for column in columns)], [*results, *failures])
    lines = [f"### {escape_markdown(author)}", *markdown_table(result_table)]
    for sentence in tables.tokenization_sentences(rows) + tables.audit_sentences(rows):
        lines += ["", escape_markdown(sentence)]

    # the other tables, as far as they were measured
    further = [
        tables.novelty_table(rows, comparison.held_out_text.get(author)),
        tables.style_table(comparison, author, rows),
        tables.context_table(rows),
        tables.cross_author_table(author, list(comparison.corpora), rows),
        *(tables.strata_table(by, strata) for by, strata in comparison.splits(author).items()),
    ]
    for table in filter(None, further):
        lines += markdown_table(table)

    # the verdict on the best two, and what is not clearly different
    if verdicts:
        lines += [
            "",
            *(f"- {escape_markdown(sentence)}" for sentence in [*pair_sentences(verdicts), legend(rows, verdicts)]),
        ]
    for note in verdict_notes(verdicts):
        lines += ["", escape_markdown(note)]
    published = [f"- {escape_markdown(line.strip())}" for line in published_lines(comparison, author)]
    lines += ["", *published] if published else []
    return "\n".join(lines) + "\n"


def markdown_table(table: TextTable) -> list[str]:
    """Return the lines of a Markdown table, with an empty line before it."""
    return ["", _line(table.names), _line(["---"] + ["---:"] * (len(table.names) - 1)), *map(_line, table.rows)]


def _line(cells: Sequence[str]) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(escape_markdown(cell) for cell in cells) + " |"


FORMATS: dict[str, Callable[[Comparison], str]] = {
    "json": as_json,
    "csv": as_csv,
    "markdown": as_markdown,
    "html": as_html,
}
SWEEP_FORMATS: dict[str, Callable[[Sweep], str]] = {"json": as_json, "html": sweep_as_html}


class Outputs:
    """Output files of a result, by format.

    Create it before a long run: it raises an error if a path cannot be written.
    """

    def __init__(
        self,
        json: Path | None = None,
        csv: Path | None = None,
        markdown: Path | None = None,
        html: Path | None = None,
    ) -> None:
        paths = {"json": json, "csv": csv, "markdown": markdown, "html": html}
        self.paths = {name: path for name, path in paths.items() if path is not None}

        # fail now rather than after hours of training
        for path in self.paths.values():
            require_writable(path)
        if sum(map(is_standard_output, self.paths.values())) > 1:
            raise UserError("two formats cannot share standard output; name a file for all but one of them")

    @property
    def to_standard_output(self) -> bool:
        """Whether a format is written to standard output, where nothing else may be printed then."""
        return any(map(is_standard_output, self.paths.values()))

    def write(self, comparison: Comparison) -> None:
        """Write a comparison to each file."""
        self.write_as(comparison, FORMATS)

    def write_sweep(self, sweep: Sweep) -> None:
        """Write a sweep to each file; the formats are JSON and HTML."""
        self.write_as(sweep, SWEEP_FORMATS)

    def write_as(self, result: Any, formats: Mapping[str, Callable[[Any], str]]) -> None:
        """Write a result to each file with the function of its format; then raise the first error, if there is one."""
        errors: list[Exception] = []
        for name, path in self.paths.items():
            try:
                if name == "json" and is_standard_output(path):
                    print_json(result.to_dict())
                else:
                    write_text(formats[name](result), path)
            except Exception as error:  # one file costs no other
                errors.append(error)
        if errors:
            raise errors[0]


def write_text(text: str, path: Path) -> None:
    """Write a text in UTF-8; characters that it cannot encode, as in some file names, are escaped.

    On a terminal, characters that can control it are replaced by visible ones.
    """
    if is_standard_output(path) and sys.stdout.isatty():
        sys.stdout.write(printable(text))
    else:
        write_output(path, text.encode(errors="backslashreplace"))
