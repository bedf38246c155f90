"""Lossless tokenizers over characters, words or subwords, with one scheme of ids in which every string can be encoded.

    ids            meaning
    0 .. 255       the bytes of UTF-8: the fallback for characters that the training text does not contain
    256 ..         letters: one id for each character of the training text
    then (words)   END, which closes a word spelled in letters; NONE, "no separator here"; the known words
    or (subwords)  frequent parts of words: see `genbench.tokenization.subwords`

`genbench.tokenization.segmentation` defines what a piece is, and which separators are implied and have no token. A
piece that occurs fewer than `min_count` times is spelled, also in the training text, so that models learn to spell.

    text             so so rare             tokenizer trained on this text with min_count=2
    ids in words     so  so  r  a  r  e  END
"""

from __future__ import annotations

import codecs
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genbench.tokenization.segmentation import (
    PART_CHARACTERS,
    PIECE,
    distinct_characters,
    implied_separator,
    segment,
    split_parts,
)
from genbench.tokenization.text import Text

Ids = npt.NDArray[np.int64]
Kind = Literal["characters", "words", "subwords"]

BYTES = 256  # ids of the fallback bytes: 0 to 255
MAX_REST = 64  # characters at the end of a prompt with which the next tokens must agree

_RESTORERS: dict[str, Callable[[str, dict[str, Any]], Tokenizer]] = {}  # of the kinds in other modules


