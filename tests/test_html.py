"""HTML pages: each is one file of limited size, and no text in it becomes markup or script."""

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations, product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pages
import pytest
from markupsafe import Markup
from rows import scored_row
from typer.testing import CliRunner

from genbench.cli.main import app
from genbench.experiments.significance import Verdict
from genbench.report import colors
from genbench.report.formatting import printable
from genbench.report.html import charts, comparison_page, rendering, surprisal_page, tables
from genbench.report.html import comparison as comparison_module
from genbench.report.html.charts import Chart, Series
from genbench.report.html.result import card_rows
from genbench.report.html.surprisal import colored_text

pytestmark = pytest.mark.slow

VOID_TAGS = {"meta", "input", "br"}


class Page(HTMLParser):
    """Parser that collects the tags, attributes and text of a page; fails if tags do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        assert not self.open

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return "".join(data for tag, data in self.texts if tag not in ("script", "style"))


@pytest.fixture(scope="module")
def complete() -> str:
    """Return the page of a comparison with every section."""
    return comparison_page(pages.complete_comparison())


@pytest.fixture(scope="module")
def hostile() -> str:
    """Return the page of a comparison full of hostile strings."""
    return comparison_page(pages.hostile_comparison())


def test_every_section_is_there(complete: str) -> None:
    parsed = Page(complete)
    ids = [attributes.get("id") for attributes in parsed.all("section")]
    assert ids == [None, None, "ranking", "learning", "samples", "memory", "authors", "places", "run"]
    results = (
        "bad failed: sums to 1.3",
        "slow",
        "lstm-word predicts austen best: 1.600 bits per character",
        "uniform 6.00",
        "ab" * 32,
    )
    for text in (*results, "genbench compare", "2026-11-25 06:00 UTC", "Linux", "100.0 seconds"):
        assert text in parsed.text, text


def test_the_section_on_style_has_its_table_and_the_accuracy_of_the_judges() -> None:
    text = Page(comparison_page(replace(pages.complete_comparison(), style=pages.judge_report()))).text
    assert "austen: samples attributed to their author, in percent" in text
    assert "LSTM judge: human test passages attributed correctly" in text


def test_sections_without_measurements_name_the_option_that_adds_them() -> None:
    samples = [replace(sample, surprisal=[], copies=[]) for sample in pages.row("austen", "markov-char", 1.7).samples]
    row = pages.row(
        "austen", "markov-char", 1.7, samples=samples, curve=[], memory=[], cross_scores={}, splits={}, style=None
    )
    text = Page(comparison_page(pages.comparison(row))).text
    for option in ("--memory", "--cross-author", "--by", "--style", "runs rerun"):
        assert option in text
    assert "It was" in text


def test_a_run_in_which_every_row_failed_has_a_page() -> None:
    text = Page(comparison_page(pages.comparison(pages.failed_row("austen", "bad", "no")))).text
    assert "bad failed: no" in text
    assert "No generator has a result for austen" in text
    assert "No samples were generated" in text


def test_the_command_line_writes_pages(tmp_path: Path) -> None:
    options = ["--length", "40", "--memory", "--html", str(tmp_path / "a")]
    compare = ["compare", "pell", "-g", "markov-char:order=2", *options]
    for arguments in (compare, ["runs", "report", "last", "--html", str(tmp_path / "b")]):
        assert CliRunner().invoke(app, arguments).exit_code == 0
    for name in ("a", "b"):
        text = Page((tmp_path / name).read_text(encoding="utf-8")).text
        assert re.search(r"markov-char needs \d\.\d{3} bits per character", text)
        assert "The Affair at Great Mumbling" in text
        assert "a chain of order n is flat" in text


def test_the_page_of_a_stopped_run_has_a_note(complete: str) -> None:
    stopped = "Stopped before everything was measured"
    assert stopped in comparison_page(replace(pages.complete_comparison(), stopped=True))
    assert stopped not in complete


def test_pages_load_nothing_and_their_policy_forbids_it(complete: str) -> None:
    for html in (complete, surprisal_page(pages.surprisal_report())):
        parsed = Page(html)
        assert not {"img", "link", "iframe", "object", "base", "image"} & {tag for tag, _ in parsed.tags}
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg\")|url\((?!#)|@import|\bimport\b", html)
        for tag, attributes in parsed.tags:
            assert not any(name.startswith("on") or name in ("style", "src") for name in attributes), (tag, attributes)
            assert (attributes.get("href") or "#").startswith("#")
        (policy,) = (attributes["content"] for attributes in parsed.all("meta") if "http-equiv" in attributes)
        assert str(policy).startswith("default-src 'none'")
        for kind in ("script", "style"):
            (content,) = (data for tag, data in parsed.texts if tag == kind)
            assert f"{kind}-src '{rendering.content_hash(content)}'" in str(policy)


def test_ids_in_a_page_are_unique_and_references_have_a_target(complete: str) -> None:
    parsed = Page(complete)
    ids = [str(attributes["id"]) for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.tags:
        references = f"{attributes.get('aria-labelledby') or ''} {(attributes.get('href') or '')[1:]}".split()
        references += re.findall(r"url\(#(.*?)\)", attributes.get("clip-path") or "")
        assert set(references) <= set(ids)


def test_charts_tables_and_switches_have_names_for_screen_readers(complete: str) -> None:
    parsed = Page(complete)
    for chart in parsed.all("svg"):
        assert chart["role"] == "img"
        assert len(str(chart["aria-labelledby"]).split()) == 2
    assert len(parsed.all("table")) == len(parsed.all("caption"))
    assert all(attributes["scope"] in ("row", "col") for attributes in parsed.all("th"))
    assert len(parsed.all("legend")) == len(parsed.all("fieldset"))


def test_no_string_becomes_markup(complete: str, hostile: str) -> None:
    plain, parsed = Page(complete), Page(hostile)
    assert {tag for tag, _ in parsed.tags} <= {tag for tag, _ in plain.tags} | {"em"}
    known = {name for _, attributes in plain.tags for name in attributes} | {"stroke-dasharray", "stroke-dashoffset"}
    assert {name for _, attributes in parsed.tags for name in attributes} <= known
    for kind in ("script", "style"):
        assert [data for tag, data in parsed.texts if tag == kind] == [data for tag, data in plain.texts if tag == kind]
    for text in ("</script><script>alert(1)</script>", "{{7*7}}", "javascript:alert(5)", '"onmouseover="alert(3)"'):
        assert text in parsed.text
    assert not set("\x00\x1b\x07\u202e\u2066\u200f\udcff\ud800") & set(hostile)
    hostile.encode()


def test_no_string_becomes_markup_on_a_page_of_surprisal() -> None:
    html = surprisal_page(pages.surprisal_report(pages.HARM, pages.HARM, (pages.HARM, "b"), pages.HARM))
    plain, parsed = Page(surprisal_page(pages.surprisal_report())), Page(html)
    assert {tag for tag, _ in parsed.tags} <= {tag for tag, _ in plain.tags}
    assert not set("\x00\x1b\u202e\udcff") & set(html)


def test_a_chart_is_one_svg_without_styles_of_its_own() -> None:
    chart = Chart("learning-0", pages.HARM, pages.HARM, "seconds", "bits", log=10)
    series = [Series(name, number, [(0.1, 3.0), (5, 2.0)], end=(9.0, 1.9)) for number, name in enumerate(pages.HOSTILE)]
    drawing = charts.lines(chart, series)
    root = ElementTree.fromstring(drawing)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "defs", "g", "path", "use", "text", "clipPath", "rect"}
    assert not any("style" in element.attrib for element in root.iter())
    assert "#f0f0" not in drawing
    assert drawing == charts.lines(chart, series)
    texts = {element.text for element in root.iter() if element.tag.endswith("}text")}
    assert {"{{7*7}}{% raw %}${7*7}", "$x^2$ $\\frac{1}{0}$ $"} <= texts


def test_a_generator_has_the_same_color_and_mark_everywhere(complete: str) -> None:
    for name, number in (("markov-char", 0), ("lstm-char", 1), ("lstm-word", 2)):
        marks = re.findall(r'series-(\d)" aria-hidden="true">(.)</span> ' + name, complete)
        assert len(marks) > 3
        assert set(marks) == {(str(number), colors.SERIES_MARKS[number])}


def test_words_have_their_bits_and_copies_are_underlined() -> None:
    html = colored_text("a <b> c d", [("a", 0.5), (" <b>", 7.04), (" c", 20.0), (" d", 1.0)], [[2, 7]], 10_000)
    assert html == (
        '<span class="w h0" data-b="0.5">a</span> <u class="copied"><span class="w h2" data-b="7.0">&lt;b&gt;</span> '
        '<span class="w h5" data-b="20.0">c</span></u> <span class="w h0" data-b="1.0">d</span>'
    )


def test_a_text_is_complete_with_and_without_bits() -> None:
    for text in (pages.TEXT, "", " ", "\n\n a ", "a b", pages.HARM):
        for surprisal in (pages.word_bits(text), [], [("other", 1.0)]):
            html = colored_text(text, surprisal, [[0, 5]], 100_000)
            visible = Markup(html).striptags() if text.strip() else ""
            assert visible.split() == Markup.escape(printable(text)).unescape().split() or not text.strip()


def test_a_text_that_is_too_long_is_cut_off_with_a_note() -> None:
    for room, copies in product(range(400, 460), ([[0, 5000]], [[0, 4]], [[n * 10, n * 10 + 4] for n in range(99)])):
        html = colored_text("word " * 1000, [], copies, room)
        assert len(html) < 700
        assert re.search(r"[\d,]+ more characters are in the JSON file", html)
        Page(html)


def test_a_large_comparison_stays_below_3_mb() -> None:
    authors = ("austen", "carroll", "melville", "milton")
    text = "Wörter und mehr — " * 300
    samples = [pages.sample(text, t, p) for t in (0.3, 0.8, 1.0) for p in ("", "It was", "He")]
    rows = [pages.row(a, f"lstm-{g}", 1.7 + g / 10, samples=samples) for a in authors for g in range(6)]
    assert 1_000_000 < len(comparison_page(pages.comparison(*rows)).encode()) < 3_000_000
    assert len(surprisal_page(pages.surprisal_report("ein Wort " * 60_000)).encode()) < 3_000_000


def test_without_room_the_last_authors_are_left_out_and_named(complete: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison_module, "MAX_PAGE_BYTES", len(complete) - 1)
    html = comparison_page(pages.complete_comparison())
    assert len(html) < len(complete)
    assert "no room for carroll: the JSON file has them" in Page(html).text


def test_several_seeds_are_one_row_in_one_color_with_all_their_samples() -> None:
    rows = [pages.row("austen", "lstm-char", 1.7 + seed / 10, seed=seed) for seed in range(3)]
    html = comparison_page(pages.comparison(*rows))
    assert "Means over 3 seeds" in Page(html).text
    assert len(re.findall('class="sample"', html)) == 12
    assert not re.search('series-[1-9]"', html)


def test_the_first_screen_says_who_won_and_shows_two_samples_and_the_author() -> None:
    html = comparison_page(pages.complete_comparison())
    first = html[html.index('class="result"') : html.index('id="ranking"')].split("</section>")[0]
    text = Page(f"<section {first}</section>").text
    assert "lstm-word predicts austen best: 1.600 bits per character" in text
    assert "unigram: characters by their frequency" in text
    assert "4.00" in text
    assert first.count('class="card"') == 2
    assert first.count('class="card own"') == 1
    assert "the author's own words" in text

    # two that are not clearly different share the first place
    noise = np.random.default_rng(0).normal(0, 90, (2, 40))
    blocks = [1700.0 + row - row.mean() + shift for row, shift in zip(noise, (0, 1), strict=True)]
    rows = [scored_row(name, blocks=row.tolist(), author="austen") for name, row in zip("ab", blocks, strict=True)]
    text = Page(comparison_page(pages.comparison(*rows))).text
    assert "a predicts austen best with 1.700 bits per character, but not clearly better than b." in text


def test_the_two_samples_are_of_a_chain_and_of_a_network() -> None:
    rows = [pages.row("austen", name, bits, steps=steps) for name, bits, steps in NETWORKS_AND_CHAIN]
    assert [row.generator for row in card_rows(rows)] == ["net", "chain"]
    assert [row.generator for row in card_rows(rows[:2])] == ["net", "net2"]


NETWORKS_AND_CHAIN = (("net", 1.5, 100), ("net2", 1.6, 100), ("chain", 1.7, None))


def test_every_pair_is_a_cell_of_a_matrix() -> None:
    def verdict(better: str, worse: str, clear: bool) -> Verdict:
        return Verdict(better, worse, 0.1, (0.0, 0.2), clear, 0.01, (0.0, 0.2))

    table = tables.pairs("x", [verdict("a", "b", True), verdict("a", "c", True), verdict("b", "c", False)], {"a": 0})
    assert table is not None
    cells = [[cell.text for cell in line.cells] for line in table.lines]
    assert cells == [["0.100", "0.100"], ["", "≈"], ["", ""]]
    assert [line.name for line in table.lines] == ["1. a", "2. b", "3. c"]
    assert tables.pairs("x", [verdict("a", "b", True)], {}) is None


def test_a_value_that_is_far_off_breaks_the_axis() -> None:
    chart = Chart("ranking-0", "", "", "bits", "")
    near = [Series(f"g{n}", n, [(1.5 + n / 10, 0.0)], [(1.4 + n / 10, 1.6 + n / 10)]) for n in range(3)]
    far = [*near, Series("far", 3, [(4.4, 0.0)], [None])]
    counts = [charts.ranking(chart, series, {"xz": 2.1}).count("<clipPath") for series in (near, far)]
    assert counts == [1, 2]  # one pair of axes, then two
    assert ">xz 2.10<" in charts.ranking(chart, far, {"xz": 2.1})


def test_categories_are_dots_with_intervals_and_lines_have_their_names() -> None:
    chart = Chart("by-0", "", "", "", "", categories=["rare", "common"])
    series = [Series("g", 0, [(0, 2.0), (1, 1.0)], [(1.9, 2.1), (0.9, 1.1)])]
    drawing = charts.dots(chart, series)
    assert drawing.count("stroke-0") >= 2  # an interval for each category
    line = charts.lines(Chart("l-0", "", "", "", ""), [*series, Series("h", 1, [(0, 2.0), (1, 1.001)])], {"xz": 1.5})
    ends = {text: float(y) for y, text in re.findall(r'y="([\d.]+)"[^>]*>(g|h|xz)<', line)}
    assert set(ends) == {"g", "h", "xz"}
    assert abs(ends["g"] - ends["h"]) > 11  # the names of two lines that end together do not touch


def test_adaptive_rows_are_ranked_apart() -> None:
    rows = [pages.row("austen", f"g{n}", 1.7 + n / 10) for n in range(12)]
    text = Page(comparison_page(pages.comparison(pages.row("austen", "a", 1.1, adaptive=True), *rows))).text
    assert "g0 predicts austen best: 1.700 bits per character" in text
    assert "a (adaptive): learns from the test text while reading it, and is ranked apart" in text
    assert not re.search(r"a \(adaptive\) ahead of|(ahead of|between|and) a \(adaptive\)", text)


def luminance(color: str) -> float:
    """Return the relative luminance of a color (WCAG 2.1)."""
    channels = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """Return the contrast ratio of two colors (WCAG 2.1)."""
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_contrast_meets_wcag_aa(theme: int) -> None:
    theme_colors = {name: pair[theme] for name, pair in colors.THEMES.items()}
    for ground in (theme_colors["paper"], theme_colors["ground"]):
        assert all(contrast(theme_colors[name], ground) >= 4.5 for name in ("ink", "faint", "link", "wrong"))
    assert all(contrast(theme_colors["ink"], pair[theme]) >= 4.5 for pair in colors.SURPRISAL)
    assert all(contrast(pair[theme], theme_colors["paper"]) >= 3 for pair in colors.SERIES)
    assert contrast(theme_colors["copy"], theme_colors["paper"]) >= 3
    levels = [luminance(pair[theme]) for pair in colors.SURPRISAL]
    assert levels == sorted(levels, reverse=theme == 0)


def test_the_first_series_differ_for_color_blind_readers_too() -> None:
    """Check the first four in normal vision, protanopia and deuteranopia (Viénot et al. 1999)."""
    protanopia = ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1))
    deuteranopia = ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1))
    normal = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    for theme, vision in product((0, 1), (protanopia, deuteranopia, normal)):
        seen = []
        for pair in colors.SERIES[:4]:
            linear = [(int(pair[theme][at : at + 2], 16) / 255) ** 2.2 for at in (1, 3, 5)]
            channels = [sum(w * x for w, x in zip(weights, linear, strict=True)) for weights in vision]
            seen.append([max(0.0, channel) ** (1 / 2.2) for channel in channels])
        for a, b in combinations(seen, 2):
            assert sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5 > 0.08


def test_a_page_of_surprisal_marks_the_largest_differences() -> None:
    text = " ".join(f"w{number}" for number in range(50)) + " extraordinarily\n\nend"
    html = surprisal_page(pages.surprisal_report(text))
    assert re.search(r'<span id="far-1" class="w h4 far least" data-b="16\.0">extraordinarily</span>', html)
    table = Page(html).text.split("The largest differences")[1]
    assert table.index("1. extraordinarily") < table.index("2. ")
    assert html.count("<td><div") == 4  # two paragraphs, two columns


def test_a_page_of_surprisal_of_one_generator_and_of_no_text() -> None:
    assert "largest differences" not in surprisal_page(pages.surprisal_report(generators=("a",)))
    assert "0 characters" in Page(surprisal_page(pages.surprisal_report(""))).text


def test_matplotlib_is_imported_for_pages_only() -> None:
    code = "import sys, genbench.cli.compare, genbench.report.export.files, genbench.report.terminal.comparison; "
    code += "assert not {'matplotlib', 'jinja2', 'markupsafe'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
