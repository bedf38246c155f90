"""BackoffModel: the arrays of a smoothed chain, in the form in which the compiled kernels read them.

Interpolated smoothing (`smoothing.py`) has an equal back-off form (Chen & Goodman 1999, section 2.8), which stores the
sums of the recursion instead of its summands. For a context h, the longest of its node, and h' that of its parent:

    p(w | h) = probabilities(h w)             if w followed h
    p(w | h) = backoff(h) p(w | h')           otherwise

So a probability takes the look-ups down to the longest context that the token has followed, often only one.
"""

from __future__ import annotations

from typing import NamedTuple

from genbench_plugins.markov.suffix_tree import Floats, Ints, Small

BackoffForm = tuple[Floats, Floats]  # probabilities and backoff, as in BackoffModel


class BackoffModel(NamedTuple):
    """A suffix tree, its smoothing, and the back-off form of both.

    The arrays of the tree and of the smoothing are described there; only the memory can be written.
    """

    parent: Small
    depth: Small
    starts: Ints
    tokens: Small
    counts: Small
    continuations: Small
    links: Small
    longest: int  # -1: any length
    method: int  # index in METHODS
    every_length: bool  # whether the contexts inside an edge are interpolated too, and not only the longest
    discounts: Floats
    weights: Floats
    base: Floats  # (vocabulary,) the base distribution
    probabilities: Floats  # (pairs,) p(w | h) of the longest context of a node
    backoff: Floats  # (nodes,) factor of p(w | h') for tokens that never followed the node
    discounted: Floats  # (vocabulary,) memory of the kernels: discounted probabilities of one context
    table: Floats  # (bins,) the same: fitted discounts of one context