class Tokenizer:
    """Convert text to ids and back without loss: `decode(encode(text)) == text` for every valid Unicode string.

    Create one with `Tokenizer.characters(train)`, `Tokenizer.words(train)`, `SubwordTokenizer.train(train, size)` or
    `Tokenizer.restore(dumped)`.
    """

    def __init__(self, kind: Kind, letters: str, words: Iterable[str] = ()) -> None:
        self.kind = kind
        self.letters = letters
        self.known_words = tuple(words)
        self.end_id = BYTES + len(letters)  # END; in a tokenizer of another kind, one past the last letter
        self.none_id = self.end_id + 1
        self.longest_piece = max(map(len, self.known_words), default=0)  # characters

        # tables: id by code point, by piece and by letter
        codes = [ord(letter) for letter in letters]
        self._id_by_code = np.full(max(codes, default=0) + 2, -1)
        self._id_by_code[codes] = BYTES + np.arange(len(letters))
        self._piece_ids = {"": self.none_id} | {word: self.none_id + 1 + i for i, word in enumerate(self.known_words)}
        self._letter_ids = {letter: BYTES + i for i, letter in enumerate(letters)}

    @classmethod
    def characters(cls, text: str | Text) -> Tokenizer:
        """Return a tokenizer with one id for each character in `text`."""
        parts = distinct_parts(text, whole_pieces=False)
        return cls("characters", "".join(sorted(set[str]().union(*map(distinct_characters, parts)))))

    @classmethod
    def words(cls, text: str | Text, min_count: int = 2) -> Tokenizer:
        """Return a tokenizer with an id for each piece that occurs at least `min_count` times, frequent ones first."""
        counts, letters = Counter[str](), set[str]()
        for part in distinct_parts(text):
            # count each distinct chunk of the part once, times its frequency
            segmentation = segment(part)
            frequencies = np.bincount(segmentation.chunks, minlength=len(segmentation.offsets) - 1)
            times = np.repeat(frequencies, np.diff(segmentation.offsets))
            for piece, number in zip(segmentation.pieces, times.tolist(), strict=True):
                counts[piece] += number
            letters |= set(distinct_characters(part))

        # equally frequent pieces in alphabetical order, so that the ids are reproducible
        frequent = (piece for piece, number in counts.items() if number >= min_count and piece)
        return cls("words", "".join(sorted(letters)), sorted(frequent, key=lambda piece: (-counts[piece], piece)))

    @property
    def size(self) -> int:
        """The number of ids: the size of the vocabulary."""
        return self.end_id if self.kind == "characters" else self.none_id + 1 + len(self.known_words)

    def encode(self, text: str | Text) -> Ids:
        """Return the canonical encoding of a text, (tokens,)."""
        return self.encode_with_ends(str(text))[0]

    def encode_with_ends(self, text: str) -> tuple[Ids, Ids]:
        """Return the ids of a text, (tokens,), and the number of characters read after each id, (tokens,).

        >>> tokenizer = Tokenizer.words("a b a b", min_count=2)
        >>> ids, ends = tokenizer.encode_with_ends("a b")
        >>> len(ids), ends.tolist()
        (2, [1, 3])
        """
        return self._encode_characters(text) if self.kind == "characters" else self._encode_words(text)

    def encode_stream(self, text: str | Text) -> Ids:
        """Return the ids of a newline, as the context of the first token, followed by those of a text, (tokens,).

        For a long text, the ids are an int32 array in an anonymous file that is mapped into memory.
        """
        newline = self.encode("\n")
        if len(text) <= PART_CHARACTERS:
            return np.concatenate([newline, self.encode(text)])

        # write part by part: the whole array may not fit into memory
        with tempfile.TemporaryFile() as file:
            newline.astype(np.int32).tofile(file)
            for part in text_parts(text, whole_pieces=self.kind != "characters"):
                self.encode(part).astype(np.int32).tofile(file)
            file.flush()
            ids: Ids = np.memmap(file, np.int32, mode="c")
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of a sequence of ids; bytes that are not UTF-8 become U+FFFD."""
        decoder = Decoder(self)
        return "".join([decoder.feed(int(i)) for i in ids]) + decoder.flush()

    def piece(self, token: int) -> str:
        """Return the text of a known word's id, "" for NONE."""
        return "" if token == self.none_id else self.known_words[token - self.none_id - 1]

    def spelling_mask(self, ids: Ids) -> npt.NDArray[np.bool_]:
        """Return which tokens spell something that is not in the vocabulary, (tokens,)."""
        return ids <= self.end_id if self.kind == "words" else ids < BYTES

    def sampling_mask(self) -> npt.NDArray[np.bool_]:
        """Return which ids may be sampled, (vocabulary,): all except the fallback bytes."""
        mask = np.arange(self.size) >= BYTES
        return mask if mask.any() else ~mask

    def base_distribution(self) -> npt.NDArray[np.float64]:
        """Return a uniform distribution, (vocabulary,), in which the 256 bytes together count as one token."""
        weights = np.ones(self.size)
        weights[:BYTES] = 1 / BYTES
        return np.asarray(weights / weights.sum())

    def split_prompt(self, prompt: str) -> tuple[Ids, str]:
        """Return the ids of a prompt's complete pieces, and the rest, with which the next tokens must agree.

        If the last piece has an unknown character, or the rest more than 64 characters, it is spelled without END
        instead, and the rest is empty.
        """
        if self.kind == "characters":
            return self.encode(prompt), ""

        # generated text may continue the last piece, unless white space follows it
        solid = [match for match in PIECE.finditer(prompt) if not match.group().isspace()]
        if not prompt or prompt[-1].isspace():
            stop = solid[-1].end() if solid else 0
        else:
            stop = solid[-2].end() if len(solid) > 1 else 0
        if len(prompt) - stop <= MAX_REST and set(prompt[stop:]) <= set(self.letters):
            return self.encode(prompt[:stop]), prompt[stop:]

        # an unknown character cannot be compared with sampled tokens, and each character of the rest costs time at each
        # of the next tokens: leave the spelling open
        ids = self.encode(prompt)
        return (ids[:-1] if ids[-1] == self.end_id else ids), ""

    def dump(self) -> dict[str, Any]:
        """Return the tokenizer as JSON values, for `restore`."""
        return {"kind": self.kind, "letters": self.letters, "words": list(self.known_words)}

    @classmethod
    def restore(cls, dumped: dict[str, Any]) -> Tokenizer:
        """Return the tokenizer from the values of `dump`. Raises ValueError for any other value."""
        # the values may come from a damaged or malicious file: check each
        if not isinstance(dumped, dict):
            raise ValueError(f"a tokenizer is a dict of kind, letters and words, not {type(dumped).__name__}")
        kind, letters, words = dumped.get("kind"), dumped.get("letters"), dumped.get("words")
        if kind not in ("characters", "words", *_RESTORERS):
            raise ValueError("the tokenizer's kind is none of 'characters', 'words' and 'subwords'")
        if type(letters) is not str or len(set(letters)) != len(letters):
            raise ValueError("the tokenizer's letters are not distinct characters")
        if kind in _RESTORERS:
            letters.encode()  # raises ValueError for lone surrogates
            return _RESTORERS[kind](letters, dumped)
        if type(words) is not list or not all(isinstance(word, str) and word for word in words):
            raise ValueError("the tokenizer's words are not a list of strings")
        if len(set(words)) != len(words) or (words and kind == "characters"):
            raise ValueError("the tokenizer's words are not distinct, or its kind is 'characters'")

        "".join([letters, *words]).encode()  # raises ValueError for lone surrogates
        return cls(kind, letters, words)

    def _encode_characters(self, text: str) -> tuple[Ids, Ids]:
        # look up all characters at once
        codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
        letter_ids = self._id_by_code[np.minimum(codes, len(self._id_by_code) - 1)]
        known = letter_ids >= 0
        if known.all():
            return letter_ids, np.arange(1, len(codes) + 1)

        # spell unknown characters in bytes
        lengths = np.array([1 if k else len(c.encode()) for c, k in zip(text, known, strict=True)])
        ids = np.repeat(letter_ids, lengths)
        ids[np.repeat(~known, lengths)] = list("".join(c for c, k in zip(text, known, strict=True) if not k).encode())

        # a character has been read after its last byte
        last = np.zeros(len(ids), np.int64)
        last[np.cumsum(lengths) - 1] = 1
        return ids, np.cumsum(last)

    def _encode_words(self, text: str) -> tuple[Ids, Ids]:
        # encode each distinct chunk once
        segmentation = segment(text)
        ids, ends, offsets = self._encode_pieces(segmentation.pieces, segmentation.ends.tolist())

        # then copy the tokens of the chunks in the order of the text
        starts = offsets[segmentation.offsets]
        sizes = np.diff(starts)[segmentation.chunks]
        places = np.arange(sizes.sum()) + np.repeat(starts[segmentation.chunks] - np.cumsum(sizes) + sizes, sizes)
        return ids[places], ends[places] + np.repeat(segmentation.starts, sizes)

    def _encode_pieces(self, pieces: list[str], stops: list[int]) -> tuple[Ids, Ids, Ids]:
        """Return the ids of some pieces, where each id ends, and each piece's offset into the ids, (pieces + 1,)."""
        ids: list[int] = []
        ends: list[int] = []
        offsets = [0]
        for piece, stop in zip(pieces, stops, strict=True):
            # a known piece is one id, any other is spelled
            known = self._piece_ids.get(piece)
            if known is not None:
                ids.append(known)
            else:
                ids += self._spell(piece, stop - len(piece), ends)
            ends.append(stop)
            offsets.append(len(ids))
        return np.array(ids, np.int64), np.array(ends, np.int64), np.array(offsets)

    def _spell(self, piece: str, position: int, ends: list[int]) -> list[int]:
        """Return the letters and bytes of a piece and END; append to `ends` where each of them but END ends."""
        ids = []
        for letter in piece:
            # a letter, or the bytes of an unknown character
            known = self._letter_ids.get(letter)
            spelling = [known] if known is not None else list(letter.encode())
            ids += spelling

            # the character has been read after its last byte
            ends += [position] * (len(spelling) - 1)
            position += 1
            ends.append(position)
        return [*ids, self.end_id]


