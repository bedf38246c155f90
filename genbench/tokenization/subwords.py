r"""SubwordTokenizer: a lossless tokenizer whose tokens are frequent parts of words, found by byte-pair encoding.

    ids            meaning
    0 .. 255       the bytes of UTF-8: the fallback for characters that the training text does not contain
    256 ..         letters: one id for each character of the training text
    then           pieces: one id for each merge, in the order in which they were learned

A text is cut into chunks, and no piece crosses their borders: a word, a number or a repeated mark with the white space
before it if that ends with a space. Whether a border lies between two characters depends on these two alone.

    Oh, it's late.\n\nHe     chunks     Oh  ,  ␣it  '  s  ␣late  .  \n\n  He
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, count
from typing import Any

import numpy as np
import regex

from genbench.tokenization.byte_pairs import MAX_PIECE, BytePairs, Mask, Pair, learn_merges
from genbench.tokenization.segmentation import WHITE_SPACE, WORD_CHARACTERS, is_one_piece
from genbench.tokenization.text import Text
from genbench.tokenization.tokenizer import BYTES, MAX_REST, Ids, Tokenizer, distinct_parts, register_kind

CHUNK = regex.compile(
    rf"(?:[{WHITE_SPACE}]* )?(?:[{WORD_CHARACTERS}]+|\d+|([^{WHITE_SPACE}])\1*)|[{WHITE_SPACE}]+", regex.DOTALL
)
MAX_CACHED_CHUNKS = 1 << 17
MIN_CACHED_TEXT = 1000  # characters of a text whose chunks are cached
MAX_CACHED_LENGTH = 64  # characters of a chunk that is cached

_Encoded = tuple[list[int], list[int]]  # ids, and the number of characters that each adds
_Chunks = tuple[list[str], Ids]  # the distinct chunks of a text, and the chunks in order, as indices of these


def split_chunks(text: str) -> Iterator[str]:
    r"""Yield the chunks of a text; joined, they are the text.

    >>> list(split_chunks("Oh, it's  late--\n\nnow"))
    ['Oh', ',', ' it', "'", 's', '  late', '--', '\n\n', 'now']
    """
    return (match.group() for match in CHUNK.finditer(text))


def is_one_chunk(left: str, right: str) -> bool:
    """Return whether two adjacent characters belong to the same chunk.

    >>> is_one_chunk(" ", "a"), is_one_chunk("a", "b"), is_one_chunk("a", " "), is_one_chunk("\\n", "a")
    (True, True, False, False)
    """
    return (left == " " and not right.isspace()) or is_one_piece(left, right)


def _distinct_chunks(text: str) -> _Chunks:
    return _split_long(text) if len(text) >= MIN_CACHED_TEXT else _split_long.__wrapped__(text)


@lru_cache(maxsize=3)  # training and validation text, each split for several vocabularies
def _split_long(text: str) -> _Chunks:
    numbers: defaultdict[str, int] = defaultdict(count().__next__)
    order = np.fromiter(map(numbers.__getitem__, split_chunks(text)), np.int64)
    return list(numbers), order


class SubwordTokenizer(Tokenizer):
    """Convert text to pieces of words and back without loss: see `Tokenizer`, of which the rest holds too.

    >>> tokenizer = SubwordTokenizer.train("low low lower", 8)
    >>> tokenizer.pieces, [tokenizer.piece(token) for token in tokenizer.encode("lower").tolist()]
    (('lo', 'low'), ['low', 'e', 'r'])
    """

    def __init__(self, letters: str, merges: list[Pair]) -> None:
        super().__init__("subwords", letters)
        self.merges = merges
        self.byte_pairs = BytePairs(merges, self.end_id)
        self._chunks: dict[str, _Encoded] = {}

        # the text of each token from the first letter on
        texts = list(letters)
        for left, right in merges:
            texts.append(texts[left - BYTES] + texts[right - BYTES])
        self._texts = tuple(texts)

    @classmethod
    def train(cls, text: str | Text, vocabulary: int) -> SubwordTokenizer:
        """Return a tokenizer with up to `vocabulary` ids besides those of bytes, trained on a text.

        It has no fewer ids than letters, and no pieces that occur only once.
        """
        counts = Counter[str]()
        for part in distinct_parts(text):
            chunks, order = _distinct_chunks(part)
            counts.update(dict(zip(chunks, np.bincount(order, minlength=len(chunks)).tolist(), strict=True)))
        letters = "".join(sorted(set[str]().union(*counts)))
        first = {letter: BYTES + place for place, letter in enumerate(letters)}
        return cls(letters, learn_merges(counts, first, BYTES + len(letters), vocabulary - len(letters)))

    def shortened(self, vocabulary: int) -> SubwordTokenizer:
        """Return the tokenizer that the same training gives with a smaller vocabulary."""
        return SubwordTokenizer(self.letters, self.merges[: max(vocabulary - len(self.letters), 0)])

    @property
    def size(self) -> int:
        """The number of ids, those of bytes included: the size of the vocabulary."""
        return self.end_id + len(self.merges)

    @property
    def pieces(self) -> tuple[str, ...]:
        """The texts of the merges, in order."""
        return self._texts[len(self.letters) :]

    def piece(self, token: int) -> str:
        """Return the text of a letter's or a piece's id."""
        return self._texts[token - BYTES]

    def followers(self, token: int) -> Mask:
        """Return which tokens can follow a token in the encoding of a text, (vocabulary,): `BytePairs.followers`."""
        return self.byte_pairs.followers(token)

    def crowded_tokens(self) -> list[int]:
        """Return the tokens that perhaps no letter can follow, because each would be merged with the token's end."""
        merges = [0] * self.size  # in which a token, or a symbol at its end, is the first one
        for left, _ in self.merges:
            merges[left] += 1
        for token, (_, right) in enumerate(self.merges, start=self.end_id):
            merges[token] += merges[right]
        return [token for token in range(BYTES, self.size) if merges[token] >= len(self.letters)]

    def encode_with_ends(self, text: str) -> tuple[Ids, Ids]:
        """Return the ids of a text, (tokens,), and the number of characters read after each id, (tokens,)."""
        # encode each distinct chunk once
        chunks, order = _distinct_chunks(text)
        encoded = [self._encode_chunk(chunk) for chunk in chunks]
        ids = np.fromiter(chain.from_iterable(ids for ids, _ in encoded), np.int64)
        widths = np.fromiter(chain.from_iterable(widths for _, widths in encoded), np.int64)

        # then copy the tokens of the chunks in the order of the text
        sizes = np.fromiter((len(ids) for ids, _ in encoded), np.int64)
        starts = np.cumsum(sizes) - sizes
        lengths = sizes[order]
        places = np.arange(lengths.sum()) + np.repeat(starts[order] - np.cumsum(lengths) + lengths, lengths)
        return ids[places], np.cumsum(widths[places])

    def split_prompt(self, prompt: str) -> tuple[Ids, str]:
        """Return the ids of a prompt without its last chunk, and that chunk, with which the next tokens must agree.

        If the chunk has an unknown character, or more than 64, it is encoded too, and the rest is empty.
        """
        last = [*split_chunks(prompt), ""][-1 if not prompt else -2]
        if len(last) <= MAX_REST and set(last) <= set(self.letters):
            return self.encode(prompt[: len(prompt) - len(last)]), last
        return self.encode(prompt), ""

    def dump(self) -> dict[str, Any]:
        """Return the tokenizer as JSON values, for `Tokenizer.restore`."""
        return {"kind": self.kind, "letters": self.letters, "merges": [list(pair) for pair in self.merges]}

    @classmethod
    def from_values(cls, letters: str, dumped: dict[str, Any]) -> SubwordTokenizer:
        """Return the tokenizer from its letters, which are valid, and the values of `dump`. Raises ValueError."""
        merges = dumped.get("merges")
        if type(merges) is not list:
            raise ValueError("the tokenizer's merges are not a list")

        # each merge joins two symbols that are known by then, inside a chunk, to one that is new
        texts, known = list(letters), set(letters)
        for merge in merges:
            is_pair = type(merge) is list and len(merge) == 2 and all(type(symbol) is int for symbol in merge)
            if not is_pair or not all(0 <= symbol - BYTES < len(texts) for symbol in merge):
                raise ValueError("the tokenizer's merges are not pairs of letters and earlier merges")
            left, right = (texts[symbol - BYTES] for symbol in merge)
            if len(left + right) > MAX_PIECE or left + right in known or not is_one_chunk(left[-1], right[0]):
                raise ValueError(
                    "the tokenizer's merges make pieces that are too long, not distinct, or no parts of words"
                )
            texts.append(left + right)
            known.add(left + right)
        return cls(letters, [(left, right) for left, right in merges])

    def _encode_chunk(self, chunk: str) -> _Encoded:
        encoded = self._chunks.get(chunk)
        if encoded is not None:
            return encoded

        # letters, and the bytes of unknown characters, which are never merged; a character is read after its last byte
        symbols, byte_widths = list[int](), list[int]()
        for letter in chunk:
            known = self._letter_ids.get(letter)
            if known is not None:
                symbols.append(known)
            else:
                symbols += letter.encode()
                byte_widths += [0] * (len(letter.encode()) - 1) + [1]

        # the characters that each token adds
        ids, of_byte = self.byte_pairs.apply(symbols), iter(byte_widths)
        encoded = ids, [next(of_byte) if token < BYTES else len(self._texts[token - BYTES]) for token in ids]
        if len(chunk) <= MAX_CACHED_LENGTH:
            if len(self._chunks) >= MAX_CACHED_CHUNKS:
                self._chunks.clear()
            self._chunks[chunk] = encoded
        return encoded


register_kind("subwords", SubwordTokenizer.from_values)
