"""The loop that lists what a chain predicts after many contexts, compiled by numba, for `web_table.py`."""

from __future__ import annotations

from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import kernel
from genbench_plugins.markov.kernels import interpolate_pairs
from genbench_plugins.markov.suffix_tree import Floats, Ints
from genbench_plugins.markov.tree_kernels import count_of, is_stored


@kernel
def fill_followers(
    model: BackoffModel, nodes: Ints, length: int, tokens: Ints, probabilities: Floats, counts: Ints, links: Ints
) -> None:
    """Write token, probability, count and next node of every pair of some nodes, (pairs of all nodes,).

    The nodes are those of contexts of one length.
    """
    place = 0
    for node in nodes:
        # the probabilities of a context that is not stored are computed first
        start, stop, stored = model.starts[node], model.starts[node + 1], is_stored(model, node, length)
        if not stored:
            interpolate_pairs(model, node, length, False)
        for pair in range(start, stop):
            probabilities[place] = model.probabilities[pair - model.first_pair] if stored else model.edge[pair - start]
            tokens[place], counts[place], links[place] = model.tokens[pair], count_of(model, pair), model.links[pair]
            place += 1
