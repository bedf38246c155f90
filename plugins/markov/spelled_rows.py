"""SpelledRows: the states of a chain with a `SpellingModel` as rows of integers, read many at once.

A row has the state of the word chain, the state of the spelling model (before a word, that before its first letter),
the last two letters of the word that is being spelled, and its letters as a node of the prefix tree of the known words.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov import kernels, tree_kernels
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import kernel
from genbench_plugins.markov.group_kernels import fill_evidence
from genbench_plugins.markov.spelling import SpellingModel, spelled_text
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints

from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

NODE, LENGTH, SPELLING_NODE, SPELLING_LENGTH, EARLIER, LAST, PREFIX = range(7)  # the columns of a row


class SpelledRows:
    """Reads rows of states, and predicts letters after them; `words` is the chain of words."""

    def __init__(self, tokenizer: Tokenizer, words: BackoffModel, speller: SpellingModel) -> None:
        self.tokenizer, self.words, self.speller = tokenizer, words, speller
        self.first = np.array([len(words.parent) - 1, 0, *speller.start("")[:2], MISSING, MISSING, 0])

        # the state before a letter, after each token that is no letter
        pieces = range(tokenizer.end_id + 1, tokenizer.size)
        self.after_pieces = np.array([speller.start(tokenizer.piece(token))[:2] for token in pieces]).reshape(-1, 2)

        # the prefix tree: sorted keys of parent and letter, and the node that each leads to; node 0 has no letter
        self.letters = tokenizer.end_id
        edges, ends = dict[int, int](), list[int]()
        for word in tokenizer.known_words:
            node = 0
            for letter in word:
                key = node * self.letters + BYTES + tokenizer.letters.index(letter)
                node = edges.setdefault(key, len(edges) + 1)
            ends.append(node)
        self.keys = np.array(sorted(edges), np.int64)
        self.children = np.array([edges[key] for key in self.keys.tolist()], np.int64)
        self.is_word = np.zeros(len(edges) + 1, bool)
        self.is_word[ends] = True

    def read(self, ids: Ids, row: Ids | None = None) -> Ids:
        """Return the rows before each token of a text and after the last, (tokens + 1, 7)."""
        end, first = self.tokenizer.end_id, self.first if row is None else row

        # a spelled word that the text does not end has its END before the next word
        inside = np.concatenate([[first[LAST] != MISSING], ids < end])[:-1]
        missing = np.flatnonzero((ids > end) & inside)
        stream, own = np.insert(ids, missing, end), np.insert(np.ones(len(ids), bool), missing, False)

        # the words by the chain, END for each spelled one
        words = stream[stream >= end]
        nodes, lengths = np.empty(len(words) + 1, np.int64), np.empty(len(words) + 1, np.int64)
        nodes[-1], lengths[-1] = kernels.read_states(self.words, first[NODE], first[LENGTH], words, nodes, lengths)
        read = np.cumsum(np.concatenate([[False], stream >= end]))
        rows = np.empty((len(stream) + 1, len(first)), np.int64)
        rows[:, NODE], rows[:, LENGTH] = nodes[read], lengths[read]

        # the letters
        rows[0] = first
        self._read_letters(stream, rows)
        return np.asarray(rows[np.concatenate([[True], own])])

    def _read_letters(self, stream: Ids, rows: Ids) -> None:
        """Set the columns of the spelling in all rows but the first."""
        end, after = self.tokenizer.end_id, rows[1:]

        # the last two letters
        letter = stream < end
        after[:, LAST] = np.where(letter, stream, MISSING)
        after[:, EARLIER] = np.where(letter, rows[:-1, LAST], MISSING)
        after[:, PREFIX] = 0

        # the state before a word depends on the piece before it, or on the last letters of a spelled word
        piece, ended = np.flatnonzero(stream > end), np.flatnonzero(stream == end)
        after[piece, SPELLING_NODE : SPELLING_LENGTH + 1] = self.after_pieces[stream[piece] - end - 1]
        pairs, which = np.unique(rows[ended, EARLIER : LAST + 1], axis=0, return_inverse=True)
        texts = [spelled_text(self.tokenizer, [token for token in pair if token != MISSING]) for pair in pairs.tolist()]
        states = np.array([self.speller.start(text)[:2] for text in texts], np.int64).reshape(-1, 2)
        after[ended, SPELLING_NODE : SPELLING_LENGTH + 1] = states[which.ravel()]
        read_letters(self.speller.model, self.keys, self.children, stream, end, rows)

    def spelled(self, rows: Ids) -> Floats:
        """Return the probabilities of bytes, letters and END after rows, (rows, symbols)."""
        may_end = self.inside(rows)
        may_end &= (rows[:, PREFIX] == MISSING) | ~self.is_word[rows[:, PREFIX]]
        columns = rows[:, SPELLING_NODE], rows[:, SPELLING_LENGTH], rows[:, LAST], may_end
        different, which = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
        nodes, lengths, last, may_end = different.T.copy()
        return self.speller.shares(nodes, lengths, last, may_end.astype(bool))[which.ravel()]

    def inside(self, rows: Ids) -> npt.NDArray[np.bool_]:
        """Return which rows are inside a word that is being spelled, (rows,)."""
        return np.asarray(rows[:, LAST] != MISSING)

    def spelled_shares(self, rows: Ids) -> Floats:
        """Return the probabilities that the next word is spelled, by the word chain, (rows,)."""
        shares, memory = np.empty(len(rows)), np.empty(self.tokenizer.end_id + 1)
        nodes, lengths = rows[:, : LENGTH + 1].T.copy()
        sum_first(self.words, nodes, lengths, memory, shares)
        return shares

    def set_evidence(self, rows: Ids, evidence: Ids) -> None:
        """Set context length, followers and occurrences of the rows inside a word, (rows, 3)."""
        inside = np.flatnonzero(self.inside(rows))
        nodes, lengths = rows[inside, SPELLING_NODE], rows[inside, SPELLING_LENGTH]
        spelled = np.empty((len(inside), 3), np.int64)
        fill_evidence(self.speller.model, nodes, lengths, spelled)
        evidence[inside] = spelled


@kernel
def read_letters(model: BackoffModel, keys: Ints, children: Ints, stream: Ints, end: int, rows: Ints) -> None:
    """Set the state of the spelling model and the prefix after each letter of a stream, from those in the row before.

    `end` is the number of letters and bytes; `keys` are sorted, and have those of the prefix tree's edges.
    """
    for place in range(len(stream)):
        token = stream[place]
        if token < end:
            before, after = rows[place], rows[place + 1]
            node, length = tree_kernels.advance(model, before[SPELLING_NODE], before[SPELLING_LENGTH], token)
            after[SPELLING_NODE], after[SPELLING_LENGTH] = node, length

            # no known word has a prefix that is not in the tree
            key = before[PREFIX] * end + token
            edge = np.searchsorted(keys, key)
            known = before[PREFIX] != MISSING and edge < len(keys) and keys[edge] == key
            after[PREFIX] = children[edge] if known else MISSING


@kernel
def sum_first(model: BackoffModel, nodes: Ints, lengths: Ints, memory: Floats, sums: Floats) -> None:
    """Write the sums of the probabilities of the first tokens after each state, (states,); `memory` is (tokens,)."""
    for place in range(len(nodes)):
        kernels.fill_distribution(model, nodes[place], lengths[place], 0, memory)
        sums[place] = memory.sum()
