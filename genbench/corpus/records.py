"""Records: texts in one column of a CSV, TSV or JSON Lines file."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from genbench.corpus.compressed import text_suffix
from genbench.errors import CorpusError, nearest
from genbench.tokenization.text import replace_surrogates

JSON_SUFFIXES = (".jsonl", ".ndjson")
RECORD_SUFFIXES = (".csv", ".tsv", *JSON_SUFFIXES)
SEPARATOR = "\n\n"  # between the texts of two records
_DELIMITERS = ",\t;|"
_TRIED_LINES = 3  # all JSON objects: a file of JSON Lines


def list_columns(text: str, name: str) -> list[str]:
    """Return the columns of a file that looks like records, by its suffix or its JSON objects; [] for other files."""
    if _is_json_lines(text, name):
        return next((list(record) for line in _first_lines(text) if (record := _parse_object(line)) is not None), [])
    return _header(text, _delimiter(text)) if text_suffix(name) in RECORD_SUFFIXES else []


def has_column(text: str, name: str, column: str) -> bool:
    """Return whether a file is to be read as records: it looks like it, or its first line names the column."""
    return bool(list_columns(text, name)) or column in _header(text, _delimiter(text, column))


def read_column(text: str, name: str, column: str) -> tuple[str, int]:
    """Return the texts of a column, with a blank line between two, and the number of records without one.

    Raises CorpusError where there is no such column, a text is none, or a line cannot be read or has too many fields.
    """
    read = _json_values if _is_json_lines(text, name) else _csv_values
    values = [value.strip("\n") for value in read(text, name, column)]
    texts = [value for value in values if value.strip()]
    return SEPARATOR.join(texts), len(values) - len(texts)


def _csv_values(text: str, name: str, column: str) -> Iterator[str]:
    """Yield the text of each row, "" where a row is too short."""
    delimiter = _delimiter(text, column)
    header = _header(text, delimiter)
    index = _require_column(column, header, name)
    with _long_fields():
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            for row in islice(filter(None, rows), 1, None):
                # the rest of a text that has the delimiter in it would be lost
                if any(row[len(header) :]):
                    raise CorpusError(
                        f"{name}, line {rows.line_num:,}, has {len(row)} fields, and the header {len(header)}; put "
                        f"quotation marks around texts with {delimiter!r} in them"
                    )
                yield row[index] if index < len(row) else ""
        except csv.Error as error:
            raise CorpusError(
                f"{name}, line {rows.line_num:,}, cannot be read: {error}; put quotation marks around texts that begin "
                "with one, and write each in them twice"
            ) from None


def _json_values(text: str, name: str, column: str) -> Iterator[str]:
    """Yield the text of each JSON object, "" where the column is missing or null."""
    columns: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue

        # one object in each line
        record = _parse_object(line)
        if record is None:
            raise CorpusError(f"{name}, line {number:,}, is not a JSON object; correct the file")
        columns |= dict.fromkeys(record)
        value = record.get(column)
        if value is not None and not isinstance(value, str):
            raise CorpusError(f"{name}, line {number:,}: {column} is {str(value)[:40]}, but must be text")
        if value and replace_surrogates(value) != value:  # JSON can escape one, and UTF-8 cannot encode it
            raise CorpusError(f"{name}, line {number:,}: {column} has half a surrogate pair; correct the file")
        yield value or ""
    _require_column(column, list(columns), name)


def _require_column(column: str, columns: list[str], name: str) -> int:
    """Return the position of a column. Raises CorpusError for none, with the names of the columns, and for several."""
    if column not in columns:
        raise CorpusError(f"{name} has no column {column!r}; {nearest(column, columns)}")
    if columns.count(column) > 1:
        raise CorpusError(f"{name} has {columns.count(column)} columns called {column!r}; rename all but one")
    return columns.index(column)


def _is_json_lines(text: str, name: str) -> bool:
    if text_suffix(name) in JSON_SUFFIXES:
        return True
    lines = _first_lines(text)
    return bool(lines) and all(_parse_object(line) is not None for line in lines)


def _parse_object(line: str) -> dict[str, object] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _first_lines(text: str) -> list[str]:
    """Return the first lines of a text that are not blank."""
    return list(islice((line for line in io.StringIO(text) if line.strip()), _TRIED_LINES))


def _delimiter(text: str, column: str = "") -> str:
    """Return the delimiter whose header has the column, else the one with the most columns."""
    headers = {delimiter: _header(text, delimiter) for delimiter in _DELIMITERS}
    return max(headers, key=lambda delimiter: (column in headers[delimiter], len(headers[delimiter])))


def _header(text: str, delimiter: str) -> list[str]:
    """Return the fields of the first row that is not blank; [] where it cannot be read."""
    with _long_fields():
        try:
            return next(filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)), [])
        except csv.Error:
            return []


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lift csv's limit of 131,072 characters in a field, within the context."""
    limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(limit)
