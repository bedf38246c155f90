"""Records: texts in a column of CSV, TSV and JSON Lines files."""

import json

import pytest

from genbench.corpus.records import has_column, list_columns, read_column
from genbench.errors import CorpusError

CSV = 'id,author,text\n1,ada,"One, two.\nThree."\n2,ben,\n\n3\n4,ada,Four.\n'
JSON_LINES = '{"id": 1, "text": "One, two.\\nThree."}\n{"id": 2, "text": null}\n\n{"id": 3}\n{"text": "Four."}\n'
TEXTS = "One, two.\nThree.\n\nFour."


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CSV, "r.csv"),
        ('id;author;text\n1;ada;"One, two.\nThree."\n2;ben;\n\n3\n4;ada;Four.\n', "r.csv"),
        ("id\ttext\n1\t\"One, two.\nThree.\"\n2\n3\t \n4\tFour.\n", "r.tsv"),
        (JSON_LINES, "r.jsonl"),
        (JSON_LINES, "standard input"),
        (CSV, "export.txt"),
    ],
)  # fmt: skip
def test_a_column_is_read_with_a_blank_line_between_records(text, name):
    assert has_column(text, name, "text")
    assert read_column(text, name, "text") == (TEXTS, 2)


def test_a_long_field_is_read():
    assert read_column(f"text\n{'word ' * 100_000}end\n", "r.csv", "text")[0].endswith("word end")


@pytest.mark.parametrize(("text", "name"), [(CSV, "r.csv"), (JSON_LINES, "r.jsonl")])
def test_an_unknown_column_is_refused_with_the_columns(text, name):
    with pytest.raises(
        CorpusError, match=r"r\.\w+ has no column 'txt'; did you mean text\? \(choose from .*id, text\)"
    ):
        read_column(text, name, "txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"text": "One."}\n{"text": 12}\n', "line 2: text is 12, but must be text"),
        ('{"text": "a"}\n{"text": "b"}\n{"text": "c"}\n[1]\n', "line 4, is not a JSON object; correct the file"),
        (f'{{"text": "a"}}\n{{"text": {"[" * 100_000}\n', "line 2, is not a JSON object"),
        ('{"text": \n{"text": "b"}\n', "line 1, is not a JSON object"),
        ('{"text": "One."}\n{"text": "T \\ud83d"}\n', "line 2: text has half a surrogate pair; correct the file"),
    ],
)
def test_json_lines_that_cannot_be_read_are_refused(text, message):
    with pytest.raises(CorpusError, match=message):
        read_column(text, "r.jsonl", "text")


def test_a_quotation_mark_that_is_not_closed_swallows_no_records():
    with pytest.raises(CorpusError, match=r"r\.csv, line 3, cannot be read: unexpected end of data"):
        list(read_column('id,text\n1,"One.\n2,Two.\n', "r.csv", "text"))


def test_no_part_of_a_text_is_lost_at_a_delimiter():
    with pytest.raises(CorpusError, match=r"r\.csv, line 3, has 3 fields, and the header 2; put quotation marks"):
        read_column("id,text\n1,One.,,\n2,Two, three.\n", "r.csv", "text")
    with pytest.raises(CorpusError, match=r"r\.csv has 2 columns called 'text'"):
        read_column("text,text\nOne.,Two.\n", "r.csv", "text")
    assert read_column("\n\nid,text\n1,One.,,\n", "r.csv", "text") == ("One.", 0)


@pytest.mark.parametrize(
    ("text", "name", "columns"),
    [
        (CSV, "r.csv", ["id", "author", "text"]),
        (CSV, "r.txt", []),
        (JSON_LINES, "r.txt", ["id", "text"]),
        ("One, two, three.\nFour, five, six.\n", "prose.txt", []),
        (json.dumps([1, 2]), "r.txt", []),
        ("", "r.txt", []),
    ],
)
def test_files_that_look_like_records_are_recognized(text, name, columns):
    assert list_columns(text, name) == columns
