"""MarkovChain: the n-gram chain over a suffix tree. A subclass defines only the tokenizer.

Training counts all n-grams (`tree_building.py`) and smooths the counts (`smoothing.py`, `fitted_smoothing.py`). A
prediction interpolates the contexts of all lengths, the shortest first (Chen & Goodman 1999).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import numpy as np
from genbench_plugins.markov.adaptive_chain import ADAPTIVE_NOTE, AdaptiveChain
from genbench_plugins.markov.batched import State, advance_states, batch_probabilities, batch_probabilities_fitted
from genbench_plugins.markov.cache_model import CURRENT_WORD
from genbench_plugins.markov.fitted_smoothing import FittedSmoothing, fit_smoothing
from genbench_plugins.markov.smoothing import ESCAPE, ClosedFormSmoothing, SmoothingMethod, smooth
from genbench_plugins.markov.suffix_tree import MISSING, SuffixTree, restore_tree
from genbench_plugins.markov.tree_building import build_tree, require_memory

from genbench.capabilities import BackoffLevel
from genbench.generator import Learned, LogProbs, Progress, ProgressCallback, Text, TrainContext, ignore
from genbench.tokenization.tokenizer import Ids, Tokenizer

MAX_ORDER = 32  # tokens in an n-gram; "unbounded" has no limit
VALIDATION_CHARACTERS = 100_000  # of validation text used to fit the smoothing
BATCH_FROM = 12  # states: a smaller batch is faster one state at a time


@dataclass
class MarkovChain(AdaptiveChain):
    """An n-gram chain over a suffix tree.

    A state is a node of the tree and the length of the context, in tokens. Only the smoothing `fitted` and the option
    `adaptive` use the validation text.
    """

    order: int | Literal["unbounded"] = field(
        default=3, metadata={"help": "tokens in an n-gram: one more than the context has"}
    )
    smoothing: SmoothingMethod = field(
        default="modified-kneser-ney", metadata={"help": "how counts become probabilities"}
    )

    adaptive: bool = field(
        default=False, metadata={"help": "also count the text that is read and generated; the row is ranked apart"}
    )

    def __post_init__(self) -> None:
        if isinstance(self.order, int) and not 1 <= self.order <= MAX_ORDER:
            raise ValueError(f"order is {self.order}, but must be from 1 to {MAX_ORDER}, or unbounded")
        if self.smoothing == "add-k" and self.order == "unbounded":
            raise ValueError("add-k uses one length of context alone: give an order, as in smoothing=add-k,order=3")

    @property
    def longest(self) -> int | None:
        """The greatest length of a context in tokens; None: any length."""
        return self.order - 1 if isinstance(self.order, int) else None

    @property
    def cache_lengths(self) -> tuple[int, ...]:
        """The context lengths of the cache model in tokens, the shortest first; the first is the current word."""
        return (CURRENT_WORD, 2, 3, 4, 5, 6, 7, 9, 12, 16)

    @abstractmethod
    def build_tokenizer(self, train: str | Text) -> Tokenizer:
        """Return the tokenizer for a training text."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self.tokenizer = self.build_tokenizer(train)
        self._cache = None

        # count all n-grams
        context.report(Progress(0.1, note="counting"))
        stream = self._encode(train)
        require_memory(len(stream))
        tree = build_tree(stream, self.longest, self.tokenizer.size)

        # smooth the counts, with fitted or with closed-form discounts
        context.report(Progress(0.6, note="smoothing"))
        if self.smoothing == "fitted":
            validation = self._encode(valid[:VALIDATION_CHARACTERS])
            self._set_counts(tree, fit_smoothing(tree, validation, self.tokenizer.base_distribution()))
            context.record(parameters=len(tree.keys))
        else:
            smoothing, failed = smooth(tree, self.smoothing)
            self._set_counts(tree, smoothing)
            discounts = smoothing.discounts[:MAX_ORDER].tolist()
            fallback = [length + 1 for length in failed[:MAX_ORDER]]  # n-gram lengths without a valid closed form
            details = {"discounts": discounts, "fallback_discounts_at": fallback}
            context.record(parameters=len(tree.keys), notes=self._notes(), **details)

        # fit the cache model
        if self.adaptive:
            context.report(Progress(0.8, note="fitting the cache model"))
            self.add_cache(valid, self.cache_lengths)
            context.record(notes=[ADAPTIVE_NOTE])

    def _notes(self) -> list[str]:
        """Return notes on the smoothing."""
        if self.smoothing != "mle":
            return []
        return [f"maximum likelihood gives unseen text no probability: contexts leave {ESCAPE:g} to shorter contexts"]

    def _encode(self, text: str | Text) -> Ids:
        """Return the tokens of a text after a newline, (tokens,)."""
        return np.concatenate([self.tokenizer.encode("\n"), self.tokenizer.encode(text)])

    def _set_counts(self, tree: SuffixTree, smoothing: ClosedFormSmoothing | FittedSmoothing) -> None:
        """Set the smoothed tree, and compute the probabilities without a context."""
        self._tree, self._smoothing = tree, smoothing
        self._every_length = self.longest is not None and self.smoothing != "fitted"

        # the unigrams: the first back-off step, from the base distribution
        self._base = self.tokenizer.base_distribution()
        start, stop = int(tree.starts[tree.root]), int(tree.starts[tree.root + 1])
        leftover, discounted = self._interpolation(0, tree.root)
        self._unigrams = self._base * leftover
        self._unigrams[tree.keys[start:stop] - tree.root * tree.vocabulary] += discounted

    def _interpolation(self, length: int, node: int) -> tuple[float, LogProbs | float]:
        """Return leftover and discounted of one context: (pairs of the node,), or one value for all."""
        # the longest context of the node is stored, shorter ones are computed
        if length == self._tree.depth[node]:
            pairs = slice(int(self._tree.starts[node]), int(self._tree.starts[node + 1]))
            return float(self._smoothing.leftover[node]), self._smoothing.discounted[pairs]
        return self._smoothing.inside_edge(self._tree, length, node)

    def context_nodes(self, state: State) -> Iterator[tuple[int, int]]:
        """Yield (length, node) of the contexts that a prediction interpolates, the shortest first."""
        # the path from the root to the node of the state
        path, (node, length) = [], state
        while node != MISSING:
            path.append(node)
            node = int(self._tree.parent[node])

        # all context lengths of a node, or only its longest
        shortest = 0
        for node in reversed(path):
            longest = min(length, int(self._tree.depth[node]))
            for context_length in range(shortest, longest + 1) if self._every_length else [longest]:
                yield context_length, node
            shortest = longest + 1

    def static_start(self) -> State:
        state: State = (self._tree.root, 0)
        for token in self.tokenizer.encode("\n").tolist():
            state = self.static_advance(state, token)
        return state

    def static_advance(self, state: State, token: int) -> State:
        # back off to the longest context that the token followed, and follow the link of its pair
        tree, (node, length) = self._tree, state
        while node != MISSING:
            pair = tree.find_pair(node, token)
            if pair != MISSING and tree.links[pair] != MISSING:
                length = min(length, int(tree.depth[node])) + 1
                return int(tree.links[pair]), length if self.longest is None else min(length, self.longest)
            node = int(tree.parent[node])
        return tree.root, 0

    def static_log_probs(self, state: State) -> LogProbs:
        # p(w | h) = discounted(w) + leftover p(w | h'), from the unigrams to the longest context
        tree, probabilities = self._tree, self._unigrams
        for length, node in islice(self.context_nodes(state), 1, None):
            leftover, discounted = self._interpolation(length, node)
            probabilities = probabilities * leftover
            tokens = tree.keys[int(tree.starts[node]) : int(tree.starts[node + 1])] - node * tree.vocabulary
            probabilities[tokens] += discounted
        return np.log(probabilities)

    def static_token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        # the same recursion for all positions of the stream, by context length
        stream = np.concatenate([self.tokenizer.encode("\n"), ids])
        probabilities = self._base[stream]
        for length, positions, nodes, pairs in self._tree.stream_levels(stream, self._every_length):
            leftover, discounted = self._smoothing.at_length(self._tree, length, nodes, pairs)
            probabilities[positions] = probabilities[positions] * leftover + discounted
        return np.asarray(np.log(probabilities[len(stream) - len(ids) :]))

    def advance_batch(self, states: Sequence[Any], tokens: Sequence[int]) -> Sequence[Any]:
        if self._cache is not None or len(states) < BATCH_FROM:
            return [self.advance(state, token) for state, token in zip(states, tokens, strict=True)]
        return advance_states(self._tree, states, tokens)

    def log_probs_batch(self, states: Sequence[Any], stop: int | None = None) -> Sequence[LogProbs] | LogProbs:
        if self._cache is not None or not states:
            return [self.log_probs(state)[:stop] for state in states]

        # fitted smoothing computes only the tokens below `stop`
        if isinstance(self._smoothing, FittedSmoothing):
            return np.log(batch_probabilities_fitted(self._tree, self._smoothing, self._unigrams[:stop], states))
        if len(states) < BATCH_FROM:
            return [self.log_probs(state)[:stop] for state in states]
        probabilities = batch_probabilities(self._tree, self._smoothing, self._base, self._every_length, states)
        return np.asarray(np.log(probabilities))[:, :stop]

    def backoff_levels(self, state: Any) -> list[BackoffLevel]:
        tree, probabilities, levels = self._tree, self._base, []
        for length, node in self.context_nodes(self.static_state(state)):
            # one back-off step, as in static_log_probs
            leftover, discounted = self._interpolation(length, node)
            tokens = tree.keys[int(tree.starts[node]) : int(tree.starts[node + 1])] - node * tree.vocabulary
            probabilities = probabilities * leftover
            probabilities[tokens] += discounted

            # the counts, and the discounts that were subtracted
            counts = self._smoothing.counts(tree, length, node)
            discounts = counts - discounted * counts.sum()
            levels.append(BackoffLevel(length, leftover, tokens, counts, discounts, probabilities[tokens]))
        return levels

    def context_length(self, state: Any) -> int:
        length: int = self.static_state(state)[1]
        return length

    def context_lengths(self, ids: Ids) -> Ids:
        return self._longest_contexts(ids)[0]

    def context_evidence(self, ids: Ids) -> tuple[Ids, Ids, Ids]:
        """Return length, followers and occurrences of the longest known context before every token, all (tokens,).

        Followers are the different tokens that followed the context. The smoothing must be `fitted`.
        """
        lengths, nodes = self._longest_contexts(ids)
        return lengths, self._tree.starts[nodes + 1] - self._tree.starts[nodes], self._occurrences(nodes)

    def context_evidence_at(self, state: State) -> tuple[int, int, int]:
        """Return length, followers and occurrences of the context of one state, as `context_evidence` does."""
        node, length = state
        types = int(self._tree.starts[node + 1] - self._tree.starts[node])
        return length, types, int(self._occurrences(np.array([node]))[0])

    def _longest_contexts(self, ids: Ids) -> tuple[Ids, Ids]:
        """Return length and node of the longest known context before every token, both (tokens,)."""
        stream = np.concatenate([self.tokenizer.encode("\n"), ids])
        lengths, nodes = np.zeros(len(stream), np.int64), np.zeros(len(stream), np.int64)

        # longer contexts overwrite shorter ones
        for length, positions, level_nodes, _ in self._tree.stream_levels(stream, True):
            lengths[positions], nodes[positions] = length, level_nodes

        # without the newline before the stream
        skipped = len(stream) - len(ids)
        return lengths[skipped:], nodes[skipped:]

    def _occurrences(self, nodes: Ids) -> Ids:
        """Return how often the contexts of n nodes occurred in training, (n,)."""
        assert isinstance(self._smoothing, FittedSmoothing)
        return np.asarray(self._smoothing.occurrences[nodes])

    def dump(self) -> Learned:
        return {"tokenizer": self.tokenizer.dump(), "counts": self.dump_counts()}

    def restore(self, learned: Learned) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self.restore_counts(learned["counts"])

    def dump_counts(self) -> Learned:
        """Return the tree, the smoothing and the cache model, without the tokenizer."""
        return {"tree": vars(self._tree), "smoothing": self._smoothing.dump(), "cache": self.dump_cache()}

    def restore_counts(self, learned: Learned) -> None:
        """Restore the chain from the value of `dump_counts`; the tokenizer must be set."""
        kind = FittedSmoothing if self.smoothing == "fitted" else ClosedFormSmoothing
        tree = restore_tree(learned["tree"], self.tokenizer.size, self.longest)
        self._set_counts(tree, kind(**learned["smoothing"]))
        self.restore_cache(learned["cache"])
