"""Comparisons in the terminal and as files: they fit the width, mark the best values, and neutralize hostile text."""

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pages
import pytest
from pages import STATS
from rich.cells import cell_len
from rich.console import Console
from rows import scored_row

import genbench.report
from genbench.experiments.comparison import Comparison, CorpusInfo
from genbench.experiments.row import Audit, Row, Sample
from genbench.experiments.significance import Verdict
from genbench.generator import Progress
from genbench.report.columns import COLUMNS, columns_for
from genbench.report.export import files
from genbench.report.formatting import format_decimals, format_range, printable
from genbench.report.html import comparison_page
from genbench.report.terminal.comparison import fit_columns, show_comparison
from genbench.report.terminal.live import Live
from genbench.report.terminal.tables import print_list, print_pairs

HOSTILE = "[red]x[/red] \x1b[31m|<script>\u202e\x07"
DRIVING = {"\x1b", "\x07", "\u202e"}
JOB = "austen lstm-char"


def row(generator: str, bits: float, **changes: Any) -> Row:
    """Return a row with every column of the result table, two samples, and no other measurement."""
    without = {"splits": {}, "memory": [], "cross_scores": {}, "style": None, "model": ""}
    samples = [Sample(t, "It is", f"{generator} at {t}", longest_copy=23) for t in (0.5, 1.0)]
    novelty = [pages.copy_stats(t) for t in (0.5, 1.0)]
    return pages.row("austen", generator, bits, **without | {"samples": samples, "novelty": novelty} | changes)


def comparison(*rows: Row, books: tuple[str, ...] = ("Emma",)) -> Comparison:
    """Return a comparison of one author."""
    text = CorpusInfo("0", characters=9, train=1_000_000, valid=9, test=99_999, books=list(books), lines="join")
    baselines = {"uniform": 6.0, "unigram": 4.0, "xz": 2.0}
    return Comparison(
        "1", {"austen": text}, list(rows), baselines={"austen": baselines}, held_out_text={"austen": STATS}
    )


THREE_ROWS = comparison(
    row("lstm-char", 1.9, word_perplexity=None, interval=None, notes=["slow"]),
    row("markov-char", 1.7, word_perplexity=900.5, notes=["slow"]),
    Row("austen", "bad", status="failed", error="sums to 1.3"),
)


def printed(result: Comparison, width: int, **options: Any) -> str:
    """Return the output of a comparison on a console of this width."""
    out = io.StringIO()
    show_comparison(result, Console(file=out, width=width, highlight=False, **options))
    return out.getvalue()


def test_no_figure_is_rounded_to_minus_zero() -> None:
    """Figures are printed with the option z of format strings, which turns -0.000 into 0.000."""
    rounded = re.compile(r"\{[^{}\n]*:[^{}\n]*\.(\d|\{places\})[f%]\}")
    for path in Path(genbench.report.__file__).parent.rglob("*.py"):
        for figure in rounded.finditer(path.read_text(encoding="utf-8")):
            assert re.search(r":[+]?z", figure[0]), f"{path.name}: {figure[0]}"
    assert format_decimals(-0.0004, 3) == "0.000"
    assert format_range((-0.0001, 0.1), 2) == "0.00-0.10"
    assert "-" not in Verdict("a", "b", -0.0001, (-0.0004, 0.0001), False).sentence(" bits")


@pytest.mark.parametrize("width", [60, 80, 160])
def test_names_are_not_broken_inside_a_word(width: int) -> None:
    name = "backoff_trigram.py"
    shown = printed(comparison(row(name, 1.9, options={"weight": 1}), row(name, 1.8, options={"weight": 2})), width)
    assert sum(line.split()[:1] == [name] for line in shown.splitlines()) >= 2
    assert all(cell_len(line.rstrip()) <= width for line in shown.splitlines())


@pytest.mark.parametrize("width", [60, 80, 160])
def test_every_line_fits_the_width(width: int) -> None:
    lines = printed(THREE_ROWS, width).splitlines()
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [80, 160])
def test_every_row_is_shown_best_first(width: int) -> None:
    out = printed(THREE_ROWS, width)
    assert out.index("*1.700") < out.index("1.900")
    assert "1.60-1.80" in out
    assert "bad failed: sums to 1.3" in out
    assert out.count("slow") == 1  # one note for both rows
    assert "uniform 6.00, unigram 4.00, xz 2.00" in out
    for temperature in ("0.5", "1"):
        assert f"austen at temperature {temperature}, after 'It is'" in out
    assert out.count("longest copy 23 characters") == 4
    assert "It ismarkov-char at 0.5" in out


