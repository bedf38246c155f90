"""The neural cache: the next token is also predicted by what followed similar hidden values (Grave et al. 2017).

With h the hidden values now, and h_i, x_i those before each of the last tokens and the token that followed them,

    p(w) = (1 - share) p_network(w) + share sum over x_i = w of softmax(scale h h_i)

What a text said a page ago is remembered in this way without any change of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genbench.generator import Learned, LogProbs
from genbench.tokenization.tokenizer import Ids

Array = npt.NDArray[np.float64]  # products of 32 bits, times the scale, would differ between a step and a passage

SCALES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)  # among which one is chosen on validation text
DEFAULT_SHARE, DEFAULT_SCALE = 0.1, 1.6  # where nothing can be fitted
ROUNDS = 40  # of expectation maximization, to fit the share
MAX_TOKENS, MAX_SCALE = 100_000, 100


class Part(NamedTuple):
    """A passage of the text that was read: the hidden values, (tokens, hidden), and what followed each, (tokens,)."""

    hidden: Array
    tokens: Ids


@dataclass(frozen=True)
class NeuralCache:
    """How far the cache reaches back, in tokens, and how much it predicts."""

    tokens: int
    share: float = DEFAULT_SHARE
    scale: float = DEFAULT_SCALE

    def dump(self) -> Learned:
        """Return JSON values for `restore`."""
        return asdict(self)

    @classmethod
    def restore(cls, learned: Learned) -> NeuralCache:
        """Return what `dump` gave. Raises ValueError for values out of range."""
        cache = cls(int(learned["tokens"]), float(learned["share"]), float(learned["scale"]))
        if not (1 <= cache.tokens <= MAX_TOKENS and 0 <= cache.share < 1 and 0 <= cache.scale <= MAX_SCALE):
            raise ValueError("the neural cache of the network has values out of range")
        return cache

    def remember(self, memory: tuple[Part, ...], part: Part) -> tuple[Part, ...]:
        """Return a memory of one part: the last tokens of an earlier one and of a passage."""
        hidden, tokens = (np.concatenate(values)[-self.tokens :] for values in zip(*memory, part, strict=True))
        return (Part(hidden, tokens),)

    def log_probs(self, log_probs: LogProbs, hidden: Array, memory: tuple[Part, ...]) -> LogProbs:
        """Return log-probabilities, (vocabulary,), with what followed hidden values that are like these, (hidden,)."""
        if not memory:
            return log_probs
        scores = np.concatenate([part.hidden @ hidden for part in memory])
        weights = np.bincount(np.concatenate([part.tokens for part in memory]), _softmax(self.scale * scores))
        known = np.flatnonzero(weights)
        mixed: LogProbs = log_probs + np.log1p(-self.share)
        mixed[known] = np.logaddexp(mixed[known], _log(self.share * weights[known]))
        return mixed

    def target_log_probs(self, log_probs: LogProbs, part: Part, memory: tuple[Part, ...]) -> LogProbs:
        """Return the log-probabilities of the tokens of a passage, (tokens,), each read before the next is predicted.

        `log_probs` has those of the network, (tokens,).
        """
        cached = cached_probabilities(part, memory, [self.scale])[0]
        mixed = np.logaddexp(log_probs + np.log1p(-self.share), _log(self.share * cached))
        if not memory:  # nothing was read before the first token
            mixed[:1] = log_probs[:1]
        return np.asarray(mixed)


def cached_probabilities(part: Part, memory: tuple[Part, ...], scales: Sequence[float]) -> LogProbs:
    """Return the cache's probabilities of the tokens of a passage by several scales, (scales, tokens).

    They are 0 for the first token of a text.
    """
    keys, followers = (np.concatenate(values) for values in zip(*memory, part, strict=True))
    scores = part.hidden @ keys.T  # (tokens, remembered and tokens)

    # a token is predicted by those before it
    before = np.arange(len(followers)) < len(followers) - len(part.tokens) + np.arange(len(part.tokens))[:, None]
    same = followers == part.tokens[:, None]
    weights = (_softmax(np.where(before, scale * scores, -np.inf)) for scale in scales)
    return np.array([(rows * same).sum(axis=1) for rows in weights])


def _log(probabilities: npt.NDArray[np.floating[Any]]) -> LogProbs:
    """Return logarithms, -inf for what the cache does not predict: any other value would be added to the network's."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(probabilities))


def _softmax(scores: LogProbs) -> LogProbs:
    """Return the softmax over the last axis; zeros where all scores are -inf."""
    highest = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(highest), highest, 0))
    return np.asarray(weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-300))


def fit_cache(cache: NeuralCache, parts: list[Part], log_probs: LogProbs, share: bool, scale: bool) -> NeuralCache:
    """Return a cache with the share and the scale that give a text the highest probability, if each is to be fitted.

    `parts` are the passages of the text, and `log_probs` those of the network, (tokens,).
    """
    # the cache's probability of each token by each scale, (scales, tokens)
    scales, memory, probabilities = SCALES if scale else (cache.scale,), tuple[Part, ...](), []
    for part in parts:
        probabilities.append(cached_probabilities(part, memory, scales))
        memory = cache.remember(memory, part)
    network = np.exp(log_probs)

    best, best_sum = cache, -np.inf
    for value, cached in zip(scales, np.concatenate(probabilities, axis=1), strict=True):
        # the share by expectation maximization
        fitted = cache.share
        for _ in range(ROUNDS if share else 0):
            fitted = float(np.mean(fitted * cached / ((1 - fitted) * network + fitted * cached)))
        total = float(np.log((1 - fitted) * network + fitted * cached).sum())
        if total > best_sum:
            best, best_sum = NeuralCache(cache.tokens, fitted, value), total
    return best
