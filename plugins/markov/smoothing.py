"""Smoothing methods with closed-form discounts: from n-gram counts to probabilities.

All methods interpolate recursively (Chen & Goodman 1999). With h a context, h' the context without its first token, c
the count of a token after h, and D the discount:

    p(w | h) = (c(h w) - D(c(h w))) / sum_v c(h v)  +  leftover(h) p(w | h')
    leftover(h) = sum_v D(c(h v)) / sum_v c(h v)

The recursion ends in a base distribution that gives every token some probability. The first summand is called
`discounted` in this package.

    modified-kneser-ney  three discounts D1, D2, D3+ per length; below the longest n-gram, c is the continuation count,
                         the number of different tokens that precede h w (Chen & Goodman 1999)
    kneser-ney           the same with one discount (Kneser & Ney 1995, interpolated)
    absolute             one discount, subtracted from occurrences (Ney, Essen & Kneser 1994)
    witten-bell          leftover(h) = types / (total + types); the rest by occurrences (Witten & Bell 1991, method C)
    add-k                p(w | h) = (c + k V base(w)) / (total + k V) at the longest context only (V: vocabulary size)
    mle                  occurrences, with a small escape to shorter contexts (maximum likelihood)

A context that always has the same token before it is inside an edge of the suffix tree: it is shorter than the longest
context of its node. All its continuation counts are 1; its occurrences are those of the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from genbench_plugins.markov.packed_tree import PackedTree, leaf_depth
from genbench_plugins.markov.suffix_tree import Floats, Small, SuffixTree

SmoothingMethod = Literal["modified-kneser-ney", "kneser-ney", "absolute", "witten-bell", "add-k", "mle", "fitted"]
METHODS: tuple[SmoothingMethod, ...] = get_args(SmoothingMethod)
CONTINUATION_METHODS = ("modified-kneser-ney", "kneser-ney", "fitted")  # those that use continuation counts
Discounts = tuple[float, float, float]  # D1, D2, D3+: for counts of one, two, and three or more
CountsOfCounts = tuple[int, int, int, int]  # how many n-grams were counted once, twice, three and four times
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)  # of KenLM, if the closed form fails
FALLBACK_DISCOUNT = 0.5  # the same for methods with one discount
ADD_K = 0.01  # k of add-k
ESCAPE = 0.001  # leftover of maximum likelihood


def modified_discounts(counts_of_counts: CountsOfCounts) -> tuple[Discounts, bool]:
    """Return the three discounts of modified Kneser-Ney, and whether their closed form is valid.

    With n1 to n4 the counts of counts: Y = n1 / (n1 + 2 n2), D1 = 1 - 2 Y n2/n1, D2 = 2 - 3 Y n3/n2,
    D3+ = 3 - 4 Y n4/n3 (Chen & Goodman 1999, equation 26). Small or unusual counts lead to a division by zero or to a
    discount Dk outside 0 to k; in that case the function returns KenLM's fallback and False.

    >>> modified_discounts((4, 2, 1, 1))
    ((0.5, 1.25, 1.0), True)
    >>> modified_discounts((0, 0, 0, 0))
    ((0.5, 1.0, 1.5), False)
    """
    n1, n2, n3, n4 = counts_of_counts
    if not n1 or not n2 or not n3:
        return FALLBACK_DISCOUNTS, False

    # equation 26
    y = n1 / (n1 + 2 * n2)
    discounts = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    if all(0 < discount <= k for k, discount in enumerate(discounts, start=1)):
        return discounts, True
    return FALLBACK_DISCOUNTS, False


def single_discount(counts_of_counts: CountsOfCounts) -> tuple[Discounts, bool]:
    """Return one discount for all counts, D = n1 / (n1 + 2 n2) (Ney, Essen & Kneser 1994), and whether it is valid.

    >>> single_discount((4, 2, 1, 1))
    ((0.5, 0.5, 0.5), True)
    """
    n1, n2 = counts_of_counts[:2]
    discount = n1 / (n1 + 2 * n2) if n1 and n2 else FALLBACK_DISCOUNT
    return (discount, discount, discount), bool(n1 and n2)


def counts_of_counts(tree: SuffixTree, counts: Small, inside_once: bool) -> list[CountsOfCounts]:
    """Return for every context length the number of n-grams with a count of one, two, three and four.

    `counts` is (pairs,). Contexts inside an edge have the counts of their node, or, with `inside_once`, counts of 1.
    """
    from genbench_plugins.markov import counting_kernels

    depth = np.minimum(tree.depth, leaf_depth(tree.longest))
    changes = np.zeros((int(depth.max()) + 2 if tree.longest is None else tree.longest + 2, 5), np.int64)
    counting_kernels.tally_counts(tree.parent, depth, tree.starts, counts, inside_once, changes)
    return [tuple(row[1:].tolist()) for row in np.cumsum(changes, axis=0)[:-1]]


@dataclass(frozen=True)
class Smoothing:
    """What a method needs besides the counts; `kernels.discount` applies it.

    discounts  (lengths, 3) D1, D2, D3+ by context length, or more columns for weighted counts
               (`weighted_counts.py`), the last for all larger counts; empty for methods without discounts
    weights    (features, bins) of fitted discounts (`fitted_smoothing.py`); empty for other methods
    """

    method: SmoothingMethod
    discounts: Floats
    weights: Floats

    @property
    def notes(self) -> list[str]:
        """What a row says about the method."""
        if self.method != "mle":
            return []
        return [f"maximum likelihood gives unseen text no probability: contexts leave {ESCAPE:g} to shorter contexts"]

    def counts(self, tree: PackedTree, length: int, node: int) -> Floats:
        """Return the counts, or continuation counts, of a node at a context length, (pairs of the node,)."""
        if self.method not in CONTINUATION_METHODS:
            return tree.counts_of(node).astype(np.float64)
        if self.method != "fitted" and length < tree.depth_of(node):
            return np.ones(len(tree.counts_of(node)))
        return tree.continuations_of(node).astype(np.float64)


def smooth(tree: SuffixTree, method: SmoothingMethod) -> tuple[Smoothing, list[int]]:
    """Return closed-form smoothing of a tree, and the context lengths at which the closed form failed."""
    if method not in ("kneser-ney", "modified-kneser-ney", "absolute"):
        return Smoothing(method, np.empty((0, 3)), np.empty((0, 0))), []

    # D by context length
    by_continuation = method in CONTINUATION_METHODS
    counts = tree.continuations if by_continuation else tree.counts
    formula = modified_discounts if method == "modified-kneser-ney" else single_discount
    results = [formula(row) for row in counts_of_counts(tree, counts, by_continuation)]
    failed = [length for length, (_, valid) in enumerate(results) if not valid]
    return Smoothing(method, np.array([row for row, _ in results]), np.empty((0, 0))), failed
