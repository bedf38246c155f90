"""The loops that condition a chain on an automaton, compiled by numba; `conditioning.py` has the equations."""

from __future__ import annotations

from typing import NamedTuple

from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, Small
from genbench_plugins.markov.tree_kernels import find_pair
from genbench_plugins.markov.word_chains import Records

DEAD, ENDED = -1, -2  # as in the automaton: no text is accepted; the text ended before the token
COMPLETE = -3  # the text ends with the token


class ChainTable(NamedTuple):
    """All contexts of a chain, and their pairs: u(w | h) is a weight, not normalized.

    A context has u(w | h) = weights(h w) for its own pairs, and backoff(h) u(w | h') for all other tokens, where h' is
    the context that is one token shorter. The root has a weight for every token.
    """

    parent: Small  # (contexts,) MISSING for the root
    starts: Ints  # (contexts + 1,)
    by_length: Ints  # (contexts,) shorter contexts first: the root is the first
    backoff: Floats  # (contexts,)
    tokens: Small  # (pairs,) sorted within a context
    links: Small  # (pairs,) the context after the token
    weights: Floats  # (pairs,)
    shorter: Floats  # (pairs,) u(w | h')
    shorter_links: Small  # (pairs,) the context after the token where h' is the context before
    root: Floats  # (vocabulary,)
    root_links: Small  # (vocabulary,)


class Product(NamedTuple):
    """The product of the contexts and an automaton: nodes, and the nodes to which their tokens lead.

    `own` has the targets of all pairs of a node's context, from `entries` on, `shorter` those after the context that is
    one token shorter; a root has one for each token. A target is a node, DEAD, ENDED or COMPLETE.
    """

    contexts: Small  # (nodes,)
    states: Small  # (nodes,) of the automaton
    parents: Small  # (nodes,) the node of the shorter context and the same state
    entries: Ints  # (nodes + 1,)
    own: Small  # (entries,)
    shorter: Small  # (entries,)


@kernel
def fill_pairs(table: ChainTable, pairs: Records) -> None:
    """Write weights, links and those of the shorter contexts, of `pairs` as `context_kernels.py` fills them."""
    for place in range(1, len(table.by_length)):
        context = table.by_length[place]
        for pair in range(table.starts[context], table.starts[context + 1]):
            token, factor, shorter = table.tokens[pair], 1.0, table.parent[context]
            found = find_pair(table.tokens, table.starts, shorter, token)
            while found == MISSING and table.parent[shorter] != MISSING:
                factor *= table.backoff[shorter]
                shorter = table.parent[shorter]
                found = find_pair(table.tokens, table.starts, shorter, token)

            # the root has all tokens
            if table.parent[shorter] == MISSING:
                table.shorter[pair], table.shorter_links[pair] = factor * table.root[token], table.root_links[token]
            else:
                table.shorter[pair], table.shorter_links[pair] = factor * table.weights[found], table.links[found]
            table.weights[pair] = pairs[pair].added + table.backoff[context] * table.shorter[pair]
            table.links[pair] = pairs[pair].link if pairs[pair].link != MISSING else table.shorter_links[pair]


@kernel
def fill_totals(table: ChainTable, mask: Ints, totals: Floats) -> None:
    """Write the sum of the weights of the tokens of a mask after every context, (contexts,)."""
    root = table.by_length[0]
    totals[root] = 0
    for token in range(len(table.root)):
        totals[root] += table.root[token] * mask[token]
    for place in range(1, len(table.by_length)):
        context = table.by_length[place]
        own, shorter = 0.0, 0.0
        for pair in range(table.starts[context], table.starts[context + 1]):
            own += table.weights[pair] * mask[table.tokens[pair]]
            shorter += table.shorter[pair] * mask[table.tokens[pair]]
        totals[context] = own + table.backoff[context] * max(0.0, totals[table.parent[context]] - shorter)


# The product of contexts and automaton


@inner
def slot_of(slots: Small, context: int, state: int) -> int:
    """Return the slot of a context and a state in a hash table, or the free one in which it is missing.

    A slot has context, state and node, (slots, 3); the number of slots is a power of two.
    """
    slot = (context * 2654435761 + state * 40503 * 65537) & (len(slots) - 1)
    while slots[slot, 2] != MISSING and (slots[slot, 0] != context or slots[slot, 1] != state):
        slot = (slot + 1) & (len(slots) - 1)
    return slot


@inner
def find_node(product: Product, slots: Small, counts: Ints, context: int, state: int) -> int:
    """Return the node of a context and a state, which is added if it is new."""
    slot = slot_of(slots, context, state)
    if slots[slot, 2] == MISSING:
        node = counts[0]
        slots[slot, 0], slots[slot, 1], slots[slot, 2] = context, state, node
        product.contexts[node], product.states[node], product.parents[node] = context, state, MISSING
        counts[0] += 1
    return int(slots[slot, 2])


