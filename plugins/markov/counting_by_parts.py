"""Count the n-grams of a long stream in parts: sorted runs of distinct n-grams on disk, merged, and built into a tree.

A tree needs the distinct n-grams and their counts. So each part of the stream is sorted alone, on this machine or
another one, and equal n-grams become one with a count; the runs on disk are merged a range of n-grams at a time
(external sorting, as in KenLM's lmplz: Heafield et al. 2013).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.mapped_arrays import release
from genbench_plugins.markov.suffix_tree import Ints, Small, SuffixTree
from genbench_plugins.markov.tree_building import build_tree, require_memory
from genbench_plugins.markov.tree_from_ngrams import Coding, Keys, Ngrams, tree_from_ngrams

from genbench.generator import ProgressCallback, ignore, rescale

PART = 1 << 24  # tokens that are sorted at a time; a stream of no more is counted at once
RANGE = 1 << 22  # n-grams that are merged at a time
KEY_BITS = 64
COUNTING = 0.7  # share of the time
SAMPLED = 4096  # n-grams of each run, by which ranges of equal size are found

Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


class Part(NamedTuple):
    """A part of a stream, with the tokens before it."""

    numbers: npt.NDArray[Any]  # (longest + tokens,) 0 where the stream has not begun
    bits: int  # of a number
    longest: int  # tokens of a context
    weights: Small | None = None  # (tokens,) how often each token is counted; None: once


def count_ngrams(
    ids: Ints,
    longest: int | None,
    vocabulary: int,
    progress: ProgressCallback = ignore,
    map_parts: Map = map,
    *,
    weights: Small | None = None,
    part: int = PART,
) -> SuffixTree:
    """Count all n-grams of a stream, as `build_tree` does, in parts if it has more than `part` tokens.

    `map_parts` calls a function with all parts, as `map` does, here or on other machines. Contexts of any length, and
    n-grams of more than 64 bits, are counted at once. Raises UserError where this machine has too little room.
    """
    coding = None if longest is None or len(ids) <= part else _coding(ids, longest, vocabulary, part)
    if coding is None or coding.bits * (coding.longest + 1) > KEY_BITS:
        require_memory(len(ids))
        return build_tree(ids, longest, vocabulary, progress, weights)

    with _NgramFiles() as merged:
        with _NgramFiles() as runs:
            # sorted runs of all parts
            begins = range(0, len(ids), part)
            parts = (_part(ids, begin, begin + part, coding, weights) for begin in begins)
            for done, _ in enumerate(map(runs.append, map_parts(count_part, parts)), 1):
                progress(COUNTING * done / len(begins))

            # all of them in one
            for _ in map(merged.append, _merge(runs)):
                pass

        # the tree
        last = _keys(_part(ids, len(ids) - 1, len(ids), coding))[0]
        progress = rescale(progress, COUNTING, 1 - COUNTING)
        return tree_from_ngrams(merged.read(), last, len(ids), coding, vocabulary, progress)


def count_part(part: Part) -> Ngrams:
    """Return the distinct n-grams that end in a part of a stream."""
    keys = _keys(part)
    if part.weights is not None:
        order = np.argsort(keys)
        return _distinct(keys[order], part.weights[order])
    keys.sort()
    return _distinct(keys)


def _coding(ids: Ints, longest: int, vocabulary: int, part: int) -> Coding:
    """Number the tokens that occur, in the order of their ids."""
    occurs = np.zeros(vocabulary, bool)
    for begin in range(0, len(ids), part):
        occurs[ids[begin : begin + part]] = True
        release(ids)
    known = np.append(0, np.flatnonzero(occurs)).astype(np.int32)
    numbers = np.cumsum(occurs, dtype=np.min_scalar_type(len(known)))
    return Coding(numbers, known, (len(known) - 1).bit_length(), longest)


def _part(ids: Ints, begin: int, end: int, coding: Coding, weights: Small | None = None) -> Part:
    """Return a part of a stream."""
    first = max(begin - coding.longest, 0)
    missing = np.zeros(coding.longest - (begin - first), coding.numbers.dtype)
    numbers = np.concatenate([missing, coding.numbers[ids[first:end]]])
    release(ids)
    return Part(numbers, coding.bits, coding.longest, None if weights is None else weights[begin:end])


def _keys(part: Part) -> Keys:
    """Return the n-grams that end in a part of a stream, (tokens,), in its order."""
    # the token before is the highest, the token itself the lowest
    keys = np.zeros(len(part.numbers) - part.longest, np.uint64)
    for back in [*range(1, part.longest + 1), 0]:
        keys <<= np.uint64(part.bits)
        keys |= part.numbers[part.longest - back :][: len(keys)]
    return keys


def _distinct(keys: Keys, counts: Small | None = None) -> Ngrams:
    """Return the distinct ones of sorted n-grams, with the sums of their counts, or how often they occur."""
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sums = np.diff(first, append=len(keys)) if counts is None else np.add.reduceat(counts, first)
    return Ngrams(keys[first], sums.astype(np.int32))


class _NgramFiles:
    """Runs of n-grams in unnamed files, one after the other."""

    def __init__(self) -> None:
        self.keys, self.counts = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115 - closed below
        self.sizes = list[int]()  # of the runs

    def __enter__(self) -> _NgramFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.keys.close()
        self.counts.close()

    def append(self, run: Ngrams) -> None:
        """Write a run. Raises OSError where the disk is full."""
        run.keys.tofile(self.keys)
        run.counts.tofile(self.counts)
        self.sizes.append(len(run.keys))

    def read(self) -> Ngrams:
        """Return the n-grams of all runs, mapped into memory."""
        return Ngrams(
            np.asarray(np.memmap(self.keys, np.uint64, "r")), np.asarray(np.memmap(self.counts, np.int32, "r"))
        )


def _merge(runs: _NgramFiles) -> Iterator[Ngrams]:
    """Yield the distinct n-grams of all runs in their order, a range of them at a time."""
    ngrams, starts = runs.read(), np.cumsum([0, *runs.sizes])
    keys = [ngrams.keys[begin:end] for begin, end in pairwise(starts)]

    # borders of ranges that have about the same number of n-grams
    sample = np.sort(np.concatenate([run[:: max(1, len(run) // SAMPLED)] for run in keys]))
    ranges = -(-sum(runs.sizes) // RANGE)
    borders = np.unique(sample[np.arange(1, ranges) * len(sample) // ranges])
    ends = np.stack([np.append(np.searchsorted(run, borders), len(run)) for run in keys]) + starts[:-1, None]

    begins = starts[:-1]
    for stops in ends.T:
        slices = [slice(*places) for places in zip(begins.tolist(), stops.tolist(), strict=True)]
        range_keys = np.concatenate([ngrams.keys[places] for places in slices])
        counts = np.concatenate([ngrams.counts[places] for places in slices])
        if len(range_keys):
            order = np.argsort(range_keys, kind="stable")
            yield _distinct(range_keys[order], counts[order])
        release(*ngrams)
        begins = stops
