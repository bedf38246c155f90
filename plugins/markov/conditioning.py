"""A chain conditioned on an automaton: texts from its own distribution, given that the automaton accepts them.

With h a context, q a state of the automaton and x(h, q) the probability that the text goes on to be accepted,

    x(h, q) = sum over w of p(w | h) x(h w, q w),    x = 1 where the text has ended, 0 where it cannot be accepted

p is the distribution of samples: tempered, and normalized over the tokens that may follow. Sampling w in proportion to
p(w | h) x(h w, q w) then samples whole texts in proportion to their probability, without rejection. The automaton is
multiplied with the chain, and the equations are solved backwards, as in Pachet's constrained Markov sequences (2011).

The sum needs no loop over the vocabulary. A token w that did not follow h has p(w | h) in proportion to that after the
shorter context h', and leads to the same context. With u for weights that are not normalized, Z for their sum,

    Z(h) x(h, q) = backoff(h) Z(h') x(h', q)
                   + sum over the pairs h w of u(w | h) x(h w, q w) - backoff(h) u(w | h') x(h' w, q w)

States of the automaton that lead to one another are solved together: by sweeps, and where these converge slowly, by
BiCGSTAB (van der Vorst 1992) on the equations of a sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.conditioning_kernels import ENDED, ChainTable, Product
from genbench_plugins.markov.equations import component_ranks, solve
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints

from genbench.generator import ProgressCallback, ignore
from genbench.sampling.constraints.tokens import TokenAutomaton
from genbench.tokenization.tokenizer import Ids

MAX_CONTEXTS = 20_000_000
MAX_ENTRIES = 200_000_000  # of a product: 8 bytes each
SWEEPS = 40  # before the faster method
RESIDUAL, ITERATIONS = 1e-10, 1000  # of the faster method
TOLERANCE = 1e-10  # the greatest change of a value in the last sweep, as a share of it
TOKENS_AT_ONCE = 512  # of one text


class TooManyStatesError(Exception):
    """A chain has more contexts, or more pairs of a context and a state, than are solved."""


def context_table(model: BackoffModel, temperature: float) -> ChainTable:
    """Return the contexts of a chain at a temperature. Raises TooManyStatesError."""
    from genbench_plugins.markov import conditioning_kernels
    from genbench_plugins.markov.word_building import contexts_inside, contexts_of, root_probabilities

    if len(model.parent) + int(contexts_inside(model).sum()) > MAX_CONTEXTS:
        raise TooManyStatesError

    contexts, pairs, root, _ = contexts_of(model, (len(model.parent) - 1, 0))
    starts, root_pairs = contexts["start"].copy(), slice(contexts["start"][root], contexts["start"][root + 1])
    root_links = np.full(len(model.base), root, np.int32)
    links = pairs["link"][root_pairs]
    root_links[pairs["token"][root_pairs]] = np.where(links == MISSING, root, links)
    table = ChainTable(
        parent=contexts["parent"][:-1].copy(),
        starts=starts,
        by_length=np.argsort(contexts["length"][:-1], kind="stable"),
        backoff=contexts["backoff"][:-1].copy(),
        tokens=pairs["token"].copy(),
        links=pairs["link"].copy(),
        weights=np.zeros(len(pairs)),
        shorter=np.zeros(len(pairs)),
        shorter_links=np.full(len(pairs), MISSING, np.int32),
        root=root_probabilities(model),
        root_links=root_links,
    )
    conditioning_kernels.fill_pairs(table, pairs)
    if temperature != 1:
        for array in (table.backoff, table.weights, table.shorter, table.root):
            array **= 1 / temperature
    return table


class ConditionedChain:
    """A chain from one context on, given an automaton."""

    def __init__(
        self, table: ChainTable, context: int, automaton: TokenAutomaton, progress: ProgressCallback = ignore
    ) -> None:
        self._table, self._automaton = table, automaton
        self._product = _build_product(table, context, automaton)
        self._totals = _totals(table, automaton)
        self._values = self._solve(progress)

    @property
    def probability(self) -> float:
        """The probability that a sample of the chain is accepted."""
        return float(self._values[0])

    def sample(self, rng: np.random.Generator) -> tuple[Ids, bool]:
        """Return the tokens of a text, (tokens,), and whether the last one is part of it, or only shows its end."""
        from genbench_plugins.markov import conditioning_kernels

        parts, node = [], 0
        while node >= 0:
            tokens = np.empty(TOKENS_AT_ONCE, np.int64)
            count, node = conditioning_kernels.sample_text(
                self._table, self._product, self._values, node, rng.random(TOKENS_AT_ONCE), self._memory, tokens
            )
            parts.append(tokens[:count])
        ids = np.concatenate(parts)
        state = 0
        for token in ids[:-1].tolist():
            state = int(self._automaton.steps[state, self._automaton.groups[token]])
        return ids, self._automaton.steps[state, self._automaton.groups[ids[-1]]] != ENDED

    def choices(self, node: int) -> tuple[Floats, Ids]:
        """Return p(w | h) x(h w, q w) of each token w after a node, and its target, (vocabulary,) each.

        Texts begin at node 0. A target is a node, -2 where the text has ended, or -1 where it is not accepted.
        """
        from genbench_plugins.markov import conditioning_kernels

        weights, targets, _ = self._memory
        targets[:] = -1
        conditioning_kernels.fill_choices(self._table, self._product, self._values, node, *self._memory)
        mask = self._automaton.mask_of[self._product.states[node]]
        return weights / self._totals[mask, self._product.contexts[node]], targets.astype(np.int64)

    def look_ahead(self, node: int) -> tuple[float, Floats, Ids]:
        """Return x of a node, x after each token, (vocabulary,), and the targets of all tokens, (vocabulary,)."""
        _, targets = self.choices(node)
        after = np.where(targets >= 0, self._values[np.maximum(targets, 0)], np.where(targets == ENDED, 1.0, 0.0))
        return float(self._values[node]), after, targets

    @cached_property
    def _memory(self) -> tuple[Floats, npt.NDArray[np.int32], Ints]:
        size = len(self._table.root)
        return np.empty(size), np.empty(size, np.int32), np.full(size, MISSING, np.int64)

    def _solve(self, progress: ProgressCallback) -> Floats:
        """Return the value of every node, (nodes,)."""
        from genbench_plugins.markov import conditioning_kernels

        product, automaton = self._product, self._automaton
        values = np.zeros(len(product.contexts))
        mask_of = np.asarray(automaton.mask_of, np.int64)

        def sweep(order: Ints, values: Floats, ended: float = 1.0) -> float:
            return conditioning_kernels.sweep(self._table, product, self._totals, mask_of, order, values, ended)

        # the groups of states that lead to one another, the last ones first; in each, shorter contexts first
        ranks, is_loop = component_ranks([np.unique(row[row >= 0]).tolist() for row in automaton.steps])
        place = np.empty(len(self._table.by_length), np.int64)
        place[self._table.by_length] = np.arange(len(place))
        order = np.lexsort([place[product.contexts], ranks[product.states]])
        bounds = np.searchsorted(ranks[product.states][order], np.arange(len(is_loop) + 1))
        for rank, loops in enumerate(is_loop):
            block = order[bounds[rank] : bounds[rank + 1]]
            if len(block):
                sweep(block, values)
                if loops:
                    _converge(sweep, block, values)
            progress((rank + 1) / len(is_loop))
        return np.clip(values, 0, 1)


def _converge(sweep: Callable[..., float], block: Ints, values: Floats) -> None:
    """Solve the equations of a block of nodes."""
    for _ in range(SWEEPS):
        if sweep(block, values) < TOLERANCE:
            return
    # a sweep maps values v to G v + c: solve (I - G) v = c
    memory = np.zeros_like(values)

    def apply(vector: Floats) -> Floats:
        memory[block] = vector
        sweep(block, memory, 0.0)
        return np.asarray(vector - memory[block])

    start = values[block].copy()
    moved = values.copy()
    sweep(block, moved)
    residual = moved[block] - start
    values[block] = start + solve(apply, residual, RESIDUAL, ITERATIONS)
    for _ in range(SWEEPS):
        if sweep(block, values) < TOLERANCE:
            return


def _totals(table: ChainTable, automaton: TokenAutomaton) -> Floats:
    """Return the sum of the weights of the tokens of each mask after every context, (masks, contexts)."""
    from genbench_plugins.markov import conditioning_kernels

    totals = np.empty((len(automaton.masks), len(table.parent)))
    for mask, row in zip(automaton.masks, totals, strict=True):
        conditioning_kernels.fill_totals(table, mask.astype(np.int64), row)
    return totals


def _build_product(table: ChainTable, context: int, automaton: TokenAutomaton) -> Product:
    """Return the product of the contexts and the automaton, from a context and state 0 on; node 0 is the first."""
    from genbench_plugins.markov import conditioning_kernels

    steps, groups, final = automaton.steps, automaton.groups, automaton.final.astype(np.int64)
    product, slots = _empty_product(1 << 16, max(1 << 18, 2 * len(table.root)))
    counts = np.array([1, 0, 0])
    product.contexts[0], product.states[0], product.parents[0] = context, 0, MISSING
    conditioning_kernels.fill_slots(product, slots, 1)
    while True:
        conditioning_kernels.expand(table, steps, groups, final, product, slots, counts)
        if counts[1] == counts[0]:
            break

        # twice the room
        if counts[2] > MAX_ENTRIES:
            raise TooManyStatesError
        smaller = product
        product, slots = _empty_product(2 * len(smaller.contexts), 2 * len(smaller.own))
        arrays: list[tuple[Any, Any]] = list(zip(smaller, product, strict=True))
        for old, new in arrays:
            new[: len(old)] = old
        conditioning_kernels.fill_slots(product, slots, int(counts[0]))
    nodes, entries = slice(int(counts[0])), slice(int(counts[2]))
    return Product(
        product.contexts[nodes],
        product.states[nodes],
        product.parents[nodes],
        product.entries[nodes],
        product.own[entries],
        product.shorter[entries],
    )


def _empty_product(nodes: int, entries: int) -> tuple[Product, npt.NDArray[np.int32]]:
    """Return a product with room for some nodes and entries, and an empty hash table of nodes."""
    contexts, states, parents = (np.empty(nodes, np.int32) for _ in range(3))
    own, shorter = np.empty(entries, np.int32), np.empty(entries, np.int32)
    product = Product(contexts, states, parents, np.empty(nodes, np.int64), own, shorter)
    return product, np.full(2 * nodes, MISSING, np.int32)
