"""The pages: whole in one file, small, and nothing that a person or a generator wrote becomes markup or script."""

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations, product
from pathlib import Path
from xml.etree import ElementTree

import pages
import pytest
from markupsafe import Markup
from typer.testing import CliRunner

from genbench.cli.main import app
from genbench.report.html import charts, colours, page, reading, rendering, words
from genbench.report.html import comparison as comparing
from genbench.report.html.charts import Chart, Series

pytestmark = pytest.mark.slow

EMPTY = {"meta", "input", "br"}


class Page(HTMLParser):
    """A page as its tags, attributes and text; fails where tags do not close in order."""

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
        if tag not in EMPTY:
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
def whole() -> str:
    return page(pages.everything())


@pytest.fixture(scope="module")
def harmful() -> str:
    return page(pages.harmful())


def test_every_section_is_there(whole: str) -> None:
    found = Page(whole)
    heads = [attributes["id"] for attributes in found.all("section")]
    assert heads == ["ranking", "learning", "samples", "memory", "authors", "places", "style", "ran"]
    said = ("bad failed: sums to 1.3", "slow", "lstm-word better than markov-char by 0.100", "uniform 6.00", "ab" * 32)
    for words_of in (*said, "genbench compare", "2026-11-25 06:00 UTC", "Linux", "100.0 seconds"):
        assert words_of in found.text, words_of


def test_what_was_not_measured_is_said_with_the_option_that_adds_it() -> None:
    row = pages.row("austen", "markov-char", 1.7)
    for key in ("curve", "memory", "elsewhere", "reused", "model", "style"):
        del row[key]
    row["by"] = {}
    for each in row["samples"]:
        del each["surprisal"], each["copies"]
    text = Page(page(pages.comparison(row))).text
    for option in ("--memory", "--across", "--by", "--style", "runs rerun"):
        assert option in text
    assert "It was" in text


def test_a_run_in_which_all_failed_has_a_page() -> None:
    row = pages.row("austen", "bad", 0, status="failed", error="no", samples=[], novelty=[], bits_per_character=None)
    text = Page(page(pages.comparison(row))).text
    assert "bad failed: no" in text
    assert "No samples were drawn" in text


def test_the_command_line_writes_pages(tmp_path: Path) -> None:
    asked = [
        "compare",
        "pell",
        "-g",
        "markov-char:order=2",
        "--length",
        "40",
        "--memory",
        "--html",
        str(tmp_path / "a"),
    ]
    for words_of in (asked, ["runs", "report", "last", "--html", str(tmp_path / "b")]):
        assert CliRunner().invoke(app, words_of).exit_code == 0
    for name in ("a", "b"):
        text = Page((tmp_path / name).read_text(encoding="utf-8")).text
        assert "markov-char needs its bits" in text
        assert "The Affair at Great Mumbling" in text
        assert "a chain of order n is flat" in text


def test_a_run_that_was_stopped_says_so(whole: str) -> None:
    stopped = "Stopped before every row was done"
    assert stopped in page(replace(pages.everything(), stopped=True))
    assert stopped not in whole


def test_pages_load_nothing_and_say_so_to_the_browser(whole: str) -> None:
    for html in (whole, reading(pages.read())):
        found = Page(html)
        assert not {"img", "link", "iframe", "object", "base", "image"} & {tag for tag, _ in found.tags}
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg\")|url\((?!#)|@import|\bimport\b", html)
        for tag, attributes in found.tags:
            assert not any(name.startswith("on") or name in ("style", "src") for name in attributes), (tag, attributes)
            assert (attributes.get("href") or "#").startswith("#")
        (policy,) = (each["content"] for each in found.all("meta") if "http-equiv" in each)
        assert str(policy).startswith("default-src 'none'")
        for kind in ("script", "style"):
            (inside,) = (data for tag, data in found.texts if tag == kind)
            assert f"{kind}-src '{rendering._hash(inside)}'" in str(policy)


