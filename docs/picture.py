"""docs/table.svg: the table of a kept run as a terminal of 80 columns shows it.

    genbench compare austen --name table && python docs/picture.py table

Nothing in the picture is fetched from a network: the letters are the reader's own monospaced ones.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from genbench import comparing
from genbench.report import terminal

COLUMNS = 80
PICTURE = Path(__file__).parent / "table.svg"
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"
PAPER, INK = (22, 24, 29), (222, 224, 228)
SIXTEEN = [
    PAPER,
    (232, 104, 92),
    (104, 200, 112),
    (226, 190, 90),
    (104, 158, 245),
    (196, 130, 220),
    (96, 196, 204),
    INK,
]
SIXTEEN += [(140, 144, 154), (255, 130, 118), (130, 224, 138), (244, 214, 120), (136, 182, 255), (220, 160, 240)]
SIXTEEN += [(126, 218, 224), (255, 255, 255)]
DARK = TerminalTheme(PAPER, INK, SIXTEEN[:8], SIXTEEN[8:])


def drawn(run: str) -> str:
    """The picture of a kept run: of its first author the heading, the table and what stands under it, as SVG."""
    found = comparing.run(run)
    author = next(iter(found.corpora))
    rows = found.ranked(author)
    console = Console(width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(f"$ genbench compare {author}\n", style="bright_black", highlight=False)
    console.print(terminal.heading(found, author), style="bold", highlight=False)
    for part in (terminal.table(found.lines(author), COLUMNS), *terminal.remarks(found, author, rows)):
        console.print(part)
    picture = console.export_svg(title="genbench", theme=DARK, unique_id="table")
    picture = re.sub(r" *<!--.*?-->\n", "", picture)
    picture = re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.DOTALL)
    return re.sub(r"font-family: (?:Fira Code|arial)[^;]*;", f"font-family: {FONTS};", picture)


if __name__ == "__main__":
    PICTURE.write_text(drawn(sys.argv[1]), encoding="utf-8")
