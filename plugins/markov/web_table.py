"""A chain as a table of n-grams, for a web page (`genbench.web`): every context of the tree with its probabilities."""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.suffix_tree import MISSING

from genbench.tokenization.tokenizer import Ids
from genbench.web import BackoffTable, TableLevel

LONGEST = 24  # tokens of a context, also of chains that have no limit
RARE_FROM = 8  # tokens: contexts of this length or more that occurred once are left out
MOST = 8_000_000  # n-grams of a table; further lengths are left out


def backoff_table(model: BackoffModel) -> BackoffTable:
    """Return the contexts of a chain of up to 24 tokens; of the long ones, those that occurred more than once."""
    longest = model.longest if 0 <= model.longest <= LONGEST else LONGEST
    levels: list[TableLevel] = []

    # the nodes of the contexts of one length, and their places in the level before: first the empty context
    nodes, places, total = np.array([len(model.parent) - 1]), np.zeros(1, np.int64), 0
    for length in range(longest + 1):
        level, links = _level(model, nodes, places, length)
        total += len(level.tokens)
        if not len(level.tokens) or (levels and total > MOST):
            break
        levels.append(level)

        # each n-gram is a context of the next level, unless nothing followed it
        frequent = level.counts > (1 if length + 1 >= RARE_FROM else 0)
        places = np.flatnonzero((links != MISSING) & frequent)
        nodes = links[places]
    return BackoffTable(levels, len(model.base))


def _level(model: BackoffModel, nodes: Ids, places: Ids, length: int) -> tuple[TableLevel, Ids]:
    """Return what followed the contexts of some nodes, (contexts,), and the node of each n-gram, (n-grams,)."""
    from genbench_plugins.markov import export_kernels

    sizes = model.starts[nodes + 1].astype(np.int64) - model.starts[nodes]
    tokens, counts, links = np.empty((3, int(sizes.sum())), np.int64)
    probabilities = np.empty(len(tokens))
    export_kernels.fill_followers(model, nodes, length, tokens, probabilities, counts, links)
    return TableLevel(np.repeat(places, sizes), tokens, probabilities, counts), links