def test_names_in_a_page_are_its_own_and_lead_somewhere(whole: str) -> None:
    found = Page(whole)
    ids = [str(attributes["id"]) for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in found.tags:
        named = f"{attributes.get('aria-labelledby') or ''} {(attributes.get('href') or '')[1:]}".split()
        named += re.findall(r"url\(#(.*?)\)", attributes.get("clip-path") or "")
        assert set(named) <= set(ids)


def test_a_screen_reader_is_told_what_there_is(whole: str) -> None:
    found = Page(whole)
    for chart in (attributes for attributes in found.all("svg")):
        assert chart["role"] == "img"
        assert len(str(chart["aria-labelledby"]).split()) == 2
    assert len(found.all("table")) == len(found.all("caption"))
    assert all(attributes["scope"] in ("row", "col") for attributes in found.all("th"))
    assert len(found.all("legend")) == len(found.all("fieldset"))


def test_no_string_becomes_markup(harmful: str) -> None:
    plain, found = Page(page(pages.everything())), Page(harmful)
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in plain.tags} | {"em"}
    known = {name for _, each in plain.tags for name in each} | {"stroke-dasharray", "stroke-dashoffset"}
    assert {name for _, each in found.tags for name in each} <= known
    for kind in ("script", "style"):
        assert [data for tag, data in found.texts if tag == kind] == [data for tag, data in plain.texts if tag == kind]
    for strange in ("</script><script>alert(1)</script>", "{{7*7}}", "javascript:alert(5)", '"onmouseover="alert(3)"'):
        assert strange in found.text
    assert not set("\x00\x1b\x07\u202e\u2066\u200f\udcff\ud800") & set(harmful)
    harmful.encode()


def test_no_string_becomes_markup_in_a_reading() -> None:
    html = reading(pages.read(pages.HARM, pages.HARM, (pages.HARM, "b")) | {"name": pages.HARM})
    plain, found = Page(reading(pages.read())), Page(html)
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in plain.tags}
    assert not set("\x00\x1b\u202e\udcff") & set(html)


def test_a_chart_is_one_drawing_with_no_style_of_its_own() -> None:
    about = Chart("learning-0", pages.HARM, pages.HARM, "seconds", "bits", log=10)
    series = [Series(name, place, [(0.1, 3.0), (5, 2.0)], end=(9.0, 1.9)) for place, name in enumerate(pages.HOSTILE)]
    drawn = charts.lines(about, series)
    root = ElementTree.fromstring(drawn)
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "defs", "g", "path", "use", "text", "clipPath", "rect"}
    assert not any("style" in element.attrib for element in root.iter())
    assert "#f0f0" not in drawn
    assert drawn == charts.lines(about, series)
    shown = {element.text for element in root.iter() if element.tag.endswith("}text")}
    assert {"{{7*7}}{% raw %}${7*7}", "$x^2$ $\\frac{1}{0}$ $"} <= shown


def test_a_generator_has_one_colour_and_one_mark_all_through(whole: str) -> None:
    for name, place in (("markov-char", 0), ("lstm-char", 1), ("lstm-word", 2)):
        marked = re.findall(r'series-(\d)" aria-hidden="true">(.)</span> ' + name, whole)
        assert len(marked) > 3
        assert set(marked) == {(str(place), colours.MARKS[place])}


def test_words_have_their_bits_and_copies_a_line() -> None:
    html = words.coloured("a <b> c d", [["a", 0.5], [" <b>", 7.04], [" c", 20.0], [" d", 1.0]], [[2, 7]], 10_000)
    assert html == (
        '<span class="w h0" data-b="0.5">a</span> <u class="copied"><span class="w h2" data-b="7.0">&lt;b&gt;</span> '
        '<span class="w h5" data-b="20.0">c</span></u> <span class="w h0" data-b="1.0">d</span>'
    )


def test_a_text_is_whole_with_bits_and_without() -> None:
    for text in (pages.TEXT, "", " ", "\n\n a ", "a b", pages.HARM):
        for found in (pages.surprisal(text), [], None, [["other", 1.0]]):
            shown = Markup(words.coloured(text, found, [[0, 5]], 100_000)).striptags() if text.strip() else ""
            assert shown.split() == Markup.escape(words.printable(text)).unescape().split() or not text.strip()


def test_a_text_without_room_is_cut_and_that_is_said() -> None:
    for room, copies in product(range(400, 460), ([[0, 5000]], [[0, 4]], [[n * 10, n * 10 + 4] for n in range(99)])):
        html = words.coloured("word " * 1000, None, copies, room)
        assert len(html) < 700
        assert re.search(r"[\d,]+ characters more are in the JSON file", html)
        Page(html)


