"""Paths: the ways to split the text so far into the tokens of a word model, and the texts that each token may add.

A text has one canonical encoding: words are maximal, known words are never spelled, an implied separator has no token.
A path is dropped as soon as the next character shows that its encoding is not canonical.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from genbench.generator import State
from genbench.tokenization.segmentation import implied_separator, is_one_piece
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

Floats = npt.NDArray[np.float64]
LAST_CHARACTER = "\U0010ffff"
MIN_EXPANDED_SHARE = 1e-3  # a path less likely than this is followed by a uniform distribution
MIN_PROBABILITY = 1e-9  # total probability of the symbols that no path leads to


@dataclass(frozen=True)
class Path:
    """One way to split the text so far into tokens."""

    weight: float
    state: State
    left: str  # the last character of the last complete token, "" if no separator is implied after it
    open: str = ""  # the text since the last complete token
    implied: bool = False  # an implied space was read before the open piece
    spelled: bool = False  # the open piece is spelled: its letters are tokens
    token: int | None = None  # a token that the state has not read yet
    after: tuple[str, str] | None = None  # the last piece was an explicit separator: the character before it, and it
    raw: bytes = b""  # the bytes so far of an unknown character
    cumulative: Floats | None = field(default=None, repr=False)  # probabilities of all tokens, sorted by their texts


@dataclass(frozen=True)
class Continuations:
    """The next symbols of the token texts that start with a prefix; rows are positions in the sorted list of texts."""

    symbols: Ids  # (n,) the next symbols
    starts: Ids  # (n,) first row of the texts that continue with each symbol
    stops: Ids  # (n,) the row after the last of them
    exact: range  # the rows of texts that equal the prefix
    high: int  # the row after the last text with this prefix

    @property
    def borders(self) -> Ids:
        """All rows at which one of these ranges starts or stops, (rows,), ascending."""
        return np.unique(np.concatenate([self.starts, self.stops, np.array([*self.exact, self.exact.stop, self.high])]))


class SurfaceIndex:
    """The texts that tokens add, sorted, after a character that implies a space before words or one that does not."""

    def __init__(self, tokenizer: Tokenizer, implies_space: bool) -> None:
        left = "a" if implies_space else ""

        # the texts of letters, words and bytes
        letters = [(letter, BYTES + place) for place, letter in enumerate(tokenizer.letters)]
        words = [(word, tokenizer.none_id + 1 + place) for place, word in enumerate(tokenizer.known_words)]
        surfaces = [(implied_separator(left, text[0]) + text, token) for text, token in letters + words]
        spelled = [(symbol_text(byte, tokenizer.letters), byte) for byte in range(BYTES)]
        separators = ["", " "] if implies_space else [""]
        surfaces += [(separator + text, byte) for text, byte in spelled for separator in separators]
        surfaces = [*sorted(surfaces), ("", tokenizer.none_id)]  # NONE is last: it adds no text

        # sorted, so that the texts with a prefix are a range of rows
        self.texts = [text for text, _ in surfaces[:-1]]
        self.longest = max(map(len, self.texts))
        self.last_suffix = LAST_CHARACTER * (1 + self.longest)  # sorts after every suffix of a text
        self.tokens = np.array([token for _, token in surfaces])
        self.rows = np.empty(tokenizer.size, np.int64)  # of each token
        self.rows[self.tokens] = np.arange(len(surfaces))
        self.symbols = dict(letters) | dict(spelled)
        self._by_prefix: dict[str, Continuations] = {}

        # the rows at which the texts of another first symbol start; then NONE, the last row
        self.first, rows = self.after(""), len(surfaces)
        borders = np.concatenate([self.first.starts, self.first.stops, [rows - 1, rows]])
        self.borders, places = np.unique(borders, return_inverse=True)
        self._starts, self._stops, self._none = np.split(places, [len(self.first.symbols), 2 * len(self.first.symbols)])

    def first_masses(self, sums: Floats, symbols: int) -> tuple[Floats, float]:
        """Return the mass of each first symbol, (symbols,), and that of NONE, from the running sums at `borders`."""
        mass = np.zeros(symbols)
        mass[self.first.symbols] = sums[self._stops] - sums[self._starts]
        return mass, float(sums[self._none[1]] - sums[self._none[0]])

    def after(self, prefix: str) -> Continuations:
        """Return the next symbols of the texts that start with a prefix; cached."""
        prefix = prefix[: self.longest + 1]  # no text is longer; keeps the cache small where a word is very long
        if prefix not in self._by_prefix:
            # the rows of all texts with the prefix, and of those that equal it
            low = bisect_left(self.texts, prefix)
            high = bisect_right(self.texts, prefix + self.last_suffix, low)
            row = bisect_right(self.texts, prefix, low, high)
            exact = range(low, row)

            # a range of rows for each next symbol
            ranges = []
            while row < high:
                character = self.texts[row][len(prefix)]
                stop = bisect_right(self.texts, prefix + character + self.last_suffix, row, high)
                ranges.append((self.symbols[character], row, stop))
                row = stop
            symbols, starts, stops = np.array(ranges, dtype=np.int64).reshape(-1, 3).T
            self._by_prefix[prefix] = Continuations(symbols, starts, stops, exact, high)
        return self._by_prefix[prefix]


class WordRules:
    """The rules of a word tokenizer's canonical encoding, cached by context."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.pieces = {piece: tokenizer.none_id + 1 + place for place, piece in enumerate(tokenizer.known_words)}
        self.max_open = max(map(len, tokenizer.known_words), default=0) + 2  # with an implied space
        self._letters = set(tokenizer.letters)
        self._surfaces = {implied: SurfaceIndex(tokenizer, implied) for implied in (False, True)}
        self._masks: dict[tuple[str, tuple[str, str] | None], Floats] = {}
        self._implies_space: dict[str, bool] = {}
        self._uniform: dict[tuple[str, tuple[str, str] | None], Floats] = {}

    def has_letters(self, text: str) -> bool:
        """Return whether all characters of a text are letters of the tokenizer."""
        return self._letters.issuperset(text)

    def recent(self, opened: str) -> str:
        """Return the end of an open piece that is longer than every known one; a shorter piece whole.

        It is unknown too, and ends in the same character, so it stands for the piece: a very long word would otherwise
        take time and memory by the square of its length.
        """
        return opened[-self.max_open :]

    def token_count(self, piece: str) -> int:
        """Return the number of tokens that encode a piece."""
        spelled = sum(1 if letter in self._letters else len(letter.encode()) for letter in piece)
        return 1 if piece in self.pieces else spelled + 1

    def surfaces(self, left: str) -> SurfaceIndex:
        """Return the texts that tokens may add after this character."""
        return self._surfaces[self.implies_space(left)]

    def implies_space(self, left: str) -> bool:
        """Return whether a space is implied between this character and a word."""
        if left not in self._implies_space:
            self._implies_space[left] = implied_separator(left, "a") == " "
        return self._implies_space[left]

    def start_mask(self, left: str, after: tuple[str, str] | None) -> Floats:
        """Return 1 for bytes and letters that may start a piece here, else 0, (symbols,)."""
        if (left, after) not in self._masks:
            self._masks[left, after] = start_mask(self.tokenizer, left, after)
        return self._masks[left, after]

    def continuation_mask(self, last: str) -> Floats:
        """Return 1 for bytes and letters that may continue a piece after this character, else 0, (symbols,)."""
        mask = 1 - self.start_mask(last, None)
        mask[:BYTES] = 1
        return mask

    def uniform_start(self, left: str, after: tuple[str, str] | None) -> Floats:
        """Return a uniform distribution over the symbols that may start a piece here, (symbols,)."""
        if (left, after) not in self._uniform:
            weights = self.start_mask(left, after) * self.tokenizer.base_distribution()[: self.tokenizer.end_id]
            self._uniform[left, after] = weights / weights.sum()
        return self._uniform[left, after]


