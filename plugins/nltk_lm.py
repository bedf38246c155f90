"""nltk-lm: the interpolated n-gram models of nltk.lm (Bird, Klein & Loper 2009; models by I. Kurenkov).

This is a reference implementation to compare the chains with: nltk counts, nltk's estimators return every alpha and
gamma, and the predictions are equal to nltk's `score`. `score` computes one token; this generator computes and caches
all tokens that followed a context. Differs from markov-char also in that nltk gives unseen tokens probability zero, so
the tokenizer's base distribution is mixed in, with a weight fitted on validation text.

nltk's Kneser-Ney is not available. It scans all contexts of the next length for every score. With nltk's padding, part
of its probability goes to the padding; without the padding, some contexts sum to more than one or divide by zero. Use
markov-char instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from nltk.lm import AbsoluteDiscountingInterpolated, NgramCounter, Vocabulary, WittenBellInterpolated
from nltk.util import everygrams

from genbench.generator import Generator, Learned, LogProbs, Progress, Text, TrainContext
from genbench.tokenization.tokenizer import Ids, Tokenizer

Context = tuple[str, ...]  # tokens as characters, chr(id), because nltk expects strings
MODELS: dict[str, Any] = {
    "witten-bell": WittenBellInterpolated,
    "absolute-discounting": AbsoluteDiscountingInterpolated,
}
DEFAULT_ORDERS = {"characters": 6, "words": 3}
VALIDATION_TOKENS = 20_000  # of validation text used to fit the weight of the base distribution
EM_ITERATIONS = 30
CACHED_CONTEXTS = 1 << 18


@dataclass
class NltkLM(Generator):
    """One of nltk's n-gram models, over characters or words: slow, for comparison with a reference implementation.

    A state is the longest context that occurred in training.
    """

    model: Literal["witten-bell", "absolute-discounting"] = field(
        default="witten-bell", metadata={"help": "the smoothing, of nltk's interpolated models"}
    )
    unit: Literal["characters", "words"] = field(default="characters", metadata={"help": "what a token is"})
    order: int | None = field(default=None, metadata={"help": "tokens in an n-gram (auto: 6 characters, 3 words)"})
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})

    def __post_init__(self) -> None:
        if self.order is not None and self.order < 1:
            raise ValueError(f"order is {self.order}, but must be 1 or more")
        self._order = self.order or DEFAULT_ORDERS[self.unit]

    def build_tokenizer(self, train: str | Text) -> Tokenizer:
        """Return the tokenizer for a training text."""
        return Tokenizer.words(train, self.min_count) if self.unit == "words" else Tokenizer.characters(train)

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self.tokenizer = self.build_tokenizer(train)

        # count all n-grams
        context.report(Progress(0.1, note="counting"))
        tokens = [*map(chr, self.tokenizer.encode("\n")), *map(chr, self.tokenizer.encode(train))]
        self._set_counts(NgramCounter([everygrams(tokens, max_len=self._order)]), 0.5)

        # fit the weight of the base distribution
        context.report(Progress(0.9, note="fitting the weight of the base distribution"))
        self._base_weight = self._fit_base_weight(self.tokenizer.encode(valid)[:VALIDATION_TOKENS])

        # record the number of n-grams
        ngrams = sum(
            len(followers) for length in range(2, self._order + 1) for followers in self._counts[length].values()
        )
        context.record(parameters=ngrams + len(self._counts.unigrams), base=self._base_weight)

    def _set_counts(self, counts: NgramCounter, base_weight: float) -> None:
        """Create nltk's model over the counts, and compute its unigrams."""
        vocabulary = Vocabulary(map(chr, range(self.tokenizer.size)))
        self._counts, self._base_weight = counts, base_weight
        self._model = MODELS[self.model](self._order, vocabulary=vocabulary, counter=counts)
        self._unigrams = np.array([self._model.score(token) for token in map(chr, range(self.tokenizer.size))])
        self._base = self.tokenizer.base_distribution()
        self._interpolation = lru_cache(CACHED_CONTEXTS)(self._compute_interpolation)

    def _compute_interpolation(self, context: Context) -> tuple[Ids, npt.NDArray[np.float64], float]:
        """Return the tokens that followed a context, their alphas and their common gamma, by nltk's estimator."""
        followers = list(self._counts[context])
        alpha_gammas = [self._model.estimator.alpha_gamma(token, context) for token in followers]
        ids = np.array([ord(token) for token in followers])
        return ids, np.array([alpha for alpha, _ in alpha_gammas]), float(alpha_gammas[0][1])

    def _fit_base_weight(self, ids: Ids) -> float:
        """Fit the weight of the base distribution by expectation maximization.

        A prior of half a token per side keeps the weight away from 0 and 1.
        """
        # score the text with nltk's model alone
        scores, state = np.empty(len(ids)), self.start()
        for position, token in enumerate(ids.tolist()):
            scores[position] = self._scores(state)[token]
            state = self.advance(state, token)

        # expectation: the posterior of the base; maximization: its mean
        weight, base = 0.5, self._base[ids]
        for _ in range(EM_ITERATIONS):
            posterior = weight * base / (weight * base + (1 - weight) * scores)
            weight = (float(posterior.sum()) + 0.5) / (len(ids) + 1)
        return weight

    @property
    def learns_by_counting(self) -> bool:
        """Whether the model follows from its text alone, which it does (`capabilities.Counting`)."""
        return True

    def start(self) -> Context:
        state: Context = ()
        for token in self.tokenizer.encode("\n").tolist():
            state = self.advance(state, token)
        return state

    def advance(self, state: Context, token: int) -> Context:
        # keep the longest context that occurred in training, to which nltk backs off
        longest = (*state, chr(token))[1 - self._order :] if self._order > 1 else ()
        seen = (longest[i:] for i in range(len(longest)) if longest[i:] in self._counts[len(longest) - i + 1])
        return next(seen, ())

    def log_probs(self, state: Context) -> LogProbs:
        return np.asarray(np.log(self._base_weight * self._base + (1 - self._base_weight) * self._scores(state)))

    def _scores(self, state: Context) -> npt.NDArray[np.float64]:
        """Return nltk's scores of all tokens, (vocabulary,): score = alpha + gamma * score in the shorter context."""
        scores = self._unigrams
        for length in range(1, len(state) + 1):
            followers, alphas, gamma = self._interpolation(state[-length:])
            scores = scores * gamma
            scores[followers] += alphas
        return scores

    def dump(self) -> Learned:
        # one array per length, with the tokens of an n-gram and its count as a row
        ngrams: list[list[tuple[int, ...]]] = [[(ord(token), n) for token, n in self._counts.unigrams.items()]]
        for length in range(2, self._order + 1):
            contexts = self._counts[length].items()
            ngrams.append([(*map(ord, (*c, token)), n) for c, followers in contexts for token, n in followers.items()])
        arrays = [np.array(rows, np.int32).reshape(-1, length + 1) for length, rows in enumerate(ngrams, start=1)]
        return {"tokenizer": self.tokenizer.dump(), "ngrams": arrays, "base": self._base_weight}

    def restore(self, learned: Learned) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        counts = NgramCounter()
        for rows in learned["ngrams"]:
            for *context, token, count in rows.tolist():
                followers = counts[tuple(map(chr, context))] if context else counts.unigrams
                followers[chr(token)] = count
        self._set_counts(counts, learned["base"])
