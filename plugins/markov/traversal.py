"""Reading a stream through a suffix tree: all tokens at once, one length of context after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from genbench_plugins.markov.suffix_array import Ints
from genbench_plugins.markov.tree import NOWHERE, Tree

Asked = tuple[int, Ints, Ints, Ints]  # length of context; which tokens of the stream; their nodes; their pairs


def levels(tree: Tree, stream: Ints, every: bool) -> Iterator[Asked]:
    """Contexts of length 0, 1, 2 ... of all tokens of a stream at once: length, which tokens, their nodes and pairs.

    Without `every`, a node is asked once for each token, at the longest context that it stands for there.
    """
    rows, nodes, length = np.arange(len(stream)), np.full(len(stream), tree.root), 0
    while len(rows):
        pairs = tree.find(nodes, stream[rows])
        goes = (pairs != NOWHERE) & (tree.links[pairs] != NOWHERE) & (rows + 1 < len(stream))
        goes &= tree.longest is None or length < tree.longest
        later, there = rows[goes] + 1, tree.links[pairs[goes]].astype(np.int64)
        if every:
            yield length, rows, nodes, pairs
        else:
            longer = np.full(len(stream), NOWHERE)
            longer[later] = there
            last = longer[rows] != nodes
            if last.any():
                yield length, rows[last], nodes[last], pairs[last]
        rows, nodes, length = later, there, length + 1
