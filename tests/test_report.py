"""What is printed and written: fits the width, marks the best, and nothing drives the terminal."""

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Job, blank
from genbench.generator import Progress
from genbench.report.export import files
from genbench.report.formatting import printable
from genbench.report.terminal import comparison as terminal
from genbench.report.terminal.columns import COLUMNS
from genbench.report.terminal.listings import facts, listing
from genbench.report.terminal.live import Live

FIGURES: dict[str, Any] = {"texts": 1, "words": 60, "longest_copy": 23.0, "copied_share": 0.125}
FIGURES |= {"unseen": [0.1, 0.375, 0.8] + [1.0] * 7, "distinct": [0.8, 0.95, 1.0], "self_bleu": None}
HOSTILE = "[red]x[/red] \x1b[31m|<script>\u202e\x07"


def row(generator: str, bits: float, **more: Any) -> dict[str, Any]:
    made = blank(Job("austen", "", "", "", generator))
    numbers = dict.fromkeys([key for key, value in made.items() if value is None], 1000.0)
    texts = [
        {"temperature": t, "prompt": "It is", "text": f"{generator} at {t}", "longest_copy": 23} for t in (0.5, 1.0)
    ]
    numbers["block_bits"] = [1000 * bits + place % 3 for place in range(20)]
    numbers["novelty"] = [{"temperature": t} | FIGURES for t in (0.5, 1.0)]
    return made | numbers | {"bits_per_character": bits, "interval": [bits - 0.1, bits + 0.1], "samples": texts} | more


def comparison(*rows: dict[str, Any]) -> Comparison:
    text = {
        "sha256": "0",
        "characters": 9,
        "train": 1_000_000,
        "valid": 9,
        "test": 99_999,
        "books": ["Emma"],
        "lines": "join",
    }
    floors = {"uniform": 6.0, "unigram": 4.0, "xz": 2.0}
    return Comparison("1", [], {"austen": text}, {"austen": floors}, list(rows), human={"austen": FIGURES})


ROWS = comparison(
    row("lstm-char", 1.9, word_perplexity=None, interval=None, notes=["slow"]),
    row("markov-char", 1.7, word_perplexity=900.5, notes=["slow"]),
    row("bad", 0, status="failed", error="sums to 1.3", samples=[], novelty=[], bits_per_character=None),
)


def printed(found: Comparison, width: int, **more: Any) -> str:
    out = io.StringIO()
    terminal.show(found, Console(file=out, width=width, highlight=False, **more))
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 160])
def test_it_fits_the_width(width: int) -> None:
    lines = printed(ROWS, width).splitlines()
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [80, 160])
def test_it_shows_every_row_best_first(width: int) -> None:
    out = printed(ROWS, width)
    assert out.index("*1.700") < out.index("1.900")
    assert "1.60-1.80" in out
    assert "bad failed: sums to 1.3" in out
    assert out.count("slow") == 1  # said once for both
    assert "uniform 6.00, unigram 4.00, xz 2.00" in out
    for temperature in ("0.5", "1"):
        assert f"austen at temperature {temperature}, after 'It is'" in out
    assert out.count("longest copy 23 characters") == 4
    assert "It ismarkov-char at 0.5" in out


def test_every_pair_has_its_verdict_under_the_table() -> None:
    out = printed(ROWS, 100)
    assert "markov-char better than lstm-char by 0.200 bits per character [0.200, 0.200]" in out
    assert "- markov-char better than lstm-char by 0.200" in files.as_markdown(ROWS)


def test_what_the_samples_copy_stands_under_the_table_with_held_out_text_last() -> None:
    out = printed(ROWS, 80)
    assert out.index("markov-char at 0.5") < out.index("lstm-char at 1") < out.index("held-out text")
    (line,) = [line.split() for line in out.splitlines() if line.startswith(" lstm-char at 1 ")]
    assert line[3:] == ["23", "12.5", "10.0", "37.5", "100.0", "0.950", "-"]
    assert "| lstm-char at 1 | 23 | 12.5 | 10.0 | 37.5 | 100.0 | 0.950 | - |" in files.as_markdown(ROWS)
    read = list(csv.DictReader(io.StringIO(files.as_csv(ROWS))))
    assert (read[0]["copied_share"], read[0]["unseen_2"], read[2]["unseen_2"]) == ("0.125", "0.375", "")


def test_several_seeds_are_one_line_with_their_spread() -> None:
    found = comparison(row("a", 1.5), row("a", 1.7, seed=1), row("b", 1.65))
    out = printed(found, 80)
    assert "1.500-1.700" in out
    assert "Means over 1 to 2 seeds" in out
    assert "a better than b by 0.050 bits" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "1.500-1.700" in files.as_markdown(found)


def test_more_columns_where_there_is_room() -> None:
    assert "spelled" in printed(ROWS, 160)
    assert "spelled" not in printed(ROWS, 80)