@inner
def target_of(product: Product, slots: Small, counts: Ints, final: Ints, context: int, state: int) -> int:
    """Return the target of a token that leads to a context and a state."""
    if state < 0:
        return state
    return COMPLETE if final[state] else find_node(product, slots, counts, context, state)


@kernel
def expand(
    table: ChainTable,
    steps: Small,
    groups: Small,
    final: Ints,
    product: Product,
    slots: Small,
    counts: Ints,
    most: int,
) -> bool:
    """Add the nodes that the first ones reach, of at most some nodes; return whether there is no room for the next.

    `counts` has the numbers of nodes, of nodes whose tokens have been followed, and of entries.
    """
    most = min(counts[0], counts[1] + most)
    while counts[1] < most:
        node = counts[1]
        context, state, parent = product.contexts[node], product.states[node], table.parent[product.contexts[node]]
        start, stop = table.starts[context], table.starts[context + 1]
        room = len(table.root) if parent == MISSING else stop - start
        if counts[2] + room > len(product.own) or counts[0] + 2 * room + 1 > len(product.contexts):
            return True
        product.entries[node], product.entries[node + 1] = counts[2], counts[2] + room
        if parent == MISSING:
            for token in range(len(table.root)):
                after = steps[state, groups[token]]
                product.own[counts[2] + token] = target_of(
                    product, slots, counts, final, table.root_links[token], after
                )
        else:
            product.parents[node] = find_node(product, slots, counts, parent, state)
            for pair in range(start, stop):
                after, entry = steps[state, groups[table.tokens[pair]]], counts[2] + pair - start
                product.own[entry] = target_of(product, slots, counts, final, table.links[pair], after)
                same = table.links[pair] == table.shorter_links[pair]
                product.shorter[entry] = (
                    product.own[entry]
                    if same
                    else target_of(product, slots, counts, final, table.shorter_links[pair], after)
                )
        counts[2] += room
        counts[1] += 1
    return False


@kernel
def fill_slots(product: Product, slots: Small, count: int) -> None:
    """Fill a larger hash table, which is empty, with the first nodes."""
    for node in range(count):
        slot = slot_of(slots, product.contexts[node], product.states[node])
        slots[slot, 0], slots[slot, 1], slots[slot, 2] = product.contexts[node], product.states[node], node


# Sampling


@inner
def value_of(values: Floats, target: int) -> float:
    """Return the value of a target."""
    if target == DEAD:
        return 0.0
    return 1.0 if target < DEAD else float(values[target])


@kernel
def fill_choices(
    table: ChainTable,
    product: Product,
    values: Floats,
    node: int,
    weights: Floats,
    targets: Small,
    seen: Ints,
) -> None:
    """Write weight times value, and the target, of every token after a node, (vocabulary,).

    `seen`, (vocabulary,), is memory; it contains no number of a node of the same text.
    """
    weights[:] = 0
    factor, place = 1.0, node
    while place != MISSING:
        context, entry = product.contexts[place], product.entries[place]
        if product.parents[place] == MISSING:
            for token in range(len(table.root)):
                if seen[token] != node:
                    targets[token] = product.own[entry + token]
                    weights[token] = factor * table.root[token] * value_of(values, targets[token])
                seen[token] = MISSING
            return
        start = table.starts[context]
        for pair in range(start, table.starts[context + 1]):
            token = table.tokens[pair]
            if seen[token] != node:
                seen[token] = node
                targets[token] = product.own[entry + pair - start]
                weights[token] = factor * table.weights[pair] * value_of(values, targets[token])
        factor *= table.backoff[context]
        place = product.parents[place]


@kernel
def sample_text(
    table: ChainTable,
    product: Product,
    values: Floats,
    node: int,
    uniforms: Floats,
    memory: tuple[Floats, Small, Ints],
    tokens: Ints,
) -> tuple[int, int]:
    """Write tokens until the text ends, or as many as there are uniforms; return their number and the last target."""
    weights, targets, seen = memory
    for position in range(len(uniforms)):
        fill_choices(table, product, values, node, weights, targets, seen)
        total = 0.0
        for token in range(len(weights)):
            total += weights[token]
        left, chosen = uniforms[position] * total, MISSING
        for token in range(len(weights)):
            if weights[token] > 0:
                chosen = token
                left -= weights[token]
                if left < 0:
                    break
        if chosen == MISSING:
            return position, DEAD
        tokens[position] = chosen
        node = targets[chosen]
        if node < 0:
            return position + 1, node
    return len(uniforms), node