def test_the_best_two_have_their_verdict_under_the_table() -> None:
    verdict = "markov-char ahead of lstm-char by 0.200 bits per character [0.200, 0.200]"
    assert verdict in printed(THREE_ROWS, 100)
    assert f"- {verdict}" in files.as_markdown(THREE_ROWS)


def noisy(name: str, bits: float, seed: int) -> Row:
    """Return a row whose blocks differ by chance, so that two such rows may be alike."""
    blocks = 1000 * bits + np.random.default_rng(seed).normal(0, 30, 40)
    return scored_row(name, blocks=blocks - blocks.mean() + 1000 * bits, author="austen")


def test_eleven_rows_have_a_column_of_steps_and_one_sentence_on_what_is_alike() -> None:
    # three groups, within which no two rows are clearly different
    rows = [noisy(f"g{n:02}", 1.5 + 0.3 * (n // 4) + 0.001 * n, n) for n in range(11)]
    out = printed(comparison(*rows), 80)
    steps = [line.split()[2] for line in out.splitlines() if re.match(r" g\d\d ", line)]
    assert [step if step in ("≈", "") else "clear" for step in steps[:10]] == [*"≈≈≈", "clear", *"≈≈≈", "clear", *"≈≈"]
    text = " ".join(out.split())
    assert "within: g00, g01, g02, g03; g04, g05, g06, g07; g08, g09, g10." in text
    assert text.count("no clear difference between") == 1
    assert "To next row: how many bits per character more the next row needs; ≈ no clear difference. " in text


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_only_columns_that_are_shown_are_explained_and_the_others_are_named(width: int) -> None:
    result = replace(comparison(row("a", 1.5), row("b", 1.7)), name="austen-1")
    table, _, below = printed(result, width).partition("Ranked by")
    _, shown = fit_columns(result.results, width, result.verdicts("austen"))
    headings = {column.name for column in shown} - {"to next row"}
    text = " ".join(below.split())
    hidden = re.search(r"Not shown in (\d+) columns: (.*?); genbench runs show austen-1 --csv - prints them", text)
    names = hidden[2].split(", ") if hidden else []
    assert {column.name for column in columns_for(result.results)} == set(names) | headings
    assert not set(names) & headings
    assert ("Token perplexity" in text) == ("token perpl." in headings)
    for word, mark in (("no clear difference", "≈"), ("no interval", "?")):
        assert (word in text) == (mark in table)

    # without two values none is the best, and without samples nothing is said of them
    alone = " ".join(printed(comparison(row("a", 1.5, samples=[], novelty=[])), width).split())
    assert "of its column" not in alone
    assert "Unseen:" not in alone
    assert "of its column" in text
    assert ("Self-BLEU:" in text, "Unseen: words" in text) == (False, True)


def test_columns_without_a_value_are_hidden() -> None:
    out = printed(comparison(row("a", 1.5, word_perplexity=None), row("b", 1.6, word_perplexity=None)), 200)
    assert "perpl." in out  # that of tokens
    assert "word" not in out.split("Ranked")[0]
    assert "byte" not in out.split("Ranked")[0]  # as many bytes as characters
    other = printed(comparison(row("a", 1.5, bytes=25_000, bits_per_byte=1.2)), 200)
    assert "byte" in other.split("Ranked")[0]
    assert "self-" not in out  # no sample is long enough


def test_sample_statistics_are_shown_with_held_out_text_last() -> None:
    out = printed(THREE_ROWS, 80)
    assert out.index("markov-char at 0.5") < out.index("lstm-char at 1") < out.index("held-out text")
    (line,) = [line.split() for line in out.splitlines() if line.startswith(" lstm-char at 1 ")]
    assert line[3:] == ["1", "23", "12.5", "10.0", "37.5", "100.0", "0.950"]
    assert "| lstm-char at 1 | 1 | 23 | 12.5 | 10.0 | 37.5 | 100.0 | 0.950 |" in files.as_markdown(THREE_ROWS)
    lines = list(csv.DictReader(io.StringIO(files.as_csv(THREE_ROWS))))
    assert (lines[0]["copied_share"], lines[0]["unseen_2"], lines[2]["unseen_2"]) == ("0.125", "0.375", "")


def test_a_table_that_does_not_fit_is_divided_evenly() -> None:
    stats = [replace(pages.copy_stats(1.0), self_bleu=0.123, texts=10)]
    names = ("transformer-word-of-many-layers", "lstm-char")
    rows = [row(name, bits, novelty=stats) for name, bits in zip(names, (1.5, 1.6), strict=True)]
    lines = printed(comparison(*rows), 80).splitlines()
    first, second = [line.split()[1:] for line in lines if line.startswith(" lstm-char ")][1:]
    assert abs(len(first) - len(second)) <= 1
    assert "0.123" in second


def test_rows_that_failed_or_have_a_note_for_the_same_reason_share_a_line() -> None:
    rows = [row("a", 1.5, notes=["had 37 % of a core"]), row("b", 1.6, notes=["had 9 % of a core"])]
    failed = [Row("austen", "bad", seed=seed, status="failed", error="no") for seed in (0, 1)]
    for shown in (printed(comparison(*rows, *failed), 100), comparison_page(comparison(*rows, *failed))):
        assert "all: had 9 to 37 % of a core" in shown
        assert "bad seed=0, bad seed=1 failed: no" in shown


def test_one_sentence_says_how_much_of_a_long_text_was_audited() -> None:
    rows = [row(name, bits, audit=Audit(share, 15.0)) for name, bits, share in (("a", 1.5, 0.125), ("b", 1.6, 0.3))]
    full = row("c", 1.7, audit=Audit(1.0, 9.0))
    for result, subject in ((comparison(*rows), ""), (comparison(*rows, full), " of a, b")):
        sentence = f"The audit{subject} read 12 to 30 % of the test text; --audit full reads it all."
        for shown in (printed(result, 100), files.as_markdown(result), comparison_page(result)):
            assert shown.count(sentence) == 1
    assert "The audit" not in printed(comparison(full), 100)


def test_several_seeds_are_one_line_with_their_spread() -> None:
    result = comparison(row("a", 1.599), row("a", 1.601, seed=1), row("b", 1.65))
    out = printed(result, 80)
    assert "1.599-1.601" in out
    assert "Means over 1 to 2 seeds" in out
    assert "a ahead of b by 0.050 bits" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "1.599-1.601" in files.as_markdown(result)


def test_wide_terminals_show_more_columns() -> None:
    assert "spelled" in printed(THREE_ROWS, 160)
    assert "spelled" not in printed(THREE_ROWS, 80).split("Ranked")[0]


@pytest.mark.parametrize("width", [45, 60, 70, 80, 100, 160])
def test_no_heading_or_figure_is_shortened(width: int) -> None:
    assert "…" not in printed(THREE_ROWS, width)


def test_hostile_text_is_shown_and_cannot_control_the_terminal() -> None:
    rows = [
        row(HOSTILE, 1.5, samples=[Sample(1.0, HOSTILE, HOSTILE, longest_copy=0)], notes=[HOSTILE]),
        row("x", 0, status="failed", error=HOSTILE),
    ]
    out = printed(comparison(*rows, books=(HOSTILE,)), 100)
    assert not DRIVING & set(out)
    assert "[red]x[/red]" in out


def test_notes_are_above_the_results_and_expected_results_below() -> None:
    texts = {"title": HOSTILE, "notes": "one\nparagraph " * 20, "expected": f"earlier:\n  a table {HOSTILE}"}
    out = printed(replace(THREE_ROWS, **texts), 80)
    head, _, rest = out.partition("austen: Emma")
    assert head.split("\n\n")[0] == printable(HOSTILE)
    assert "one paragraph one paragraph" in head
    assert rest.index("*1.700") < rest.index("Expected, from the machine") < rest.index("\n  a table [red]x")
    assert not DRIVING & set(out)
    assert max(map(len, out.splitlines())) <= 80
    assert printed(THREE_ROWS, 80).startswith("austen: Emma")


def test_colors_are_used_on_terminals_only() -> None:
    assert "\x1b[" in printed(THREE_ROWS, 80, force_terminal=True, color_system="standard")
    assert "\x1b[" not in printed(THREE_ROWS, 80)


def test_printable_keeps_newlines_and_drops_no_character() -> None:
    text = "a\x1b\x00\n\u202e\x7f\u00e9\U0001f600"
    assert printable(text) == "a\u241b\u2400\n\ufffd\u2421\u00e9\U0001f600"
    words = "می\u200cروم क्\u200dष \u0600۱"  # letters with joiners, a sign before a digit
    assert printable(words) == words


def test_json_can_be_read_back() -> None:
    complete = replace(pages.complete_comparison(), style=pages.judge_report())
    values = json.loads(files.as_json(complete))
    assert Comparison.from_dict(values) == complete
    assert values["verdicts"]["austen"][0]["better"] == "lstm-word"
    assert values["results"][0]["samples"][0]["surprisal"][1] == [" 0.5", 4.0]


def test_csv_has_a_line_for_each_row() -> None:
    lines = list(csv.DictReader(io.StringIO(files.as_csv(THREE_ROWS))))
    assert [line["generator"] for line in lines] == ["lstm-char", "markov-char", "bad"]
    assert (lines[1]["interval_low"], lines[1]["interval_high"]) == ("1.5999999999999999", "1.8")
    assert lines[2]["error"] == "sums to 1.3"


def test_csv_has_columns_that_only_some_rows_fill() -> None:
    result = comparison(row("a", 1.5, novelty=[]), row("b", 1.6, model="m"))
    lines = list(csv.DictReader(io.StringIO(files.as_csv(result))))
    assert [(line["model"], line["copied_share"]) for line in lines] == [("", ""), ("m", "0.125")]


@pytest.mark.slow
def test_rows_of_word_tokens_are_marked_as_upper_bounds() -> None:
    result = comparison(row("markov-char", 1.7), row("markov-word", 1.6, upper_bound=True))
    sentence = "markov-word: bits of one of several tokenizations, an upper bound."
    assert sentence in printed(result, 80)
    assert sentence in files.as_markdown(result)
    assert sentence in comparison_page(result)
    assert "upper bound" not in printed(THREE_ROWS, 80)


def test_markdown_keeps_its_columns() -> None:
    lines = [line for line in files.as_markdown(comparison(row("a|b<c", 1.5))).splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in lines[:3]} == {len(COLUMNS) - 2 + 2}  # no spread, bytes
    assert "a\\|b&lt;c" in lines[2]


def test_without_a_terminal_progress_is_plain_lines() -> None:
    out, seconds = io.StringIO(), [0.0]
    live = Live(Console(file=out, width=80))
    live.plain.clock = lambda: seconds[-1]

    def wait(duration: float) -> None:
        seconds.append(seconds[-1] + duration)
        live.plain.print_due()

    # a download that ends soon, and a job that lasts
    live.message("a sentence")
    live.download("downloading NLTK's gutenberg corpus", 0.5)
    live.download("downloading NLTK's gutenberg corpus", 1.0)
    live.job_progress(0, JOB, Progress(0.5, 10, 2.3, 40_000))
    wait(2)
    live.job_progress(0, JOB, Progress(0.6, 20, 2.2, 40_000))
    wait(9)  # too soon for another line
    wait(1)
    wait(10)  # the job has reported nothing since the last line
    live.job_progress(0, JOB, Progress(1.0, note="rereading"))
    wait(10)
    live.job_done(0, JOB, "1.900 bits/char")
    wait(10)
    assert out.getvalue().splitlines() == [
        "a sentence",
        "austen lstm-char: 50% loss 2.30, 40k char/s",
        "austen lstm-char: 60% loss 2.20, 40k char/s",
        "austen lstm-char: 60% loss 2.20, 40k char/s 22 s",
        "austen lstm-char: rereading",
        "austen lstm-char: 1.900 bits/char",
    ]


def test_in_a_terminal_a_job_has_a_live_line() -> None:
    out = io.StringIO()
    with Live(Console(file=out, width=80, force_terminal=True)) as live:
        live.job_progress(0, JOB, Progress(0.5, 10, 2.3, 40_000))
        live.bars.refresh()
        live.job_done(0, JOB, "1.900 bits/char")
    assert "loss 2.30" in out.getvalue()


def test_a_hostile_note_cannot_control_the_terminal() -> None:
    out = io.StringIO()
    with Live(Console(file=out, width=80, force_terminal=True, color_system=None)) as live:
        live.job_progress(0, "austen x:[/b]", Progress(0.5, note="\x1b]0;title\x07 [/red]"))
        live.bars.refresh()
    assert "\x07" not in out.getvalue()
    assert "[/red]" in out.getvalue()


def test_lists_in_a_pipe_have_tabs_and_one_line_for_each_row() -> None:
    out = io.StringIO()
    print_list(["a", "b"], [["x\ty", "1\n2"], ["long " * 60, ""]], Console(file=out, width=80))
    print_pairs([("name", HOSTILE)], Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert lines[:2] == ["a\tb", "x\u2409y\t1 2"]
    assert [line.count("\t") for line in lines] == [1, 1, 1, 1]
    assert "\x1b" not in out.getvalue()
