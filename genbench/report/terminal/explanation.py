"""An explanation in the terminal: the likeliest continuations, then a table for each length of context."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from genbench.analysis.explanations import Context, Continuation, Explanation
from genbench.report.formatting import printable
from genbench.report.terminal.listings import listing

WIDEST = 40  # characters of a context in a heading


def show(explanation: Explanation, console: Console) -> None:
    """Print it."""
    console.print(Text(printable(f"after {quoted(explanation.text)}"), style="bold"))
    rows = [(quoted(each.text), f"{each.probability:.4f}") for each in explanation.likeliest]
    listing(("comes", "probability"), rows, console)
    for context in explanation.contexts:
        console.print(Text(printable(heading(context)), style="bold"), soft_wrap=not console.is_terminal)
        listing(("followed by", "count", "discount", "probability", "seen in"), list(_rows(context)), console)


def heading(context: Context) -> str:
    """What a table is about."""
    tokens = "1 token" if context.tokens == 1 else f"{context.tokens} tokens"
    text = context.text if len(context.text) <= WIDEST else "..." + context.text[-WIDEST:]
    about = f"{tokens} of context, {quoted(text)}" if context.tokens else "no context"
    return f"{about}: {context.followers:,} different continuations, {context.leftover:.1%} left to shorter contexts"


def quoted(text: str) -> str:
    """The text between quotation marks, line ends written out."""
    return f"'{text}'".replace("\n", "\\n")


def _rows(context: Context) -> Iterable[tuple[str, ...]]:
    for each in context.continuations:
        yield quoted(each.text), f"{each.count:g}", f"{each.discount:.3f}", f"{each.probability:.4f}", _seen(each)


def _seen(continuation: Continuation) -> str:
    return "; ".join(f"{title}, line {line:,}" for title, line in continuation.places)
