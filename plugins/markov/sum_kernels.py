"""The loops that sum probabilities over sets of tokens after contexts of `WordChains`, compiled by numba."""

from __future__ import annotations

from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints
from genbench_plugins.markov.word_chains import WordChains


@inner
def find_first(chains: WordChains, context: int, token: int) -> int:
    """Return the first pair of a context whose token is not less than a token, by binary search."""
    low: int = chains.contexts[context].start
    high: int = chains.contexts[context + 1].start
    while low < high:
        middle = (low + high) // 2
        if chains.pairs[middle].token < token:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def follow_token(chains: WordChains, k: int, context: int, row: int) -> int:
    """Return the context of chain k after one more token: the longest that occurred in training."""
    token = chains.ids[k, row]
    while context != MISSING:
        pair = find_first(chains, context, token)
        followed = pair < chains.contexts[context + 1].start and chains.pairs[pair].token == token
        if followed and chains.pairs[pair].link != MISSING:
            return int(chains.pairs[pair].link)
        context = chains.contexts[context].parent
    return int(chains.chains[k].root)


@inner
def add_cells(chains: WordChains, k: int, partition: int, context: int, weight: float, sums: Floats) -> None:
    """Add what a context of chain k adds to the sets of a partition, times a weight, (sets,)."""
    first = chains.first_cell[partition, chains.chains[k].first_id :]
    for pair in range(chains.contexts[context].start, chains.contexts[context + 1].start):
        token, mass = chains.pairs[pair].token, weight * chains.pairs[pair].added
        for cell in range(first[token], first[token + 1]):
            sums[chains.cells[cell].set] += mass * chains.cells[cell].share


@kernel
def fill_stored(chains: WordChains, partition: int, contexts: Ints, owners: Ints) -> None:
    """Store what contexts with many pairs, and their chains, add to the sets of a partition."""
    for place in range(len(contexts)):
        add_cells(chains, owners[place], partition, contexts[place], 1.0, chains.stored[partition, place])


@inner
def add_sums(chains: WordChains, k: int, partition: int, context: int, weight: float) -> None:
    """Add the probabilities of the sets of a partition after a context of chain k, times a weight, to the memory."""
    sums = chains.sums
    while chains.contexts[context].parent != MISSING:
        # what the context adds, times the backoff of all longer ones
        place = chains.contexts[context].stored
        if place == MISSING:
            add_cells(chains, k, partition, context, weight, sums)
        else:
            for column in range(len(sums)):
                sums[column] += weight * chains.stored[partition, place, column]
        weight *= chains.contexts[context].backoff
        context = chains.contexts[context].parent
    for column in range(len(sums)):
        sums[column] += weight * chains.root_sums[partition, k, column]


@inner
def add_range(
    chains: WordChains, k: int, context: int, low: int, high: int, weight: float, probabilities: Floats
) -> None:
    """Add the probabilities of the ids from `low` to `high` after a context of chain k, times a weight."""
    while chains.contexts[context].parent != MISSING:
        pair, stop = find_first(chains, context, low), chains.contexts[context + 1].start
        while pair < stop and chains.pairs[pair].token < high:
            probabilities[chains.pairs[pair].token - low] += weight * chains.pairs[pair].added
            pair += 1
        weight *= chains.contexts[context].backoff
        context = chains.contexts[context].parent
    first = chains.chains[k].first_id
    for token in range(low, high):
        probabilities[token - low] += weight * chains.root[first + token]


@inner
def add_rows(chains: WordChains, k: int, context: int, low: int, high: int, weight: float) -> None:
    """Add the probabilities of the rows from `low` to `high` after a context of chain k to the memory."""
    chain = chains.chains[k]
    if chain.over_words:
        add_range(chains, k, context, low, high, weight, chains.rows)
        return

    # the probabilities of all classes, which are kept for the next call
    classes = chains.classes[chain.first_id : chain.first_id + chain.ids]
    if chain.node != context:
        chain.node = context
        classes[:] = 0
        add_range(chains, k, context, 0, len(classes), 1.0, classes)
    for row in range(low, high):
        chains.rows[row - low] += weight * classes[chains.ids[k, row]] * chains.within[k, row]


@inner
def fill_weights(chains: WordChains, contexts: Ints) -> None:
    """Write the weights of the mixture after a context of every chain, (chains,), to the memory."""
    kind, digit = 0, 1
    for k in range(len(contexts)):
        kind += digit * min(chains.contexts[contexts[k]].length, chains.max_length)
        digit *= chains.max_length + 1

    # find the kind; the last row is for all others
    place, stop = 0, len(chains.kinds)
    while place < stop:
        middle = (place + stop) // 2
        if chains.kinds[middle] < kind:
            place = middle + 1
        else:
            stop = middle
    if place < len(chains.kinds) and chains.kinds[place] != kind:
        place = len(chains.kinds)
    for k in range(len(contexts)):
        chains.weights[k] = chains.shares[place, k]


@inner
def fill_sums(chains: WordChains, partition: int, contexts: Ints) -> None:
    """Write the probabilities of the sets of a partition after contexts of all chains to the memory."""
    fill_weights(chains, contexts)
    chains.sums[:] = 0
    for k in range(len(contexts)):
        add_sums(chains, k, partition, contexts[k], chains.weights[k])


@inner
def fill_rows(chains: WordChains, contexts: Ints, low: int, high: int) -> None:
    """Write the probabilities of the rows from `low` to `high` after contexts of all chains to the memory."""
    fill_weights(chains, contexts)
    chains.rows[: high - low] = 0
    for k in range(len(contexts)):
        add_rows(chains, k, contexts[k], low, high, chains.weights[k])
