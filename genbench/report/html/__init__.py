"""Pages for a browser: each is one file that needs no network, and no text in it can become markup.

comparison.py   the page of a comparison
sections.py     its part about one author
tables.py       the numbers as tables
charts.py       matplotlib's charts
svg.py          a matplotlib figure as an SVG element for both themes
surprisal.py    text colored by surprisal, and the page of one text read by several generators
sweep.py        the page of a sweep
rendering.py    the one place where values become HTML
templates/      the HTML, the CSS and the script
"""

from genbench.report.html.comparison import comparison_page
from genbench.report.html.surprisal import surprisal_page

__all__ = ["comparison_page", "surprisal_page"]
