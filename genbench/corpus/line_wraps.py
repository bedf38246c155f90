"""Hard line wraps: tell the line breaks that a margin forced from those of the author, and join the forced ones."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_DASHES = ("-", "—", "–")
_OPENING = " \t\"'“”‘’«»„‚([_—–-…"
_BLANK_LINES = re.compile(r"(\n(?:[ \t]*\n)+)")

# limits of `has_hard_wraps`; in brackets, what the 18 books of NLTK's corpus have
MIN_WORDS = 4  # median words of a line [prose 10 to 14]
MIN_CONTINUED = 0.4  # share of lines that begin in lower case [prose 0.81 to 0.92, verse 0 to 0.15]
MIN_FITTED = 0.05  # see `_fitted_share` [filled lines 0.10 to 0.17, balanced lines and verse under 0.02]


@dataclass(frozen=True)
class Margin:
    """The width in characters at which a text was wrapped, and by how much its lines may be shorter."""

    width: int
    slack: int

    def is_forced(self, line: str, next_line: str) -> bool:
        """Return whether the line had to end here, because the next line's first word would not have fitted.

        >>> Margin(20, 2).is_forced("She was the youngest", "of the two daughters")
        True
        >>> Margin(20, 2).is_forced("Yours ever,", "A. W.")
        False
        """
        return _width_with_next_word(line, next_line) > self.width - self.slack and not self.is_exceeded(line)

    def is_early(self, line: str, next_line: str) -> bool:
        """Return whether the line ends with a quarter of the width or more to spare."""
        return _width_with_next_word(line, next_line) <= 0.75 * self.width

    def is_exceeded(self, line: str) -> bool:
        """Return whether the line is so long that it was not wrapped at this width."""
        return len(line) > 1.5 * self.width


def join_lines(text: str) -> str:
    r"""Join the hard line wraps of prose: replace each forced line break by a space.

    After a dash the break is removed without a space, since old books print dashes without spaces: in NLTK's novels, 3
    of 4,900 dashes inside a line are followed by one. Blank lines, indented lines (verse, letters) and early breaks are
    kept. So is text that was never wrapped: a paragraph in which fewer than half of the breaks are forced, and a text
    of which more than half is in far longer lines.

    >>> print(join_lines("She was the youngest\nof the two daughters\nof a father--yes--\nindeed.\n\n A. W."))
    She was the youngest of the two daughters of a father--yes--indeed.
    <BLANKLINE>
     A. W.
    """
    margin = find_margin(text)
    return text if margin is None else join_paragraphs(text, margin)


def find_margin(text: str) -> Margin | None:
    """Return the margin at which a text was wrapped; None where more than half of it is in far longer lines."""
    lines = text.split("\n")
    breaks = list(_paragraph_breaks(lines))
    if not breaks:
        return None
    margin = _estimate_margin(breaks)
    return None if 2 * sum(len(line) for line in lines if margin.is_exceeded(line)) > len(text) else margin


def join_paragraphs(text: str, margin: Margin) -> str:
    """Return a text with the line breaks joined that a margin forced."""
    # the pieces alternate between a paragraph and blank lines
    pieces = _BLANK_LINES.split(text)
    pieces[::2] = [_join_paragraph(paragraph, margin) for paragraph in pieces[::2]]
    return "".join(pieces)


def _join_paragraph(paragraph: str, margin: Margin) -> str:
    """Join all but the early breaks where most breaks are forced; the margin may be wrong by a word."""
    lines = paragraph.split("\n")
    pairs = list(pairwise(lines))

    # a paragraph with few forced breaks has line breaks of the author: a letter, a poem
    forced = sum(_is_joinable(*pair) and margin.is_forced(*pair) for pair in pairs)
    if 2 * forced < len(pairs):
        return paragraph
    return "".join(line + _separator(line, next_line, margin) for line, next_line in pairs) + lines[-1]


def _separator(line: str, next_line: str, margin: Margin) -> str:
    """Return what goes between two lines: a newline where the break is kept, else a space, or nothing after a dash."""
    if not _is_joinable(line, next_line) or margin.is_early(line, next_line) or margin.is_exceeded(line):
        return "\n"
    return "" if line.endswith(_DASHES) else " "


def _is_joinable(line: str, next_line: str) -> bool:
    return _same_paragraph(line, next_line) and not _indent(next_line)


def has_hard_wraps(text: str) -> bool:
    """Return whether a text is wrapped prose, rather than verse, a list of names or the lines of a log.

    Wrapped prose breaks sentences anywhere: most lines continue one, so they begin in lower case. In a script without
    upper case, the lengths must tell: a wrapped line is short where a long word follows it, a line of a list is not.
    """
    breaks = list(_paragraph_breaks(text.split("\n")))
    if not breaks or _quantile([len(line.split()) for line, _ in breaks], 0.5) < MIN_WORDS or looks_like_verse(text):
        return False

    # the first character of each line that follows another, after quotation marks and dashes
    starts = [line.lstrip(_OPENING)[:1] for _, line in breaks]
    lower, others = (sum(map(kind, starts)) for kind in (str.islower, lambda start: start.isupper() or start.isdigit()))
    filled, fitted = _fitted_share(breaks)
    if 2 * (lower + others) < len(breaks):
        return fitted >= MIN_FITTED

    # many lines of equal length that begin in lower case are filled whatever word follows: a log, a table
    is_regular = filled > 0.7 and fitted < MIN_FITTED / 2 and len(breaks) > 20 * len(_BLANK_LINES.split(text)[::2])
    return lower >= MIN_CONTINUED * (lower + others) and not is_regular


def _fitted_share(breaks: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Return the share of lines that the next word would have overfilled, and by how much it exceeds chance.

    By chance, the words are those that follow other lines.
    """
    margin = _estimate_margin(breaks)
    room = [margin.width - len(line) for line, _ in breaks]
    words = [len(next_line.split(maxsplit=1)[0]) for _, next_line in breaks]

    # each line with its own next word, and with all of them
    filled = sum(word >= space for word, space in zip(words, room, strict=True)) / len(breaks)
    ordered = sorted(words)
    chance = sum(len(ordered) - bisect_left(ordered, space) for space in room) / len(breaks) ** 2
    return filled, filled - chance


