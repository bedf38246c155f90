"""The loops that sum probabilities over sets of tokens, compiled by numba; `prefix_sums.py` calls them."""

from __future__ import annotations

from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.compiling import kernel
from genbench_plugins.markov.kernels import fill_distribution, find_pair
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints


@kernel
def fill_prefix_sums(
    model: BackoffModel,
    nodes: Ints,
    lengths: Ints,
    order: Ints,
    weights: Floats,
    borders: Ints,
    probabilities: Floats,
    sums: Floats,
) -> None:
    """Write weighted sums of the probabilities of the first tokens of an order after many states, (states, borders).

    `order` and `weights` are (tokens,), `borders` the numbers of tokens to sum, ascending. `probabilities` is memory to
    use, (vocabulary,).
    """
    for row in range(len(nodes)):
        fill_distribution(model, nodes[row], lengths[row], 0, probabilities)
        total, place = 0.0, 0
        for column in range(len(borders)):
            while place < borders[column]:
                total += probabilities[order[place]] * weights[place]
                place += 1
            sums[row, column] = total


@kernel
def fill_added(model: BackoffModel, added: Floats) -> None:
    """Write what every pair adds to the probability after the parent of its node, (pairs,)."""
    for node in range(len(model.parent)):
        parent = model.parent[node]
        for pair in range(model.starts[node], model.starts[node + 1]):
            token = model.tokens[pair]
            shorter = model.base[token]
            if parent != MISSING:
                shorter = model.probabilities[find_pair(model.tokens, model.starts, parent, token)]
            added[pair] = model.probabilities[pair] - model.backoff[node] * shorter


@kernel
def add_segments(
    model: BackoffModel,
    added: Floats,
    nodes: Ints,
    first: Ints,
    segments: Ints,
    weights: Floats,
    root: Floats,
    sums: Floats,
) -> None:
    """Add the probability of every segment after many contexts to `sums`, (contexts, segments).

    A token belongs to the segments in the rows from `first[token]` on, (tokens + 1,), with a weight for each. `root`
    has the sums of the root. The contexts are the longest of their nodes.
    """
    for row in range(len(nodes)):
        # what each context on the path adds, times the backoff of all longer ones
        node, factor = nodes[row], 1.0
        while model.parent[node] != MISSING:
            for pair in range(model.starts[node], model.starts[node + 1]):
                token = model.tokens[pair]
                for place in range(first[token], first[token + 1]):
                    sums[row, segments[place]] += factor * added[pair] * weights[place]
            factor *= model.backoff[node]
            node = model.parent[node]
        for segment in range(len(root)):
            sums[row, segment] += factor * root[segment]