def test_hostile_text_is_shown_and_drives_nothing() -> None:
    samples = [{"temperature": 1.0, "prompt": HOSTILE, "text": HOSTILE, "longest_copy": 0}]
    found = comparison(row(HOSTILE, 1.5, samples=samples, notes=[HOSTILE]), row("x", 0, status="failed", error=HOSTILE))
    found.corpora["austen"]["books"] = [HOSTILE]
    out = printed(found, 100)
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert "[red]x[/red]" in out


def test_what_to_see_stands_above_the_results_and_what_came_out_below() -> None:
    told = {"title": HOSTILE, "see": "one\nparagraph " * 20, "came_out": f"earlier:\n  a table {HOSTILE}"}
    out = printed(replace(ROWS, **told), 80)
    head, _, rest = out.partition("austen: Emma")
    assert head.split("\n\n")[0] == printable(HOSTILE)
    assert "one paragraph one paragraph" in head
    assert rest.index("*1.700") < rest.index("What came out earlier") < rest.index("\n  a table [red]x")
    assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert max(map(len, out.splitlines())) <= 80
    assert printed(ROWS, 80).startswith("austen: Emma")


def test_colour_is_for_terminals_alone() -> None:
    assert "\x1b[" in printed(ROWS, 80, force_terminal=True, color_system="standard")
    assert "\x1b[" not in printed(ROWS, 80)


def test_printable_keeps_newlines_and_drops_no_character() -> None:
    text = "a\x1b\x00\n\u202e\x7f\u00e9\U0001f600"
    assert printable(text) == "a\u241b\u2400\n\ufffd\u2421\u00e9\U0001f600"


def test_json_comes_back() -> None:
    assert json.loads(files.as_json(ROWS)) == ROWS.to_dict()


def test_csv_comes_back() -> None:
    read = list(csv.DictReader(io.StringIO(files.as_csv(ROWS))))
    assert [line["generator"] for line in read] == ["lstm-char", "markov-char", "bad"]
    assert (read[1]["interval_low"], read[1]["interval_high"]) == ("1.5999999999999999", "1.8")
    assert read[2]["error"] == "sums to 1.3"


def test_markdown_keeps_its_columns() -> None:
    lines = [line for line in files.as_markdown(comparison(row("a|b<c", 1.5))).splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in lines[:3]} == {len(COLUMNS) - 1 + 2}  # no spread of seeds
    assert "a\\|b&lt;c" in lines[2]


def test_without_a_terminal_progress_is_plain_lines() -> None:
    out = io.StringIO()
    jobs = [Job("austen", "", "", "", "lstm-char")]
    with Live(Console(file=out, width=80)) as live:
        live.told("a sentence")
        live.fetching("fetching NLTK's gutenberg corpus", 0.5)
        live.fetching("fetching NLTK's gutenberg corpus", 1.0)
        live.watch(jobs, 0, Progress(0.5, 10, 2.3, 40_000))
        live.watch(jobs, 0, Progress(0.6, 20, 2.2, 40_000))  # too soon for another line
        live.watch(jobs, 0, row("lstm-char", 1.9))
    assert out.getvalue().splitlines() == [
        "a sentence",
        "fetching NLTK's gutenberg corpus: 50%",
        "austen lstm-char: 50% loss 2.30, 40k char/s",
        "austen lstm-char: 1.900 bits/char",
    ]


def test_in_a_terminal_a_job_has_a_live_line() -> None:
    out = io.StringIO()
    jobs = [Job("austen", "", "", "", "lstm-char")]
    with Live(Console(file=out, width=80, force_terminal=True)) as live:
        live.watch(jobs, 0, Progress(0.5, 10, 2.3, 40_000))
        live.bars.refresh()
        live.watch(jobs, 0, row("lstm-char", 1.9))
    assert "loss 2.30" in out.getvalue()


def test_csv_has_a_column_for_what_only_some_rows_have() -> None:
    found = comparison(row("a", 1.5), row("b", 1.6, model="m"))
    read = list(csv.DictReader(io.StringIO(files.as_csv(found))))
    assert [line["model"] for line in read] == ["", "m"]


def test_a_hostile_note_drives_no_live_line() -> None:
    out = io.StringIO()
    jobs = [Job("austen", "", "", "", "x:[/b]")]
    with Live(Console(file=out, width=80, force_terminal=True, color_system=None)) as live:
        live.watch(jobs, 0, Progress(0.5, note="\x1b]0;title\x07 [/red]"))
        live.bars.refresh()
    assert "\x07" not in out.getvalue()
    assert "[/red]" in out.getvalue()


def test_lists_in_a_pipe_have_tabs_and_no_more_lines_than_rows() -> None:
    out = io.StringIO()
    listing(["a", "b"], [["x\ty", "1\n2"], ["long " * 60, ""]], Console(file=out, width=80))
    facts([("name", HOSTILE)], Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert lines[:2] == ["a\tb", "x\u2409y\t1 2"]
    assert [line.count("\t") for line in lines] == [1, 1, 1, 1]
    assert "\x1b" not in out.getvalue()
