"""A comparison as a file: JSON whole, CSV and Markdown a row a line, HTML to look at."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from genbench.experiments.comparison import Comparison
from genbench.experiments.labels import labels
from genbench.experiments.significance import sentence
from genbench.report.formatting import printable
from genbench.report.terminal import extra_metrics as wider
from genbench.report.terminal import novelty
from genbench.report.terminal import strata as splits
from genbench.report.terminal.columns import wanted
from genbench.report.terminal.style import lines as style_lines
from genbench.storage.files import require_writable, write_whole

NOT_IN_CSV = {"samples", "facts", "notes", "block_bits", "by", "novelty", "style"}
NOT_IN_CSV |= {"drawn", "curve", "memory", "elsewhere"}


def as_json(comparison: Comparison) -> str:
    """All of it."""
    return json.dumps(comparison.to_dict(), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def as_html(comparison: Comparison) -> str:
    """A report to look at in a browser."""
    from genbench.report.html import page  # not sooner: matplotlib takes half a second

    return page(comparison)


def as_csv(comparison: Comparison) -> str:
    """A line a row, a column a value; options as JSON, the interval as two columns."""
    lines = []
    for row in comparison.results:
        low, high = row["interval"] or (None, None)
        flat = {key: value for key, value in row.items() if key not in NOT_IN_CSV | {"interval", "error"}}
        options = json.dumps(row["options"], ensure_ascii=False)
        flat |= {"options": options, "interval_low": low, "interval_high": high, "error": row.get("error")}
        lines.append(flat | _novelty(row["novelty"]))
    out = io.StringIO()
    writer = csv.DictWriter(
        out, fieldnames=list(dict.fromkeys(key for line in lines for key in line)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _novelty(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of the samples at the first temperature, those of n-grams a column each."""
    flat: dict[str, Any] = {}
    for key, value in (found[0] if found else {}).items():
        flat |= {f"{key}_{n}": each for n, each in enumerate(value, 1)} if isinstance(value, list) else {key: value}
    return flat


def as_markdown(comparison: Comparison) -> str:
    """A table for each author, best first, and the verdicts below it."""
    parts = []
    for author in comparison.corpora:
        rows = comparison.lines(author)
        columns = wanted(rows)
        heads = [column.name for column in columns]
        lines = [f"### {_escaped(author)}", "", _line(["generator", *heads]), _line(["---"] + ["---:"] * len(columns))]
        for label, row in zip(labels(rows), rows, strict=True):
            lines.append(_line([label, *(column.show(row) for column in columns)]))
        failed = [row for row in comparison.ranked(author) if row["status"] != "ok"]
        lines += [
            _line([label, f"{row['status']}: {row['error']}"])
            for label, row in zip(labels(failed), failed, strict=True)
        ]
        copied = novelty.lines(rows, comparison.human.get(author))
        if copied:
            lines += _table([["samples of", *novelty.NAMES], *copied])
        others = [style_lines(comparison, author, rows), wider.contexts(rows)]
        others.append(wider.across(author, list(comparison.corpora), rows))
        for table in others:
            lines += _table(table) if len(table) > 1 else []
        for by, kinds in comparison.splits(author).items():
            (_, *heads), *rest = splits.lines(kinds)
            lines += _table([[by, *heads], *rest])
        said = [f"- {_escaped(sentence(verdict))}" for verdict in comparison.verdicts(author)]
        parts.append("\n".join([*lines, "", *said] if said else lines) + "\n")
    return "\n".join(parts)


def _table(rows: list[list[str]]) -> list[str]:
    """The lines of a table whose first row has its headings, with an empty line before it."""
    heads, *others = rows
    return ["", _line(heads), _line(["---"] + ["---:"] * (len(heads) - 1)), *map(_line, others)]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


FORMS = {"json": as_json, "csv": as_csv, "markdown": as_markdown, "html": as_html}


class Outputs:
    """The files that a comparison is to be written to, by their form; each is tried before any work begins."""

    def __init__(self, **paths: Path | None) -> None:
        self.paths = {form: path for form, path in paths.items() if path is not None}
        for path in self.paths.values():
            require_writable(path)

    def write(self, found: Any, forms: Mapping[str, Callable[[Any], str]] = FORMS) -> None:
        """Write them all: a comparison, or what else has such forms."""
        for form, path in self.paths.items():
            write(forms[form](found), path)


def write(text: str, path: Path) -> None:
    """Write one of the above, whole or not at all; what is no valid text, as of a file's name, is escaped."""
    write_whole(path, text.encode(errors="backslashreplace"))
