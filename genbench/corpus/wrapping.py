"""Hard line wraps: which line breaks a margin forced, and which the author meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_DASHES = ("-", "—", "–")
_BLANK = re.compile(r"(\n(?:[ \t]*\n)+)")


@dataclass(frozen=True)
class Margin:
    """The width in characters that a text was wrapped at, and how far its lines may fall short of it."""

    width: int
    slack: int

    def forced(self, line: str, following: str) -> bool:
        """Whether the line had to end here: the next line's first word would not have fitted.

        >>> Margin(20, 2).forced("She was the youngest", "of the two daughters")
        True
        >>> Margin(20, 2).forced("Yours ever,", "A. W.")
        False
        """
        return _needed(line, following) > self.width - self.slack and not self.exceeded(line)

    def early(self, line: str, following: str) -> bool:
        """Whether the line ends with a quarter of the width to spare."""
        return _needed(line, following) <= 0.75 * self.width

    def exceeded(self, line: str) -> bool:
        """Whether the line is so long that no margin of this width was applied to it."""
        return len(line) > 1.5 * self.width


def join_lines(text: str) -> str:
    r"""Prose with its hard line wraps joined: a forced break becomes a space.

    After a dash it becomes nothing, since the dashes of old books stand tight: inside the lines of NLTK's
    novels 3 of 4,900 have a space after them. Blank lines stay as they are, and so do indented lines (verse,
    letters), early breaks, and whatever was never wrapped: a paragraph where fewer than half of the breaks
    are forced, or a text that stands for more than half in far longer lines.

    >>> print(join_lines("She was the youngest\nof the two daughters\nof a father--yes--\nindeed.\n\n A. W."))
    She was the youngest of the two daughters of a father--yes--indeed.
    <BLANKLINE>
     A. W.
    """
    lines = text.split("\n")
    breaks = list(_breaks(lines))
    if not breaks:
        return text
    margin = _margin(breaks)
    if 2 * sum(len(line) for line in lines if margin.exceeded(line)) > len(text):
        return text
    pieces = _BLANK.split(text)  # a paragraph, blank lines, a paragraph, ...
    pieces[::2] = [_join_paragraph(paragraph, margin) for paragraph in pieces[::2]]
    return "".join(pieces)


def _join_paragraph(paragraph: str, margin: Margin) -> str:
    """Where most breaks are forced, all but the early ones go: the margin may be off by a word."""
    lines = paragraph.split("\n")
    pairs = list(pairwise(lines))
    forced = sum(_joinable(*pair) and margin.forced(*pair) for pair in pairs)
    if 2 * forced < len(pairs):
        return paragraph
    return "".join(line + _glue(line, following, margin) for line, following in pairs) + lines[-1]


def _glue(line: str, following: str, margin: Margin) -> str:
    if not _joinable(line, following) or margin.early(line, following) or margin.exceeded(line):
        return "\n"
    return "" if line.endswith(_DASHES) else " "


def _joinable(line: str, following: str) -> bool:
    return _inside(line, following) and not _indent(following)


def looks_like_verse(text: str) -> bool:
    """Whether the line breaks are the author's, told by the lengths of the lines alone.

    Either many lines end early (a quarter of the width to spare: under 8 % of the breaks in the prose of
    NLTK's corpus, 40 % in Whitman's verse), or paragraphs end with a full line, as in blank verse (9 of 10 in
    Milton, at most 4 of 10 in prose).
    """
    lines = text.split("\n")
    breaks = list(_breaks(lines))
    if not breaks:
        return False
    margin = _margin(breaks)
    early = sum(margin.early(*pair) for pair in breaks)
    return early > len(breaks) / 8 or _full_endings(text) > 0.7


def _full_endings(text: str) -> float:
    """The share of paragraphs whose last line is about as long as their others; 0 below five paragraphs."""
    paragraphs = [paragraph.split("\n") for paragraph in _BLANK.split(text)[::2]]
    long = [paragraph for paragraph in paragraphs if len(paragraph) >= 3]
    full = sum(len(last) >= 0.85 * sum(map(len, rest)) / len(rest) for *rest, last in long)
    return full / len(long) if len(long) >= 5 else 0.0


def _breaks(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The pairs of lines inside a paragraph; a deeper indent starts a paragraph too."""
    for line, following in pairwise(lines):
        if _inside(line, following) and _indent(following) <= _indent(line):
            yield line, following


def _margin(breaks: Sequence[tuple[str, str]]) -> Margin:
    """The margin that most breaks point to.

    Some editions fill every line, others (NLTK's Austen) balance them, so the text itself says how ragged it
    is: the slack is twice what the raggedest tenth of its lines falls short, at most a quarter of the width.
    """
    width = _quantile([len(line) for line, _ in breaks], 0.95)
    shortfall = max(1, width - _quantile([_needed(*pair) for pair in breaks], 0.1))
    return Margin(width, min(2 * shortfall, width // 4))


def _needed(line: str, following: str) -> int:
    """Characters that the line would have with the next line's first word on it."""
    return len(line) + 1 + len(following.split(maxsplit=1)[0])


def _inside(line: str, following: str) -> bool:
    return bool(line.strip() and following.strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _quantile(values: Sequence[int], share: float) -> int:
    return sorted(values)[int(share * (len(values) - 1))]
