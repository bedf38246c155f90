"""The results as one page for a browser: whole in one file, with no network, and nothing in a text can become markup.

comparing.py, sections.py    what the page of a comparison shows
tables.py                    the numbers as tables
reader.py                    the page of a reading: a text, word by word, as several generators read it
charts.py, svg.py            matplotlib's drawings; made fit for a page in two themes
words.py                     a text coloured by surprisal
colours.py, rendering.py     the two themes; the one place where values become HTML
templates/                   the HTML, the CSS and the script
"""

from genbench.report.html.comparison import page
from genbench.report.html.surprisal import reading

__all__ = ["page", "reading"]
