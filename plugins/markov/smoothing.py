"""Smoothing methods with closed-form discounts: how counts become probabilities.

All methods interpolate recursively (Chen & Goodman 1999). With h a context, h' the context without its first token and
c the count of a token after h:

    p(w | h) = (c(h w) - D(c(h w))) / sum_v c(h v)  +  leftover(h) p(w | h')
    leftover(h) = sum_v D(c(h v)) / sum_v c(h v)

The recursion ends in a base distribution that gives every token some probability. The first summand is called
`discounted` here.

    modified-kneser-ney  three discounts D1, D2, D3+ per length; below the longest n-gram c counts the different tokens
                         that precede h w, not occurrences (Chen & Goodman 1999)
    kneser-ney           the same with one discount (Kneser & Ney 1995, interpolated)
    absolute             one discount of the occurrences (Ney, Essen & Kneser 1994)
    witten-bell          leftover(h) = types / (total + types), the rest by occurrences (Witten & Bell 1991, method C)
    add-k                p(w | h) = (c + k V base(w)) / (total + k V), at the longest context alone (V: vocabulary)
    mle                  occurrences, with a small escape to shorter contexts (maximum likelihood)

A context which always has the same token before it is inside an edge of the suffix tree: it is shorter than its node's
longest context. For Kneser and Ney each of its counts is 1; for the other methods its counts are those of the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, Small, SuffixTree

from genbench.generator import Learned

SmoothingMethod = Literal["modified-kneser-ney", "kneser-ney", "absolute", "witten-bell", "add-k", "mle", "fitted"]
Discounts = tuple[float, float, float]  # for counts of one, two, and three or more
CountsOfCounts = tuple[int, int, int, int]  # how many n-grams were counted once, twice, three and four times
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)  # KenLM's, where the closed form fails
FALLBACK_DISCOUNT = 0.5  # the same for one discount
ADD_K = 0.01
ESCAPE = 0.001  # what maximum likelihood leaves to shorter contexts


def modified_discounts(counts_of_counts: CountsOfCounts) -> tuple[Discounts, bool]:
    """Return the three discounts of modified Kneser-Ney, and whether their closed form is valid.

    With n1 to n4 the counts of counts: Y = n1 / (n1 + 2 n2), D1 = 1 - 2 Y n2/n1, D2 = 2 - 3 Y n3/n2,
    D3 = 3 - 4 Y n4/n3 (Chen & Goodman 1999, equation 26). Small or unusual counts lead to a division by zero or to a
    discount outside 0 to k; the fallback of KenLM is returned instead.

    >>> modified_discounts((4, 2, 1, 1))
    ((0.5, 1.25, 1.0), True)
    >>> modified_discounts((0, 0, 0, 0))
    ((0.5, 1.0, 1.5), False)
    """
    n1, n2, n3, n4 = counts_of_counts
    if not n1 or not n2 or not n3:
        return FALLBACK_DISCOUNTS, False
    y = n1 / (n1 + 2 * n2)
    discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    if all(0 < discount <= k for k, discount in enumerate(discounts, start=1)):
        return discounts, True
    return FALLBACK_DISCOUNTS, False


def single_discount(counts_of_counts: CountsOfCounts) -> tuple[Discounts, bool]:
    """Return one discount for all counts, n1 / (n1 + 2 n2) (Ney, Essen & Kneser 1994), and whether it is valid.

    >>> single_discount((4, 2, 1, 1))
    ((0.5, 0.5, 0.5), True)
    """
    n1, n2 = counts_of_counts[:2]
    discount = n1 / (n1 + 2 * n2) if n1 and n2 else FALLBACK_DISCOUNT
    return (discount, discount, discount), bool(n1 and n2)


def counts_of_counts(tree: SuffixTree, counts: Ints, inside_once: bool) -> list[CountsOfCounts]:
    """Return for each context length how many n-grams have a count of one, two, three and four.

    `counts` is (pairs,). Contexts inside an edge count as their node does, or once each with `inside_once`.
    """
    lengths = (int(tree.depth.max()) if tree.longest is None else tree.longest) + 2
    owners = tree.owners
    small = np.where(counts <= 4, counts, 0)

    # the longest context of each node; the beginning of the text, where it occurs elsewhere too, is not a context
    parent_depth = np.where(tree.parent == MISSING, MISSING, tree.depth[tree.parent])
    own = (tree.depth > parent_depth)[owners]
    at_nodes = _tally(tree.depth[owners[own]], small[own], lengths)

    # the shorter contexts of each node: add at the first length, subtract after the last, sum over lengths
    inner = owners[owners != tree.root]
    small = np.ones(len(inner), np.int64) if inside_once else small[owners != tree.root]
    begins = tree.depth[tree.parent[inner]] + 1
    changes = _tally(begins, small, lengths) - _tally(np.maximum(tree.depth[inner], begins), small, lengths)
    return [tuple(row[1:].tolist()) for row in (at_nodes + np.cumsum(changes, axis=0))[:-1]]


def _tally(lengths: Small, counts: Ints, most: int) -> Ints:
    """Return how often each length occurs with each count from 0 to 4, (most, 5)."""
    return np.bincount(lengths * 5 + counts, minlength=most * 5).reshape(most, 5)


@dataclass(frozen=True)
class ClosedFormSmoothing:
    """The two summands of the recursion for every node of a tree, by one of the methods above.

    discounted  (pairs,) of each pair at its node's longest context
    leftover    (nodes,) of each node's longest context
    totals      (nodes,) the sum of a node's counts, as the method counts
    discounts   (lengths, 3) of each context length; empty for methods without discounts
    """

    method: str
    discounted: Floats
    leftover: Floats
    totals: Floats
    discounts: Floats

    def dump(self) -> Learned:
        """Return the fields: numbers and arrays."""
        return dict(vars(self))

    def counts(self, tree: SuffixTree, length: int, node: int) -> Floats:
        """Return the counts of a node's pairs, as the method counts at this context length, (pairs of the node,)."""
        pairs = slice(tree.starts[node], tree.starts[node + 1])
        if "kneser" not in self.method:
            return tree.counts[pairs].astype(np.float64)
        if length < tree.depth[node]:
            return np.ones(pairs.stop - pairs.start)
        return tree.continuations[pairs].astype(np.float64)

    def inside_edge(self, tree: SuffixTree, length: int, node: int) -> tuple[float, Floats | float]:
        """Return leftover and discounted of one context inside an edge: (pairs of the node,) or one value for all."""
        start, stop = int(tree.starts[node]), int(tree.starts[node + 1])
        if self.method in ("witten-bell", "mle"):
            return float(self.leftover[node]), self.discounted[start:stop]
        if self.method == "add-k":
            return 1.0, 0.0
        discount = float(self.discounts[length, 0])
        if self.method == "absolute":
            total = self.totals[node]
            return discount * (stop - start) / total, (tree.counts[start:stop] - discount) / total
        return discount, (1 - discount) / (stop - start)

    def at_length(self, tree: SuffixTree, length: int, nodes: Ints, pairs: Ints) -> tuple[Floats, Floats]:
        """Return leftover and discounted, (n,) each, for contexts of one length.

        `nodes` and `pairs` are (n,): each context's node, and the pair of its next token or MISSING.
        """
        longest = tree.depth[nodes] == length
        leftover = self.leftover[nodes]
        discounted = np.where(pairs != MISSING, self.discounted[pairs], 0.0)
        if longest.all() or self.method in ("witten-bell", "mle"):
            return leftover, discounted
        if self.method == "add-k":
            return np.where(longest, leftover, 1.0), np.where(longest, discounted, 0.0)

        # contexts inside an edge
        types = tree.starts[nodes + 1] - tree.starts[nodes]
        discount = self.discounts[length, 0]
        if self.method == "absolute":
            inside = (tree.counts[pairs] - discount) / self.totals[nodes]
            inside_leftover = discount * types / self.totals[nodes]
        else:
            inside, inside_leftover = (1 - discount) / types, np.full(len(types), discount)
        inside = np.where(pairs != MISSING, inside, 0.0)
        return np.where(longest, leftover, inside_leftover), np.where(longest, discounted, inside)


