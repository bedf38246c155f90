"""Repetition penalty: tokens by which a text goes on repeating itself become less probable with each character.

With r the characters of the longest run with which the text ends and after which the token came before, and X the
penalty, the probability of a token is divided by

    X ** max(r - 12, 0)

so any repetition ends at last: in a loop r grows, and some other token has a fixed probability. Short runs, such as the
words and phrases that every text has again and again, are free. It differs from the penalty of CTRL (Keskar et al.
2019), which lowers all tokens that occurred: those of a generator of letters have soon all occurred, and its loops go
on. As DRY (Weidmann 2024), but counted in characters, so that it means the same for letters, words and their parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FREE_CHARACTERS = 12  # of a run that is no repetition yet: two or three words


@dataclass
class Repetitions:
    """A text, and which token came after each part of it."""

    text: str = ""
    followers: dict[int, int] = field(default_factory=dict)  # the first token after so many characters

    def copy(self) -> Repetitions:
        """Return a copy that can be continued in another way."""
        return Repetitions(self.text, dict(self.followers))

    def add(self, token: int, text: str) -> None:
        """Add a token and the text that it added."""
        self.followers.setdefault(len(self.text), token)
        self.text += text

    def lengths(self) -> dict[int, int]:
        """Return the tokens by which the text would go on repeating itself, each with its r - 12.

        >>> repetitions = Repetitions()
        >>> for token, letter in enumerate("It is not so, and it is not so"):
        ...     repetitions.add(token, letter)
        >>> repetitions.lengths()  # "t is not so" has 11 characters
        {}
        >>> repetitions.add(30, ",")
        >>> repetitions.lengths()  # after "t is not so,"
        {13: 0}
        """
        end, lengths = self.text[-FREE_CHARACTERS:], dict[int, int]()
        place = self.text.find(end) + FREE_CHARACTERS
        while FREE_CHARACTERS <= place < len(self.text):
            if (token := self.followers.get(place)) is not None:
                lengths[token] = max(lengths.get(token, 0), self._run(place) - FREE_CHARACTERS)
            place = self.text.find(end, place - FREE_CHARACTERS + 1) + FREE_CHARACTERS
        return lengths

    def _run(self, place: int) -> int:
        """Return how many characters before a place are those at the end of the text."""
        # by bisection, because a run contains the shorter ones
        low, high = FREE_CHARACTERS, place
        while low < high:
            middle = (low + high + 1) // 2
            if self.text.endswith(self.text[place - middle : place]):
                low = middle
            else:
                high = middle - 1
        return low
