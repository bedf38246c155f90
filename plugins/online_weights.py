"""Mixture weights that follow the text, by the exponentiated gradient of what was just read (Kivinen & Warmuth 1997).

Each kind of context has a row of logits, one per part, and one more row, the last, is common to all kinds. The weights
of a kind are the softmax of the sum of both rows. After each token both rows move towards the parts that predicted it:

    logits += rate * (posterior - weights),    posterior_i = weights_i p_i(token) / sum_j weights_j p_j(token)

The logits are a value, copied on each update, so states that branch off do not disturb each other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genbench.generator import LogProbs
from genbench.tokenization.tokenizer import Ids

Floats = npt.NDArray[np.float64]
RATES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)  # learning rates that `best_rate` tries


def initial_logits(log_weights: Floats) -> Floats:
    """Return logits for weights, (kinds, parts), with the common row added, (kinds + 1, parts)."""
    return np.concatenate([log_weights, np.zeros((1, log_weights.shape[1]))])


def log_weights(logits: Floats, kind: int) -> Floats:
    """Return the log of the weights of one kind of context, (parts,)."""
    total = logits[kind] + logits[-1]
    return np.asarray(total - np.log(np.exp(total - total.max()).sum()) - total.max())


def update(logits: Floats, kind: int, log_probs: LogProbs, rate: float) -> tuple[float, Floats]:
    """Return the mixture's log-probability of a token, and the logits after it was read.

    `log_probs` are those that the parts give the token, (parts,).

    >>> log_prob, logits = update(np.zeros((2, 2)), 0, np.log([0.3, 0.1]), 1.0)
    >>> round(float(np.exp(log_prob)), 3), logits.round(2).tolist()
    (0.2, [[0.25, -0.25], [0.25, -0.25]])
    """
    weights = log_weights(logits, kind)
    joint = weights + log_probs
    log_prob = float(np.log(np.exp(joint - joint.max()).sum()) + joint.max())
    updated = logits.copy()
    updated[[kind, -1]] += rate * (np.exp(joint - log_prob) - np.exp(weights))
    return log_prob, updated


def score_stream(logits: Floats, kinds: Ids, log_probs: LogProbs, rate: float) -> LogProbs:
    """Return the mixture's log-probability of each token of a stream, (tokens,).

    `log_probs` are those of the parts, (parts, tokens); `kinds` has the kind of context before each token, (tokens,).
    """
    scores = np.empty(len(kinds))
    for position, (kind, column) in enumerate(zip(kinds.tolist(), log_probs.T, strict=True)):
        scores[position], logits = update(logits, kind, column, rate)
    return scores


def best_rate(logits: Floats, kinds: Ids, log_probs: LogProbs) -> float:
    """Return the learning rate with the highest probability of a stream that the weights were not fitted on."""
    return max(RATES, key=lambda rate: float(score_stream(logits, kinds, log_probs, rate).sum()))
