"""Text: the training, validation or test text that a generator receives; read it whole, by slices or in parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import overload

from genbench.tokenization.segmentation import PART_CHARACTERS, split_parts


class Text:
    """A training, validation or test text.

    `str(text)` is the whole text, `len(text)` its length in characters, `text[a:b]` a slice of it as `str`.
    `text.parts()` yields it piece by piece, for code that does not need all of it at once.

    >>> text = Text("one two")
    >>> str(text), len(text), text[:3]
    ('one two', 7, 'one')
    """

    def __init__(self, text: str | Text) -> None:
        self._text = str(text)

    def __str__(self) -> str:
        return self._text

    def __len__(self) -> int:
        return len(self._text)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> str: ...
    def __getitem__(self, index: int | slice) -> str:
        return self._text[index]

    def __contains__(self, part: str) -> bool:
        return part in self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str | Text) and self._text == str(other)

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        start = self._text if len(self._text) <= 40 else self._text[:37] + "..."
        return f"<Text: {len(self):,} characters, {start!r}>"

    def parts(self, size: int = PART_CHARACTERS) -> Iterator[str]:
        """Yield the text in parts of at least `size` characters, each starting at the beginning of a line."""
        return split_parts(self._text, size)


def is_surrogate(character: str) -> bool:
    """Return whether a character is half of a surrogate pair, as for a byte of a file name that is not UTF-8."""
    return "\ud800" <= character <= "\udfff"


def replace_surrogates(text: str) -> str:
    r"""Return a text that can be stored: each lone surrogate, as in a file name that is not UTF-8, as an escape.

    >>> replace_surrogates("caf\udce9")
    'caf\\udce9'
    """
    return text.encode("utf-8", "backslashreplace").decode()
