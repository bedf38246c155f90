r"""What transcribers of Project Gutenberg added to a book: credits, marks of illustrations and of pages.

They are removed from texts with both of Project Gutenberg's markers, and from no others:

    credits         a paragraph among the first ten that begins with "Produced by", "E-text prepared by",
                    "Transcribed by", "Transcribed from" or the like; "[Transcriber's note: ...]" there too
    illustrations   "[Illustration]" and "[Illustration: ...]", up to 500 characters without a blank line or a bracket;
                    the whole line where nothing else is in it
    pages           "[Pg 12]" and "[Page xii]"
"""

from __future__ import annotations

import re
from typing import NamedTuple

HEAD_PARAGRAPHS = 10

_ILLUSTRATION = r"\[Illustrations?(?:[:.](?:(?!\n[ \t]*\n)[^\[\]]){0,500})?\]"
_ILLUSTRATIONS = re.compile(rf"^[ \t]*{_ILLUSTRATION}[ \t]*(?:\n+|\Z)|{_ILLUSTRATION}", re.M | re.I)
_PAGE = r"\[(?:Pg|Page) [0-9ivxlc]{1,5}\]"
_PAGES = re.compile(rf"^[ \t]*{_PAGE}[ \t]*(?:\n+|\Z)|{_PAGE}", re.M | re.I)
_CREDITS = re.compile(
    r"(?:this )?(?:e-?(?:text|book) )?(?:was )?(?:produced|prepared|transcribed|scanned)(?: and proofed)? (?:by|from)\b"
    r"|\[?transcriber['’]?s['’]? notes?\b",
    re.I,
)
_PARAGRAPHS = re.compile(r"(\n(?:[ \t]*\n)+)")


class Removed(NamedTuple):
    """How much of what transcribers added was removed."""

    credits: int = 0  # lines
    illustrations: int = 0  # marks
    pages: int = 0  # marks

    def plus(self, other: Removed) -> Removed:
        """Return the sums of two books, or of two parts of one."""
        return Removed(*(one + two for one, two in zip(self, other, strict=True)))

    def sentence(self) -> str:
        """Return what was removed in one sentence, "" if nothing was.

        >>> Removed(credits=2, pages=1).sentence()
        "transcribers' additions that are left out: 2 lines of credits, 1 page number"
        """
        names = ("line of credits", "mark of an illustration", "page number")
        plural = ("lines of credits", "marks of illustrations", "page numbers")
        forms = zip(self, names, plural, strict=True)
        parts = [f"{count:,} {many if count > 1 else one}" for count, one, many in forms if count]
        return f"transcribers' additions that are left out: {', '.join(parts)}" if parts else ""


def strip_transcription(text: str, is_start: bool = True) -> tuple[str, Removed]:
    r"""Return a part of a book without what its transcribers added, and how much that was.

    `is_start` says whether it is the beginning of the book, where credits are.

    >>> strip_transcription("Produced by A. B.\n\n[Illustration: A cat.]\n\nIt was [Pg 3]late.\n")
    ('It was late.\n', Removed(credits=1, illustrations=1, pages=1))
    """
    text, illustrations = _ILLUSTRATIONS.subn("", text)
    text, pages = _PAGES.subn("", text)
    if not is_start:
        return text, Removed(0, illustrations, pages)

    # the pieces alternate between a paragraph and blank lines
    pieces = _PARAGRAPHS.split(text, maxsplit=HEAD_PARAGRAPHS)
    credits = 0
    for index in range(0, 2 * HEAD_PARAGRAPHS, 2):
        if index < len(pieces) and _CREDITS.match(pieces[index].strip()):
            credits += len(pieces[index].strip().split("\n"))
            pieces[index : index + 2] = ["", ""]
    return "".join(pieces), Removed(credits, illustrations, pages)