def looks_like_verse(text: str) -> bool:
    """Return whether the line breaks are the author's, judged by line lengths alone.

    Either many lines end early (a quarter of the width to spare: under 8 % of the breaks in the prose of NLTK's corpus,
    40 % in Whitman's verse), or paragraphs end with a full line, as in blank verse (9 of 10 in Milton, at most 4 of 10
    in prose).
    """
    breaks = list(_paragraph_breaks(text.split("\n")))
    if not breaks:
        return False

    # verse breaks lines before the margin, and the last line of a stanza is as long as the others
    margin = _estimate_margin(breaks)
    early = sum(margin.is_early(*pair) for pair in breaks)
    return early > len(breaks) / 8 or _share_of_full_endings(text) > 0.7


def _share_of_full_endings(text: str) -> float:
    """Return the share of paragraphs whose last line is about as long as the others; 0 below five paragraphs."""
    paragraphs = [paragraph.split("\n") for paragraph in _BLANK_LINES.split(text)[::2]]
    long = [paragraph for paragraph in paragraphs if len(paragraph) >= 3]
    full = sum(len(last) >= 0.85 * sum(map(len, rest)) / len(rest) for *rest, last in long)
    return full / len(long) if len(long) >= 5 else 0.0


def _paragraph_breaks(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of adjacent lines inside paragraphs; a deeper indent also starts a paragraph."""
    for line, next_line in pairwise(lines):
        if _same_paragraph(line, next_line) and _indent(next_line) <= _indent(line):
            yield line, next_line


def _estimate_margin(breaks: Sequence[tuple[str, str]]) -> Margin:
    """Estimate the margin from the line breaks.

    Some editions fill every line, others (NLTK's Austen) balance them, so the slack is estimated too: twice the
    shortfall of the shortest tenth of the lines, at most a quarter of the width.
    """
    width = _quantile([len(line) for line, _ in breaks], 0.95)
    shortfall = max(1, width - _quantile([_width_with_next_word(*pair) for pair in breaks], 0.1))
    return Margin(width, min(2 * shortfall, width // 4))


def _width_with_next_word(line: str, next_line: str) -> int:
    return len(line) + 1 + len(next_line.split(maxsplit=1)[0])


def _same_paragraph(line: str, next_line: str) -> bool:
    return bool(line.strip() and next_line.strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _quantile(values: Sequence[int], share: float) -> int:
    return sorted(values)[int(share * (len(values) - 1))]
