"""Text: the training, validation or test text that a generator receives; read it whole, by slices or in parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import final, overload

from genbench.errors import UserError
from genbench.tokenization.segmentation import LINE_START, PART_CHARACTERS
from genbench.tokenization.text_file import OVERLAP as LONGEST_MATCH
from genbench.tokenization.text_file import Pattern, Span, TextFile

PREVIEW = 40  # characters
BOOK_SEPARATOR = "\n\n"  # between the books of a text, and between the copies of a piece

Weights = Sequence[tuple[int, int]]  # the pieces of a text in their order: characters, and how often each is repeated


@final
class Text:
    """A training, validation or test text, in memory or, where it is long, in a file.

    `str(text)` is the whole text, `len(text)` its length in characters, `text[a:b]` a slice of it as `str`.
    `text.parts()` yields it piece by piece, for code that does not need all of it at once: of a text in a file, only
    what is asked for is in memory. `text.part(a, b)` is a part as a Text, which is not read.

    The training text of a sum with weights, such as `2*austen+carroll`, has repeated pieces: `text.pieces()` are the
    pieces, each once, with their weights, for generators that count.

    >>> text = Text("one two")
    >>> str(text), len(text), text[:3]
    ('one two', 7, 'one')
    """

    def __init__(self, text: str | Text | TextFile, weights: Weights = ()) -> None:
        self._text: str | TextFile = text._text if isinstance(text, Text) else text
        self.weights: Weights = weights or (text.weights if isinstance(text, Text) else ())

    def __str__(self) -> str:
        return self[:]

    def __len__(self) -> int:
        return len(self._text)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> str: ...
    def __getitem__(self, index: int | slice) -> str:
        if isinstance(self._text, str):
            return self._text[index]
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return self._text.read(start, max(start, stop)) if step == 1 else self[:][index]
        place = range(len(self))[index]  # raises IndexError
        return self._text.read(place, place + 1)

    def __contains__(self, part: str) -> bool:
        if isinstance(self._text, str) or len(part) > LONGEST_MATCH:
            return part in str(self)
        return self.search(re.compile(re.escape(part))) is not None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str | Text) or len(self) != len(other):
            return False
        blocks = zip_longest(self.blocks(), Text(other).blocks())
        return all(own == others for own, others in blocks)

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        start = self[:] if len(self) <= PREVIEW else self[: PREVIEW - 3] + "..."
        return f"<Text: {len(self):,} characters, {start!r}>"

    def __reduce__(self) -> tuple[type[Text], tuple[str, Weights]]:
        return Text, (str(self), self.weights)  # a file stays in its process

    @property
    def in_file(self) -> bool:
        """Whether the text is in a file, not in memory."""
        return not isinstance(self._text, str)

    def part(self, start: int, stop: int | None = None) -> Text:
        """Return the text from `start` to `stop`, as in a slice; that of a file is not read."""
        start, stop, _ = slice(start, stop).indices(len(self))
        return Text(self._text[start:stop] if isinstance(self._text, str) else self._text.part(start, max(start, stop)))

    def pieces(self) -> list[tuple[Text, int]]:
        r"""Return the different pieces of the text and how often each is repeated; a text without weights is one piece.

        >>> [(str(piece), weight) for piece, weight in Text("one\n\none\n\ntwo\n", ((5, 2), (4, 1))).pieces()]
        [('one\n\n', 2), ('two\n', 1)]
        """
        if not self.weights:
            return [(self, 1)]
        pieces, start = list[tuple[Text, int]](), 0
        for size, weight in self.weights:
            piece = self.part(start, start + size)
            pieces.append((piece, weight))
            start += size + (weight - 1) * (size + len(missing_newlines(piece)))
        return pieces

    def blocks(self, size: int = PART_CHARACTERS) -> Iterator[str]:
        """Yield the text in parts of exactly `size` characters, the last with what is left."""
        return (self[start : start + size] for start in range(0, len(self), size))

    def parts(self, size: int = PART_CHARACTERS, *, boundary: Pattern = LINE_START) -> Iterator[str]:
        """Yield the text in parts of at least `size` characters, each starting at the beginning of a line.

        Each ends with a match of `boundary`, if another one is given.
        """
        start = 0
        while start < len(self):
            match = self.search(boundary, start + size)
            stop = match[1] if match else len(self)
            yield self[start:stop]
            start = stop

    def search(self, pattern: Pattern, start: int = 0, stop: int | None = None) -> Span | None:
        """Return where the first match of a pattern begins and ends, from `start`, as if the text ended at `stop`.

        In a file, a match is found if it has at most a thousand characters.
        """
        stop = len(self) if stop is None else min(stop, len(self))
        if isinstance(self._text, TextFile):
            return self._text.search(pattern, start, stop)
        match = pattern.search(self._text, start, stop)
        return match.span() if match else None


def require_text(text: object, name: str = "the text") -> None:
    """Raise UserError for what is neither a str nor a Text, such as the path of a file, and for lone surrogates."""
    if not isinstance(text, str | Text):
        raise UserError(
            f"{name} is of type {type(text).__name__}, but must be a str; genbench.api.read_text reads a file"
        )
    try:
        if isinstance(text, str):
            text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{name} is not valid text at character {error.start}; give it in UTF-8") from error


def missing_newlines(text: str | Text, ending: str = BOOK_SEPARATOR) -> str:
    """Return the newlines that `text` needs to end with `ending`."""
    tail = text[-len(ending) :]
    return ending[len(tail) - len(tail.rstrip("\n")) :]


def is_surrogate(character: str) -> bool:
    """Return whether a character is half of a surrogate pair, as for a byte of a file name that is not UTF-8."""
    return "\ud800" <= character <= "\udfff"


def replace_surrogates(text: str) -> str:
    r"""Return a text that can be stored: each lone surrogate, as in a file name that is not UTF-8, as an escape.

    >>> replace_surrogates("caf\udce9")
    'caf\\udce9'
    """
    return text.encode("utf-8", "backslashreplace").decode()
