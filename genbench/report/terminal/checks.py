"""What the checks of the conformance kit came to, a line each."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from genbench.report.formatting import printable
from genbench.report.terminal.listings import line
from genbench.testing import Result

WORDS = {"holds": "holds", "fails": "FAILS", "expected": "fails, as said"}
STYLES = {"holds": "green", "fails": "bold red", "expected": "yellow"}


def told(result: Result, console: Console) -> None:
    """Print a result: what holds; of what does not, the example that shows it, and what to do."""
    word = WORDS[result.outcome]
    after = [("", result.example)] if result.example else []
    after += [("do: " if result.outcome == "fails" else "because: ", result.do)] if result.do else []
    if not console.is_terminal:
        line((word, result.check, result.says), console)
        for lead, text in after:
            line(("", lead + text), console)
        return
    made = Table.grid(padding=(0, 1, 0, 0))
    made.add_column(width=5)
    made.add_column()
    style = STYLES[result.outcome]
    made.add_row(Text(word, style), Text(f"{result.check}: ", "bold") + Text(result.says))
    for lead, text in after:
        made.add_row("", Text(printable(lead + text)))
    console.print(made)
