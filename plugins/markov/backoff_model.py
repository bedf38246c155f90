"""BackoffModel: the arrays of a smoothed chain, in the form in which the compiled kernels read them.

Interpolated smoothing (`smoothing.py`) has an equal back-off form (Chen & Goodman 1999, section 2.8), which stores the
sums of the recursion instead of its summands. For a context h, the longest of its node, and h' that of its parent:

    p(w | h) = probabilities(h w)             if w followed h
    p(w | h) = backoff(h) p(w | h')           otherwise

So a probability takes the look-ups down to the longest context that the token has followed, often only one. Light
leaves of the tree store neither: most contexts are such, and a step of the recursion takes less than the memory would
cost.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.packed_tree import Bytes
from genbench_plugins.markov.suffix_tree import Floats, Small

Lengths = npt.NDArray[np.uint16]
Tokens = npt.NDArray[Any]
BackoffForm = tuple[Floats, Floats]  # probabilities and backoff, as in BackoffModel


class BackoffModel(NamedTuple):
    """A suffix tree, its smoothing, and the back-off form of both.

    The arrays of the tree and of the smoothing are described there; only the memory can be written.
    """

    parent: Small
    depth: Lengths
    starts: Small
    tokens: Tokens
    counts: Bytes
    large_counts: Small
    continuations: Bytes
    large_continuations: Small
    links: Small
    leaves: int  # light ones
    first_pair: int  # of the nodes that are no light leaves
    longest: int  # -1: any length
    leaf_depth: int
    method: int  # index in METHODS
    every_length: bool  # whether the contexts inside an edge are interpolated too, and not only the longest
    discounts: Floats
    weights: Floats
    base: Floats  # (vocabulary,) the base distribution
    probabilities: Floats  # (pairs from the first on,) p(w | h) of the longest context of a node
    backoff: Floats  # (nodes that are no light leaves,) factor of p(w | h') for tokens that never followed the node
    discounted: Floats  # (vocabulary,) memory of the kernels: discounted probabilities of one context
    edge: Floats  # (vocabulary,) the same: probabilities after one context that is not stored
    table: Floats  # (bins,) the same: fitted discounts of one context
