"""markov: the character chain informed by word and class chains, the strongest that counting can do here.

All chains have fitted smoothing. A word chain and two chains over classes of words are mixed word by word, and asked by
the character: they imply the probability of the next character, the sum over all words that go on with what was read.
That and the character chain's are mixed, and the weight is a logistic function of features: how long a context each
side has seen, and how sure the words are. It is fitted on valid text.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.adaptive_chain import NOTE, Adapting
from genbench_plugins.markov.char import MarkovChar
from genbench_plugins.markov.fitting import SEEN, TYPES, binned
from genbench_plugins.mixture import Mixture

from genbench import BackoffLevel, Characterwise, Ids, LogProbs, Progress, TrainContext
from genbench.generator import Text, TrainStats

Floats = npt.NDArray[np.float64]
VALID_CHARACTERS = 60_000
DEEPEST = 15  # contexts longer than this count as this long
SURE = 8  # bins of the probability of the likeliest character
WORDS = 5  # tokens of the word chain's context: beyond, alike
WIDTHS = ((DEEPEST + 1) * WORDS, len(TYPES) * WORDS, len(SEEN) * WORDS, SURE * WORDS, (DEEPEST + 1) * SURE)
ROUNDS = 80
RATE = 0.1
PULL = 1.0  # how much each weight is pulled to zero


@dataclass
class Markov(Adapting):
    """The character chain informed by a word chain and two class chains, mixed by how much each side has seen."""

    order: int = field(default=12, metadata={"help": "characters in an n-gram of the character chain"})
    words: int = field(default=4, metadata={"help": "tokens (words, marks, separators) in an n-gram of the word chain"})
    classes: int = field(default=300, metadata={"help": "classes of words; a second chain has a third of them"})
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})

    adaptive: bool = field(
        default=False, metadata={"help": "also count what it reads and writes; such a row is ranked apart"}
    )

    def __post_init__(self) -> None:
        if self.classes < 6:
            raise ValueError(f"classes is {self.classes}, and must be 6 or more: the second chain has a third of them")
        self._parts()

    def _parts(self) -> None:
        self._chain = MarkovChar(self.order, "fitted")
        words = f"(markov-word:order={self.words},smoothing=fitted,min_count={self.min_count})"
        classed = [f"(markov-class:classes={n},min_count={self.min_count})" for n in (self.classes, self.classes // 3)]
        self._word_chain = Mixture("+".join([words, *classed]))

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self._parts()
        self._adaptive = None
        parts = [replace(context, stats=TrainStats()) for _ in range(2)]
        self._chain.fit(train, valid, parts[0])
        self._word_chain.fit(train, valid, parts[1])
        self._view()
        context.report(Progress(0.7, note="weighing the chains"))
        ids = self.tokenizer.encode(valid[:VALID_CHARACTERS])
        self._weights = fitted_weights(*self._read(ids))
        context.record(parameters=sum(part.stats.parameters or 0 for part in parts))
        if self.adaptive:
            self.adapt(valid, self._chain.heard)
            context.record(notes=[NOTE])

    def _view(self) -> None:
        self.tokenizer = self._chain.tokenizer
        self._words = Characterwise(self._word_chain)

    def _read(self, ids: Ids) -> tuple[Floats, Floats, Ids]:
        """The log-probability of each token by either chain, and the features before it."""
        by_words, depths, peaks = self._words.read(ids)
        return self._chain.token_log_probs(ids), by_words, features(*self._chain.known(ids), depths, peaks)

    def trained_start(self) -> Any:
        return self._chain.start(), self._words.start()

    def trained_advance(self, state: Any, token: int) -> Any:
        return self._chain.advance(state[0], token), self._words.advance(state[1], token)

    def trained_log_probs(self, state: Any) -> LogProbs:
        by_words = self._words.log_probs(state[1])
        length, types, seen = (np.array([value]) for value in self._chain.known_at(state[0]))
        depth, peak = np.array([self._words.context_length(state[1])]), np.array([by_words.max()])
        share = shares(self._weights, features(length, types, seen, depth, peak))
        return mixed(self._chain.log_probs(state[0]), by_words, share)

    def backoff_levels(self, state: Any) -> list[BackoffLevel]:
        return self._chain.backoff_levels(self.trained(state)[0])

    def trained_token_log_probs(self, ids: Ids) -> LogProbs:
        by_characters, by_words, rows = self._read(ids)
        return mixed(by_characters, by_words, shares(self._weights, rows))

    def context_length(self, state: Any) -> int:
        return self._chain.context_length(self.trained(state)[0])

    def context_lengths(self, ids: Ids) -> Ids:
        return self._chain.context_lengths(ids)

    def dump(self) -> dict[str, Any]:
        return {
            "characters": self._chain.dump(),
            "words": self._word_chain.dump(),
            "weights": self._weights,
            "adaptive": self.dump_adaptive(),
        }

    def restore(self, learned: dict[str, Any]) -> None:
        self._parts()
        self._chain.restore(learned["characters"])
        self._word_chain.restore(learned["words"])
        self._view()
        self._weights = learned["weights"]
        self.restore_adaptive(learned["adaptive"])


def features(lengths: Ids, types: Ids, seen: Ids, depths: Ids, peaks: Floats) -> Ids:
    """The rows of the weights that speak for each context, (n, 5): what the character chain has seen, and the words.

    lengths, types, seen  of the longest context that the character chain knows: tokens, followers, how often
    depths, peaks         tokens of context that the word chain knows; log-probability of its likeliest character
    """
    length, word = np.minimum(lengths, DEEPEST), np.minimum(depths, WORDS - 1)
    sure = np.clip((-peaks * SURE / 4).astype(np.int64), 0, SURE - 1)
    follow, often = binned(types, TYPES), binned(seen, SEEN)
    one = (
        length * WORDS + word,
        follow * WORDS + word,
        often * WORDS + word,
        sure * WORDS + word,
        length * SURE + sure,
    )
    return np.asarray(np.stack(one, axis=1) + np.concatenate([[0], np.cumsum(WIDTHS)[:-1]]))


def shares(weights: Floats, rows: Ids) -> Floats:
    """The share of the word chain in each prediction, (n,)."""
    return np.asarray(1 / (1 + np.exp(-weights[rows].sum(axis=1))))


def mixed(one: LogProbs, other: LogProbs, share: Floats) -> LogProbs:
    """The log of the weighted mean of two probabilities.

    >>> np.exp(mixed(np.log([0.5]), np.log([0.1]), np.array([0.25]))).round(3).tolist()
    [0.4]
    """
    return np.asarray(np.logaddexp(one + np.log1p(-share), other + np.log(share)))


def fitted_weights(one: LogProbs, other: LogProbs, rows: Ids) -> Floats:
    """The weights, (rows of features,), that make the mixture likeliest, by gradient (Adam, Kingma & Ba 2015)."""
    weights = np.zeros(sum(WIDTHS))
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for time in range(1, ROUNDS + 1):
        share = shares(weights, rows)
        grown = (np.exp(other) - np.exp(one)) * share * (1 - share) / np.exp(mixed(one, other, share))
        slope = 2 * PULL * weights - np.bincount(rows.ravel(), np.repeat(grown, rows.shape[1]), len(weights))
        slope /= max(len(one), 1)
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        weights = weights - RATE * (mean / (1 - 0.9**time)) / (np.sqrt(square / (1 - 0.999**time)) + 1e-8)
    return weights
