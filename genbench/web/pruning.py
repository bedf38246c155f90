"""Relative entropy pruning (Stolcke 1998): keep the n-grams of a table whose loss changes the model most.

What the removal of an n-gram c w changes is, with P(c) the share of the context in the training text, alpha the weight
of the shorter context, alpha' the same after the removal, and c' the shorter context:

    P(c) { p(w | c) [log p(w | c) - log p(w | c') - log alpha'] + leftover(c) [log alpha - log alpha'] }

Differs from Stolcke's algorithm in that P(c) is counted, not computed by the model, whose shorter contexts are those of
Kneser and Ney (Chelba et al. 2010), and in that the number of n-grams is given, and not a threshold.
"""

from __future__ import annotations

import numpy as np

from genbench.tokenization.tokenizer import Ids
from genbench.web.forms import BackoffTable, Floats, TableLevel

TINY = 1e-12


def prune(table: BackoffTable, most: int) -> BackoffTable:
    """Return a table with all single tokens and at most `most` longer n-grams; one is kept with its contexts."""
    scores = _scores(table)

    # an n-gram counts for at least as much as those that it begins
    for shorter, longer, level in zip(scores[-2::-1], scores[:0:-1], table.levels[:0:-1], strict=True):
        np.maximum.at(shorter, level.contexts, longer)

    # the threshold that leaves the number that is allowed
    every = np.concatenate([np.empty(0), *scores[1:]])
    if len(every) <= most:
        return table
    threshold = np.partition(every, len(every) - most - 1)[len(every) - most - 1]
    return _keep(table, [np.ones(len(scores[0]), bool), *(values > threshold for values in scores[1:])])


def _keep(table: BackoffTable, kept: list[np.ndarray[tuple[int], np.dtype[np.bool_]]]) -> BackoffTable:
    """Return the table with the n-grams that are kept, (n-grams,) for each level."""
    levels = []
    places = np.zeros(1, np.int64)  # of the contexts, in the new level before
    for level, mask in zip(table.levels, kept, strict=True):
        columns = level.tokens[mask], level.probabilities[mask], level.counts[mask]
        if not mask.any():
            break
        levels.append(TableLevel(places[level.contexts[mask]], *columns))
        places = np.cumsum(mask) - 1
    return BackoffTable(levels, table.size)


def _scores(table: BackoffTable) -> list[Floats]:
    """Return for each level what the removal of each n-gram changes, in nats per token, (n-grams,)."""
    first = table.levels[0]
    total = max(int(first.counts.sum()), 1)
    scores = [np.full(len(first.tokens), np.inf)]

    # for each n-gram its shorter one, without the first token, by its place in the level before
    shorter = np.zeros(len(first.tokens), np.int64)
    for before, level in zip(table.levels, table.levels[1:], strict=False):
        keys = before.contexts * table.size + before.tokens
        shorter = np.searchsorted(keys, shorter[level.contexts] * table.size + level.tokens)
        scores.append(_level_scores(level, before.counts, before.probabilities[shorter], total))
    return scores


def _level_scores(level: TableLevel, context_counts: Ids, lower: Floats, total: int) -> Floats:
    """Return the scores of one level; `lower` are the probabilities after the shorter contexts, (n-grams,)."""
    contexts, p = level.contexts, level.probabilities
    size = len(context_counts)
    leftover = np.maximum(1 - np.bincount(contexts, p, size), TINY)[contexts]
    rest = np.maximum(1 - np.bincount(contexts, lower, size), TINY)[contexts]

    # the weight of the shorter context before and after the removal
    alpha, changed = np.log(leftover) - np.log(rest), np.log(leftover + p) - np.log(rest + lower)
    change = p * (np.log(p) - np.log(lower) - changed) + leftover * (alpha - changed)
    return np.asarray(context_counts[contexts] / total * change)
