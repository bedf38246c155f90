"""How results show themselves in notebooks, as DataFrames, and with the progress bars of tqdm."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from doubles import Unigram

import genbench
from genbench.errors import UserError
from genbench.generator import Progress
from genbench.integrations.progress import TqdmListener

MARKUP = "</div><script>alert(1)</script>"


@pytest.fixture
def comparison(in_process: None) -> genbench.Comparison:
    """A comparison of two chains with two seeds, strata and samples; two rows have the curve of a network."""
    return compared()


@cache
def compared() -> genbench.Comparison:
    specs = ["markov-char:order=2", "markov-word:order=2"]
    comparison = genbench.compare("pell", specs, seeds=2, length=60, by=["newline"], keep=False)
    curve = [(0.5, 4.0), (1.5, 3.0)]
    rows = [replace(row, curve=curve if row.generator == "markov-word" else []) for row in comparison.results]
    return replace(comparison, results=rows)


@cache
def model() -> genbench.Model:
    return genbench.train("pell", "markov-char:order=2", keep=False)


class Fragment(HTMLParser):
    """The tags and the text of a fragment, which must be one element with all its tags closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        assert self.open or not self.tags, "more than one element"
        self.tags.append(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: Any) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def show(value: Any) -> Fragment:
    """Return what a notebook shows of an object."""
    return Fragment(value._repr_html_())


def test_a_comparison_shows_its_ranking_and_samples(comparison: genbench.Comparison) -> None:
    shown = show(comparison)
    best = comparison.lines("pell")[0]
    assert f"{best.bits_per_character:.3f}" in shown.text
    assert {"svg", "table", "style"} <= set(shown.tags)
    assert "script" not in shown.tags
    assert best.samples[0].text.split()[0] in shown.text
    assert "writes" in repr(comparison)


def test_the_representation_of_a_huge_comparison_is_short(comparison: genbench.Comparison) -> None:
    corpora = {f"author{number}": comparison.corpora["pell"] for number in range(50)}
    rows = [
        replace(row, author=author, seed=seed) for author in corpora for row in comparison.results for seed in (1, 2, 3)
    ]
    lines = repr(replace(comparison, corpora=corpora, results=rows)).splitlines()
    assert lines[0] == "<Comparison of 600 rows, bits per character"
    assert lines[1].endswith(", 2 more")
    assert lines[-1] == "  45 more authors>"
    assert len(lines) == 12


def test_what_is_shown_is_escaped_and_styled_apart(comparison: genbench.Comparison) -> None:
    """A title or an author cannot become markup, and no rule of the style applies outside of the fragment."""
    rows = [replace(row, author=MARKUP) for row in comparison.results]
    hostile = replace(comparison, title=MARKUP, corpora={MARKUP: comparison.corpora["pell"]}, results=rows)
    assert "script" not in show(hostile).tags
    style = comparison._repr_html_().split("<style>")[1].split("</style>")[0]
    for line in style.strip().splitlines():
        selector = line.removeprefix("@media (prefers-color-scheme: dark) {").split("{")[0]
        assert all(".genbench" in part for part in selector.split(",")), line


def test_a_failed_comparison_shows_why(comparison: genbench.Comparison) -> None:
    rows = [replace(row, bits=None, bits_per_character=None, curve=[]).failed("it burns") for row in comparison.results]
    failed = replace(comparison, results=rows)
    assert "it burns" in show(failed).text
    assert failed.plot_ranking().charts == failed.plot_learning().charts == {}


def test_models_scores_explanations_and_corpora_show_themselves() -> None:
    trained = model()
    score = trained.score("the tide is out and the boat is in")
    for value, words in (
        (trained, ("markov-char:order=2", "a sample", "not stored")),
        (score, ("bits per character", "the tide is out and the boat is in")),
        (genbench.explain(trained, "pell", "the ti"), ("followed by", "no context")),
        (genbench.corpus("pell"), ("The Affair at Great Mumbling", "apothecary")),
        (genbench.Model(Unigram()), ("Unigram",)),
    ):
        shown = show(value)
        assert all(word in shown.text for word in words), value
        assert "script" not in shown.tags


def test_representations_have_a_sample() -> None:
    trained = model()
    assert trained.write_briefly(80).split()[0] in repr(trained)
    assert "0." in repr(genbench.explain(trained, "pell", "the ti"))
    assert "apothecary" in repr(genbench.corpus("pell"))


def test_a_model_that_cannot_write_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> None:
        raise ZeroDivisionError

    trained = model()
    monkeypatch.setattr(type(trained.generator), "start", fail)
    monkeypatch.setattr(type(trained.generator), "log_probs", fail)
    assert repr(trained).endswith("trained on pell>")
    assert "a sample" not in show(trained).text


def test_plots_are_of_one_author_or_all_and_are_saved_as_svg(comparison: genbench.Comparison, tmp_path: Path) -> None:
    for plot in (comparison.plot_ranking(), comparison.plot_learning("pell")):
        assert "svg" in show(plot).tags
        root = ElementTree.parse(plot.save(tmp_path / "plot.svg")).getroot()
        assert root.tag.endswith("svg")
        assert "--ink: #" in ElementTree.tostring(root, encoding="unicode")
    both = replace(plot, charts=plot.charts | {"thorne": plot.charts["pell"]})
    with pytest.raises(UserError, match="name one author: pell, thorne"):
        both.save(tmp_path / "both.svg")
    with pytest.raises(UserError, match="no author 'pel': did you mean pell"):
        comparison.plot_ranking("pel")


