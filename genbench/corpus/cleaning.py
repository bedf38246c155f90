"""Cleaning: from the bytes of a book to its text.

Removes the byte order mark, CR, licence texts, what Project Gutenberg's transcribers added, NLTK's title line, white
space at line ends and the hard line wraps of prose. All other characters stay as they are: spelling, dashes, double
spaces and runs of blank lines.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from genbench.corpus.line_wraps import has_hard_wraps, join_lines
from genbench.corpus.transcription import Removed, strip_transcription
from genbench.errors import CorpusError
from genbench.tokenization.text import Text
from genbench.tokenization.text_file import Span

LINES = ("join", "keep")

# Project Gutenberg's markers: the two standard ones, the second as a whole line, then those of older files
_START = re.compile(r"^\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG[^*]{0,300}\*\*\*[^\n]*\n?", re.M | re.I)
_END = re.compile(r"^\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG", re.M | re.I)
_WHOLE_END = re.compile(r"^\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG EBOOK[^*]{0,300}\*\*\*[ \t]*$", re.M | re.I)
_SMALL_PRINT = re.compile(r"^\*END ?\*? ?THE SMALL PRINT[^\n]*\n?", re.M | re.I)
_CLOSING = re.compile(r"^[ \t*]*End of (?:the |this )?Project Gutenberg", re.M | re.I)

_NOT_BLANK = re.compile(r"\S")
_TITLE = re.compile(r"\[(?:[^\[\]\n]{1,200} by [^\[\]\n]{1,200}|The King James Bible)\][ \t]*(?:\n|\Z)")


def require_lines(lines: str) -> None:
    """Check the value of the option `lines`. Raises CorpusError for anything but "join" and "keep"."""
    if lines not in LINES:
        raise CorpusError(f"lines is {lines!r}; choose join (hard wraps of prose are joined) or keep")


class Cleaned(NamedTuple):
    """A cleaned text, and what was changed."""

    text: str
    joined: int = 0  # line breaks, as hard wraps of prose
    licence: int = 0  # lines that were removed as Project Gutenberg's licence, without blank ones
    end_mark_only: bool = False  # whether these are what follows an end mark without a start mark
    removed: Removed = Removed()  # what transcribers had added


def clean(text: str, form: str | None = None, lines: str = "join") -> str:
    """Return the text of a decoded book; see `clean_book`."""
    return clean_book(text, form, lines).text


def clean_book(text: str, form: str | None = None, lines: str = "join") -> Cleaned:
    """Return the text of a decoded book, from its first line to its last, ending with one newline.

    `lines="join"` removes everything that is not the author's: licence, transcribers' additions, NLTK's title line,
    white space at line ends, and the hard line wraps of prose. `lines="keep"` removes only the licence and CR; figures
    called "raw" use it. `form` is "prose" or "verse"; with None it is detected by `has_hard_wraps`. Raises CorpusError
    for another `lines`.
    """
    require_lines(lines)
    whole = normalize_newlines(text)
    stripped = strip_licence(whole)
    licence = _count_lines(whole) - _count_lines(stripped) if stripped != whole else 0
    is_marked = find_markers(whole) is not None
    changes = (licence, bool(licence) and whole.startswith(stripped) and not is_marked)
    text = _trim(stripped)
    if lines == "keep":
        return Cleaned(text, 0, *changes)

    # what transcribers added, in Project Gutenberg's books alone
    removed = Removed()
    if is_marked:
        text, removed = strip_transcription(text)

    # verse and lists keep their line breaks; in prose, hard wraps are joined
    text = _trim(strip_line_ends(strip_title(text)))
    wrapped = has_hard_wraps(text) if form is None else form == "prose"
    joined = join_lines(text) if wrapped else text
    return Cleaned(joined, text.count("\n") - joined.count("\n"), *changes, removed)


def normalize_newlines(text: str) -> str:
    r"""Replace CRLF and lone CR by LF.

    >>> normalize_newlines("one\r\ntwo\rthree\n")
    'one\ntwo\nthree\n'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def strip_licence(text: str) -> str:
    r"""Remove Project Gutenberg's header and footer.

    Everything outside the two standard markers is removed, however long it is; so is everything after the second alone,
    where it is a whole line. Older files have other markers, or only one of the two; these are followed only where they
    remove at most a fifth of the book.

    >>> strip_licence("*** START OF THE PROJECT GUTENBERG EBOOK 1 ***\nHi.\n*** END OF THE PROJECT GUTENBERG")
    'Hi.\n'
    """
    return text[slice(*find_book(Text(text)))]


def find_book(text: Text) -> Span:
    """Return where the book starts and ends in a text, as `strip_licence` has it."""
    # the standard markers, or the second alone
    start, stop = 0, len(text)
    span = find_markers(text)
    if span is not None:
        start, stop = span
    elif (footer := text.search(_WHOLE_END)) and not is_blank(text.part(0, footer[0])):
        stop = footer[0]

    # the markers of older files
    book = text.part(start, stop)
    fifth = len(book) // 5
    header, end = _find_old_header(book, fifth), _find_old_footer(book, len(book) - fifth)
    return (start + header, start + end) if header + len(book) - end <= fifth else (start, stop)


def is_blank(text: Text) -> bool:
    """Return whether a text has nothing but white space."""
    return text.search(_NOT_BLANK) is None


def find_markers(text: str | Text) -> Span | None:
    """Return where the book starts and ends by the two standard markers; None where one is missing."""
    text = Text(text)
    start = text.search(_START)
    end = text.search(_END, start[1]) if start else None
    return (start[1], end[0]) if start and end else None


def _find_old_header(text: Text, limit: int) -> int:
    """Return where the book starts: after the last header marker before `limit`."""
    position = 0
    for pattern in (_START, _SMALL_PRINT):
        place = 0
        while match := text.search(pattern, place, limit):
            place = match[1]
        position = max(position, place)
    return position


def _find_old_footer(text: Text, limit: int) -> int:
    """Return where the book ends: before the first footer marker after `limit`."""
    return min((match[0] for pattern in (_END, _CLOSING) if (match := text.search(pattern, limit))), default=len(text))


def strip_title(text: str) -> str:
    r"""Remove the title line of NLTK's files.

    >>> strip_title("[Emma by Jane Austen 1816]\n\nVOLUME I\n")
    '\nVOLUME I\n'
    """
    title = _TITLE.match(text)
    return text[title.end() :] if title else text


def strip_line_ends(text: str) -> str:
    r"""Remove spaces and tabs before newlines.

    >>> strip_line_ends("With loss of Eden, \n \n  till one greater Man\n")
    'With loss of Eden,\n\n  till one greater Man\n'
    """
    return "\n".join(line.rstrip(" \t") for line in text.split("\n"))


def _count_lines(text: str) -> int:
    """Return the number of lines that are not blank."""
    return sum(not line.isspace() and line != "" for line in text.split("\n"))


def _trim(text: str) -> str:
    """Remove blank lines at both ends, keep the first line's indent, and end with one newline; "" if all is blank."""
    body = text.lstrip(" \t\n")
    if not body:
        return ""
    start = text.rfind("\n", 0, len(text) - len(body)) + 1
    return text[start:].rstrip(" \t\n") + "\n"
