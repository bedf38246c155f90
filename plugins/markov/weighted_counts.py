"""Counts of a text whose pieces have weights, as that of `2*austen+carroll`, and discounts for them.

Each piece is counted once, and its counts are multiplied by its weight w: an n-gram is there c times and counts as
c_w = sum of w. A discount depends on c, because counts of counts tell how reliable c is: an n-gram that is seen once
says as little if its text counts twice. What is subtracted from c_w is D(c) c_w / c. The counts that are stored are c_w
alone, so a discount is the mean of this product over all n-grams with the same c_w. Texts of equal weights are not
weighted at all, and continuation counts, which are numbers of different tokens, need no weights.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from genbench_plugins.markov.counting_by_parts import Map, count_ngrams
from genbench_plugins.markov.smoothing import CONTINUATION_METHODS, Smoothing
from genbench_plugins.markov.suffix_tree import Small, SuffixTree

from genbench.generator import Text
from genbench.tokenization.tokenizer import Ids, Tokenizer


def encode_pieces(tokenizer: Tokenizer, text: Text) -> tuple[Ids, Small | None]:
    """Return the tokens of a newline and of each piece of a text once, and the weights of the tokens, (tokens,) each.

    The weights are None where all pieces have the same.
    """
    pieces = Text(text).pieces()
    divisor = math.gcd(*(weight for _, weight in pieces))
    if len(pieces) == 1:
        return tokenizer.encode_stream(pieces[0][0]), None

    streams = [tokenizer.encode_stream(piece)[index > 0 :] for index, (piece, _) in enumerate(pieces)]
    weights = [np.full(len(ids), weight // divisor, np.int32) for ids, (_, weight) in zip(streams, pieces, strict=True)]
    joined = np.concatenate(weights)
    return np.concatenate(streams), joined if joined.max() > 1 else None


def weigh_counts(tree: SuffixTree, ids: Ids, weights: Small, map_parts: Map = map) -> SuffixTree:
    """Return a tree of a stream with weighted counts, given the weights of the tokens, (tokens,)."""
    weighted = count_ngrams(ids, tree.longest, tree.vocabulary, map_parts=map_parts, weights=weights)
    return replace(tree, counts=weighted.counts, continuations=weighted.continuations)


def weigh_discounts(smoothing: Smoothing, tree: SuffixTree, weighted: SuffixTree) -> Smoothing:
    """Return the smoothing of a tree with discounts for the same tree with weighted counts."""
    discounts, longest = smoothing.discounts, tree.longest
    by_continuation = smoothing.method in CONTINUATION_METHODS
    if not len(discounts) or (by_continuation and longest is None):  # such contexts have counts of one alone
        return smoothing

    # the pairs whose counts are weighted: all, or with continuation counts those of the longest contexts
    pairs = np.arange(len(tree.tokens))
    if by_continuation:
        pairs = pairs[np.repeat(tree.depth == longest, np.diff(tree.starts))]
    counts, weighted_counts = tree.counts[pairs], weighted.counts[pairs]
    shares = weighted_counts / counts

    # the means by weighted count, up to that of the lowest count that has the last discount
    size = discounts.shape[1] * math.ceil(shares.max(initial=1))
    places = np.minimum(weighted_counts, size) - 1
    table = discounts[:, np.minimum(np.arange(size), 2)]
    for length in [longest] if by_continuation else range(len(discounts)):
        sums = np.bincount(places, shares * discounts[length, np.minimum(counts, 3) - 1], size)
        numbers = np.bincount(places, minlength=size)
        table[length] = np.where(numbers, sums / np.maximum(numbers, 1), table[length])
    return replace(smoothing, discounts=table)
