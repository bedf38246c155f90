"""Cleaning: from the bytes of a book to its text.

Removes the byte order mark, CR, licence texts, NLTK's title line, white space at line ends and the hard line wraps of
prose. All other characters stay as they are: spelling, dashes, double spaces and runs of blank lines.
"""

from __future__ import annotations

import codecs
import re

from genbench.corpus.line_wraps import join_lines, looks_like_verse
from genbench.errors import CorpusError

LINES = ("join", "keep")

_BYTE_ORDER_MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
_CONTROL_BYTES = bytes([*range(9), *range(14, 32), 127])

# Project Gutenberg's markers: the two standard ones, then those of older files
_START = re.compile(r"^\*\*\* ?START OF TH(?:E|IS) PROJECT GUTENBERG[^*]{0,300}\*\*\*[^\n]*\n?", re.M | re.I)
_END = re.compile(r"^\*\*\* ?END OF TH(?:E|IS) PROJECT GUTENBERG", re.M | re.I)
_SMALL_PRINT = re.compile(r"^\*END ?\*? ?THE SMALL PRINT[^\n]*\n?", re.M | re.I)
_CLOSING = re.compile(r"^[ \t*]*End of (?:the |this )?Project Gutenberg", re.M | re.I)

_TITLE = re.compile(r"\[(?:[^\[\]\n]{1,200} by [^\[\]\n]{1,200}|The King James Bible)\][ \t]*(?:\n|\Z)")


def require_lines(lines: str) -> None:
    """Check the value of the option `lines`. Raises CorpusError for anything but "join" and "keep"."""
    if lines not in LINES:
        raise CorpusError(f"lines is {lines!r}; choose join (hard wraps of prose are joined) or keep")


def clean(text: str, form: str | None = None, lines: str = "join") -> str:
    """Return the text of a decoded book, from its first line to its last, ending with one newline.

    `lines="join"` removes everything that is not the author's: licence, NLTK's title line, white space at line ends,
    and the hard line wraps of prose. `lines="keep"` removes only the licence and CR; figures called "raw" use it.
    `form` is "prose" or "verse"; with None it is detected by the line lengths. Raises CorpusError for another `lines`.
    """
    require_lines(lines)
    text = _trim(strip_licence(normalize_newlines(text)))
    if lines == "keep":
        return text

    # verse keeps its line breaks; in prose, hard wraps are joined
    text = _trim(strip_line_ends(strip_title(text)))
    is_verse = looks_like_verse(text) if form is None else form == "verse"
    return text if is_verse else join_lines(text)


def decode(data: bytes, encoding: str = "utf-8", name: str = "the text") -> str:
    """Decode a file as UTF-8, with or without a byte order mark; where that fails, as `encoding`.

    Raises CorpusError, with `name` as the name of the file, for binary data, UTF-16 and bytes that are not UTF-8.

    >>> decode(b"C\\xe6sar", "latin-1"), decode(b"C\\xc3\\xa6sar", "latin-1")
    ('Cæsar', 'Cæsar')
    """
    # what is not a text in an 8-bit encoding
    _refuse_utf16(data, name)
    _refuse_binary(data, name)

    # UTF-8, else the encoding of the catalogue
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if codecs.lookup(encoding).name != "utf-8":
            return data.decode(encoding)
        raise CorpusError(
            f"{name} is not UTF-8 at byte {error.start:,}; if it is Latin-1, convert it with `iconv -f latin1 -t utf-8`"
        ) from None


def _refuse_utf16(data: bytes, name: str) -> None:
    by_mark = (encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if data.startswith(mark))
    encoding = next(by_mark, None) or _detect_utf16(data)
    if encoding:
        raise CorpusError(f"{name} is {encoding}; convert it with `iconv -f {encoding.lower()} -t utf-8`")


def _detect_utf16(data: bytes) -> str | None:
    """Detect UTF-16 without a byte order mark: in English text, every other byte is NUL, always on the same side."""
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head) or min(even, odd) * 10 > max(even, odd) or not head:
        return None
    return "UTF-16LE" if odd > even else "UTF-16BE"


def _refuse_binary(data: bytes, name: str) -> None:
    controls = len(data) - len(data.translate(None, _CONTROL_BYTES))
    if b"\0" in data or controls * 50 > len(data):
        raise CorpusError(f"{name} is binary, not text; name a UTF-8 text file")


def normalize_newlines(text: str) -> str:
    r"""Replace CRLF and lone CR by LF.

    >>> normalize_newlines("one\r\ntwo\rthree\n")
    'one\ntwo\nthree\n'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def strip_licence(text: str) -> str:
    r"""Remove Project Gutenberg's header and footer.

    Everything outside the two standard markers is removed, however long it is. Older files have other markers, or only
    one of the two; these are followed only where they remove at most a fifth of the book.

    >>> strip_licence("*** START OF THE PROJECT GUTENBERG EBOOK 1 ***\nHi.\n*** END OF THE PROJECT GUTENBERG")
    'Hi.\n'
    """
    # the standard markers
    span = find_markers(text)
    if span is not None:
        text = text[slice(*span)]

    # the markers of older files
    fifth = len(text) // 5
    start, end = _find_old_header(text, fifth), _find_old_footer(text, len(text) - fifth)
    return text[start:end] if start + len(text) - end <= fifth else text


def find_markers(text: str) -> tuple[int, int] | None:
    """Return where the book starts and ends by the two standard markers; None where one is missing."""
    start = _START.search(text)
    end = _END.search(text, start.end()) if start else None
    return (start.end(), end.start()) if start and end else None


def _find_old_header(text: str, limit: int) -> int:
    """Return where the book starts: after the last header marker before `limit`."""
    positions = [match.end() for pattern in (_START, _SMALL_PRINT) for match in pattern.finditer(text, 0, limit)]
    return max(positions, default=0)


def _find_old_footer(text: str, limit: int) -> int:
    """Return where the book ends: before the first footer marker after `limit`."""
    positions = [match.start() for pattern in (_END, _CLOSING) if (match := pattern.search(text, limit))]
    return min(positions, default=len(text))


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


def _trim(text: str) -> str:
    """Remove blank lines at both ends, keep the first line's indent, and end with one newline; "" if all is blank."""
    body = text.lstrip(" \t\n")
    if not body:
        return ""
    start = text.rfind("\n", 0, len(text) - len(body)) + 1
    return text[start:].rstrip(" \t\n") + "\n"
