"""What the page of a comparison says of its rows: who won, intervals, seconds, and the names of floors."""

import re
from dataclasses import replace

import pages
import pytest
from test_html import Page

from genbench.report.html import charts, comparison_page
from genbench.report.html.charts import Chart, Series
from genbench.report.html.sections import AuthorSection, generator_key

pytestmark = pytest.mark.slow


def test_a_row_in_no_verdict_did_not_win() -> None:
    rows = [
        pages.row("austen", "busy", 1.4, time_budget=30.0, core_share=0.3),
        pages.row("austen", "a", 1.6),
        pages.row("austen", "b", 1.9),
    ]
    text = Page(comparison_page(pages.comparison(*rows))).text
    assert "a predicts austen best: 1.600 bits per character" in text
    assert "though with fewer bits: busy (1.400)" in text
    text = Page(comparison_page(pages.comparison(rows[0]))).text
    assert "No verdict includes it" in text


def test_the_page_explains_intervals_only_where_there_are_some() -> None:
    for intervals in (False, True):
        rows = [pages.row("austen", name, bits) for name, bits in (("a", 1.6), ("b", 1.9))]
        if not intervals:
            rows = [replace(row, interval=None, block_bits=[]) for row in rows]
        text = Page(comparison_page(pages.comparison(*rows))).text
        assert ("95 % interval. Ahead of" in " ".join(text.split())) == intervals
    seeds = [pages.row("austen", "a", 1.6 + seed / 10, seed=seed) for seed in range(2)]
    assert "include how far the seeds differ" in Page(comparison_page(pages.comparison(*seeds))).text


def test_a_ring_is_at_the_seconds_that_the_budget_counts() -> None:
    row = pages.row("austen", "lstm-char", 1.6, train_seconds=70.0, cpu_seconds=9.0)
    chart, table = AuthorSection(pages.comparison(row), "austen", 0, {generator_key(row): 0}).learning()
    assert [cell.text for cell in table.lines[-1].cells] == ["9.0", "1.600", "test"]
    assert "<svg" in chart


def test_the_names_of_floors_are_within_the_chart_and_apart() -> None:
    chart = Chart("ranking-0", "", "", "bits", "")
    series = [Series("n" * 30, n, [(1.7 + n / 10, 0.0)], [None]) for n in range(3)]
    for floors in ({"unigram": 4.36, "xz": 2.21}, {"unigram": 2.2, "xz": 2.21}):
        drawing = charts.ranking(chart, series, floors)
        width = float(re.search(r'viewBox="0 0 ([\d.]+)', drawing)[1])  # type: ignore[index]
        places = re.findall(r'x="([\d.]+)" y="([\d.]+)"[^>]*>(unigram|xz) ', drawing)
        boxes = [(float(x) - 3.2 * (len(name) + 5), float(x) + 3.2 * (len(name) + 5), y) for x, y, name in places]
        assert len(boxes) == 2
        assert all(right < width + 4 for _, right, _ in boxes)
        (left, right, y), (other_left, other_right, other_y) = boxes
        assert y != other_y or right < other_left + 8 or other_right < left + 8
