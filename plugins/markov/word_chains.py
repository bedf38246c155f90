"""WordChains: word and class chains of one vocabulary in the form in which compiled loops read them by characters.

The tokens are numbered anew, in the order of their texts, so that all words that start with some letters are a range of
numbers, here called rows; NONE, END and the bytes come last. A node of `Words`, a trie, is such a start of a text.

In the notation of `backoff_model.py`, a context adds a mass to few tokens,

    p(w | h) = added(h w) + backoff(h) p(w | h'),    added(h w) = 0 if w never followed h

so the probability of a set of tokens is that at the root, computed once, times the backoff of all contexts, and the
masses that contexts add to the set. Unlike there, every context is an element of its own, also one inside an edge of
the suffix tree: few are, in chains over words.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.suffix_tree import Floats, Ints

Records = npt.NDArray[Any]  # of one of the types below

STORED_PAIRS = 24  # of a context with more pairs, the sums are stored
FIRST, SPELLED = 0, 1  # partitions of the tokens, by their first symbol, and of those that spell, by their symbol

CONTEXT = np.dtype(
    [
        ("parent", np.int32),  # MISSING for the root
        ("length", np.int32),  # in tokens
        ("start", np.int64),  # the first pair
        ("backoff", np.float64),
        ("stored", np.int64),  # row in `WordChains.stored`, or MISSING
    ]
)
PAIR = np.dtype([("token", np.int32), ("link", np.int32), ("added", np.float64)])  # link: the context after the token
CELL = np.dtype([("set", np.int64), ("share", np.float64)])  # the share of an id's probability that belongs to a set
CHAIN = np.dtype(
    [
        ("root", np.int64),  # context
        ("start", np.int64),  # context before the first token
        ("ids", np.int64),  # the number of its ids
        ("first_id", np.int64),  # in arrays of the ids of all chains
        ("over_words", np.int64),  # 1 if the ids are the rows
        ("node", np.int64),  # memory: the context whose probabilities are in `WordChains.classes`
    ]
)
NODE = np.dtype(
    [
        ("low", np.int64),  # the first row of the texts that start as the node
        ("high", np.int64),  # the row after the last of them
        ("child", np.int64),  # the first child; those of the next node follow
        ("symbol", np.int64),  # the last symbol
    ]
)


class Words(NamedTuple):
    """The texts of all tokens but NONE, END and the bytes, sorted, and their trie, breadth first; node 0 is the root.

    A symbol is a letter of the tokenizer, from 1 on; 0 stands for any byte. Node s, up to the number of letters, is the
    text that is symbol s; its first row is the letter.
    """

    nodes: Records  # (nodes + 1,) of type NODE
    characters: Ints  # (letters + 1,) of every symbol, as `characters.describe` returns them
    space: int  # the symbol of a space
    none: int  # the row of NONE
    end: int  # the row of END
    byte: int  # the row of the first byte; all bytes are equally probable


class WordChains(NamedTuple):
    """The chains, one after the other, and the weights of their mixture; k is the index of a chain.

    The tokens of a chain are its ids: rows in a chain over words, classes in a chain over classes.
    """

    chains: Records  # (chains,) of type CHAIN
    contexts: Records  # (contexts + 1,) of type CONTEXT
    pairs: Records  # (pairs,) of type PAIR, sorted within a context
    ids: Ints  # (chains, rows) id of every token
    within: Floats  # (chains, rows) share of the token of its id
    root: Floats  # (ids,) probabilities at the root
    first_cell: Ints  # (partitions, ids + 1)
    cells: Records  # (cells,) of type CELL
    root_sums: Floats  # (partitions, chains, sets) the probabilities of all sets at the root
    stored: Floats  # (partitions, contexts with many pairs, sets) what they add to the sets
    kinds: Ints  # (kinds,) of contexts, ascending
    shares: Floats  # (kinds + 1, chains) weights of the mixture by kind; the last row is for other kinds
    max_length: int  # of a context, in tokens; longer ones are of the same kind
    classes: Floats  # (ids,) memory: probabilities of the ids
    rows: Floats  # (rows,) memory: probabilities of a range of rows
    sums: Floats  # (sets,) memory: probabilities of the sets of a partition
    weights: Floats  # (chains,) memory: weights of the mixture
