"""markov-class: an n-gram chain over classes of words (Brown et al. 1992).

Differs from markov-word in that words of one class share their contexts. With C(w) the class of w,

    p(w | h) = p(C(w) | C(h)) p(w | C(w))

The classes come from the exchange algorithm (Kneser & Ney 1993; Martin, Liermann & Ney 1998): one word after the other
moves to the class that maximizes the likelihood of the class bigrams of the training text, which is the sum of N log N
over pairs of classes minus twice the sum over classes. The algorithm needs only counts, and is deterministic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.suffix_tree import Ints
from genbench_plugins.markov.weighted_counts import encode_pieces
from genbench_plugins.markov.word_building import WordPart
from genbench_plugins.markov.word_view import WordView, prepare_view, word_view

from genbench.generator import (
    Generator,
    Learned,
    LogProbs,
    Progress,
    ProgressCallback,
    Text,
    TrainContext,
    ignore,
)
from genbench.tokenization.tokenizer import Ids, Tokenizer

EXCHANGE_ROUNDS = 3  # later rounds move few words


def cluster_words(stream: Ids, vocabulary: int, classes: int, rounds: int) -> Ids:
    """Cluster tokens by the exchange algorithm; return their classes, (vocabulary,), from 0 to classes - 1.

    Tokens that do not occur in the stream are in the last class.

    >>> cluster_words(np.array([0, 2, 1, 2, 0, 3, 1, 3, 0, 2, 1, 3]), 5, 3, 4).tolist()
    [0, 0, 1, 1, 2]
    """
    # start: a class of its own for every frequent token, and one class for all others that occur
    counts = np.bincount(stream, minlength=vocabulary)
    frequent = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    class_of = np.full(vocabulary, classes - 1)
    class_of[frequent] = np.minimum(np.arange(len(frequent)), classes - 2)

    # exchange: move the tokens, the most frequent first, to their best class
    exchange = Exchange(stream, counts, class_of, classes)
    for _ in range(rounds):
        exchange.move(frequent)
    return class_of


class Exchange:
    """Token and class bigrams of a stream, updated when tokens move; `class_of`, (vocabulary,), changes in place."""

    def __init__(self, stream: Ids, counts: Ints, class_of: Ids, classes: int) -> None:
        from genbench_plugins.markov import class_kernels

        self.counts = counts
        self.right, self.left = (class_kernels.Neighbors(*arrays) for arrays in _bigrams(stream, len(counts)))

        # count the class bigrams, and tabulate n log n
        cells = np.repeat(class_of, np.diff(self.right.starts)) * classes + class_of[self.right.others]
        n = np.arange(1, len(stream) + 2)
        self.classes = class_kernels.Classes(
            class_of,
            np.bincount(cells, self.right.frequency, classes**2).astype(np.int64).reshape(classes, classes),
            np.bincount(class_of, counts, classes).astype(np.int64),
            n_log_n=np.concatenate([[0.0], n * np.log(n)]),
            after=np.empty(classes, np.int64),
            before=np.empty(classes, np.int64),
            gain=np.empty(classes),
        )

    def move(self, tokens: Ids) -> None:
        """Move each of the tokens to the class that increases the criterion most."""
        from genbench_plugins.markov import class_kernels

        class_kernels.exchange(self.classes, tokens, self.counts, self.right, self.left)


def _bigrams(stream: Ids, vocabulary: int) -> tuple[tuple[Ints, Ints, Ints], tuple[Ints, Ints, Ints]]:
    """Return the bigrams of a stream by their left token and by their right token, as `class_kernels.Neighbors`."""
    keys, frequency = np.unique(stream[:-1] * vocabulary + stream[1:], return_counts=True)
    left, right = keys // vocabulary, keys % vocabulary
    by_right = np.argsort(right, kind="stable")
    tokens = np.arange(vocabulary + 1)
    by_left_token = (np.searchsorted(left, tokens), right, frequency)
    return by_left_token, (np.searchsorted(right[by_right], tokens), left[by_right], frequency[by_right])


class ClassTokenizer(Tokenizer):
    """A word tokenizer that returns classes instead of tokens; it cannot decode."""

    def __init__(self, tokenizer: Tokenizer, class_of: Ids) -> None:
        super().__init__("words", tokenizer.letters, tokenizer.known_words)
        self.class_of = class_of

    @property
    def size(self) -> int:
        """The number of classes."""
        return int(self.class_of.max()) + 1

    def encode(self, text: str | Text) -> Ids:
        """Return the classes of a text's tokens, (tokens,)."""
        return np.asarray(self.class_of[super().encode(text)])

    def base_distribution(self) -> LogProbs:
        """Return the uniform distribution over the classes, (classes,)."""
        return np.full(self.size, 1 / self.size)


