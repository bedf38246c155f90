"""nltk-lm: the interpolated models of nltk.lm (Bird, Klein & Loper; models by I. Kurenkov) behind the same contract.

The field's reference: nltk counts, nltk's estimator gives every alpha and gamma, and what is predicted is nltk's own
`score`, before the mixing. Only the order of the work differs: `score` answers for one token, here all tokens that
followed a context are asked about together, and the answers are kept. nltk gives zero to what it never saw, so a little
of the tokenizer's base distribution is mixed in; how little is fitted on valid text.

nltk's Kneser-Ney is left out: it scans all contexts of the next length for each score; with nltk's padding a part of
its mass goes to the padding, and without it some contexts sum to more than one or divide by zero. See markov-char.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from nltk.lm import AbsoluteDiscountingInterpolated, NgramCounter, Vocabulary, WittenBellInterpolated
from nltk.util import everygrams

from genbench import Generator, Ids, LogProbs, Progress, Tokenizer, TrainContext
from genbench.generator import Text

Context = tuple[str, ...]  # tokens, each the one character chr(id): nltk wants strings
MODELS: dict[str, Any] = {
    "witten-bell": WittenBellInterpolated,
    "absolute-discounting": AbsoluteDiscountingInterpolated,
}
ORDERS = {"characters": 6, "words": 3}
FITTED = 20_000  # tokens of valid text that the weight of the base is fitted on
ROUNDS = 30  # of expectation maximisation


@dataclass
class NltkLM(Generator):
    """One of nltk's own n-gram models, over characters or words; slow, and the peer that the field knows."""

    model: Literal["witten-bell", "absolute-discounting"] = field(
        default="witten-bell", metadata={"help": "the smoothing, of nltk's interpolated models"}
    )
    unit: Literal["characters", "words"] = field(default="characters", metadata={"help": "what a token is"})
    order: int | None = field(default=None, metadata={"help": "tokens in an n-gram (auto: 6 characters, 3 words)"})
    min_count: int = field(default=2, metadata={"help": "a word seen fewer times than this is spelled"})

    def __post_init__(self) -> None:
        if self.order is not None and self.order < 1:
            raise ValueError(f"order is {self.order}, and must be 1 or more")
        self._order = self.order or ORDERS[self.unit]

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        words = self.unit == "words"
        self.tokenizer = Tokenizer.words(train, self.min_count) if words else Tokenizer.characters(train)
        context.report(Progress(0.1, note="counting"))
        tokens = [*map(chr, self.tokenizer.encode("\n")), *map(chr, self.tokenizer.encode(train))]
        self._build(NgramCounter([everygrams(tokens, max_len=self._order)]), 0.5)
        context.report(Progress(0.9, note="the weight of the base"))
        self._weight = self._fit_weight(self.tokenizer.encode(valid)[:FITTED])
        ngrams = sum(len(after) for length in range(2, self._order + 1) for after in self._counts[length].values())
        context.record(parameters=ngrams + len(self._counts.unigrams), base=self._weight)

    def _build(self, counts: NgramCounter, weight: float) -> None:
        """nltk's model over these counts, and the share of the base."""
        vocabulary = Vocabulary(map(chr, range(self.tokenizer.size)))
        self._counts, self._weight = counts, weight
        self._lm = MODELS[self.model](self._order, vocabulary=vocabulary, counter=counts)
        self._unigrams = np.array([self._lm.score(token) for token in map(chr, range(self.tokenizer.size))])
        self._base = self.tokenizer.base()
        self._after = lru_cache(1 << 18)(self._asked)

    def _asked(self, context: Context) -> tuple[Ids, npt.NDArray[np.float64], float]:
        """What nltk says of a context: the tokens that followed, the alpha of each, and the gamma of all tokens."""
        followers = list(self._counts[context])
        told = [self._lm.estimator.alpha_gamma(token, context) for token in followers]
        return np.array([ord(f) for f in followers]), np.array([alpha for alpha, _ in told]), float(told[0][1])

    def _fit_weight(self, ids: Ids) -> float:
        """Expectation maximisation; half an observation either way keeps the weight off 0 and 1."""
        scores, state = np.empty(len(ids)), self.start()
        for place, token in enumerate(ids.tolist()):
            scores[place] = self._scores(state)[token]
            state = self.advance(state, token)
        weight, base = 0.5, self._base[ids]
        for _ in range(ROUNDS):
            posterior = weight * base / (weight * base + (1 - weight) * scores)
            weight = (float(posterior.sum()) + 0.5) / (len(ids) + 1)
        return weight

    def start(self) -> Context:
        state: Context = ()
        for token in self.tokenizer.encode("\n").tolist():
            state = self.advance(state, token)
        return state

    def advance(self, state: Context, token: int) -> Context:
        """The longest context that was seen; for longer ones nltk defers to it."""
        longest = (*state, chr(token))[1 - self._order :] if self._order > 1 else ()
        seen = (longest[i:] for i in range(len(longest)) if longest[i:] in self._counts[len(longest) - i + 1])
        return next(seen, ())

    def log_probs(self, state: Context) -> LogProbs:
        return np.asarray(np.log(self._weight * self._base + (1 - self._weight) * self._scores(state)))

    def _scores(self, state: Context) -> npt.NDArray[np.float64]:
        """nltk's scores of all tokens, (vocabulary,)."""
        found = self._unigrams
        for length in range(1, len(state) + 1):
            followers, alphas, gamma = self._after(state[-length:])
            found = found * gamma
            found[followers] += alphas
        return found

    def dump(self) -> dict[str, Any]:
        grams: list[list[tuple[int, ...]]] = [[(ord(token), n) for token, n in self._counts.unigrams.items()]]
        for length in range(2, self._order + 1):
            levels = self._counts[length].items()
            grams.append([(*map(ord, (*context, f)), n) for context, after in levels for f, n in after.items()])
        arrays = [np.array(level, np.int32).reshape(-1, length + 1) for length, level in enumerate(grams, start=1)]
        return {"tokenizer": self.tokenizer.dump(), "ngrams": arrays, "base": self._weight}

    def restore(self, learned: dict[str, Any]) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        counts = NgramCounter()
        for level in learned["ngrams"]:
            for *context, token, number in level.tolist():
                where = counts[tuple(map(chr, context))] if context else counts.unigrams
                where[chr(token)] = number
        self._build(counts, learned["base"])