def register_kind(kind: Kind, restore: Callable[[str, dict[str, Any]], Tokenizer]) -> None:
    """Let `Tokenizer.restore` create tokenizers of another kind, from their letters and the values of `dump`."""
    _RESTORERS[kind] = restore


def text_parts(text: str | Text, *, whole_pieces: bool = True) -> Iterable[str]:
    """Return the parts of a text in which it is tokenized; they may end inside a piece without `whole_pieces`."""
    if isinstance(text, Text) and text.in_file:
        return text.parts() if whole_pieces else text.blocks()
    return split_parts(str(text))


def distinct_parts(text: str | Text, *, whole_pieces: bool = True) -> Iterator[str]:
    """Yield the parts of a text, of each repeated piece (`Text.pieces`) once: repeated rare words are still rare."""
    for piece, _ in Text(text).pieces():
        yield from text_parts(piece, whole_pieces=whole_pieces)


class Decoder:
    """Convert ids to text one at a time: bytes are joined to whole characters, and implied separators are restored."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.last = ""  # the last character, "" if no separator is implied before the next piece
        self.spelling = False
        self.open = ""  # the letters of a spelling so far; of one longer than every known word, the end
        self.left = ""  # the character before the spelling
        self.before: tuple[str, str] | None = None  # after an explicit separator or NONE: what precedes it, and it
        self.token: int | None = None  # the last one
        self._utf8: codecs.IncrementalDecoder | None = None  # set while the bytes of a character are incomplete

    def copy(self) -> Decoder:
        """Return a decoder at the same position, to try a token. Do not call it while a character is incomplete."""
        other = Decoder(self.tokenizer)
        other.last, other.spelling, other.open = self.last, self.spelling, self.open
        other.left, other.before, other.token = self.left, self.before, self.token
        return other

    def feed(self, token: int) -> str:
        """Return the text that this token adds; "" while a character is incomplete."""
        # a byte may complete a character
        self.token = token
        if token < BYTES:
            self._utf8 = self._utf8 or codecs.getincrementaldecoder("utf-8")("replace")
            return self._add_letters(self._utf8.decode(bytes([token])))

        # a letter or the end of a spelling, after U+FFFD for bytes that do not form a character
        head = self.flush()
        if token < self.tokenizer.end_id:
            return head + self._add_letters(self.tokenizer.letters[token - BYTES])
        if self.tokenizer.kind != "words":
            return head + self._add_letters(self.tokenizer.piece(token))
        if token == self.tokenizer.end_id:
            self._close(self.left, self.open)
            return head

        # a known word, or NONE
        piece = self.tokenizer.piece(token)
        added = implied_separator(self.last, piece[0]) + piece if piece else ""
        self.jump(token)
        return head + added

    def jump(self, token: int) -> None:
        """Move to the state after a known word or NONE, without the text that it adds."""
        piece = self.tokenizer.piece(token)
        self._close(self.last, piece)
        self.last, self.token = piece[-1:], token

    def _close(self, left: str, piece: str) -> None:
        """End a piece that follows a character; an explicit separator and NONE are remembered."""
        self.before = None if piece and not piece.isspace() else (left, piece)
        self.spelling, self.open = False, ""

    def flush(self) -> str:
        """Return U+FFFD for an incomplete character, "" if there is none."""
        rest, self._utf8 = self._utf8.decode(b"", final=True) if self._utf8 else "", None
        return self._add_letters(rest)

    def surfaces(self) -> list[str]:
        """Return the text that each id from 256 on would add here, (vocabulary - 256,), as `feed` would."""
        tokenizer, last = self.tokenizer, self.last
        letters = [self._separator_before(letter) + letter for letter in tokenizer.letters]
        if tokenizer.kind != "words":
            return [*letters, *map(tokenizer.piece, range(tokenizer.end_id, tokenizer.size))]
        return [*letters, "", "", *(implied_separator(last, word[0]) + word for word in tokenizer.known_words)]

    def _separator_before(self, letter: str) -> str:
        return "" if self.spelling or self.tokenizer.kind != "words" else implied_separator(self.last, letter)

    def _add_letters(self, text: str) -> str:
        if not text:
            return ""
        separator = self._separator_before(text[0])
        if not self.spelling:
            self.left = self.last
        self.open = (self.open + text)[-self.tokenizer.longest_piece - 1 :]
        self.spelling, self.last = True, text[-1]
        return separator + text
