"""PrefixSums: probabilities of sets of tokens after a context, such as of all words that start with one letter.

With h' the context of the parent, interpolated smoothing adds a mass to few tokens (`backoff_model.py`):

    p(w | h) = added(h w) + backoff(h) p(w | h'),    added(h w) = 0 if w never followed h

So the probability of a set is that of the set at the root, computed once, times the backoff of all contexts, and the
masses that contexts add to tokens of the set: a look at the followers of a context instead of the whole vocabulary.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.suffix_tree import Floats, Ints

TABLES_KEPT = 256

Segments = tuple[Ints, Ints, Floats]  # first row of every token; its segments; their weights: see `add_segments`


class PrefixSums:
    """The prefix sums of one model; tables of the segments are kept for the next call."""

    def __init__(self, model: BackoffModel) -> None:
        self.model = model
        self._tables: dict[bytes, tuple[Segments, Floats]] = {}

    def sums(self, nodes: Ints, lengths: Ints, order: Ints, weights: Floats, borders: Ints) -> Floats:
        """Return the weighted sums of the first tokens of an order after states, (states, borders)."""
        from genbench_plugins.markov import sum_kernels

        # the probability of each segment, then their running sum
        segments, root = self._table(order, weights, borders)
        sums = np.zeros((len(nodes), len(borders)))
        sum_kernels.add_segments(self.model, self._added, nodes, *segments, root, sums)
        sums = np.cumsum(sums, axis=1)

        # the probabilities of contexts inside an edge are other sums
        inside = lengths < self.model.depth[nodes]
        if inside.any():
            sums[inside] = self._dense(nodes[inside], lengths[inside], order, weights, borders)
        return sums

    @cached_property
    def _added(self) -> Floats:
        """What every pair adds to the probability after the parent of its node, (pairs,)."""
        from genbench_plugins.markov import sum_kernels

        added = np.empty(len(self.model.tokens))
        sum_kernels.fill_added(self.model, added)
        return added

    def _dense(self, nodes: Ints, lengths: Ints, order: Ints, weights: Floats, borders: Ints) -> Floats:
        from genbench_plugins.markov import sum_kernels

        sums, memory = np.empty((len(nodes), len(borders))), np.empty(len(self.model.base))
        sum_kernels.fill_prefix_sums(self.model, nodes, lengths, order, weights, borders, memory, sums)
        return sums

    def _table(self, order: Ints, weights: Floats, borders: Ints) -> tuple[Segments, Floats]:
        """Return the segments between borders and their sums at the root; the first ends at the first border."""
        key = order.tobytes() + weights.tobytes() + borders.tobytes()
        if key not in self._tables:
            if len(self._tables) >= TABLES_KEPT:
                self._tables.clear()

            # add the weights of the tokens of one segment, and sort by token
            segment = np.searchsorted(borders, np.arange(int(borders[-1])), side="right")
            sizes = (len(self.model.base), len(borders))
            cells, places = np.unique(
                np.ravel_multi_index((order[: len(segment)], segment), sizes), return_inverse=True
            )
            tokens, segments = np.unravel_index(cells, sizes)
            first = np.searchsorted(tokens, np.arange(len(self.model.base) + 1))
            masses = np.bincount(places, weights[: len(segment)]).astype(np.float64)
            table: Segments = (np.asarray(first, np.int64), np.array(segments, np.int64), masses)

            root = np.array([len(self.model.parent) - 1])
            at_root = np.diff(self._dense(root, np.zeros(1, np.int64), order, weights, borders)[0], prepend=0.0)
            self._tables[key] = table, at_root
        return self._tables[key]
