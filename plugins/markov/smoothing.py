"""What counts become probabilities by: the smoothing methods of the textbook, as one step of backing off.

Each step is p_k(w) = share_k(w) + leftover_k p_k-1(w), for contexts of length k = 0, 1, 2 and so on; the recursion
ends in a base distribution that gives every token something. A context that always had the same token before it stands
in its node's edge ("inside"): Kneser and Ney count each token once there, the other methods count as its node does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.suffix_array import Ints, Small
from genbench_plugins.markov.tree import NOWHERE, Tree

Floats = npt.NDArray[np.float64]
Smoothing = Literal["modified-kneser-ney", "kneser-ney", "absolute", "witten-bell", "add-k", "mle", "fitted"]
FALLBACK = (0.5, 1.0, 1.5)  # what KenLM takes where the closed form fails
ONE = 0.5  # the same, for one discount
ADDED = 0.01  # the k of add-k
ESCAPE = 0.001  # what mle leaves to shorter contexts


def discounts(ns: tuple[int, int, int, int]) -> tuple[tuple[float, float, float], bool]:
    """The discounts for counts of one, two, three and more, and whether the closed form gave them.

    From n1 to n4, how many n-grams have these counts: Y = n1 / (n1 + 2 n2), D1 = 1 - 2 Y n2/n1, D2 = 2 - 3 Y n3/n2,
    D3 = 3 - 4 Y n4/n3 (Chen & Goodman 1999, equation 26). On small or odd counts one divides by zero or leaves 0 to k:
    then KenLM's fallback.

    >>> discounts((4, 2, 1, 1))
    ((0.5, 1.25, 1.0), True)
    >>> discounts((0, 0, 0, 0))
    ((0.5, 1.0, 1.5), False)
    """
    n1, n2, n3, n4 = ns
    if not n1 or not n2 or not n3:
        return FALLBACK, False
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    if all(0 < discount <= k for k, discount in enumerate(found, start=1)):
        return found, True
    return FALLBACK, False


def one_discount(ns: tuple[int, int, int, int]) -> tuple[tuple[float, float, float], bool]:
    """One discount for all counts, n1 / (n1 + 2 n2) (Ney, Essen & Kneser 1994).

    >>> one_discount((4, 2, 1, 1))
    ((0.5, 0.5, 0.5), True)
    """
    n1, n2 = ns[:2]
    found = n1 / (n1 + 2 * n2) if n1 and n2 else ONE
    return (found, found, found), bool(n1 and n2)


def counts_of_counts(tree: Tree, counts: Ints, inside_once: bool) -> list[tuple[int, int, int, int]]:
    """For each length of context, how many n-grams are counted once, twice, three and four times.

    Contexts inside an edge count as `counts` say of its node, or once each where `inside_once`.
    """
    lengths = (int(tree.depth.max()) if tree.longest is None else tree.longest) + 2
    owners = tree.owners
    small = np.where(counts <= 4, counts, 0)
    above = np.where(tree.parent == NOWHERE, NOWHERE, tree.depth[tree.parent])
    own = (tree.depth > above)[owners]  # not so for the beginning of the text, where it stands elsewhere too
    found = _tally(tree.depth[owners[own]], small[own], lengths)
    inner = owners[owners != tree.root]
    small = np.ones(len(inner), np.int64) if inside_once else small[owners != tree.root]
    begins = tree.depth[tree.parent[inner]] + 1
    changes = _tally(begins, small, lengths) - _tally(np.maximum(tree.depth[inner], begins), small, lengths)
    return [tuple(row[1:].tolist()) for row in (found + np.cumsum(changes, axis=0))[:-1]]


def _tally(lengths: Small, counts: Ints, most: int) -> Ints:
    """How often each length and count from 0 to 4 come together, (most, 5)."""
    return np.bincount(lengths * 5 + counts, minlength=most * 5).reshape(most, 5)


@dataclass(frozen=True)
class Weights:
    """A smoothed tree: what each pair adds at its node's own length, and what each node leaves to shorter contexts.

    shares    (pairs,), leftover  (nodes,)
    totals    (nodes,) the counts of a node's pairs, as the method counts
    taken     (lengths, 3) the discounts of each length of context; empty for methods without
    """

    method: str
    shares: Floats
    leftover: Floats
    totals: Floats
    taken: Floats

    def dump(self) -> dict[str, Any]:
        """What makes it again."""
        return dict(vars(self))

    def counted(self, tree: Tree, length: int, node: int) -> Floats:
        """The counts of a node's pairs, as the method counts at this length of context."""
        here = slice(tree.starts[node], tree.starts[node + 1])
        if "kneser" not in self.method:
            return tree.counts[here].astype(np.float64)
        inside = length < tree.depth[node]
        return np.ones(here.stop - here.start) if inside else tree.before[here].astype(np.float64)

    def inside(self, tree: Tree, length: int, node: int) -> tuple[float, Floats | float]:
        """Leftover and the shares of all pairs, (pairs of the node,) or one for all, of one context inside an edge."""
        start, stop = int(tree.starts[node]), int(tree.starts[node + 1])
        if self.method in ("witten-bell", "mle"):
            return float(self.leftover[node]), self.shares[start:stop]
        if self.method == "add-k":
            return 1.0, 0.0
        one = float(self.taken[length, 0])
        if self.method == "absolute":
            return one * (stop - start) / self.totals[node], (tree.counts[start:stop] - one) / self.totals[node]
        return one, (1 - one) / (stop - start)

    def step(self, tree: Tree, length: int, nodes: Ints, pairs: Ints) -> tuple[Floats, Floats]:
        """Leftover and share, (n,) each, of contexts of one length at these nodes, for these pairs (or NOWHERE)."""
        own = tree.depth[nodes] == length
        leftover, share = self.leftover[nodes], np.where(pairs != NOWHERE, self.shares[pairs], 0.0)
        if own.all() or self.method in ("witten-bell", "mle"):
            return leftover, share
        if self.method == "add-k":
            return np.where(own, leftover, 1.0), np.where(own, share, 0.0)
        types = tree.starts[nodes + 1] - tree.starts[nodes]
        one = self.taken[length, 0]
        if self.method == "absolute":
            inside, left = (tree.counts[pairs] - one) / self.totals[nodes], one * types / self.totals[nodes]
        else:
            inside, left = (1 - one) / types, np.full(len(types), one)
        return np.where(own, leftover, left), np.where(own, share, np.where(pairs != NOWHERE, inside, 0.0))