def test_the_report_is_saved(comparison: genbench.Comparison, tmp_path: Path) -> None:
    assert comparison.save_html(tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


# pandas


def test_a_comparison_is_tidy_rows(comparison: genbench.Comparison) -> None:
    pandas = pytest.importorskip("pandas")
    frame = comparison.to_pandas()
    values = [row.to_dict() for row in comparison.results]
    assert list(frame.columns[:3]) == ["author", "generator", "seed"]
    for column in ("author", "generator", "spec", "seed", "bits_per_character", "train_seconds", "parameters"):
        assert frame[column].tolist() == [row[column] for row in values]
    assert not any(isinstance(value, list) for column in frame for value in frame[column])
    means = frame.groupby("generator")["bits_per_character"].mean()
    assert pandas.notna(means).all()


def test_figures_that_no_row_has_are_numbers(comparison: genbench.Comparison) -> None:
    """A text too short for intervals, or rows that failed, give NaN, of which pandas takes means, and not None."""
    pandas = pytest.importorskip("pandas")
    frame = comparison.to_pandas()
    for column in ("interval_low", "canonical_bits", "time_budget", "audit_share"):
        assert pandas.api.types.is_float_dtype(frame[column]), column
    rows = [replace(row, bits=None, bits_per_character=None).failed("it burns") for row in comparison.results]
    failed = replace(comparison, results=rows).to_pandas()
    assert failed.groupby("generator")["bits_per_character"].mean().isna().all()
    assert failed["error"].str.contains("burns").all()
    assert not frame["error"].notna().any()


def test_samples_say_how_they_were_drawn(comparison: genbench.Comparison) -> None:
    pytest.importorskip("pandas")
    samples = comparison.to_pandas("samples")
    expected = [sample.sampling["temperature"] for row in comparison.results for sample in row.samples]
    assert samples["temperature"].tolist() == expected
    assert samples["top_k"].isna().all()


def test_further_tables_add_up_to_their_rows(comparison: genbench.Comparison) -> None:
    pytest.importorskip("pandas")
    rows = comparison.to_pandas().set_index(["generator", "seed"])
    strata = comparison.to_pandas("strata").groupby(["generator", "seed"])[["bits", "characters"]].sum()
    samples = comparison.to_pandas("samples").set_index(["generator", "seed"])
    for key in rows.index:
        assert strata["bits"][key] == pytest.approx(rows["bits"][key], rel=1e-6)
        assert strata["characters"][key] == rows["characters"][key]
        assert len(samples["text"][key]) == samples["characters"][key]
    curves = comparison.to_pandas("curves")
    assert curves["seconds"].tolist() == [0.5, 1.5] * 2
    assert set(curves["generator"]) == {"markov-word"}


def test_a_table_without_lines_has_its_columns(comparison: genbench.Comparison) -> None:
    pytest.importorskip("pandas")
    frame = replace(comparison, results=[]).to_pandas("curves")
    assert list(frame.columns) == ["author", "generator", "spec", "seed", "seconds", "validation_bits_per_character"]


def test_an_unknown_table_and_missing_packages_are_one_sentence(
    comparison: genbench.Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="no table 'sampels': did you mean samples"):
        comparison.to_pandas("sampels")
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(UserError, match=r"^to_pandas needs pandas: pip install pandas$"):
        comparison.to_pandas()
    with pytest.raises(UserError, match=r"^TqdmListener needs tqdm: pip install tqdm$"):
        TqdmListener()


# progress


class Bar:
    """A double of tqdm."""

    opened: list["Bar"]
    written: list[str]

    def __init__(self, total: float, desc: str, leave: bool, bar_format: str) -> None:
        self.desc, self.n, self.postfix, self.closed = desc, 0.0, "", False
        self.opened.append(self)

    @classmethod
    def write(cls, text: str) -> None:
        cls.written.append(text)

    def set_postfix_str(self, text: str) -> None:
        self.postfix = text

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def bar() -> type[Bar]:
    """A double of tqdm that records its bars."""
    return type("Recorded", (Bar,), {"opened": [], "written": []})


def test_each_task_and_training_has_a_bar(bar: type[Bar]) -> None:
    listener = TqdmListener(bar)
    with listener.stage("reading") as progress:
        progress(0.5)
        assert (bar.opened[0].desc, bar.opened[0].n) == ("reading", 0.5)
    listener.job_progress(0, "pell lstm-char", Progress(1.0, 10, 2.0))
    assert (bar.opened[1].postfix, bar.opened[1].closed) == ("loss 2.00", False)
    listener.job_done(0, "pell lstm-char", "2.1 bits")
    listener.message("a sentence")
    assert bar.written == ["pell lstm-char: 2.1 bits", "a sentence"]
    assert all(shown.closed for shown in bar.opened)


def test_a_comparison_leaves_no_bar_open(bar: type[Bar], in_process: None) -> None:
    genbench.compare("pell", "markov-char:order=1", length=10, keep=False, listener=TqdmListener(bar))
    assert bar.opened
    assert all(shown.closed for shown in bar.opened)


def test_the_bars_are_those_of_tqdm(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    make: Callable[[], TqdmListener] = TqdmListener
    listener = make()
    listener.job_progress(0, "pell lstm-char", Progress(0.25))
    listener.job_done(0, "pell lstm-char", "2.1 bits")
    captured = capsys.readouterr()
    assert "pell lstm-char: 2.1 bits" in captured.out
    assert "pell lstm-char" in captured.err
