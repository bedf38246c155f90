"""Count the n-grams of a long stream in parts: sorted runs of distinct n-grams on disk, merged, and built into a tree.

A tree needs the distinct n-grams and their counts, not the positions of the stream, of which there are many more in a
long text. So each part of the stream is sorted alone, and equal n-grams become one with a count; the runs on disk are
merged a range of n-grams at a time (external sorting, as in KenLM's lmplz: Heafield et al. 2013). The tree is the same,
array by array, as that of `build_tree`.

    n-gram as one number    the token before, the one before that, ..., then the token: `bits` bits each, 0 for none
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.suffix_tree import MISSING, Ints, Small, SuffixTree, light_first, number_leaves
from genbench_plugins.markov.tree_building import build_tree, require_memory

from genbench.errors import UserError
from genbench.generator import ProgressCallback, ignore, rescale
from genbench.storage.memory import total_memory

PART = 1 << 24  # tokens that are sorted at a time; a stream of no more is counted at once
RANGE = 1 << 24  # n-grams that are merged at a time
BYTES_PER_NGRAM = 100  # of memory while the tree is built; 70 measured on prose at order 8
MAX_NGRAMS = 2**29  # pairs and their counts are numbered in 32 bits
KEY_BITS = 64
COUNTING = 0.7  # share of the time
SAMPLED = 4096  # n-grams of each run, by which ranges of equal size are found

Keys = npt.NDArray[np.uint64]


class Ngrams(NamedTuple):
    """Distinct n-grams in the order of their numbers."""

    keys: Keys  # (n-grams,)
    counts: Small  # (n-grams,)


class Coding(NamedTuple):
    """How an n-gram of `longest` + 1 tokens is one number."""

    numbers: Small  # (vocabulary,) number of a token that occurs, from 1
    known: Small  # (tokens that occur + 1,) token of each number
    bits: int  # of a number
    longest: int  # tokens of a context


def count_ngrams(
    ids: Ints, longest: int | None, vocabulary: int, progress: ProgressCallback = ignore, *, part: int = PART
) -> SuffixTree:
    """Count all n-grams of a stream, as `build_tree` does, in parts if it has more than `part` tokens.

    Contexts of any length, and n-grams of more than 64 bits, are counted at once. Raises UserError where this machine
    has too little memory.
    """
    coding = None if longest is None or len(ids) <= part else _coding(ids, longest, vocabulary, part)
    if coding is None or coding.bits * (coding.longest + 1) > KEY_BITS:
        require_memory(len(ids))
        return build_tree(ids, longest, vocabulary, progress)

    with tempfile.TemporaryDirectory(prefix="genbench-counts-") as folder:
        sizes = list[int]()
        for begin in range(0, len(ids), part):
            end = min(begin + part, len(ids))
            keys = _keys(ids, begin, end, coding)
            keys.sort()
            sizes.append(_write(_distinct(keys), Path(folder), len(sizes)))
            progress(COUNTING * end / len(ids))
        ngrams = _merge(Path(folder), sizes)

    # without the n-grams once they are no longer needed: they take as much memory as the tree
    last = _keys(ids, len(ids) - 1, len(ids), coding)[0]
    _require_room(len(ngrams.keys))
    leaves = _leaves(ngrams, last, coding)
    del ngrams
    return _build(leaves, len(ids), coding, vocabulary, rescale(progress, COUNTING, 1 - COUNTING))


def _coding(ids: Ints, longest: int, vocabulary: int, part: int) -> Coding:
    """Number the tokens that occur, in the order of their ids."""
    occurs = np.zeros(vocabulary, bool)
    for begin in range(0, len(ids), part):
        occurs[ids[begin : begin + part]] = True
    known = np.append(0, np.flatnonzero(occurs)).astype(np.int32)
    return Coding(np.cumsum(occurs, dtype=np.int32), known, (len(known) - 1).bit_length(), longest)


def _keys(ids: Ints, begin: int, end: int, coding: Coding) -> Keys:
    """Return the n-grams that end at positions of a stream, (end - begin,)."""
    first = max(begin - coding.longest, 0)
    missing = np.zeros(coding.longest - (begin - first), np.int32)
    numbers, size = np.concatenate([missing, coding.numbers[ids[first:end]]]), end - begin

    # the token before is the highest, the token itself the lowest
    keys = np.zeros(size, np.uint64)
    for back in [*range(1, coding.longest + 1), 0]:
        keys <<= np.uint64(coding.bits)
        keys |= numbers[coding.longest - back : coding.longest - back + size].astype(np.uint64)
    return keys


def _distinct(keys: Keys, counts: Small | None = None) -> Ngrams:
    """Return the distinct ones of sorted n-grams, with the sums of their counts, or how often they occur."""
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sums = np.diff(first, append=len(keys)) if counts is None else np.add.reduceat(counts, first)
    return Ngrams(keys[first], sums.astype(np.int32))


def _write(run: Ngrams, folder: Path, number: int) -> int:
    """Write a run; return how many n-grams it has."""
    for name, array in run._asdict().items():
        array.tofile(folder / f"{number}.{name}")
    return len(run.keys)


def _merge(folder: Path, sizes: list[int]) -> Ngrams:
    """Return the distinct n-grams of all runs."""
    with (folder / "keys").open("wb") as keys, (folder / "counts").open("wb") as counts:
        for ngrams in _merge_ranges(folder, sizes):
            ngrams.keys.tofile(keys)
            ngrams.counts.tofile(counts)
    return Ngrams(np.fromfile(folder / "keys", np.uint64), np.fromfile(folder / "counts", np.int32))


def _merge_ranges(folder: Path, sizes: list[int]) -> Iterator[Ngrams]:
    """Yield the distinct n-grams of all runs, a range of them at a time."""
    runs = [
        Ngrams(
            np.memmap(folder / f"{number}.keys", np.uint64, "r"), np.memmap(folder / f"{number}.counts", np.int32, "r")
        )
        for number in range(len(sizes))
    ]

    # borders of ranges that have about the same number of n-grams
    sample = np.sort(np.concatenate([run.keys[:: max(1, len(run.keys) // SAMPLED)] for run in runs]))
    ranges = -(-sum(sizes) // RANGE)
    borders = np.unique(sample[np.arange(1, ranges) * len(sample) // ranges])
    places = [np.concatenate([[0], np.searchsorted(run.keys, borders), [len(run.keys)]]) for run in runs]

    for number in range(len(borders) + 1):
        slices = [slice(int(place[number]), int(place[number + 1])) for place in places]
        keys = np.concatenate([run.keys[part] for run, part in zip(runs, slices, strict=True)])
        counts = np.concatenate([run.counts[part] for run, part in zip(runs, slices, strict=True)])
        if len(keys):
            order = np.argsort(keys, kind="stable")
            yield _distinct(keys[order], counts[order])


def _require_room(ngrams: int) -> None:
    """Raise UserError if this machine has too little memory for the tree of so many n-grams."""
    memory = total_memory() or MAX_NGRAMS * BYTES_PER_NGRAM
    limit = min(memory // BYTES_PER_NGRAM, MAX_NGRAMS)
    if ngrams > limit:
        raise UserError(
            f"the training text has {ngrams:,} different n-grams, and this machine's memory of {memory / 1e9:.1f} GB "
            f"is enough for {limit:,} ({BYTES_PER_NGRAM} bytes each); choose a lower order, or use less text"
        )


class Leaves(NamedTuple):
    """The leaves of a tree: the longest contexts, and the tokens after them."""

    depth: Small  # (leaves,)
    starts: Ints  # (leaves,) first pair
    shared: Small  # (pairs,) tokens that the context of a pair has in common with that of the one before
    tokens: Small  # (pairs,) number of the token
    counts: Small  # (pairs,)
    links: Small  # (pairs,) leaf of the context after the token


def _leaves(ngrams: Ngrams, last: np.uint64, coding: Coding) -> Leaves:
    """Return the leaves of the tree of distinct n-grams; `last` is the one at the end of the stream."""
    contexts = ngrams.keys >> np.uint64(coding.bits)
    tokens = (ngrams.keys & np.uint64((1 << coding.bits) - 1)).astype(np.int32)
    shared = _shared(contexts, coding)
    first = shared < coding.longest
    first[:1] = True
    leaf_contexts = contexts[first]
    links = _next_leaves(contexts, tokens, leaf_contexts, coding)

    # nothing follows the last n-gram, unless it occurs elsewhere too
    end = int(np.searchsorted(ngrams.keys, last))
    if ngrams.counts[end] == 1:
        links[end] = MISSING
    return Leaves(_lengths(leaf_contexts, coding), np.flatnonzero(first), shared, tokens, ngrams.counts, links)


def _build(leaves: Leaves, total: int, coding: Coding, vocabulary: int, progress: ProgressCallback) -> SuffixTree:
    """Return the tree over its leaves, of a stream with `total` tokens."""
    from genbench_plugins.markov import counting_kernels

    # arrays with room for all nodes and pairs; memory that is never written takes no space
    size, count, longest = len(leaves.tokens), len(leaves.depth), coding.longest
    room = min(size * (longest + 1), 4 * total) + len(coding.known)
    parent, depth = (np.empty(2 * count, np.int32) for _ in range(2))
    tokens, counts, continuations, links = (np.empty(room, np.int32) for _ in range(4))
    starts, open_nodes = np.zeros(2 * count + 1, np.int64), np.empty((min(longest, count) + 2, 2), np.int32)
    sums = np.zeros((len(coding.known), 3), np.int32)
    tree = counting_kernels.Growing(parent, depth, starts, tokens, counts, continuations, links, open_nodes, sums)

    # the leaves and their pairs, light leaves first; then the other nodes
    sizes = np.diff(leaves.starts, append=size)
    numbers, light = number_leaves(sizes)
    of_light = np.repeat(light, sizes)
    depth[:count] = light_first(leaves.depth, light)
    np.cumsum(light_first(sizes, light), out=starts[1 : count + 1])
    tokens[:size] = light_first(leaves.tokens, of_light)
    links[:size] = light_first(np.where(leaves.links == MISSING, MISSING, numbers[leaves.links]), of_light)
    counts[:size] = continuations[:size] = light_first(leaves.counts, of_light)
    progress(0.4)
    nodes = counting_kernels.join_leaves(leaves.tokens, leaves.shared, longest, numbers, tree)
    progress(0.8)
    counting_kernels.link_pairs(tree, nodes, count, longest)
    progress(1.0)

    pairs = int(starts[nodes])
    np.take(coding.known, tokens[:pairs], out=tokens[:pairs], mode="clip")
    return SuffixTree(
        parent=parent[:nodes],
        depth=depth[:nodes],
        starts=starts[: nodes + 1],
        tokens=tokens[:pairs],
        counts=counts[:pairs],
        continuations=continuations[:pairs],
        links=links[:pairs],
        vocabulary=vocabulary,
        longest=longest,
    )


def _shared(contexts: Keys, coding: Coding) -> Small:
    """Return how many tokens each context shares with the one before it, (n-grams,)."""
    shared = np.zeros(len(contexts), np.int32)
    same = np.ones(max(len(contexts) - 1, 0), bool)
    for place in reversed(range(coding.longest)):
        # the nearest token first; no token is not shared
        number = contexts >> np.uint64(place * coding.bits) & np.uint64((1 << coding.bits) - 1)
        same &= (number[1:] == number[:-1]) & (number[1:] > 0)
        shared[1:] += same
    return shared


def _lengths(contexts: Keys, coding: Coding) -> Small:
    """Return how many tokens each context has: fewer than `longest` at the beginning of the stream."""
    lengths = np.zeros(len(contexts), np.int32)
    for place in range(coding.longest):
        lengths += (contexts >> np.uint64(place * coding.bits) & np.uint64((1 << coding.bits) - 1)) > 0
    return lengths


def _next_leaves(contexts: Keys, tokens: Small, leaf_contexts: Keys, coding: Coding) -> Small:
    """Return the leaf of the context after each n-gram, (n-grams,); MISSING where no stream goes on so."""
    links = np.empty(len(contexts), np.int32)
    for begin in range(0, len(contexts), RANGE):
        # the token becomes the nearest one, and the farthest is left out
        part = slice(begin, begin + RANGE)
        following = contexts[part] >> np.uint64(coding.bits)
        if coding.longest:
            following |= tokens[part].astype(np.uint64) << np.uint64((coding.longest - 1) * coding.bits)
        places = np.minimum(np.searchsorted(leaf_contexts, following), len(leaf_contexts) - 1)
        links[part] = np.where(leaf_contexts[places] == following, places, MISSING)
    return links