def normalized_log_probs(masses: Floats) -> Floats:
    """Return log-probabilities of the next symbol from the sum of the paths' masses, (..., symbols)."""
    # `tiny` avoids a division by zero, MIN_PROBABILITY a logarithm of zero
    probabilities = masses + np.finfo(np.float64).tiny
    probabilities *= (1 - MIN_PROBABILITY) / probabilities.sum(axis=-1, keepdims=True)
    return np.asarray(np.log(probabilities + MIN_PROBABILITY / masses.shape[-1]))


def symbol_text(byte: int, letters: str) -> str:
    """Return a lone surrogate as the text of a byte; a space that is not a letter stays a space: it may be implied."""
    return " " if byte == ord(" ") and " " not in letters else chr(0xDC00 + byte)


def start_mask(tokenizer: Tokenizer, left: str, after: tuple[str, str] | None) -> Floats:
    """Return 1 for bytes and letters that may start a piece here, else 0, (symbols,).

    A letter that would extend the piece before cannot start a new one. Neither can a letter before which the explicit
    separator would have been implied.
    """
    mask = np.ones(tokenizer.end_id)
    before = after[0] if after and not after[1] else left
    for place, letter in enumerate(tokenizer.letters, start=BYTES):
        contained = before and is_one_piece(before, letter)
        mask[place] = not (contained or (after and implied_separator(after[0], letter) == after[1]))
    return mask


def explicit_separator(left: str, piece: str) -> tuple[str, str] | None:
    """Return the character before a piece and the piece, if it is an explicit separator; else None."""
    return (left, piece) if piece.isspace() else None


def complete_bytes(path: Path) -> Path | None:
    """Join the bytes of an unknown character once it is complete; return None if the path is not canonical."""
    if not path.spelled or path.token is None or path.token >= BYTES:
        return path

    # wait for the last byte
    raw = path.raw + bytes([path.token])
    try:
        character = raw.decode()
    except UnicodeDecodeError:
        return replace(path, raw=raw)

    # inside a piece, the character must belong to it; at its start, the separators must agree
    before = path.open[: -len(raw)]
    if before:
        canonical = is_one_piece(before[-1], character)
    else:
        canonical = (implied_separator(path.left, character) == " ") == path.implied
        canonical &= path.implied or not path.left or not is_one_piece(path.left, character)
        canonical &= path.after is None or implied_separator(path.after[0], character) != path.after[1]
        canonical &= path.after is None or bool(path.after[1]) or not is_one_piece(path.after[0], character)
    return replace(path, open=before + character, raw=b"") if canonical else None
