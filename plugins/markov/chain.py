"""What the chains share: all but the tokenizer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import numpy as np
from genbench_plugins.markov.adaptive_chain import NOTE, Adapting
from genbench_plugins.markov.batched import advanced, predicted, with_fitted
from genbench_plugins.markov.cache_model import WORD
from genbench_plugins.markov.fitting import Fitted, fitted
from genbench_plugins.markov.smoothing import ESCAPE, Smoothing, Weights, smoothed
from genbench_plugins.markov.traversal import levels
from genbench_plugins.markov.tree import NOWHERE, Tree, grow, require_memory, restored

from genbench import BackoffLevel, Ids, LogProbs, Progress, Tokenizer, TrainContext
from genbench.generator import Text

State = tuple[int, int]  # a node, and how many tokens of context it stands for
LONGEST = 32  # tokens in an n-gram; "unbounded" has no limit
FOR_FITTING = 100_000  # characters of valid text
FEW = 12  # states, below which one after the other is faster


@dataclass
class MarkovChain(Adapting):
    """An n-gram chain over a suffix tree; only the smoothing `fitted` reads the valid text."""

    order: int | Literal["unbounded"] = field(
        default=3, metadata={"help": "tokens in an n-gram: one more than the context has"}
    )
    smoothing: Smoothing = field(
        default="modified-kneser-ney", metadata={"help": "what counts become probabilities by"}
    )

    adaptive: bool = field(
        default=False, metadata={"help": "also count what it reads and writes; such a row is ranked apart"}
    )

    def __post_init__(self) -> None:
        if isinstance(self.order, int) and not 1 <= self.order <= LONGEST:
            raise ValueError(f"order is {self.order}, and must be from 1 to {LONGEST}, or unbounded")
        if self.smoothing == "add-k" and self.order == "unbounded":
            raise ValueError("add-k asks one length of context alone: give an order, as in smoothing=add-k,order=3")

    @property
    def longest(self) -> int | None:
        """How many tokens a context may have; None: any number."""
        return self.order - 1 if isinstance(self.order, int) else None

    @property
    def heard(self) -> tuple[int, ...]:
        """The lengths of context that are counted while reading, in tokens, shortest first; first the word begun."""
        return (WORD, 2, 3, 4, 5, 6, 7, 9, 12, 16)

    @abstractmethod
    def cut(self, train: str | Text) -> Tokenizer:
        """The tokenizer for a training text."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self.tokenizer = self.cut(train)
        context.report(Progress(0.1, note="counting"))
        stream = self._stream(train)
        require_memory(len(stream))
        tree = grow(stream, self.longest, self.tokenizer.size)
        self._adaptive = None
        context.report(Progress(0.6, note="smoothing"))
        if self.smoothing == "fitted":
            self._take(tree, fitted(tree, self._stream(valid[:FOR_FITTING]), self.tokenizer.base()))
            context.record(parameters=len(tree.keys))
        else:
            weights, failed = smoothed(tree, self.smoothing)
            self._take(tree, weights)
            taken = weights.taken[:LONGEST].tolist()
            context.record(parameters=len(tree.keys), discounts=taken, notes=list(self._notes(failed)))
        if self.adaptive:
            context.report(Progress(0.8, note="weighing what is read"))
            self.adapt(valid, self.heard)
            context.record(notes=[NOTE])

    def _notes(self, failed: list[int]) -> Iterator[str]:
        """What the row has to say; at these lengths of context the closed form failed."""
        if failed:
            lengths = ", ".join(str(length + 1) for length in failed[:LONGEST])
            taken = "0.5, 1, 1.5" if self.smoothing == "modified-kneser-ney" else "0.5"
            yield f"the closed form of the discounts fails at n-gram length {lengths}: {taken} taken there"
        if self.smoothing == "mle":
            yield f"maximum likelihood gives unseen text no probability: {ESCAPE:g} escapes each time"

    def _stream(self, text: str | Text) -> Ids:
        """The tokens of a text after a newline."""
        return np.concatenate([self.tokenizer.encode("\n"), self.tokenizer.encode(text)])

    def _take(self, tree: Tree, weights: Weights | Fitted) -> None:
        self._tree, self._weights = tree, weights
        self._every = self.longest is not None and self.smoothing != "fitted"
        self._base = self.tokenizer.base()
        start, stop = int(tree.starts[tree.root]), int(tree.starts[tree.root + 1])
        leftover, shares = self._step(0, tree.root, start, stop)
        self._alone = self._base * leftover
        self._alone[tree.keys[start:stop] - tree.root * tree.vocabulary] += shares

    def trained_start(self) -> State:
        state: State = (self._tree.root, 0)
        for token in self.tokenizer.encode("\n").tolist():
            state = self.trained_advance(state, token)
        return state

    def trained_advance(self, state: State, token: int) -> State:
        tree, (node, length) = self._tree, state
        while node != NOWHERE:
            pair = tree.pair(node, token)
            if pair != NOWHERE and tree.links[pair] != NOWHERE:
                length = min(length, int(tree.depth[node])) + 1
                return int(tree.links[pair]), length if self.longest is None else min(length, self.longest)
            node = int(tree.parent[node])
        return tree.root, 0

    def trained_log_probs(self, state: State) -> LogProbs:
        tree, found = self._tree, self._alone
        for length, node in islice(self.steps(state), 1, None):
            start, stop = int(tree.starts[node]), int(tree.starts[node + 1])
            leftover, shares = self._step(length, node, start, stop)
            found = found * leftover
            found[tree.keys[start:stop] - node * tree.vocabulary] += shares
        return np.log(found)

    def advance_batch(self, states: Sequence[Any], tokens: Sequence[int]) -> Sequence[Any]:
        if self._adaptive is not None or len(states) < FEW:
            return [self.advance(state, token) for state, token in zip(states, tokens, strict=True)]
        return advanced(self._tree, states, tokens)

    def log_probs_batch(self, states: Sequence[Any], stop: int | None = None) -> Sequence[LogProbs] | LogProbs:
        if self._adaptive is not None or not states:
            return [self.log_probs(state)[:stop] for state in states]
        if isinstance(self._weights, Fitted):
            return np.log(with_fitted(self._tree, self._weights, self._alone[:stop], states))
        if len(states) < FEW:
            return [self.log_probs(state)[:stop] for state in states]
        return np.asarray(np.log(predicted(self._tree, self._weights, self._base, self._every, states)))[:, :stop]

    def steps(self, state: State) -> Iterator[State]:
        """The lengths of context that are asked, shortest first, and the node of each."""
        path, (node, length) = [], state
        while node != NOWHERE:
            path.append(node)
            node = int(self._tree.parent[node])
        shortest = 0
        for node in reversed(path):
            deepest = min(length, int(self._tree.depth[node]))
            yield from ((k, node) for k in (range(shortest, deepest + 1) if self._every else [deepest]))
            shortest = deepest + 1

    def _step(self, length: int, node: int, start: int, stop: int) -> tuple[float, LogProbs | float]:
        weights = self._weights
        if length == self._tree.depth[node]:
            return float(weights.leftover[node]), weights.shares[start:stop]
        return weights.inside(self._tree, length, node)

    def backoff_levels(self, state: Any) -> list[BackoffLevel]:
        tree, weights, found, said = self._tree, self._weights, self._base, []
        for length, node in self.steps(self.trained(state)):
            start, stop = int(tree.starts[node]), int(tree.starts[node + 1])
            leftover, shares = self._step(length, node, start, stop)
            tokens = tree.keys[start:stop] - node * tree.vocabulary
            found = found * leftover
            found[tokens] += shares
            counts = weights.counted(tree, length, node)
            taken = counts - shares * counts.sum()
            said.append(BackoffLevel(length, leftover, tokens, counts, taken, found[tokens]))
        return said

    def trained_token_log_probs(self, ids: Ids) -> LogProbs:
        stream = np.concatenate([self.tokenizer.encode("\n"), ids])
        found = self._base[stream]
        for length, rows, nodes, pairs in levels(self._tree, stream, self._every):
            leftover, shares = self._weights.step(self._tree, length, nodes, pairs)
            found[rows] = found[rows] * leftover + shares
        return np.asarray(np.log(found[len(stream) - len(ids) :]))

    def context_length(self, state: Any) -> int:
        length: int = self.trained(state)[1]
        return length

    def context_lengths(self, ids: Ids) -> Ids:
        stream = np.concatenate([self.tokenizer.encode("\n"), ids])
        found = np.zeros(len(stream), np.int64)
        for length, rows, _, _ in levels(self._tree, stream, True):
            found[rows] = length
        return found[len(stream) - len(ids) :]

    def known(self, ids: Ids) -> tuple[Ids, Ids, Ids]:
        """Of the longest known context before each token: its length, how many tokens followed it, and how often."""
        stream = np.concatenate([self.tokenizer.encode("\n"), ids])
        lengths, where = np.zeros(len(stream), np.int64), np.zeros(len(stream), np.int64)
        for length, rows, nodes, _ in levels(self._tree, stream, True):
            lengths[rows], where[rows] = length, nodes
        lengths, where = lengths[len(stream) - len(ids) :], where[len(stream) - len(ids) :]
        return lengths, self._tree.starts[where + 1] - self._tree.starts[where], self._seen(where)

    def known_at(self, state: State) -> tuple[int, int, int]:
        """The same at a state."""
        node, length = state
        types = int(self._tree.starts[node + 1] - self._tree.starts[node])
        return length, types, int(self._seen(np.array([node]))[0])

    def _seen(self, nodes: Ids) -> Ids:
        assert isinstance(self._weights, Fitted)
        return np.asarray(self._weights.seen[nodes])

    def dump(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.dump(), "counts": self.dump_counts()}

    def restore(self, learned: dict[str, Any]) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self.restore_counts(learned["counts"])

    def dump_counts(self) -> dict[str, Any]:
        """Return what was counted, without the tokenizer."""
        return {"tree": vars(self._tree), "weights": self._weights.dump(), "adaptive": self.dump_adaptive()}

    def restore_counts(self, learned: dict[str, Any]) -> None:
        """Take back what `dump_counts` returned; the tokenizer is set."""
        kind = Fitted if self.smoothing == "fitted" else Weights
        self._take(restored(learned["tree"], self.tokenizer.size, self.longest), kind(**learned["weights"]))
        self.restore_adaptive(learned["adaptive"])