@dataclass
class ClassChain(MarkovChain):
    """The chain over classes in `MarkovClass`; its tokenizer is passed to the constructor."""

    class_tokenizer: Tokenizer | None = None

    def build_tokenizer(self, train: str | Text) -> Tokenizer:
        assert self.class_tokenizer is not None
        return self.class_tokenizer


@dataclass
class MarkovClass(Generator):
    """A class-based n-gram chain (Brown et al. 1992): words in similar contexts share their counts."""

    default_sampling: ClassVar[Mapping[str, float]] = {"temperature": 0.9}  # benchmarks/defaults.py

    order: int = field(default=6, metadata={"help": "tokens (words, marks, separators) in an n-gram, by their classes"})
    classes: int = field(default=300, metadata={"help": "classes of tokens, clustered on the training text"})
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})

    def __post_init__(self) -> None:
        if self.classes < 2:
            raise ValueError(f"classes is {self.classes}, but must be 2 or more")
        self._chain = ClassChain(self.order, "fitted")

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self.tokenizer = Tokenizer.words(train, self.min_count)

        # cluster the words, and remove empty classes
        context.report(Progress(0.1, note="finding classes"))
        stream, token_weights = encode_pieces(self.tokenizer, train)
        stream = stream.astype(np.int64)
        counts = np.bincount(stream, token_weights, self.tokenizer.size).astype(np.int64)
        classes = min(self.classes, int(np.count_nonzero(counts)) + 2)
        class_of = cluster_words(stream, len(counts), classes, EXCHANGE_ROUNDS)
        self._class_of = np.unique(class_of, return_inverse=True)[1]

        # p(w | C(w)) by counts; tokens that do not occur in training share by the base distribution
        base = self.tokenizer.base_distribution()
        weights = np.where(counts > 0, counts, base / base.max())
        self._within_class = np.log(weights / np.bincount(self._class_of, weights)[self._class_of])

        # train the chain over classes
        tokenizer = ClassTokenizer(self.tokenizer, self._class_of)
        self._chain = ClassChain(self.order, "fitted", class_tokenizer=tokenizer)
        chain_context = context.part("chain", 1.0)
        self._chain.fit(train, valid, chain_context)
        context.record(parameters=(chain_context.stats.parameters or 0) + len(self._within_class))
        prepare_view(self.character_view(), context)

    @property
    def learns_by_counting(self) -> bool:
        """Whether the chain follows from its text alone, its classes too (`capabilities.Counting`)."""
        return True

    def start(self) -> Any:
        return self._chain.start()

    def advance(self, state: Any, token: int) -> Any:
        return self._chain.advance(state, int(self._class_of[token]))

    def advance_batch(self, states: Sequence[Any], tokens: Sequence[int]) -> Sequence[Any]:
        return self._chain.advance_batch(states, self._class_of[list(tokens)].tolist())

    def log_probs(self, state: Any) -> LogProbs:
        return np.asarray(self._chain.log_probs(state)[self._class_of] + self._within_class)

    def log_probs_batch(self, states: Sequence[Any], stop: int | None = None) -> Sequence[LogProbs]:
        class_of, within_class = self._class_of[:stop], self._within_class[:stop]
        return [log_probs[class_of] + within_class for log_probs in self._chain.log_probs_batch(states)]

    def character_view(self) -> WordView | None:
        return word_view([self], self.tokenizer)

    def word_part(self) -> WordPart:
        return WordPart(self._chain._model, self._chain.static_start(), self._class_of, np.exp(self._within_class))

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        return np.asarray(self._chain.token_log_probs(self._class_of[ids]) + self._within_class[ids])

    def context_length(self, state: Any) -> int:
        return self._chain.context_length(state)

    def context_lengths(self, ids: Ids) -> Ids:
        return self._chain.context_lengths(self._class_of[ids])

    def dump(self) -> Learned:
        return {
            "tokenizer": self.tokenizer.dump(),
            "chain": self._chain.dump_counts(),
            "classes": self._class_of,
            "within_class": self._within_class,
        }

    def restore(self, learned: Learned) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self._class_of, self._within_class = learned["classes"], learned["within_class"]
        if not 0 <= self._class_of.min() <= self._class_of.max() < len(self._class_of) == self.tokenizer.size:
            raise ValueError("the classes belong to another vocabulary")
        self._chain = ClassChain(self.order, "fitted")
        self._chain.tokenizer = ClassTokenizer(self.tokenizer, self._class_of)
        self._chain.restore_counts(learned["chain"])
