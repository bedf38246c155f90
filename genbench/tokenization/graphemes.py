"""Grapheme clusters, the letters that a reader sees: a letter with its combining marks, an emoji with its joiners.

Unicode Standard Annex 29. genbench counts code points; clusters decide where a text may be cut or wrapped.
"""

from __future__ import annotations

import regex

LONGEST = 32  # code points of a cluster that count: a letter and its marks, 30 in a stream-safe text (UAX 15)
_CLUSTER = regex.compile(r"\X")
_JOINED = regex.compile(r"[^\p{GCB=Other}\p{GCB=Control}\p{GCB=LF}\p{GCB=CR}]")  # code points that join with others


def has_clusters(characters: str) -> bool:
    r"""Return whether texts of these characters may have clusters of several.

    >>> has_clusters("abc\n"), has_clusters("abc\u0301")
    (False, True)
    """
    return _JOINED.search(characters) is not None


def joins(before: str, after: str) -> bool:
    r"""Return whether a text continues the last cluster of the text before it.

    >>> joins("cafe", "\u0301s"), joins("cafe\u0301", "s"), joins("", "\u0301")
    (True, False, False)
    """
    if not before or not after:
        return False
    last = _CLUSTER.findall(before[-LONGEST:])[-1]
    return len(_CLUSTER.match(last + after[0]).group()) > len(last)


def split_last(text: str) -> tuple[str, str]:
    r"""Return a text without its last cluster, and that cluster.

    >>> split_last("ne\u0301") == ("n", "e\u0301"), split_last("")
    (True, ('', ''))
    """
    last = _CLUSTER.findall(text)[-1] if text else ""
    return text[: len(text) - len(last)], last


def cut_end(text: str, length: int) -> str:
    r"""Return the first characters of a text, at most `length`; no cluster is cut.

    >>> cut_end("cafe\u0301s", 4), cut_end("cafe\u0301s", 5) == "cafe\u0301", cut_end("short", 99)
    ('caf', True, 'short')
    """
    return text if len(text) <= length else split_last(text[: length + 1])[0]


def cut_start(text: str, length: int) -> str:
    r"""Return the last characters of a text, at most `length`; no cluster is cut.

    >>> cut_start("cafe\u0301s", 2), cut_start("cafe\u0301s", 3) == "e\u0301s"
    ('s', True)
    """
    start = max(len(text) - length, 0)
    while joins(text[:start][-LONGEST:], text[start:]):
        start += 1
    return text[start:]
