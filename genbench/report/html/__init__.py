"""Pages for a browser. Each is one file that needs no network, and every text in it is escaped.

comparison.py   the page of a comparison
sections.py     the part of that page about one author
film.py         what networks wrote as they learned
result.py       the first screen of that page: who won, and texts side by side
tables.py       tables of numbers
charts.py       charts, drawn with matplotlib
chart_labels.py names beside lines and points
svg.py          a matplotlib figure as an SVG element for both themes
surprisal.py    text colored by surprisal, and the page of the command surprisal
sweep.py        the page of a sweep
leaderboard.py  the page of a leaderboard
passages.py     passages and beginnings of a text in any script
playground.py   the page that holds trained models and runs them
rendering.py    filling the templates with escaped values
templates/      the HTML, the CSS and the scripts; those of the playground in a folder of their own
"""

from genbench.report.html.comparison import comparison_page
from genbench.report.html.surprisal import surprisal_page

__all__ = ["comparison_page", "surprisal_page"]
