"""The ways in which a text may have been cut into words so far, and what each token may add to it next.

A text has one canonical encoding: words are maximal, known ones are never spelled, a separator that is implied is no
token. So a way to cut it is left as soon as the next character shows that it was not the canonical one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from genbench.generator import State
from genbench.tokenization.segmentation import gap, one_piece
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

Floats = npt.NDArray[np.float64]
HIGHEST = "\U0010ffff"
FLOOR = 1e-9  # for a character that no path leads to


@dataclass(frozen=True)
class Path:
    """One way to cut the text so far. `open` is what was read since the end of the last whole token."""

    weight: float
    state: State
    left: str  # the character before, "" where the next piece stands without a separator
    open: str = ""
    implied: bool = False  # a space was read before the open piece, as its left neighbour asks for
    spelled: bool = False  # the open piece is spelled: the state has read its letters
    token: int | None = None  # still to be read by the state
    after: tuple[str, str] | None = None  # an explicit separator: the character before it, and itself
    raw: bytes = b""  # the bytes so far of a character that is not known
    cumulative: Floats | None = field(default=None, repr=False)  # of the known pieces' probabilities, in their order


@dataclass(frozen=True)
class Begun:
    """How texts go on from a beginning: rows are places in the sorted order of all texts."""

    symbols: Ids  # (n,) that come next
    starts: Ids  # (n,) where the texts that go on with each start
    stops: Ids  # (n,) and where they stop
    exact: range  # the rows of texts that are no longer than the beginning
    high: int  # after the last row of all


class Surfaces:
    """What each token may add to the text after a character that asks for a space before words, or does not."""

    def __init__(self, tokenizer: Tokenizer, gapped: bool) -> None:
        left = "a" if gapped else ""
        letters = [(letter, BYTES + place) for place, letter in enumerate(tokenizer.letters)]
        words = [(word, tokenizer.none + 1 + place) for place, word in enumerate(tokenizer.words_known)]
        found = [(gap(left, text[0]) + text, token) for text, token in letters + words]
        spelled = [(symbol(byte, tokenizer.letters), byte) for byte in range(BYTES)]
        found += [(before + text, byte) for text, byte in spelled for before in (["", " "] if gapped else [""])]
        found = [*sorted(found), ("", tokenizer.none)]  # the last: no text begins so
        self.texts = [text for text, _ in found[:-1]]
        self.highest = HIGHEST * (1 + max(map(len, self.texts)))  # behind all that a text may go on with
        self.tokens = np.array([token for _, token in found])
        self.rows = np.empty(tokenizer.size, np.int64)  # of each token
        self.rows[self.tokens] = np.arange(len(found))
        self.symbols = dict(letters) | dict(spelled)
        self.known: dict[str, Begun] = {}

    def after(self, start: str) -> Begun:
        """How texts go on from a beginning."""
        if start not in self.known:
            low = bisect_left(self.texts, start)
            high = bisect_right(self.texts, start + self.highest, low)
            row = bisect_right(self.texts, start, low, high)
            exact, found = range(low, row), []
            while row < high:
                character = self.texts[row][len(start)]
                stop = bisect_right(self.texts, start + character + self.highest, row, high)
                found.append((self.symbols[character], row, stop))
                row = stop
            symbols, starts, stops = np.array(found, dtype=np.int64).reshape(-1, 3).T
            self.known[start] = Begun(symbols, starts, stops, exact, high)
        return self.known[start]


class Cuts:
    """What is known of a word tokenizer's canonical cuts, worked out once for each beginning that comes up."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.pieces = {piece: tokenizer.none + 1 + place for place, piece in enumerate(tokenizer.words_known)}
        self._letters = set(tokenizer.letters)
        self._surfaces = {gapped: Surfaces(tokenizer, gapped) for gapped in (False, True)}
        self._masks: dict[tuple[str, tuple[str, str] | None], Floats] = {}
        self._gapped: dict[str, bool] = {}
        self._begun: dict[tuple[str, tuple[str, str] | None], Floats] = {}

    def knows(self, text: str) -> bool:
        """Whether all characters of a text are letters of the tokenizer."""
        return self._letters.issuperset(text)

    def length(self, piece: str) -> int:
        """How many tokens a piece is."""
        spelled = sum(1 if letter in self._letters else len(letter.encode()) for letter in piece)
        return 1 if piece in self.pieces else spelled + 1

    def surfaces(self, left: str) -> Surfaces:
        """What each token may add after this character."""
        return self._surfaces[self.gapped(left)]

    def gapped(self, left: str) -> bool:
        """Whether a word after this character implies a space."""
        if left not in self._gapped:
            self._gapped[left] = gap(left, "a") == " "
        return self._gapped[left]

    def mask(self, left: str, after: tuple[str, str] | None) -> Floats:
        """Which bytes and letters may begin a piece here, (bytes and letters,)."""
        if (left, after) not in self._masks:
            self._masks[left, after] = beginning(self.tokenizer, left, after)
        return self._masks[left, after]

    def inside(self, last: str) -> Floats:
        """Which bytes and letters may go on with a piece after this character."""
        found = 1 - self.mask(last, None)
        found[:BYTES] = 1
        return found

    def share(self, left: str, after: tuple[str, str] | None) -> Floats:
        """A guess at what begins a piece here: whatever may, alike."""
        if (left, after) not in self._begun:
            weights = self.mask(left, after) * self.tokenizer.base()[: self.tokenizer.end]
            self._begun[left, after] = weights / weights.sum()
        return self._begun[left, after]


def smoothed(masses: Floats) -> Floats:
    """Log-probabilities of bytes and letters from what the paths give each, (..., bytes and letters)."""
    found = masses + np.finfo(np.float64).tiny
    found *= (1 - FLOOR) / found.sum(axis=-1, keepdims=True)
    return np.asarray(np.log(found + FLOOR / masses.shape[-1]))


def symbol(byte: int, letters: str) -> str:
    """A character that stands for a byte, as no text has it; a space that is no letter is itself: it may be implied."""
    return " " if byte == ord(" ") and " " not in letters else chr(0xDC00 + byte)


def beginning(tokenizer: Tokenizer, left: str, after: tuple[str, str] | None) -> Floats:
    """Which bytes and letters may begin a piece here: one that the piece before would not have held, nor a separator
    that is implied; 1 and 0, (bytes and letters,)."""
    mask = np.ones(tokenizer.end)
    before = after[0] if after and not after[1] else left
    for place, letter in enumerate(tokenizer.letters, start=BYTES):
        held = before and one_piece(before, letter)
        mask[place] = not (held or (after and gap(after[0], letter) == after[1]))
    return mask


def separator(left: str, piece: str) -> tuple[str, str] | None:
    """What to remember of a piece that is an explicit separator; None where it is none."""
    return (left, piece) if piece.isspace() else None


def completed(path: Path) -> Path | None:
    """A path that spells an unknown character in bytes, checked once it is whole; None where it is not canonical."""
    if not path.spelled or path.token is None or path.token >= BYTES:
        return path
    raw = path.raw + bytes([path.token])
    try:
        character = raw.decode()
    except UnicodeDecodeError:
        return replace(path, raw=raw)
    before = path.open[: -len(raw)]
    if before:
        canonical = one_piece(before[-1], character)
    else:
        canonical = (gap(path.left, character) == " ") == path.implied
        canonical &= path.implied or not path.left or not one_piece(path.left, character)
        canonical &= path.after is None or gap(path.after[0], character) != path.after[1]
        canonical &= path.after is None or bool(path.after[1]) or not one_piece(path.after[0], character)
    return replace(path, open=before + character, raw=b"") if canonical else None
