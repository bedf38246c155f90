"""Online mixture weights, updated after every token by the exponentiated gradient (Kivinen & Warmuth 1997).

A kind of context has a row of logits, one per part; the last row is common to all kinds. The weights of a kind are the
softmax of the sum of both rows. After a token, both rows move towards the parts that predicted it:

    logits += rate * (posterior - weights),    posterior_i = weights_i p_i(token) / sum_j weights_j p_j(token)

An update copies the logits, so that states of a generator stay independent values.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genbench.generator import LogProbs
from genbench.tokenization.tokenizer import Ids

Floats = npt.NDArray[np.float64]
RATES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)  # learning rates among which `best_rate` chooses


def initial_logits(log_weights: Floats) -> Floats:
    """Return the logits for fitted weights, (kinds, parts), with the common row appended, (kinds + 1, parts)."""
    return np.concatenate([log_weights, np.zeros((1, log_weights.shape[1]))])


def log_weights(logits: Floats, kind: int) -> Floats:
    """Return the logarithms of the weights of one kind of context, (parts,)."""
    total = logits[kind] + logits[-1]
    return np.asarray(total - np.log(np.exp(total - total.max()).sum()) - total.max())


def update(logits: Floats, kind: int, log_probs: LogProbs, rate: float) -> tuple[float, Floats]:
    """Return the mixture's log-probability of a token, and the logits after reading the token.

    `log_probs` are the parts' log-probabilities of the token, (parts,).

    >>> log_prob, logits = update(np.zeros((2, 2)), 0, np.log([0.3, 0.1]), 1.0)
    >>> round(float(np.exp(log_prob)), 3), logits.round(2).tolist()
    (0.2, [[0.25, -0.25], [0.25, -0.25]])
    """
    # the log-probability of the mixture, by log-sum-exp
    weights = log_weights(logits, kind)
    joint = weights + log_probs
    log_prob = float(np.log(np.exp(joint - joint.max()).sum()) + joint.max())

    # move both rows by posterior - weights
    updated = logits.copy()
    updated[[kind, -1]] += rate * (np.exp(joint - log_prob) - np.exp(weights))
    return log_prob, updated


def score_stream(logits: Floats, kinds: Ids, log_probs: LogProbs, rate: float) -> LogProbs:
    """Return the mixture's log-probabilities of the tokens of a stream, (tokens,).

    `log_probs` are those of the parts, (parts, tokens); `kinds` has the kinds of context before the tokens, (tokens,).
    """
    scores = np.empty(len(kinds))
    for position, (kind, column) in enumerate(zip(kinds.tolist(), log_probs.T, strict=True)):
        scores[position], logits = update(logits, kind, column, rate)
    return scores


def best_rate(logits: Floats, kinds: Ids, log_probs: LogProbs) -> float:
    """Return the learning rate with the highest probability of a stream on which the weights were not fitted."""
    return max(RATES, key=lambda rate: float(score_stream(logits, kinds, log_probs, rate).sum()))
