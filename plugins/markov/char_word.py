"""markov: a character chain interpolated with word and class chains (Jelinek & Mercer 1980); the best n-gram generator.

Differs from markov-char in that the words also predict. All chains have fitted smoothing. A word chain and two class
chains are mixed token by token, and read character by character: the probability of the next character is the sum over
all words that continue the text (`WordView`). With f the features of the context, both sides are interpolated as

    p(c) = (1 - share) p_characters(c) + share p_words(c),    share = 1 / (1 + exp(-sum_i w[f_i]))

The features are the context lengths that both sides know, the counts of the character context, and the certainty of the
words. The weights w are fitted on validation text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from genbench_plugins.markov.adaptive_chain import ADAPTIVE_NOTE, AdaptiveChain
from genbench_plugins.markov.discount_fitting import minimize
from genbench_plugins.markov.ngram import MarkovChar
from genbench_plugins.markov.suffix_tree import Floats
from genbench_plugins.mixture import Mixture

from genbench.capabilities import BackoffLevel
from genbench.charlevel.views import character_view
from genbench.generator import Learned, LogProbs, Progress, ProgressCallback, Text, TrainContext, ignore
from genbench.tokenization.tokenizer import Ids, Tokenizer

VALIDATION_CHARACTERS = 60_000  # of validation text used to fit the weights
ITERATIONS = 80
DECAY = 1.0  # L2 penalty of the weights


@dataclass
class Markov(AdaptiveChain):
    """A character chain interpolated with a word chain and two class chains; the share depends on the context."""

    default_sampling: ClassVar[Mapping[str, float]] = {"temperature": 0.9}  # benchmarks/defaults.py

    expected_failures: ClassVar[Mapping[str, str]] = {
        "backoff_levels_agree_with_log_probs": "the counts shown are those of the character chain, one of the parts"
    }

    order: int = field(default=12, metadata={"help": "characters in an n-gram of the character chain"})
    words: int = field(default=4, metadata={"help": "tokens (words, marks, separators) in an n-gram of the word chain"})
    classes: int = field(default=300, metadata={"help": "classes of words; a second chain has a third of them"})
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})

    adaptive: bool = field(
        default=False, metadata={"help": "also count the text that is read and generated; the row is ranked apart"}
    )

    def __post_init__(self) -> None:
        if self.classes < 6:
            raise ValueError(f"classes is {self.classes}, but must be 6 or more: the second chain has a third of them")
        self._create_chains()

    def build_tokenizer(self, train: str | Text) -> Tokenizer:
        """Return the tokenizer for a training text: that of the character chain."""
        return self._char_chain.build_tokenizer(train)

    def _create_chains(self) -> None:
        """Create the untrained chains from the options."""
        self._char_chain = MarkovChar(self.order, "fitted")
        word_chain = f"(markov-word:order={self.words},smoothing=fitted,min_count={self.min_count})"
        class_chains = [
            f"(markov-class:classes={classes},min_count={self.min_count})"
            for classes in (self.classes, self.classes // 3)
        ]
        self._word_chains = Mixture("+".join([word_chain, *class_chains]))

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        # train both sides; their statistics are recorded separately
        self._create_chains()
        self._cache = None
        parts = [context.part(name, 1.0) for name in ("characters", "words")]
        self._char_chain.fit(train, valid, parts[0])
        self._word_chains.fit(train, valid, parts[1])
        self._create_view()

        # fit the weights of the interpolation
        def report(share: float) -> None:
            context.report(Progress(0.7 + 0.3 * share, note="fitting the weights of the chains"))

        report(0.0)
        ids = self.tokenizer.encode(valid[:VALIDATION_CHARACTERS])
        self._weights = fit_weights(*self._read(ids, report))
        context.record(parameters=sum(part.stats.parameters or 0 for part in parts))

        # fit the cache model
        if self.adaptive:
            self.add_cache(valid, self._char_chain.cache_lengths)
            context.record(notes=[ADAPTIVE_NOTE])

    def _create_view(self) -> None:
        """Set the tokenizer, and the view that reads the word chains character by character."""
        self.tokenizer = self._char_chain.tokenizer
        self._words = character_view(self._word_chains)

    def _read(self, ids: Ids, progress: ProgressCallback = ignore) -> tuple[LogProbs, LogProbs, Ids]:
        """Return the log-probabilities of a stream by characters and by words, both (tokens,), and its features."""
        by_words, word_lengths, peaks = self._words.score_stream(ids, progress)
        rows = features(*self._char_chain.context_evidence(ids), word_lengths, peaks)
        return self._char_chain.token_log_probs(ids), by_words, rows

    def static_start(self) -> Any:
        return self._char_chain.start(), self._words.start()

    def static_advance(self, state: Any, token: int) -> Any:
        return self._char_chain.advance(state[0], token), self._words.advance(state[1], token)

    def static_log_probs(self, state: Any) -> LogProbs:
        by_words = self._words.log_probs(state[1])

        # the features of this context, as arrays of one element
        lengths, types, occurrences = (np.array([value]) for value in self._char_chain.context_evidence_at(state[0]))
        word_lengths, peaks = np.array([self._words.context_length(state[1])]), np.array([by_words.max()])

        share = word_share(self._weights, features(lengths, types, occurrences, word_lengths, peaks))
        return interpolate(self._char_chain.log_probs(state[0]), by_words, share)

    def static_token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        by_characters, by_words, rows = self._read(ids, progress)
        return interpolate(by_characters, by_words, word_share(self._weights, rows))

    def backoff_levels(self, state: Any) -> list[BackoffLevel]:
        return self._char_chain.backoff_levels(self.static_state(state)[0])

    def context_length(self, state: Any) -> int:
        return self._char_chain.context_length(self.static_state(state)[0])

    def context_lengths(self, ids: Ids) -> Ids:
        return self._char_chain.context_lengths(ids)

    def dump(self) -> Learned:
        return {
            "characters": self._char_chain.dump(),
            "words": self._word_chains.dump(),
            "weights": self._weights,
            "cache": self.dump_cache(),
        }

    def restore(self, learned: Learned) -> None:
        self._create_chains()
        self._char_chain.restore(learned["characters"])
        self._word_chains.restore(learned["words"])
        self._create_view()
        self._weights = learned["weights"]
        self.restore_cache(learned["cache"])


def features(lengths: Ids, types: Ids, occurrences: Ids, word_lengths: Ids, peaks: LogProbs) -> Ids:
    """Return the features of n contexts, which are indices of weights, (n, 5); all arguments are (n,).

    lengths, types, occurrences  of the longest context that the character chain knows (`context_evidence`)
    word_lengths, peaks          context length of the word chains; log-probability of their most likely character
    """
    from genbench_plugins.markov.feature_kernels import WIDTHS, fill_features

    rows = np.empty((len(lengths), len(WIDTHS)), np.int64)
    types = np.asarray(types, np.int64)  # those of a tree are smaller
    fill_features(lengths, types, occurrences, word_lengths, peaks, rows)
    return rows


def word_share(weights: Floats, rows: Ids) -> Floats:
    """Return the shares of the word chains in n predictions, (n,), given their features, (n, 5)."""
    return np.asarray(1 / (1 + np.exp(-weights[rows].sum(axis=1))))


def interpolate(first: LogProbs, second: LogProbs, share: Floats) -> LogProbs:
    """Return the log of (1 - share) * exp(first) + share * exp(second), element by element.

    >>> np.exp(interpolate(np.log([0.5]), np.log([0.1]), np.array([0.25]))).round(3).tolist()
    [0.4]
    """
    return np.asarray(np.logaddexp(first + np.log1p(-share), second + np.log(share)))


def fit_weights(by_characters: LogProbs, by_words: LogProbs, rows: Ids) -> Floats:
    """Fit the weights, (sum of WIDTHS,), that minimize the bits of the interpolated text and the L2 penalty.

    `by_characters` and `by_words` are (tokens,), `rows` the features, (tokens, 5).
    """
    from genbench_plugins.markov.feature_kernels import WIDTHS

    count = max(len(by_characters), 1)

    def gradient(weights: Floats) -> Floats:
        """Return the gradient of the objective, per token."""
        # forward: the interpolated probabilities
        share = word_share(weights, rows)
        mixture = np.exp(interpolate(by_characters, by_words, share))

        # backward: d log p / d logit of the share, summed over the tokens that have a feature
        gain = (np.exp(by_words) - np.exp(by_characters)) * share * (1 - share) / mixture
        slope = 2 * DECAY * weights - np.bincount(rows.ravel(), np.repeat(gain, rows.shape[1]), len(weights))
        slope /= count
        return np.asarray(slope)

    return minimize(gradient, np.zeros(sum(WIDTHS)), ITERATIONS)
