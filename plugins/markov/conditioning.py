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

Only pairs of a context and a state that the text can reach are nodes of the product. Those that lead to one another are
solved together (`equations.py`); all others follow from those to which they lead.
"""

from __future__ import annotations

from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.conditioning_kernels import COMPLETE, DEAD, ChainTable, Product
from genbench_plugins.markov.equation_kernels import Problem
from genbench_plugins.markov.equations import solve_equations
from genbench_plugins.markov.excluded_pairs import context_after, exclude_pairs, start_anywhere
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints

from genbench.generator import ProgressCallback, ignore, rescale
from genbench.sampling.constraints.tokens import TokenAutomaton
from genbench.tokenization.tokenizer import Ids

MAX_CONTEXTS = 20_000_000
MAX_NODES = 30_000_000  # of a product: about 100 bytes each, with their entries
ESTIMATED_CONTEXTS = 200  # by which the number of nodes is estimated before they are counted
NODES_AT_ONCE = 1 << 18  # followed between two reports of the progress
BUILDING = 0.4  # of the progress
TEMPERATURES_KEPT = 2
TOKENS_AT_ONCE = 512  # of one text


class TooManyStatesError(Exception):
    """A chain has more contexts, or more pairs of a context and a state, than are solved."""


def context_table(model: BackoffModel, temperature: float) -> ChainTable:
    """Return the contexts of a chain at a temperature. Raises TooManyStatesError."""
    from genbench_plugins.markov import conditioning_kernels
    from genbench_plugins.markov.word_building import contexts_inside, contexts_of, root_probabilities

    if len(model.parent) + int(contexts_inside(model).sum()) > MAX_CONTEXTS:
        raise TooManyStatesError

    contexts, pairs, root = contexts_of(model)
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


class ContextTables:
    """The contexts of a chain, by temperature."""

    def __init__(self, model: BackoffModel) -> None:
        self._model = model
        self._table = lru_cache(TEMPERATURES_KEPT)(partial(context_table, model))
        self._last_key: tuple[Any, ...] = ()
        self._last: ConditionedChain | None = None
        self._without = lru_cache(TEMPERATURES_KEPT)(
            lambda temperature, excluded: exclude_pairs(self._table(temperature), excluded)
        )

    def condition(
        self,
        state: tuple[int, int],
        automaton: TokenAutomaton,
        temperature: float,
        progress: ProgressCallback = ignore,
    ) -> ConditionedChain | None:
        """Return the chain from a state on, given an automaton; None where that has too many states.

        The last one is kept, for more texts of the same constraints.
        """
        key = state, temperature, automaton.fingerprint
        try:
            if key != self._last_key:
                self._last_key, self._last = (), None
                progress(0)
                table, context = self._find(state, automaton, temperature)
                if estimate_nodes(table, automaton) > 1.25 * MAX_NODES:
                    raise TooManyStatesError
                self._last, self._last_key = ConditionedChain(table, context, automaton, progress), key
        except TooManyStatesError:
            return None
        return self._last

    def _find(self, state: tuple[int, int], automaton: TokenAutomaton, temperature: float) -> tuple[ChainTable, int]:
        """Return a table of contexts, and the context of a state."""
        from genbench_plugins.markov.word_building import context_of

        table, context, excluded = self._table(temperature), context_of(self._model, state), automaton.excluded
        if excluded is None:
            return table, context
        without = self._without(temperature, excluded)
        if automaton.last_token is None:
            return start_anywhere(without, table, context)
        return without, context_after(without, context, automaton.last_token)


def estimate_nodes(table: ChainTable, automaton: TokenAutomaton, contexts: int = ESTIMATED_CONTEXTS) -> float:
    """Return about how many nodes the product of a table and an automaton has.

    The tokens of a context lead all states of the automaton to a few. Their mean number, over some contexts, times the
    number of contexts is near the number of nodes, and not below it but by chance.
    """
    count = len(table.parent)
    if count * len(automaton.steps) <= MAX_NODES:
        return float(count * len(automaton.steps))

    # a context that leads to each one, and by which token
    before, last = np.zeros(count, np.int64), np.zeros(count, np.int64)
    before[table.links], last[table.links] = np.repeat(np.arange(count), np.diff(table.starts)), table.tokens

    reached = 0
    for context in np.random.default_rng(0).integers(count, size=contexts).tolist():
        tokens, longer, at = list[int](), int(table.parent[context]), context
        while longer != MISSING:
            tokens.append(int(last[at]))
            at, longer = int(before[at]), int(table.parent[longer])
        states = np.flatnonzero(~automaton.final)
        for token in reversed(tokens):
            states = np.unique(automaton.steps[states, automaton.groups[token]])
            states = states[states >= 0]
            states = states[~automaton.final[states]]
        reached += len(states)
    return count * reached / contexts


class ConditionedChain:
    """A chain from one context on, given an automaton."""

    def __init__(
        self, table: ChainTable, context: int, automaton: TokenAutomaton, progress: ProgressCallback = ignore
    ) -> None:
        self._table, self._automaton = table, automaton
        self._product = _build_product(table, context, automaton, rescale(progress, 0, BUILDING))
        self._totals = _totals(table, automaton)
        problem = Problem(table, self._product, self._totals, np.asarray(automaton.mask_of, np.int64))
        self._values = solve_equations(problem, rescale(progress, BUILDING, 1 - BUILDING))

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
        return np.concatenate(parts), node == COMPLETE

    def choices(self, node: int) -> tuple[Floats, Ids]:
        """Return p(w | h) x(h w, q w) of each token w after a node, and its target, (vocabulary,) each.

        Texts begin at node 0. A target is a node, -1 where the text is not accepted, -2 where it has ended before the
        token, or -3 where it ends with it.
        """
        weights, targets = self._weights_after(node)
        mask = self._automaton.mask_of[self._product.states[node]]
        return weights / self._totals[mask, self._product.contexts[node]], targets.astype(np.int64)

    def look_ahead(self, node: int) -> tuple[float, Floats, Ids]:
        """Return x of a node, x after each token, (vocabulary,), and the targets of all tokens, (vocabulary,)."""
        _, targets = self._weights_after(node)
        return float(self._values[node]), self._values_of_targets[targets], targets.astype(np.int64)

    def _weights_after(self, node: int) -> tuple[Floats, npt.NDArray[np.int32]]:
        """Return weight times value, and the target, of each token after a node, (vocabulary,) each, in memory."""
        from genbench_plugins.markov import conditioning_kernels

        weights, targets, _ = self._memory
        targets[:] = DEAD
        conditioning_kernels.fill_choices(self._table, self._product, self._values, node, *self._memory)
        return weights, targets

    @cached_property
    def _values_of_targets(self) -> Floats:
        """The values of all nodes and, at their negative numbers, of the targets COMPLETE, ENDED and DEAD."""
        return np.append(self._values, [1.0, 1.0, 0.0])

    @cached_property
    def _memory(self) -> tuple[Floats, npt.NDArray[np.int32], Ints]:
        size = len(self._table.root)
        return np.empty(size), np.empty(size, np.int32), np.full(size, MISSING, np.int64)


def _totals(table: ChainTable, automaton: TokenAutomaton) -> Floats:
    """Return the sum of the weights of the tokens of each mask after every context, (masks, contexts)."""
    from genbench_plugins.markov import conditioning_kernels

    totals = np.empty((len(automaton.masks), len(table.parent)))
    for mask, row in zip(automaton.masks, totals, strict=True):
        conditioning_kernels.fill_totals(table, mask.astype(np.int64), row)
    return totals


def _build_product(
    table: ChainTable, context: int, automaton: TokenAutomaton, progress: ProgressCallback = ignore
) -> Product:
    """Return the product of the contexts and the automaton, from a context and state 0 on; node 0 is the first.

    `progress` receives the share of the nodes found so far whose tokens have been followed.
    """
    from genbench_plugins.markov import conditioning_kernels

    steps, groups, final = automaton.steps, automaton.groups, automaton.final.astype(np.int64)
    product, slots = _empty_product(1 << 16, max(1 << 18, 2 * len(table.root)))
    counts, share = np.array([1, 0, 0]), 0.0
    product.contexts[0], product.states[0], product.parents[0] = context, 0, MISSING
    conditioning_kernels.fill_slots(product, slots, 1)
    while counts[1] < counts[0]:
        full = conditioning_kernels.expand(table, steps, groups, final, product, slots, counts, NODES_AT_ONCE)
        share = max(share, counts[1] / counts[0])
        progress(share)
        if not full:
            continue

        # twice the room
        if counts[0] > MAX_NODES or counts[2] > 4 * MAX_NODES:
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
        product.entries[: int(counts[0]) + 1],
        product.own[entries],
        product.shorter[entries],
    )


def _empty_product(nodes: int, entries: int) -> tuple[Product, npt.NDArray[np.int32]]:
    """Return a product with room for some nodes and entries, and an empty hash table of nodes."""
    contexts, states, parents = (np.empty(nodes, np.int32) for _ in range(3))
    own, shorter = np.empty(entries, np.int32), np.empty(entries, np.int32)
    product = Product(contexts, states, parents, np.empty(nodes + 1, np.int64), own, shorter)
    return product, np.full((2 * nodes, 3), MISSING, np.int32)
