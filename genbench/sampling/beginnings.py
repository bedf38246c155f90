"""Beginnings: how the author's paragraphs begin, for texts without a prompt.

A text without a prompt is sampled after a paragraph break, in the state in which the training text has one: the
generator reads what stands at the end of a paragraph, such as '."' and a blank line, and the text begins after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import regex

from genbench.tokenization.text import Text

READ_CHARACTERS = 2_000_000  # of the training text
MIN_BREAKS = 10  # in a text whose paragraphs are told apart
LINES_PER_PARAGRAPH = 50  # in a text with fewer blank lines, each line is a paragraph
MIN_SHARE = 0.05  # of all breaks, that an ending is kept with
DEFAULT = ".\n\n"  # of a model that was stored without its beginnings

# the end of a paragraph: its last marks, at most three, or its last letter; and the break after it
PARAGRAPH_BREAK = regex.compile(r"((?:(?<![^\w\s])[^\w\s]{1,3}|\S))[^\S\n]*\n[^\S\n]*\n\s*")
LETTER = regex.compile(r"\p{L}")
LINE_BREAK = regex.compile(r"((?:(?<![^\w\s])[^\w\s]{1,3}|\S))[^\S\n]*\n\s*")


@dataclass(frozen=True)
class Beginnings:
    """What a generator reads before a text without a prompt, and how such a text may begin.

    breaks  the ends of paragraphs, each with how often the training text has it
    small   share of its paragraphs whose first letter is a small one; 1: as the generator has it
    """

    breaks: Mapping[str, int]
    small: float = 1.0

    @classmethod
    def from_text(cls, text: str | Text) -> Beginnings:
        r"""Return the ends of the paragraphs of a training text, with the break after them.

        The rare ones are left out. Where blank lines are rare, as in lists and in verse without stanzas, each line is
        a paragraph; a text with fewer than ten lines has no beginnings.

        >>> Beginnings.from_text(9 * '"No."\n\nIt is.\n\n' + "so\n\n").breaks
        {'."\n\n': 9, '.\n\n': 9, 'o\n\n': 1}
        >>> Beginnings.from_text(12 * "bread\n").breaks, Beginnings.from_text("ACGT").breaks
        ({'d\n': 12}, {})
        """
        head = str(text[:READ_CHARACTERS])
        lines = head.count("\n")
        for pattern, blank in ((PARAGRAPH_BREAK, "\n\n"), (LINE_BREAK, "\n")):
            matches = list(pattern.finditer(head))
            if len(matches) >= max(MIN_BREAKS, lines / LINES_PER_PARAGRAPH):
                ends, least = Counter(match[1] for match in matches), MIN_SHARE * len(matches)
                kept = {end + blank: count for end, count in ends.most_common() if count >= least}
                kept = kept or {end + blank: count for end, count in ends.most_common(1)}
                return cls(kept, sum(begins_small(head, match.end()) for match in matches) / len(matches))
        return cls({})

    @classmethod
    def default(cls, letters: str | tuple[str, ...] | list[str]) -> Beginnings:
        """Return the beginnings of a model whose card has none: after a full stop and a blank line, if it has both."""
        return cls({DEFAULT: 1} if set(DEFAULT) <= set(letters) else {})

    def allows_small(self, rng: np.random.Generator) -> bool:
        """Return whether a text may begin with a small letter: as often as paragraphs of the training text do."""
        return self.small >= 1 or rng.random() < self.small

    @property
    def most_frequent(self) -> str:
        """The break that the training text has most often; "" where there are none."""
        return max(self.breaks, key=self.breaks.__getitem__, default="")

    def draw(self, rng: np.random.Generator) -> str:
        """Return one of the breaks, as often as the training text has it; "" where there are none."""
        if len(self.breaks) < 2:
            return next(iter(self.breaks), "")
        counts = np.cumsum(list(self.breaks.values()))
        return list(self.breaks)[int(counts.searchsorted(rng.random() * counts[-1], side="right"))]


def begins_small(text: str, start: int = 0) -> bool:
    """Return whether the first letter of a text, or of its rest, is a small one.

    >>> begins_small('"it is'), begins_small('"It is'), begins_small("12")
    (True, False, False)
    """
    letter = LETTER.search(text, start)
    return letter is not None and letter[0].islower()
