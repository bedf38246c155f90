"""Lossless tokenizers: characters and words over one scheme of ids, so that every string has a probability.

    ids            what they are
    0 .. 255       the bytes of UTF-8: the fallback for characters not in the training text
    256 ..         letters: one id for each character of the training text
    then (words)   END, which closes a word spelled in letters; NONE, "no separator here"; the known pieces

`genbench.tokenization.segmentation` defines what a piece is, and which separators are implied and have no token. A
piece seen fewer than `min_count` times is spelled, in training too, so that the spelling route is trained.
"""

from __future__ import annotations

import codecs
import tempfile
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genbench.storage.untrusted import require_kinds
from genbench.tokenization.segmentation import PART, PIECE, cut, gap, letters, parts
from genbench.tokenization.text import Text

Ids = npt.NDArray[np.int64]

BYTES = 256


class Tokenizer:
    """Text to ids and back, without loss: `decode(encode(text)) == text` for every valid Unicode string.

    Made with `Tokenizer.characters(train)` or `Tokenizer.words(train)`, or from its `dump()`.
    """

    def __init__(self, kind: Literal["characters", "words"], letters: str, words: Iterable[str] = ()) -> None:
        self.kind = kind
        self.letters = letters
        self.words_known = tuple(words)
        self.end = BYTES + len(letters)  # END; past the last id where the kind is characters
        self.none = self.end + 1
        codes = [ord(letter) for letter in letters]
        self._by_code = np.full(max(codes, default=0) + 2, -1)
        self._by_code[codes] = BYTES + np.arange(len(letters))
        self._piece_ids = {"": self.none} | {word: self.none + 1 + i for i, word in enumerate(self.words_known)}
        self._letter_ids = {letter: BYTES + i for i, letter in enumerate(letters)}

    @classmethod
    def characters(cls, text: str | Text) -> Tokenizer:
        """One id for each character that stands in `text`."""
        return cls("characters", "".join(sorted(set[str]().union(*map(letters, _parts(text))))))

    @classmethod
    def words(cls, text: str | Text, min_count: int = 2) -> Tokenizer:
        """One id for each piece that stands in `text` at least `min_count` times, most frequent first."""
        counts, there = Counter[str](), set[str]()
        for part in _parts(text):
            found = cut(part)
            times = np.repeat(np.bincount(found.rows, minlength=len(found.first) - 1), np.diff(found.first))
            for piece, number in zip(found.pieces, times.tolist(), strict=True):
                counts[piece] += number
            there |= set(letters(part))
        kept = sorted((p for p, n in counts.items() if n >= min_count and p), key=lambda p: (-counts[p], p))
        return cls("words", "".join(sorted(there)), kept)

    @property
    def size(self) -> int:
        """How many ids there are: the vocabulary."""
        return self.end if self.kind == "characters" else self.none + 1 + len(self.words_known)

    def encode(self, text: str | Text) -> Ids:
        """The one canonical encoding of a text, (tokens,)."""
        return self.spans(str(text))[0]

    def stream(self, text: str | Text) -> Ids:
        """The ids of a newline, of which nothing is predicted, and of a text, (tokens,).

        Those of a long text are 32 bits wide and stand in a file of no name, mapped into memory.
        """
        before = self.encode("\n")
        if len(text) <= PART:
            return np.concatenate([before, self.encode(text)])
        with tempfile.TemporaryFile() as file:
            before.astype(np.int32).tofile(file)
            for part in _parts(text):
                self.encode(part).astype(np.int32).tofile(file)
            file.flush()
            found: Ids = np.memmap(file, np.int32, mode="c")
        return found

    def spans(self, text: str) -> tuple[Ids, Ids]:
        """The ids of a text and, for each, how many characters of the text are read once it is read.

        >>> tokenizer = Tokenizer.words("a b a b", min_count=2)
        >>> ids, ends = tokenizer.spans("a b")
        >>> len(ids), ends.tolist()
        (2, [1, 3])
        """
        return self._spell_all(text) if self.kind == "characters" else self._words(text)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of a sequence of ids; bytes that are no UTF-8 become U+FFFD."""
        decoder = Decoder(self)
        return "".join([decoder.feed(int(i)) for i in ids]) + decoder.flush()

    def piece(self, token: int) -> str:
        """The text of a known piece's id."""
        return "" if token == self.none else self.words_known[token - self.none - 1]

    def spelled(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """Which tokens are spent on spelling what is not in the vocabulary, (tokens,)."""
        return ids < BYTES if self.kind == "characters" else ids <= self.end

    def drawable(self) -> npt.NDArray[np.bool_]:
        """Which ids may be drawn, (vocabulary,): all but the fallback bytes."""
        mask = np.arange(self.size) >= BYTES
        return mask if mask.any() else ~mask

    def base(self) -> npt.NDArray[np.float64]:
        """A first guess, (vocabulary,): every token alike, the 256 bytes together as one of them."""
        weights = np.ones(self.size)
        weights[:BYTES] = 1 / BYTES
        return np.asarray(weights / weights.sum())

    def resume(self, prompt: str) -> tuple[Ids, str]:
        """Where to go on from a prompt: the ids of its whole pieces, and the rest that the next tokens must agree with.

        A last piece that holds an unknown character is spelled and left open instead, with nothing to agree with.
        """
        if self.kind == "characters":
            return self.encode(prompt), ""
        solid = [match for match in PIECE.finditer(prompt) if not match.group().isspace()]
        if not prompt or prompt[-1].isspace():
            cut = solid[-1].end() if solid else 0
        else:
            cut = solid[-2].end() if len(solid) > 1 else 0
        if set(prompt[cut:]) <= set(self.letters):
            return self.encode(prompt[:cut]), prompt[cut:]
        ids = self.encode(prompt)
        return (ids[:-1] if ids[-1] == self.end else ids), ""

    def dump(self) -> dict[str, Any]:
        """What makes the same tokenizer again, as JSON values."""
        return {"kind": self.kind, "letters": self.letters, "words": list(self.words_known)}

    @classmethod
    def restore(cls, dumped: dict[str, Any]) -> Tokenizer:
        """The tokenizer of a `dump()`; ValueError where it is none."""
        require_kinds(dumped, {"kind": (str,), "letters": (str,), "words": (list,)})
        kind, letters, words = dumped["kind"], dumped["letters"], dumped["words"]
        right = kind in ("characters", "words") and all(isinstance(word, str) and word for word in words)
        right = right and len(set(letters)) == len(letters) and len(set(words)) == len(words)
        if not right or (words and kind == "characters"):
            raise ValueError("no tokenizer: a kind that is not known, or letters or words that are none or stand twice")
        "".join([letters, *words]).encode()  # refuses half characters
        return cls(kind, letters, words)

    def _spell_all(self, text: str) -> tuple[Ids, Ids]:
        codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
        found = self._by_code[np.minimum(codes, len(self._by_code) - 1)]
        known = found >= 0
        if known.all():
            return found, np.arange(1, len(codes) + 1)
        lengths = np.array([1 if k else len(c.encode()) for c, k in zip(text, known, strict=True)])
        ids = np.repeat(found, lengths)
        ids[np.repeat(~known, lengths)] = list("".join(c for c, k in zip(text, known, strict=True) if not k).encode())
        last = np.zeros(len(ids), np.int64)
        last[np.cumsum(lengths) - 1] = 1
        return ids, np.cumsum(last)

    def _words(self, text: str) -> tuple[Ids, Ids]:
        found = cut(text)
        ids, ends, first = self._tokens(found.pieces, found.ends.tolist())
        begins = first[found.first]  # of the tokens of each part
        sizes = np.diff(begins)[found.rows]
        places = np.arange(sizes.sum()) + np.repeat(begins[found.rows] - np.cumsum(sizes) + sizes, sizes)
        return ids[places], ends[places] + np.repeat(found.starts, sizes)

    def _tokens(self, pieces: list[str], stops: list[int]) -> tuple[Ids, Ids, Ids]:
        """The ids of some pieces, where each ends, and where those of each piece begin, (pieces + 1,)."""
        ids: list[int] = []
        ends: list[int] = []
        first = [0]
        for piece, stop in zip(pieces, stops, strict=True):
            known = self._piece_ids.get(piece)
            if known is not None:
                ids.append(known)
            else:
                ids += self._spelling(piece, stop - len(piece), ends)
            ends.append(stop)
            first.append(len(ids))
        return np.array(ids, np.int64), np.array(ends, np.int64), np.array(first)

    def _spelling(self, piece: str, place: int, ends: list[int]) -> list[int]:
        """The letters and bytes of a piece that begins at a place, and END; where each but END ends goes to `ends`."""
        ids = []
        for letter in piece:
            known = self._letter_ids.get(letter)
            read = [known] if known is not None else list(letter.encode())
            ids += read
            ends += [place] * (len(read) - 1)
            place += 1
            ends.append(place)
        return [*ids, self.end]


def _parts(text: str | Text) -> Iterable[str]:
    return text.parts() if isinstance(text, Text) else parts(text)


class Decoder:
    """Ids to text, one at a time: UTF-8 is never torn, and what is implied is put back."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.last = ""  # the character before, "" where the next piece stands without a separator
        self.spelling = False
        self._utf8: codecs.IncrementalDecoder | None = None  # while a character comes in bytes

    def copy(self) -> Decoder:
        """One that stands at the same place, for trying a token out; no character is incomplete there."""
        other = Decoder(self.tokenizer)
        other.last, other.spelling = self.last, self.spelling
        return other

    def feed(self, token: int) -> str:
        """The text that this token adds; "" while a character is incomplete."""
        if token < BYTES:
            self._utf8 = self._utf8 or codecs.getincrementaldecoder("utf-8")("replace")
            return self._letters(self._utf8.decode(bytes([token])))
        head = self.flush()
        if token < self.tokenizer.end:
            return head + self._letters(self.tokenizer.letters[token - BYTES])
        self.spelling = False
        if token == self.tokenizer.end:
            return head
        piece = self.tokenizer.piece(token)
        added = gap(self.last, piece[0]) + piece if piece else ""
        self.last = piece[-1:]
        return head + added

    def flush(self) -> str:
        """What is left of an incomplete character: U+FFFD, or nothing."""
        left, self._utf8 = self._utf8.decode(b"", final=True) if self._utf8 else "", None
        return self._letters(left)

    def surfaces(self) -> list[str]:
        """What each id from 256 on would add here, (vocabulary - 256,): the rule of `feed` for all of them at once."""
        tokenizer, last = self.tokenizer, self.last
        letters = [self._before(letter) + letter for letter in tokenizer.letters]
        if tokenizer.kind == "characters":
            return letters
        return [*letters, "", "", *(gap(last, word[0]) + word for word in tokenizer.words_known)]

    def _before(self, letter: str) -> str:
        return "" if self.spelling or self.tokenizer.kind == "characters" else gap(self.last, letter)

    def _letters(self, text: str) -> str:
        if not text:
            return ""
        before, self.spelling, self.last = self._before(text[0]), True, text[-1]
        return before + text
