"""MarkovChain: the n-gram chain over a suffix tree. A subclass defines only the tokenizer.

Training counts all n-grams (`tree_building.py`) and smooths the counts (`smoothing.py`, `fitted_smoothing.py`). A
prediction interpolates the contexts of all lengths, the shortest first (Chen & Goodman 1999).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from genbench_plugins.markov.adaptive_chain import ADAPTIVE_NOTE, AdaptiveChain
from genbench_plugins.markov.backoff_building import build_model, temper
from genbench_plugins.markov.backoff_model import BackoffForm
from genbench_plugins.markov.cache_model import CURRENT_WORD
from genbench_plugins.markov.counting_by_parts import count_ngrams
from genbench_plugins.markov.discount_fitting import fit_smoothing
from genbench_plugins.markov.packed_tree import PackedTree, pack_tree, restore_tree
from genbench_plugins.markov.smoothing import Smoothing, SmoothingMethod, smooth
from genbench_plugins.markov.suffix_tree import MISSING, Singles, Small
from genbench_plugins.markov.weighted_counts import encode_pieces, weigh_counts, weigh_discounts

from genbench.capabilities import BackoffLevel
from genbench.generator import Learned, LogProbs, Progress, ProgressCallback, Text, TrainContext, ignore
from genbench.tokenization.tokenizer import Ids, Tokenizer

if TYPE_CHECKING:
    from genbench_plugins.markov.conditioning import ConditionedChain, ContextTables

    from genbench.sampling.constraints.tokens import TokenAutomaton

MAX_ORDER = 32  # tokens in an n-gram; "unbounded" has no limit
VALIDATION_CHARACTERS = 100_000  # of validation text used to fit the smoothing
TEMPERATURES_KEPT = 4  # of the most recent samples: the powers of all probabilities
TOKENS_AT_ONCE = 1 << 16  # scored between two reports of the progress

State = tuple[int, int]  # a node, and the length of the context in tokens


@dataclass(frozen=True)
class ChainStates(Sequence[State]):
    """States as arrays of nodes and lengths, (states,) each: for many, tuples take longer than sampling."""

    nodes: Ids
    lengths: Ids

    def __len__(self) -> int:
        return len(self.nodes)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return ChainStates(self.nodes[index], self.lengths[index])
        return int(self.nodes[index]), int(self.lengths[index])


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
        tokenizer = self.tokenizer = self.build_tokenizer(train)
        validation = self._encode(valid[: VALIDATION_CHARACTERS if self.smoothing == "fitted" else 0])
        stream, weights = encode_pieces(tokenizer, train)
        self.fit_ids(tokenizer, stream, validation, context, weights)

        # fit the cache model
        if self.adaptive:
            context.report(Progress(0.8, note="fitting the cache model"))
            self.add_cache(valid, self.cache_lengths)
            context.record(notes=[ADAPTIVE_NOTE])

    def fit_ids(
        self,
        tokenizer: Tokenizer,
        stream: Ids,
        validation: Ids,
        context: TrainContext,
        weights: Small | None = None,
    ) -> None:
        self.tokenizer, self._cache = tokenizer, None
        if not len(stream):  # such as a part of a short text that is spelled as a whole
            stream, weights = tokenizer.encode("\n"), None

        # count all n-grams
        is_compiled = self._is_compiled()

        def report(share: float) -> None:
            context.report(Progress(0.1 + 0.5 * share, note="counting"))

        report(0.0)
        tree = count_ngrams(stream, self.longest, tokenizer.size, report, context.map)
        weighted = tree if weights is None else weigh_counts(tree, stream, weights, context.map)

        # smooth the counts, with fitted or with closed-form discounts
        context.report(Progress(0.6, note="smoothing"))
        packed = pack_tree(weighted)
        if self.smoothing == "fitted":
            self._set_counts(packed, fit_smoothing(packed, validation, tokenizer.base_distribution()))
        else:
            smoothing, failed = smooth(tree, self.smoothing)
            self._set_counts(packed, smoothing if weights is None else weigh_discounts(smoothing, tree, weighted))
            discounts = smoothing.discounts[:MAX_ORDER].tolist()
            fallback = [length + 1 for length in failed[:MAX_ORDER]]  # n-gram lengths without a valid closed form
            context.record(discounts=discounts, fallback_discounts_at=fallback, notes=smoothing.notes)
        context.record(parameters=len(tree.tokens))

        if not is_compiled:
            self._call_kernels()

    def _is_compiled(self) -> bool:
        """Return whether the machine code of the kernels is on disk, so that they need not be compiled."""
        from genbench_plugins.markov import kernels, sampling_kernels
        from genbench_plugins.markov.compiling import is_compiled

        return is_compiled(kernels.score) and is_compiled(sampling_kernels.sample_stream)

    def _call_kernels(self) -> None:
        """Call all kernels once, so that other processes, which may be unable to store their code, find it on disk."""
        state, ids = self.static_start(), self.tokenizer.encode("\n")
        self.static_token_log_probs(ids)
        self.static_log_probs(state)
        self.log_probs_batch(self.advance_batch([state], ids[:1].tolist()))
        self.context_lengths(ids)
        self.sample_stream(state, np.random.default_rng(0), 1, 1.0, 0)

    def _encode(self, text: str | Text) -> Ids:
        """Return the tokens of a text after a newline, (tokens,)."""
        return self.tokenizer.encode_stream(text)

    def _set_counts(self, tree: PackedTree, smoothing: Smoothing, stored: BackoffForm | None = None) -> None:
        """Set the smoothed tree; `stored` has its back-off form if it is known."""
        self._tree, self._smoothing = tree, smoothing
        self._model = build_model(tree, smoothing, self.tokenizer.base_distribution(), stored)
        self._tempered = lru_cache(TEMPERATURES_KEPT)(partial(temper, self._model))
        self._group_readers: dict[bytes, Any] = {}
        self._context_tables: ContextTables | None = None

    def static_start(self) -> State:
        state: State = (self._tree.root, 0)
        for token in self.tokenizer.encode("\n").tolist():
            state = self.static_advance(state, token)
        return state

    def static_advance(self, state: State, token: int) -> State:
        from genbench_plugins.markov import tree_kernels

        return tree_kernels.advance(self._model, *state, token)

    def static_log_probs(self, state: State) -> LogProbs:
        return np.log(self._distribution(*state))

    def _distribution(self, node: int, length: int) -> LogProbs:
        """Return the probabilities of all tokens after a context, (vocabulary,)."""
        from genbench_plugins.markov import kernels

        probabilities = np.empty(self.tokenizer.size)
        kernels.fill_distribution(self._model, node, length, 0, probabilities)
        return probabilities

    def static_token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        from genbench_plugins.markov import kernels

        probabilities, state = np.empty(len(ids)), self.static_start()
        for begin in range(0, len(ids), TOKENS_AT_ONCE):
            part = slice(begin, begin + TOKENS_AT_ONCE)
            state = kernels.score(self._model, *state, self._valid_ids(ids[part]), probabilities[part])
            progress(min(begin + TOKENS_AT_ONCE, len(ids)) / len(ids))
        return np.asarray(np.log(probabilities))

    def _valid_ids(self, ids: Ids) -> Ids:
        """Return a copy of ids; raise IndexError for one that is not in the vocabulary."""
        valid = np.array(ids, np.int64)
        if len(valid) and not 0 <= valid.min() <= valid.max() < self.tokenizer.size:
            raise IndexError(f"ids are from 0 to {self.tokenizer.size - 1}, not {valid.min()} to {valid.max()}")
        return valid

    def log_probs_batch(self, states: Sequence[Any], stop: int | None = None) -> Sequence[LogProbs] | LogProbs:
        if self._cache is not None or not states:
            return [self.log_probs(state)[:stop] for state in states]
        from genbench_plugins.markov import kernels

        nodes, lengths = np.array(states, np.int64).T.copy()
        probabilities = np.empty((len(states), len(self._model.base[:stop])))
        kernels.fill_distributions(self._model, nodes, lengths, probabilities)
        return np.asarray(np.log(probabilities))

    def sample_stream(
        self, state: Any, rng: np.random.Generator, count: int, temperature: float, first_token: int
    ) -> tuple[Ids, Sequence[Any]]:
        if self._cache is not None:
            return np.empty(0, np.int64), []
        ids, nodes, lengths = self._sample_stream(state, rng.random(count), temperature, first_token)
        return ids, ChainStates(nodes, lengths)

    def _sample_stream(
        self, state: State, uniforms: LogProbs, temperature: float, first_token: int
    ) -> tuple[Ids, Ids, Ids]:
        """Return tokens at quantiles, one after the other, and node and length of the states, (tokens,) each."""
        from genbench_plugins.markov import sampling_kernels

        ids, nodes, lengths = (np.empty(len(uniforms), np.int64) for _ in range(3))
        tempered, memory = self._tempered(temperature), np.empty(self.tokenizer.size - first_token)
        sampling_kernels.sample_stream(
            self._model, tempered, 1 / temperature, *state, first_token, uniforms, memory, ids, nodes, lengths
        )
        return ids, nodes, lengths

    def advance_batch(self, states: Sequence[Any], tokens: Sequence[int]) -> Sequence[Any]:
        if self._cache is not None or not states:
            return [self.advance(state, token) for state, token in zip(states, tokens, strict=True)]
        from genbench_plugins.markov import kernels

        nodes, lengths = np.array(states, np.int64).T.copy()
        kernels.advance_states(self._model, np.array(tokens, np.int64), nodes, lengths)
        return list(zip(nodes.tolist(), lengths.tolist(), strict=True))

    def condition(
        self, state: Any, automaton: TokenAutomaton, temperature: float, progress: ProgressCallback = ignore
    ) -> ConditionedChain | None:
        if self._cache is not None:
            return None
        from genbench_plugins.markov.conditioning import ContextTables

        self._context_tables = self._context_tables or ContextTables(self._model)
        return self._context_tables.condition(state, automaton, temperature, progress)

    def read_rows(self, ids: Ids, row: Ids | None = None) -> Ids:
        from genbench_plugins.markov import kernels

        node, length = (self._tree.root, 0) if row is None else row.tolist()
        nodes, lengths = np.empty(len(ids) + 1, np.int64), np.empty(len(ids) + 1, np.int64)
        nodes[-1], lengths[-1] = kernels.read_states(self._model, node, length, self._valid_ids(ids), nodes, lengths)
        return np.stack([nodes, lengths], axis=1)

    def group_log_probs(self, rows: Ids, groups: Ids) -> Singles:
        from genbench_plugins.markov.group_reader import GroupReader

        # a network asks for the same groups again and again
        groups = np.array(groups, np.int64)
        key = groups.tobytes()
        if key not in self._group_readers:
            shortest = self._distribution(self._tree.root, 0)
            self._group_readers[key] = GroupReader(self._model, groups, shortest)
        log_probs: Singles = self._group_readers[key].log_probs(*self._valid_rows(rows))
        return log_probs

    def selected_log_probs(self, rows: Ids, tokens: Ids) -> Singles:
        # each of the tokens is a group, and the others are in none
        groups = np.full(self.tokenizer.size, MISSING)
        groups[self._valid_ids(tokens)] = np.arange(len(tokens))
        log_probs = self.group_log_probs(rows, groups)
        return log_probs[:, groups[tokens]] if len(np.unique(tokens)) < len(tokens) else log_probs

    def evidence_rows(self, rows: Ids) -> Ids:
        from genbench_plugins.markov import group_kernels

        evidence = np.empty((len(rows), 3), np.int64)
        group_kernels.fill_evidence(self._model, *self._valid_rows(rows), evidence)
        return evidence

    def _valid_rows(self, rows: Ids) -> tuple[Ids, Ids]:
        """Return the nodes and lengths of states, (states, 2); raise IndexError for a node that does not exist."""
        nodes, lengths = np.array(rows, np.int64).reshape(-1, 2).T.copy()
        if len(nodes) and not 0 <= nodes.min() <= nodes.max() < len(self._tree.parent):
            raise IndexError(f"states have nodes from 0 to {len(self._tree.parent) - 1}")
        return nodes, lengths

    def backoff_levels(self, state: Any) -> list[BackoffLevel]:
        from genbench_plugins.markov import kernels

        tree, probabilities, levels = self._tree, self._model.base, []
        for length, node in self._context_nodes(self.static_state(state)):
            # one back-off step
            tokens = tree.tokens[tree.pairs_of(node)]
            leftover = kernels.discount(self._model, node, length)
            discounted = self._model.discounted[: len(tokens)].copy()
            probabilities = probabilities * leftover
            probabilities[tokens] += discounted

            # the counts, and the discounts that were subtracted
            counts = self._smoothing.counts(tree, length, node)
            discounts = counts - discounted * counts.sum()
            ids = tokens.astype(np.int64)
            levels.append(BackoffLevel(length, leftover, ids, counts, discounts, probabilities[tokens]))
        return levels

    def _context_nodes(self, state: State) -> Iterator[tuple[int, int]]:
        """Yield (length, node) of the contexts that a prediction interpolates, the shortest first."""
        # the path from the root to the node of the state
        path, (node, length) = [], state
        while node != MISSING:
            path.append(node)
            node = int(self._tree.parent[node])

        # all context lengths of a node, or only its longest
        shortest = 0
        for node in reversed(path):
            longest = min(length, self._tree.depth_of(node))
            for context_length in range(shortest, longest + 1) if self._model.every_length else [longest]:
                yield context_length, node
            shortest = longest + 1

    def context_length(self, state: Any) -> int:
        length: int = self.static_state(state)[1]
        return length

    def context_lengths(self, ids: Ids) -> Ids:
        return self._rows_before(ids)[:, 1].copy()

    def context_evidence(self, ids: Ids) -> tuple[Ids, Ids, Ids]:
        """Return length, followers and occurrences of the longest known context before every token, all (tokens,).

        Followers are the different tokens that followed the context.
        """
        lengths, followers, occurrences = self.evidence_rows(self._rows_before(ids)).T
        return lengths, followers, occurrences

    def context_evidence_at(self, state: State) -> tuple[int, int, int]:
        """Return length, followers and occurrences of the context of one state, as `context_evidence` does."""
        from genbench_plugins.markov import tree_kernels

        node, length = state
        types = int(self._tree.starts[node + 1] - self._tree.starts[node])
        return length, types, tree_kernels.occurrences(self._model, node)

    def _rows_before(self, ids: Ids) -> Ids:
        """Return the states before every token of a text, (tokens, 2), read from `start()`."""
        return self.read_rows(ids, np.array(self.static_start()))[:-1]

    def dump(self) -> Learned:
        return {"tokenizer": self.tokenizer.dump(), "counts": self.dump_counts()}

    def restore(self, learned: Learned) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self.restore_counts(learned["counts"])

    def dump_counts(self) -> Learned:
        """Return the tree, the smoothing and the cache model, without the tokenizer."""
        form = {"probabilities": self._model.probabilities, "backoff": self._model.backoff}
        return {
            "tree": vars(self._tree),
            "smoothing": vars(self._smoothing),
            "backoff_form": form,
            "cache": self.dump_cache(),
        }

    def restore_counts(self, learned: Learned) -> None:
        """Restore the chain from the value of `dump_counts`; the tokenizer must be set."""
        tree = restore_tree(learned["tree"], self.tokenizer.size, self.longest)
        smoothing, form = Smoothing(**learned["smoothing"]), learned["backoff_form"]
        if smoothing.method != self.smoothing:
            raise ValueError(f"the model was smoothed by {smoothing.method!r}")
        self._set_counts(tree, smoothing, (form["probabilities"], form["backoff"]))
        self.restore_cache(learned["cache"])