def smoothed(tree: Tree, method: str) -> tuple[Weights, list[int]]:
    """Smooth a tree by a method of the textbook, and the lengths of context at which the closed form failed."""
    kneser = method in ("kneser-ney", "modified-kneser-ney")
    counts = (tree.before if kneser else tree.counts).astype(np.int64)
    owners, types = tree.owners, np.diff(tree.starts)
    totals = np.bincount(owners, weights=counts, minlength=len(types)).astype(np.float64)
    if kneser or method == "absolute":
        formula = discounts if method == "modified-kneser-ney" else one_discount
        found = [formula(ns) for ns in counts_of_counts(tree, counts, kneser)]
        taken = np.array([d for d, _ in found])
        removed = taken[tree.depth[owners], np.minimum(counts, 3) - 1]
        leftover = np.bincount(owners, weights=removed, minlength=len(types)) / totals
        failed = [length for length, (_, closed) in enumerate(found) if not closed]
        return Weights(method, (counts - removed) / totals[owners], leftover, totals, taken), failed
    if method == "witten-bell":
        leftover = types / (totals + types)
    elif method == "mle":
        leftover = np.full(len(types), ESCAPE)
    else:
        deepest = tree.depth == tree.longest
        leftover = np.where(deepest, 1 - totals / (totals + ADDED * tree.vocabulary), 1.0)
    shares = counts / totals[owners] * (1 - leftover[owners])
    return Weights(method, shares, leftover, totals, np.empty((0, 3))), []