def test_a_large_comparison_stays_below_3_mb() -> None:
    authors = ("austen", "carroll", "melville", "milton")
    long = "Wörter und mehr — " * 300
    texts = [pages.sample(long, t, p) for t in (0.3, 0.8, 1.0) for p in ("", "It was", "He")]
    rows = [pages.row(a, f"lstm-{g}", 1.7 + g / 10, samples=texts) for a in authors for g in range(6)]
    assert 1_000_000 < len(page(pages.comparison(*rows)).encode()) < 3_000_000
    assert len(reading(pages.read("ein Wort " * 60_000)).encode()) < 3_000_000


def test_where_there_is_no_room_the_last_authors_are_left_out_and_that_is_said(
    whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "LIMIT", len(whole) - 1)
    html = page(pages.everything())
    assert len(html) < len(whole)
    assert "no room for carroll: the JSON file has them" in Page(html).text


def test_several_seeds_are_one_row_in_one_colour_and_all_their_samples_are_shown() -> None:
    rows = [pages.row("austen", "lstm-char", 1.7 + seed / 10, seed=seed) for seed in range(3)]
    html = page(pages.comparison(*rows))
    assert "Means over 3 seeds" in Page(html).text
    assert len(re.findall('class="sample"', html)) == 12
    assert not re.search('series-[1-9]"', html)


def test_what_learns_from_the_test_text_stands_apart() -> None:
    rows = [pages.row("austen", f"g{n}", 1.7 + n / 10) for n in range(12)]
    found = Page(page(pages.comparison(pages.row("austen", "a", 1.1, facts={"adaptive": True}), *rows)))
    assert "g0 needs the fewest bits: 1.700" in found.text
    assert "a (adaptive): learns from the test text as it reads, and is ranked apart" in found.text
    assert not re.search("a better than|than a ", found.text)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_contrast_is_that_of_wcag_aa(theme: int) -> None:
    at = {name: pair[theme] for name, pair in colours.PAPER.items()}
    for ground in (at["paper"], at["ground"]):
        assert all(contrast(at[name], ground) >= 4.5 for name in ("ink", "faint", "link", "wrong"))
    assert all(contrast(at["ink"], pair[theme]) >= 4.5 for pair in colours.HEAT)
    assert all(contrast(pair[theme], at["paper"]) >= 3 for pair in colours.SERIES)
    assert contrast(at["copy"], at["paper"]) >= 3
    steps = [luminance(pair[theme]) for pair in colours.HEAT]
    assert steps == sorted(steps, reverse=theme == 0)


def test_the_first_series_differ_for_every_eye() -> None:
    """Distances of the first four, as they are and to those who confuse red and green (Viénot et al. 1999)."""
    protan = ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1))
    deutan = ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1))
    seen = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    for theme in (0, 1):
        for eye in (protan, deutan, seen):
            shown = []
            for pair in colours.SERIES[:4]:
                c = [(int(pair[theme][at : at + 2], 16) / 255) ** 2.2 for at in (1, 3, 5)]
                shown.append([max(0.0, sum(w * x for w, x in zip(line, c, strict=True))) ** (1 / 2.2) for line in eye])
            for one, other in combinations(shown, 2):
                assert sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5 > 0.08


def test_a_reading_marks_where_generators_differ() -> None:
    text = " ".join(f"w{place}" for place in range(50)) + " extraordinarily\n\nend"
    html = reading(pages.read(text))
    assert re.search(r'<span id="far-1" class="w h4 far least" data-b="16\.0">extraordinarily</span>', html)
    table = Page(html).text.split("The largest differences")[1]
    assert table.index("1. extraordinarily") < table.index("2. ")
    assert html.count("<td><div") == 4  # two paragraphs, two columns


def test_a_reading_of_one_generator_and_of_nothing() -> None:
    assert "largest differences" not in reading(pages.read(names=("a",)))
    assert "0 characters" in Page(reading(pages.read(""))).text


def test_matplotlib_is_loaded_for_a_report_only() -> None:
    import subprocess

    code = "import sys, genbench.cli.compare, genbench.report.export.files, genbench.report.terminal.comparison; "
    code += "assert not {'matplotlib', 'jinja2', 'markupsafe'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
