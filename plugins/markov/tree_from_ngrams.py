"""Build a suffix tree from distinct n-grams and their counts, all in files that are mapped into memory.

The tree is the same, array by array, as that of `build_tree`, which reads the positions of a stream, of which there are
many more in a long text. Memory holds only the n-grams that are worked on; the system keeps as much of the files as it
has room for.

    n-gram as one number    the token before, the one before that, ..., then the token: `bits` bits each, 0 for none
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.mapped_arrays import mapped_array, release
from genbench_plugins.markov.suffix_tree import MISSING, Small, SuffixTree

from genbench.errors import UserError
from genbench.generator import ProgressCallback
from genbench.storage.memory import total_memory

RANGE = 1 << 22  # n-grams that are in memory at a time
FILE_BYTES = 120  # for each n-gram while the tree is built; 80 on prose at order 8, 97 on random characters
CHAIN_BYTES = 40  # of memory for each n-gram of a finished chain; 26 on prose at order 8
MAX_NGRAMS = 2**29  # pairs and their counts are numbered in 32 bits

Keys = npt.NDArray[np.uint64]


class Ngrams(NamedTuple):
    """Distinct n-grams in the order of their numbers."""

    keys: Keys  # (n-grams,)
    counts: Small  # (n-grams,)


class Coding(NamedTuple):
    """How an n-gram of `longest` + 1 tokens is one number."""

    numbers: npt.NDArray[Any]  # (vocabulary,) number of a token that occurs, from 1, in as few bytes as it needs
    known: Small  # (tokens that occur + 1,) token of each number
    bits: int  # of a number
    longest: int  # tokens of a context

    def contexts(self, keys: Keys) -> Keys:
        """Return the contexts of n-grams as numbers, (n-grams,)."""
        return keys >> np.uint64(self.bits)

    def last(self, keys: Keys) -> Keys:
        """Return the number of the last token of n-grams, or of the farthest token of contexts, (n-grams,)."""
        return keys & np.uint64((1 << self.bits) - 1)


def tree_from_ngrams(
    ngrams: Ngrams, last: np.uint64, total: int, coding: Coding, vocabulary: int, progress: ProgressCallback
) -> SuffixTree:
    """Return the tree of the n-grams of a stream with `total` tokens; `last` is the n-gram at its end.

    Raises UserError where this machine has too little room.
    """
    from genbench_plugins.markov import counting_kernels

    # arrays with room for all nodes and pairs
    size, longest = len(ngrams.keys), coding.longest
    _require_room(size)
    room = min(size * (longest + 1), 4 * total) + len(coding.known)
    parent, depth = (mapped_array(2 * size, np.int32) for _ in range(2))
    tokens, counts, continuations, links = (mapped_array(room, np.int32) for _ in range(4))
    starts, open_nodes = mapped_array(2 * size + 1, np.int64), np.empty((min(longest, size) + 2, 2), np.int32)
    sums = np.zeros((len(coding.known), 3), np.int32)
    tree = counting_kernels.Growing(parent, depth, starts, tokens, counts, continuations, links, open_nodes, sums)

    # the leaves and their pairs; then the other nodes
    shared = mapped_array(size, np.int32)
    leaf_numbers = _fill_leaves(ngrams, last, coding, shared, tree)
    progress(0.4)
    position, arrays = np.array([len(leaf_numbers), 0, 0]), (shared, leaf_numbers, *tree[:-2])
    for part in _ranges(size, *arrays):
        counting_kernels.join_leaves(shared, longest, leaf_numbers, tree, part.start + 1, part.stop + 1, position)
        progress(0.4 + 0.4 * part.stop / size)
    nodes = int(position[0])
    for part in _ranges(nodes, *arrays):
        counting_kernels.link_pairs(tree, part.start, part.stop, len(leaf_numbers), longest)
        progress(0.8 + 0.2 * part.stop / nodes)

    pairs = int(starts[nodes])
    for part in _ranges(pairs, tokens):
        tokens[part] = coding.known[tokens[part]]
    return counting_kernels.counted_tree(tree, nodes, vocabulary, longest)


def _require_room(ngrams: int) -> None:
    """Raise UserError if this machine has too little room for so many n-grams, on its disk or in its memory."""
    folder, memory = tempfile.gettempdir(), total_memory() or MAX_NGRAMS * CHAIN_BYTES
    free = shutil.disk_usage(folder).free
    limits = {
        f"the {free / 1e9:.1f} GB that are free in {folder} (TMPDIR sets another folder)": free // FILE_BYTES,
        f"this machine's memory of {memory / 1e9:.1f} GB": memory // CHAIN_BYTES,
        "a chain, which numbers them in 32 bits,": MAX_NGRAMS,
    }
    reason, limit = min(limits.items(), key=itemgetter(1))
    if ngrams > limit:
        raise UserError(
            f"the training text has {ngrams:,} different n-grams, and {reason} has room for {limit:,}; "
            "choose a lower order, or use less text"
        )


def _ranges(size: int, *arrays: npt.NDArray[Any]) -> Iterator[slice]:
    """Yield the places of `size` things, so many at a time as are in memory; after each, release the mapped arrays."""
    for begin in range(0, size, RANGE):
        yield slice(begin, min(begin + RANGE, size))
        release(*arrays)


def _fill_leaves(ngrams: Ngrams, last: np.uint64, coding: Coding, shared: Small, tree: Any) -> Small:
    """Write the leaves of a tree and their pairs, and return the nodes of the sorted leaves, (leaves,).

    `shared`, (n-grams,), gets how many tokens the context of each n-gram has in common with that of the one before.
    """
    contexts, numbers = _number_leaves(ngrams, coding, shared, tree)
    arrays = (shared, numbers, contexts, *ngrams, *tree[:-2])
    for part in _ranges(len(contexts), *arrays):
        tree.depth[numbers[part]] = _lengths(contexts[part], coding)

    # nothing follows the last n-gram, unless it occurs elsewhere too
    end = int(np.searchsorted(ngrams.keys, last))
    if ngrams.counts[end] > 1:
        end = MISSING

    # the pairs of a leaf are neighbors
    leaf, before = MISSING, 0
    for part in _ranges(len(ngrams.keys), *arrays):
        keys = ngrams.keys[part]
        first = _is_first(shared, part, coding)
        leaves = leaf + np.cumsum(first)
        begins = np.maximum.accumulate(np.where(first, np.arange(part.start, part.stop), before))
        leaf, before = int(leaves[-1]), int(begins[-1])

        pairs = tree.starts[numbers[leaves]] + np.arange(part.start, part.stop) - begins
        tree.tokens[pairs] = coding.last(keys)
        tree.counts[pairs] = tree.continuations[pairs] = ngrams.counts[part]
        following = _next_leaves(keys, contexts, coding)
        tree.links[pairs] = np.where(following == MISSING, MISSING, numbers[following])
        if part.start <= end < part.stop:
            tree.links[pairs[end - part.start]] = MISSING
    return numbers


def _number_leaves(ngrams: Ngrams, coding: Coding, shared: Small, tree: Any) -> tuple[Keys, Small]:
    """Return the contexts of the sorted leaves and their nodes, (leaves,) each; write `shared`, and the first pairs."""
    from genbench_plugins.markov import counting_kernels

    count, size = 0, len(ngrams.keys)
    leaf_contexts, begins = mapped_array(size, np.uint64), mapped_array(size + 1, np.int64)
    for part in _ranges(size, *ngrams, shared, leaf_contexts, begins):
        # compare with the context before
        before = max(part.start - 1, 0)
        contexts = coding.contexts(ngrams.keys[before : part.stop])
        shared[part] = _shared(contexts, coding)[part.start - before :]

        # a leaf is a context
        first = _is_first(shared, part, coding)
        leaves = slice(count, count + int(np.count_nonzero(first)))
        leaf_contexts[leaves] = contexts[part.start - before :][first]
        begins[leaves] = part.start + np.flatnonzero(first)
        count = leaves.stop
    begins[count] = size

    sizes, numbers = (mapped_array(count, np.int32) for _ in range(2))
    for part in _ranges(count, begins, sizes):
        sizes[part] = np.diff(begins[part.start : part.stop + 1])
    counting_kernels.number_leaves(sizes, numbers, tree.starts)
    return leaf_contexts[:count], numbers


def _is_first(shared: Small, part: slice, coding: Coding) -> npt.NDArray[np.bool_]:
    """Return whether each n-gram of a range is the first one of its leaf, (n-grams,)."""
    first = shared[part] < coding.longest
    first[: part.start == 0] = True
    return first


def _shared(contexts: Keys, coding: Coding) -> Small:
    """Return how many tokens each context shares with the one before it, (n-grams,)."""
    shared = np.zeros(len(contexts), np.int32)
    same = np.ones(len(contexts) - 1, bool)
    for place in reversed(range(coding.longest)):
        # the nearest token first; no token is not shared
        number = coding.last(contexts >> np.uint64(place * coding.bits))
        same &= (number[1:] == number[:-1]) & (number[1:] > 0)
        shared[1:] += same
    return shared


def _lengths(contexts: Keys, coding: Coding) -> Small:
    """Return how many tokens each context has: fewer than `longest` at the beginning of the stream."""
    lengths = np.zeros(len(contexts), np.int32)
    for place in range(coding.longest):
        lengths += coding.last(contexts >> np.uint64(place * coding.bits)) > 0
    return lengths


def _next_leaves(keys: Keys, leaf_contexts: Keys, coding: Coding) -> Small:
    """Return the leaf of the context after each n-gram, (n-grams,); MISSING where no stream goes on so."""
    # the token becomes the nearest one, and the farthest is left out
    following = coding.contexts(coding.contexts(keys))
    if coding.longest:
        following |= coding.last(keys) << np.uint64((coding.longest - 1) * coding.bits)
    places = np.minimum(np.searchsorted(leaf_contexts, following), len(leaf_contexts) - 1)
    return np.where(leaf_contexts[places] == following, places, MISSING).astype(np.int32)