def smooth(tree: SuffixTree, method: str) -> tuple[ClosedFormSmoothing, list[int]]:
    """Smooth a tree; return also the context lengths at which the closed form of the discounts failed."""
    kneser_ney = method in ("kneser-ney", "modified-kneser-ney")
    counts = (tree.continuations if kneser_ney else tree.counts).astype(np.int64)
    owners, types = tree.owners, np.diff(tree.starts)
    totals = np.bincount(owners, weights=counts, minlength=len(types)).astype(np.float64)

    if kneser_ney or method == "absolute":
        formula = modified_discounts if method == "modified-kneser-ney" else single_discount
        results = [formula(row) for row in counts_of_counts(tree, counts, kneser_ney)]
        discounts = np.array([row for row, _ in results])
        subtracted = discounts[tree.depth[owners], np.minimum(counts, 3) - 1]
        leftover = np.bincount(owners, weights=subtracted, minlength=len(types)) / totals
        failed = [length for length, (_, valid) in enumerate(results) if not valid]
        return ClosedFormSmoothing(method, (counts - subtracted) / totals[owners], leftover, totals, discounts), failed

    if method == "witten-bell":
        leftover = types / (totals + types)
    elif method == "mle":
        leftover = np.full(len(types), ESCAPE)
    else:
        deepest = tree.depth == tree.longest
        leftover = np.where(deepest, 1 - totals / (totals + ADD_K * tree.vocabulary), 1.0)
    discounted = counts / totals[owners] * (1 - leftover[owners])
    return ClosedFormSmoothing(method, discounted, leftover, totals, np.empty((0, 3))), []
