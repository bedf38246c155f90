"""Leave out of a table of contexts the tokens that no encoding has after the last one, as in a chain of subwords.

A context whose shorter one is empty gets a pair of weight 0 for each token that cannot follow its last one: then it is
not left to the empty context, so that neither the sum over all tokens nor a sample has it. Longer contexts go back to
such a one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.conditioning_kernels import ChainTable
from genbench_plugins.markov.suffix_tree import MISSING, Small

from genbench.sampling.constraints.tokens import ExcludedPairs

Array = npt.NDArray[Any]


def exclude_pairs(table: ChainTable, excluded: ExcludedPairs) -> ChainTable:
    """Return a table of contexts without the pairs of two tokens that no encoding has.

    Every token then has a context of its own, (vocabulary,) of them, also one that was not counted.
    """
    size, root = len(table.root), int(table.by_length[0])
    alone = table.root_links.astype(np.int64)  # (vocabulary,) the context of each token alone
    missing = alone == root
    alone[missing] = len(table.parent) + np.arange(int(missing.sum()))
    new_contexts = np.sort(alone[missing])
    parent = np.concatenate([table.parent, np.full(len(new_contexts), root, np.int32)])

    # the last token of each context, MISSING for the root: that of the pairs that lead to it
    last = np.full(len(parent), MISSING, np.int64)
    last[table.links] = table.tokens
    last[alone], last[root] = np.arange(size), MISSING

    # counted pairs lose their weight, and are left to a shorter context only where that is the root, which has them
    owners = np.repeat(np.arange(len(table.parent)), np.diff(table.starts))
    never = (last[owners] != MISSING) & np.isin(
        last[owners] * size + table.tokens, excluded.first * size + excluded.second
    )
    shorter = np.where(never & (parent[owners] != root), 0.0, table.shorter)

    # the others are new pairs of the contexts whose shorter context is the root
    before_root = np.flatnonzero((parent == root) & (last != MISSING))
    new_owners, new_tokens = _other_pairs(excluded, last, before_root, owners[never] * size + table.tokens[never])

    # sorted by context and token; no token leads to the root any more
    owners = np.concatenate([owners, new_owners])
    order, root_links = np.lexsort([np.concatenate([table.tokens, new_tokens]), owners]), alone.astype(np.int32)

    def joined(pairs: Array, of_tokens: Array) -> Array:
        return np.concatenate([pairs, of_tokens[new_tokens]])[order]

    def relinked(links: Small) -> Small:
        return np.where(links == root, root_links[table.tokens], links)

    return ChainTable(
        parent=parent,
        starts=np.searchsorted(owners[order], np.arange(len(parent) + 1)),
        by_length=np.insert(table.by_length, 1, new_contexts),
        backoff=np.concatenate([table.backoff, np.ones(len(new_contexts))]),
        tokens=joined(table.tokens, np.arange(size, dtype=np.int32)),
        links=joined(relinked(table.links), root_links),
        weights=joined(np.where(never, 0.0, table.weights), np.zeros(size)),
        shorter=joined(shorter, table.root),
        shorter_links=joined(relinked(table.shorter_links), root_links),
        root=table.root,
        root_links=root_links,
    )


def _other_pairs(excluded: ExcludedPairs, last: Array, contexts: Array, known: Array) -> tuple[Array, Array]:
    """Return the excluded pairs of contexts as contexts and tokens, without the known ones (context * size + token)."""
    size = int(last.max()) + 1  # each token is the last one of a context
    first = np.searchsorted(excluded.first, np.arange(size + 1))
    counts = np.diff(first)[last[contexts]]
    owners = np.repeat(contexts, counts)
    places = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    tokens = excluded.second[first[last[owners]] + places]
    is_new = ~np.isin(owners * size + tokens, known)
    return owners[is_new], tokens[is_new]


def start_anywhere(table: ChainTable, plain: ChainTable, context: int) -> tuple[ChainTable, int]:
    """Return a table with one more context, after which all tokens may follow, and that context.

    It has the weights of a context of the table `plain`, which has all pairs.
    """
    path = [context]
    while plain.parent[path[-1]] != MISSING:
        path.append(int(plain.parent[path[-1]]))
    weights, links = plain.root.copy(), table.root_links.copy()
    for place in path[-2::-1]:  # from the shortest context on
        pairs = slice(plain.starts[place], plain.starts[place + 1])
        weights *= plain.backoff[place]
        weights[plain.tokens[pairs]] = plain.weights[pairs]
        links[plain.tokens[pairs]] = np.where(
            plain.links[pairs] == path[-1], links[plain.tokens[pairs]], plain.links[pairs]
        )
    size, last = len(table.root), len(table.parent)
    longer = ChainTable(
        parent=np.append(table.parent, np.int32(path[-1])),
        starts=np.append(table.starts, table.starts[-1] + size),
        by_length=np.append(table.by_length, last),
        backoff=np.append(table.backoff, 0.0),
        tokens=np.append(table.tokens, np.arange(size, dtype=np.int32)),
        links=np.append(table.links, links),
        weights=np.append(table.weights, weights),
        shorter=np.append(table.shorter, table.root),
        shorter_links=np.append(table.shorter_links, table.root_links),
        root=table.root,
        root_links=table.root_links,
    )
    return longer, last


def context_after(table: ChainTable, context: int, token: int) -> int:
    """Return the context of a state after a token: that of the token, where the chain has counted none."""
    return int(table.root_links[token]) if context == table.by_length[0] else context
