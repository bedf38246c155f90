"""GroupReader: a chain's probabilities of groups of tokens, for the output layer of a network.

Groups after a context are the groups after a shorter one, with a few changes. The contexts that many different tokens
followed, which would take many changes, are kept in a table.
"""

from __future__ import annotations

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.group_kernels import SMALLEST_MASS, GroupTable, fill_groups, fill_table
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, Singles

MIN_FOLLOWERS = 8  # of a context in the table
MAX_VALUES = 2**18  # in the table


class GroupReader:
    """Groups of a vocabulary: `groups` has the group of each token, (vocabulary,); MISSING: none.

    `shortest` has the probabilities after the empty context, (vocabulary,).
    """

    def __init__(self, model: BackoffModel, groups: Ints, shortest: Floats) -> None:
        self.model, self.visits = model, 0
        count, grouped = int(groups.max()) + 1, groups != MISSING

        # the contexts with the most followers; those of a shorter context are at least as many
        followers = np.diff(model.starts)
        followers[: model.leaves] = 0  # probabilities after leaves are not stored
        limit, most = MIN_FOLLOWERS, MAX_VALUES // max(count, 1)
        if most < len(followers):
            limit = max(limit, int(np.partition(followers, -most - 1)[-most - 1]) + 1)
        nodes = np.append(np.flatnonzero(followers[:-1] >= limit), len(followers) - 1)

        # the empty context, then the longer ones
        masses = np.empty((len(nodes), count))
        masses[-1] = np.bincount(groups[grouped], shortest[grouped], minlength=count)
        visited, changed, changes = (np.zeros(size, np.int64) for size in (len(groups), count, 1 + count))
        logs, mass = np.empty(masses.shape, np.float32), np.zeros(count)
        table = GroupTable(groups, nodes, limit, masses, logs, visited, changed, changes, mass)
        fill_table(model, table)
        self.visits = len(nodes)
        np.log(np.maximum(masses, SMALLEST_MASS), out=logs, casting="same_kind")
        self.table = table

    def log_probs(self, nodes: Ints, lengths: Ints) -> Singles:
        """Return the log-probabilities of the groups after states, (states, groups)."""
        log_probs = np.empty((len(nodes), self.table.masses.shape[1]), np.float32)
        fill_groups(self.model, self.table, self.visits + 1, nodes, lengths, log_probs)
        self.visits += len(nodes)
        return log_probs
