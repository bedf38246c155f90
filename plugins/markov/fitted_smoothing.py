"""Fitted smoothing: discounts that depend on the context, with weights fitted on validation text.

Differs from the closed forms of `smoothing.py`, whose discounts depend only on the length of the context. The counts
are the continuation counts of Kneser & Ney (1995). A prediction visits every node on a path once, as in the sequence
memoizer (Wood et al. 2009). The discount of a count c at a context h is a logistic function of features x(h):

    D(c, h) = c_b / (1 + exp(-sum_i w[x_i(h), b]))        b: the bin of c, c_b: the lowest count of the bin

The features are the length of the context, the difference to the length of its parent, the number of different tokens
that followed it and its parent, the number of occurrences, and pairs of these features. `discount_fitting.py` fits the
weights w. Given the discounts, p(w | h) is as in `smoothing.py`.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

import numpy as np
from genbench_plugins.markov.suffix_tree import Floats, Ints

# lowest values of the bins
COUNT_BINS = np.array([1, 2, 3, 4, 7, 16])
LENGTH_BINS = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 21, 27])
TYPE_BINS = np.array([1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 100, 300, 1000])  # different tokens that followed
OCCURRENCE_BINS = np.array([1, 2, 3, 4, 6, 8, 12, 20, 40, 100, 400, 2000, 10000])
MAX_EDGE = 8  # tokens by which a context is longer than its parent; larger values are clipped

# the features: length, edge, types, types of the parent, occurrences; then pairs of them, by index
FEATURE_SIZES = (len(LENGTH_BINS), MAX_EDGE + 1, len(TYPE_BINS), len(TYPE_BINS), len(OCCURRENCE_BINS))
FEATURE_PAIRS = ((0, 2), (0, 4), (2, 4), (1, 2), (2, 3))
WIDTHS = (*FEATURE_SIZES, *(FEATURE_SIZES[i] * FEATURE_SIZES[j] for i, j in FEATURE_PAIRS))
FIRST_ROWS = (0, *accumulate(WIDTHS[:-1]))  # of every feature in the weights


class FitData(NamedTuple):
    """The contexts before the tokens of a validation text, prepared for fitting the weights.

    A token has a row for every node on the path to its longest context, the root's first. Contexts that are equal in
    all features are of one kind, and have equal discounts; a cell is the discount of a kind and a bin of counts.
    """

    first: Ints  # (tokens + 1,) first row of every token, and the number of rows
    contexts: Ints  # (rows,) context of the row
    counts: Ints  # (rows,) how often the token followed the context: continuation counts
    weights: Floats  # (rows,) one over the count of all tokens
    cells: Ints  # (rows,) cell of the count, MISSING if the token did not follow
    base: Floats  # (tokens,) base probability of the token
    kinds: Ints  # (contexts,) kind of the context
    shares: Floats  # (contexts, bins) number of different tokens that followed, by bin of their counts, over `totals`
    totals: Floats  # (contexts,) sum of the counts of all tokens that followed
    bins: Ints  # (kinds, single features) bins of the features
