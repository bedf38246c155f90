"""markov-class: an n-gram chain over classes of words, and each word as often as it stands in its class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.clustering import exchanged

from genbench import Generator, Ids, LogProbs, Progress, Tokenizer, TrainContext
from genbench.generator import ProgressCallback, Text, TrainStats, ignore

ROUNDS = 3  # of exchange: later ones move few words


class Classed(Tokenizer):
    """A word tokenizer whose ids are the classes of its tokens; not to be turned back into text."""

    def __init__(self, tokenizer: Tokenizer, classes: Ids) -> None:
        super().__init__("words", tokenizer.letters, tokenizer.words_known)
        self.classes = classes

    @property
    def size(self) -> int:
        """How many classes there are."""
        return int(self.classes.max()) + 1

    def encode(self, text: str) -> Ids:
        """The classes of a text's tokens, (tokens,)."""
        return np.asarray(self.classes[super().encode(text)])

    def base(self) -> LogProbs:
        """A first guess, (classes,): every class alike."""
        return np.full(self.size, 1 / self.size)


@dataclass
class ClassChain(MarkovChain):
    """The chain over classes inside `MarkovClass`."""

    classed: Tokenizer | None = None

    def cut(self, train: str | Text) -> Tokenizer:
        assert self.classed is not None
        return self.classed


@dataclass
class MarkovClass(Generator):
    """A class-based n-gram chain (Brown et al. 1992): words that stand between alike words share what was counted."""

    order: int = field(default=6, metadata={"help": "tokens (words, marks, separators) in an n-gram, by their classes"})
    classes: int = field(default=300, metadata={"help": "classes of tokens, found in the training text"})
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ValueError(f"classes is {self.classes}, and must be 2 or more")
        self._chain = ClassChain(self.order, "fitted")

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self.tokenizer = Tokenizer.words(train, self.min_count)
        context.report(Progress(0.1, note="finding classes"))
        stream = self.tokenizer.encode("\n" + str(train))
        counts = np.bincount(stream, minlength=self.tokenizer.size)
        found = exchanged(stream, len(counts), min(self.classes, int(np.count_nonzero(counts)) + 2), ROUNDS)
        self._classes = np.unique(found, return_inverse=True)[1]  # a class that all words have left is none
        base = self.tokenizer.base()
        weights = np.where(counts > 0, counts, base / base.max())
        self._shares = np.log(weights / np.bincount(self._classes, weights)[self._classes])
        self._chain = ClassChain(self.order, "fitted", classed=Classed(self.tokenizer, self._classes))
        inner = replace(context, stats=TrainStats())
        self._chain.fit(train, valid, inner)
        context.record(parameters=(inner.stats.parameters or 0) + len(self._shares))

    def start(self) -> Any:
        return self._chain.start()

    def advance(self, state: Any, token: int) -> Any:
        return self._chain.advance(state, int(self._classes[token]))

    def advance_batch(self, states: Sequence[Any], tokens: Sequence[int]) -> Sequence[Any]:
        return self._chain.advance_batch(states, self._classes[list(tokens)].tolist())

    def log_probs(self, state: Any) -> LogProbs:
        return np.asarray(self._chain.log_probs(state)[self._classes] + self._shares)

    def log_probs_batch(self, states: Sequence[Any], stop: int | None = None) -> Sequence[LogProbs]:
        classes, shares = self._classes[:stop], self._shares[:stop]
        return [log_probs[classes] + shares for log_probs in self._chain.log_probs_batch(states)]

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        return np.asarray(self._chain.token_log_probs(self._classes[ids]) + self._shares[ids])

    def context_length(self, state: Any) -> int:
        return self._chain.context_length(state)

    def context_lengths(self, ids: Ids) -> Ids:
        return self._chain.context_lengths(self._classes[ids])

    def dump(self) -> dict[str, Any]:
        return {
            "tokenizer": self.tokenizer.dump(),
            "chain": self._chain.dump_counts(),
            "classes": self._classes,
            "shares": self._shares,
        }

    def restore(self, learned: dict[str, Any]) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self._classes, self._shares = learned["classes"], learned["shares"]
        if not 0 <= self._classes.min() <= self._classes.max() < len(self._classes) == self.tokenizer.size:
            raise ValueError("classes of other words")
        self._chain = ClassChain(self.order, "fitted")
        self._chain.tokenizer = Classed(self.tokenizer, self._classes)
        self._chain.restore_counts(learned["chain"])
