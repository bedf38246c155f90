"""From the bytes of a book to its text: encoding, newlines, licence, title line, hard line wraps.

Everything here is a pure function and changes nothing but what its name says. What is left of the book keeps
every character: its spelling, its dashes, its double spaces and its runs of blank lines.
"""

from __future__ import annotations

import codecs
import re

from genbench.corpus.wrapping import join_lines, looks_like_verse
from genbench.errors import CorpusError

LINES = ("join", "keep")

_BOMS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_CONTROL = bytes([*range(9), *range(14, 32), 127])
_START = re.compile(r"^\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG[^*]{0,300}\*\*\*[^\n]*\n?", re.M | re.I)
_END = re.compile(r"^\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG", re.M | re.I)
_SMALL_PRINT = re.compile(r"^\*END ?\*? ?THE SMALL PRINT[^\n]*\n?", re.M | re.I)
_CLOSING = re.compile(r"^[ \t*]*End of (?:the |this )?Project Gutenberg", re.M | re.I)
_TITLE = re.compile(r"\[(?:[^\[\]\n]{1,200} by [^\[\]\n]{1,200}|The King James Bible)\][ \t]*(?:\n|\Z)")


def clean(text: str, form: str | None = None, lines: str = "join") -> str:
    """The text of a decoded book: from its first line to its last, ending with one newline.

    `lines="join"` removes all that is not the author's: licence, NLTK's title line, white space at line ends,
    and the hard line wraps of prose. `lines="keep"` removes the licence and CR alone, which is what figures
    called "raw" mean. `form` is "prose" or "verse"; None tells by the line lengths. Raises CorpusError for
    another `lines`.
    """
    if lines not in LINES:
        raise CorpusError(f"lines is {lines!r}; choose join (hard wraps of prose are joined) or keep")
    text = _trim(strip_licence(newlines(text)))
    if lines == "keep":
        return text
    text = _trim(strip_line_ends(strip_title(text)))
    verse = looks_like_verse(text) if form is None else form == "verse"
    return text if verse else join_lines(text)


def decode(data: bytes, encoding: str = "utf-8", name: str = "the text") -> str:
    """The characters of a file: UTF-8, with or without a byte order mark, else in `encoding`.

    Raises CorpusError, which calls the file `name`, for binary data, UTF-16 and bytes that are not UTF-8.

    >>> decode(b"C\\xe6sar", "latin-1"), decode(b"C\\xc3\\xa6sar", "latin-1")
    ('Cæsar', 'Cæsar')
    """
    _refuse_wide(data, name)
    _refuse_binary(data, name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if codecs.lookup(encoding).name != "utf-8":
            return data.decode(encoding)
        raise CorpusError(
            f"{name} is not UTF-8 at byte {error.start:,}; if it is Latin-1, convert it with `iconv -f latin1 -t utf-8`"
        ) from None


def _refuse_wide(data: bytes, name: str) -> None:
    marked = (kind for bom, kind in _BOMS.items() if data.startswith(bom))
    wide = next(marked, None) or _wide_without_mark(data)
    if wide:
        raise CorpusError(f"{name} is {wide}; convert it with `iconv -f {wide.lower()} -t utf-8`")


def _wide_without_mark(data: bytes) -> str | None:
    """English in UTF-16 has a NUL for every other byte, on the same side throughout."""
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head) or min(even, odd) * 10 > max(even, odd) or not head:
        return None
    return "UTF-16LE" if odd > even else "UTF-16BE"


def _refuse_binary(data: bytes, name: str) -> None:
    controls = len(data) - len(data.translate(None, _CONTROL))
    if b"\0" in data or controls * 50 > len(data):
        raise CorpusError(f"{name} is binary, not text; name a UTF-8 text file")


def newlines(text: str) -> str:
    r"""CRLF and lone CR become LF.

    >>> newlines("one\r\ntwo\rthree\n")
    'one\ntwo\nthree\n'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def strip_licence(text: str) -> str:
    r"""The text without Project Gutenberg's header and tail.

    What stands outside the two standard markers goes, however long it is. Older files have other marks, or
    one of the two; those are believed only where all that they would remove is at most a fifth of the book.

    >>> strip_licence("*** START OF THE PROJECT GUTENBERG EBOOK 1 ***\nHi.\n*** END OF THE PROJECT GUTENBERG")
    'Hi.\n'
    """
    text = _between_markers(text)
    fifth = len(text) // 5
    head, tail = _head(text, fifth), _tail(text, len(text) - fifth)
    return text[head:tail] if head + len(text) - tail <= fifth else text


def markers(text: str) -> tuple[int, int] | None:
    """Where the book begins and ends by the two standard markers; None where one is missing."""
    start = _START.search(text)
    end = _END.search(text, start.end()) if start else None
    return (start.end(), end.start()) if start and end else None


def _between_markers(text: str) -> str:
    found = markers(text)
    return text[slice(*found)] if found else text


def _head(text: str, limit: int) -> int:
    """Where the book begins: after the last header mark before `limit`."""
    marks = [mark.end() for pattern in (_START, _SMALL_PRINT) for mark in pattern.finditer(text, 0, limit)]
    return max(marks, default=0)


def _tail(text: str, limit: int) -> int:
    """Where the book ends: before the first tail mark after `limit`."""
    marks = [mark.start() for pattern in (_END, _CLOSING) if (mark := pattern.search(text, limit))]
    return min(marks, default=len(text))


def strip_title(text: str) -> str:
    r"""The text without the line that NLTK put first.

    >>> strip_title("[Emma by Jane Austen 1816]\n\nVOLUME I\n")
    '\nVOLUME I\n'
    """
    title = _TITLE.match(text)
    return text[title.end() :] if title else text


def strip_line_ends(text: str) -> str:
    r"""No spaces or tabs before a newline.

    >>> strip_line_ends("With loss of Eden, \n \n  till one greater Man\n")
    'With loss of Eden,\n\n  till one greater Man\n'
    """
    return "\n".join(line.rstrip(" \t") for line in text.split("\n"))


def _trim(text: str) -> str:
    """No blank lines at either end, one newline last, the first line's indent kept; "" if all is blank."""
    body = text.lstrip(" \t\n")
    if not body:
        return ""
    start = text.rfind("\n", 0, len(text) - len(body)) + 1
    return text[start:].rstrip(" \t\n") + "\n"
