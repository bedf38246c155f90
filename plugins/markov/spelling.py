"""SpellingModel: a character chain that spells the words which a word chain does not know (Mielke & Eisner 2019).

The letters of an unknown word are predicted from those before them in the word, and from the end of the token before
the word. The chain learns from the rare words of the training text, which are spelled there too, and from each known
word once: an unknown word looks more like a rare word than like running text. A letter that cannot continue the word,
and the end of a word that is known, get no probability, because no encoding has them there.

    he |  l i l y END      two characters of the token before, the letters, END; "he" has symbols of its own
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.backoff_building import build_model
from genbench_plugins.markov.packed_tree import PackedTree, pack_tree, restore_tree
from genbench_plugins.markov.smoothing import Smoothing, smooth
from genbench_plugins.markov.suffix_tree import MISSING
from genbench_plugins.markov.tree_building import build_tree

from genbench.generator import Learned, LogProbs
from genbench.tokenization.segmentation import piece_kind
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

ORDER = 7  # letters in an n-gram, those before the word included
CHARACTERS_BEFORE = 2  # of the token before the word
UNIFORM_SHARE = 1e-6  # of all bytes, letters and END together: nothing has the probability zero

MAX_CELLS = 1 << 21  # probabilities that are cached


class Spelling(NamedTuple):
    """A word that is being spelled."""

    node: int  # of the tree, and the length of the context in symbols
    length: int
    open: str = ""  # its letters so far; of a word longer than every known one, the end; a byte is a lone surrogate


class SpellingModel:
    """The smoothed counts of spelled words; its symbols are bytes, letters and END, and the letters before a word."""

    def __init__(self, tokenizer: Tokenizer, tree: PackedTree, smoothing: Smoothing) -> None:
        self.tokenizer, self.tree, self.smoothing = tokenizer, tree, smoothing
        self.model = build_model(tree, smoothing, base_distribution(tokenizer))
        self._known = frozenset(tokenizer.known_words)
        uniform = tokenizer.base_distribution()[: tokenizer.end_id + 1]
        self._uniform = UNIFORM_SHARE * uniform / uniform.sum()
        self._cached_shares = lru_cache(maxsize=MAX_CELLS // (tokenizer.end_id + 1))(self._compute_shares)
        self._starts = lru_cache(maxsize=1 << 12)(self._compute_start)
        kinds = list(map(piece_kind, tokenizer.letters))
        numbers = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
        self._kinds = np.array([numbers[kind] for kind in kinds], np.int64)  # (letters,) those of one piece are equal

    @classmethod
    def train(cls, tokenizer: Tokenizer, ids: Ids) -> SpellingModel:
        """Return the model of the spelled words in a training text, (tokens,)."""
        letters = {letter: BYTES + place for place, letter in enumerate(tokenizer.letters)}
        known = [[*map(letters.__getitem__, word), tokenizer.end_id] for word in tokenizer.known_words]
        rare = ([*symbols_before(tokenizer, before), *word.tolist()] for before, word in spelled_words(tokenizer, ids))
        stream = np.array([symbol for word in [*known, *rare] for symbol in word] or [tokenizer.end_id], np.int64)
        tree = build_tree(stream, ORDER - 1, len(base_distribution(tokenizer)))
        return cls(tokenizer, pack_tree(tree), smooth(tree, "modified-kneser-ney")[0])

    def start(self, before: str) -> Spelling:
        """Return the state before the first letter of a word, from the text of the token before the word."""
        return self._starts(before[-CHARACTERS_BEFORE:])

    def _compute_start(self, before: str) -> Spelling:
        from genbench_plugins.markov import tree_kernels

        node, length = self.tree.root, 0
        for symbol in symbols_before(self.tokenizer, before):
            node, length = tree_kernels.advance(self.model, node, length, symbol)
        return Spelling(node, length)

    def advance(self, state: Spelling, token: int) -> Spelling:
        """Return the state after a letter or a byte."""
        from genbench_plugins.markov import tree_kernels

        letter = chr(0xDC00 + token) if token < BYTES else self.tokenizer.letters[token - BYTES]
        opened = (state.open + letter)[-max(self.tokenizer.longest_piece + 1, CHARACTERS_BEFORE) :]
        return Spelling(*tree_kernels.advance(self.model, state.node, state.length, token), opened)

    def probabilities(self, state: Spelling) -> LogProbs:
        """Return the probabilities of bytes, letters and END, (symbols,); they sum to one, and none is zero.

        The array is cached: do not change it.
        """
        # a word has a letter, and a known word is not spelled
        last = self._token(state.open[-1]) if state.open else MISSING
        return self._cached_shares(state.node, state.length, last, bool(state.open) and state.open not in self._known)

    def _compute_shares(self, node: int, length: int, last: int, may_end: bool) -> LogProbs:
        shares = self.shares(np.array([node]), np.array([length]), np.array([last]), np.array([may_end]))[0]
        shares.flags.writeable = False
        return np.asarray(shares)

    def shares(self, nodes: Ids, lengths: Ids, last: Ids, may_end: npt.NDArray[np.bool_]) -> LogProbs:
        """Return the probabilities of bytes, letters and END after several states, (states, symbols).

        `last` are the letters before; MISSING: none. `may_end` says where the word is not a known one.
        """
        from genbench_plugins.markov import kernels

        whole = np.empty((len(nodes), len(self.model.base)))
        kernels.fill_distributions(self.model, nodes, lengths, whole)
        shares = whole[:, : self.tokenizer.end_id + 1]
        after = np.flatnonzero(last >= BYTES)  # any letter can continue a word after a byte
        shares[after, BYTES:-1] *= self._kinds[last[after] - BYTES, None] == self._kinds
        shares[~may_end, -1] = 0.0
        return np.asarray(shares * ((1 - UNIFORM_SHARE) / shares.sum(axis=1, keepdims=True)) + self._uniform)

    def _token(self, letter: str) -> int:
        """Return the token of a letter, or of a byte, which is a lone surrogate."""
        return ord(letter) - 0xDC00 if "\udc00" <= letter <= "\udcff" else BYTES + self.tokenizer.letters.index(letter)

    def dump(self) -> Learned:
        """Return the tree and the smoothing, for `restore`."""
        return {"tree": vars(self.tree), "smoothing": vars(self.smoothing)}

    @classmethod
    def restore(cls, tokenizer: Tokenizer, learned: dict[str, Any]) -> SpellingModel:
        """Return the model from the value of `dump`; raise ValueError for arrays that do not belong together."""
        tree = restore_tree(learned["tree"], len(base_distribution(tokenizer)), ORDER - 1)
        return cls(tokenizer, tree, Smoothing(**learned["smoothing"]))


def base_distribution(tokenizer: Tokenizer) -> LogProbs:
    """Return a uniform distribution over the symbols, in which the 256 bytes together count as one, (symbols,)."""
    weights = np.ones(tokenizer.end_id + 1 + len(tokenizer.letters))
    weights[:BYTES] = 1 / BYTES
    return np.asarray(weights / weights.sum())


def symbols_before(tokenizer: Tokenizer, before: str) -> list[int]:
    """Return the symbols of the last characters before a word; none before a character that is not a letter."""
    first = tokenizer.end_id + 1
    places = [tokenizer.letters.find(letter) for letter in before[-CHARACTERS_BEFORE:]]
    return [first + place for place in places if place >= 0]


def spelled_words(tokenizer: Tokenizer, ids: Ids) -> Iterator[tuple[str, Ids]]:
    """Yield the spelled words of an encoded text, END included, each with the text of the token before it."""
    ends = np.flatnonzero(ids == tokenizer.end_id)
    before = ids > tokenizer.end_id
    last_piece = np.maximum.accumulate(np.where(before, np.arange(len(ids)), -1))
    start = 0
    text = ""
    for end in ends.tolist():
        start = max(int(last_piece[end]) + 1, start)
        if start and before[start - 1]:
            text = tokenizer.piece(int(ids[start - 1]))
        yield text, ids[start : end + 1]
        text = spelled_text(tokenizer, ids[start:end])
        start = end + 1


def spelled_text(tokenizer: Tokenizer, letters: Sequence[int] | Ids) -> str:
    """Return the last characters of a spelled word; a lone surrogate for each byte."""
    last = [int(token) for token in letters[-CHARACTERS_BEFORE:]]
    return "".join(chr(0xDC00 + token) if token < BYTES else tokenizer.letters[token - BYTES] for token in last)
