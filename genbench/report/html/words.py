"""A text as HTML: each word on the colour of its surprisal with its bits beside it, what is copied underlined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from genbench.analysis.surprisal import apart
from genbench.analysis.surprisal import pieces as cut
from genbench.report.formatting import printable
from genbench.report.heat import legend as legend
from genbench.report.heat import step

Pieces = Sequence[Sequence[Any]]  # a word with the white space before it, and its bits or None
WORD = Markup('<span class="{}" data-b="{}">{}</span>')
NAMED = Markup('<span id="{}" class="{}" data-b="{}">{}</span>')

LEFT = Markup('<em class="left-out"> … {} characters more are in the JSON file</em>')


def coloured(text: str, surprisal: Pieces | None, copies: Sequence[Sequence[int]] | None, room: int) -> Markup:
    """A text in at most so many bytes of HTML; what has no room is left out, and that is said.

    `surprisal` is empty where it was not measured, or where its pieces are not the text. `copies` are [start, end) in
    the text; a word is copied if its first letter is.
    """
    pieces: Pieces = surprisal or []
    if "".join(piece for piece, _ in pieces) != text:
        pieces = [[piece, None] for piece in cut(text)]
    parts: list[Markup] = []
    size, at, inside = 0, 0, False
    for piece, bits in pieces:
        blank, letters = apart(piece)
        copied = _within(at + len(blank), copies or ())
        made = _blank(blank, inside and not copied) + _open(copied and not inside) + word(letters, bits)
        size += len(made.encode())
        if size > room:
            parts.append(LEFT.format(f"{len(text) - at:,}"))
            break
        parts.append(made)
        at, inside = at + len(piece), copied
    return Markup("").join([*parts, Markup("</u>") if inside else Markup("")])


def _within(place: int, copies: Sequence[Sequence[int]]) -> bool:
    return any(start <= place < end for start, end in copies)


def _open(wanted: bool) -> Markup:
    return Markup('<u class="copied">') if wanted else Markup("")


def _blank(blank: str, closing: bool) -> Markup:
    return (Markup("</u>") if closing else Markup("")) + escape(printable(blank))


def word(text: str, bits: float | None, kind: str = "", name: str = "") -> Markup:
    """One word, which can be pointed at if its bits are known; `kind` is one more class of it, `name` its name."""
    shown = escape(printable(text))
    if bits is None or not text:
        return shown
    classes = f"w h{step(bits)} {kind}".strip()
    return NAMED.format(name, classes, f"{bits:.1f}", shown) if name else WORD.format(classes, f"{bits:.1f}", shown)
