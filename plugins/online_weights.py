"""Weights of a mixture that follow the text: the exponentiated gradient of what was just read (Kivinen & Warmuth 1997).

Each kind of context has a row of logits, one a part, and one more row is common to all kinds: the weights of a kind are
the softmax of the two together. After each token both rows move towards the parts that said it, by `rate` times the
gradient of its log-probability. The logits are a value, copied when they move: a state that branches off has its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genbench import Ids, LogProbs

Floats = npt.NDArray[np.float64]
RATES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)


def begun(log_weights: Floats) -> Floats:
    """Logits of weights, (kinds, parts), with the common row, (kinds + 1, parts)."""
    return np.concatenate([log_weights, np.zeros((1, log_weights.shape[1]))])


def log_weights(logits: Floats, kind: int) -> Floats:
    """The log of the weights of one kind of context, (parts,)."""
    total = logits[kind] + logits[-1]
    return np.asarray(total - np.log(np.exp(total - total.max()).sum()) - total.max())


def moved(logits: Floats, kind: int, log_probs: LogProbs, rate: float) -> tuple[float, Floats]:
    """The log-probability of a token, by those that the parts give it, (parts,), and the logits once it is read.

    >>> said, logits = moved(np.zeros((2, 2)), 0, np.log([0.3, 0.1]), 1.0)
    >>> round(float(np.exp(said)), 3), logits.round(2).tolist()
    (0.2, [[0.25, -0.25], [0.25, -0.25]])
    """
    weights = log_weights(logits, kind)
    joint = weights + log_probs
    said = float(np.log(np.exp(joint - joint.max()).sum()) + joint.max())
    after = logits.copy()
    after[[kind, -1]] += rate * (np.exp(joint - said) - np.exp(weights))
    return said, after


def read(logits: Floats, kinds: Ids, log_probs: LogProbs, rate: float) -> LogProbs:
    """The log-probability of each token of a stream, (tokens,), by those of the parts, (parts, tokens)."""
    found = np.empty(len(kinds))
    for place, (kind, each) in enumerate(zip(kinds.tolist(), log_probs.T, strict=True)):
        found[place], logits = moved(logits, kind, each, rate)
    return found


def best_rate(logits: Floats, kinds: Ids, log_probs: LogProbs) -> float:
    """The rate by which a stream that the weights were not fitted on is likeliest."""
    return max(RATES, key=lambda rate: float(read(logits, kinds, log_probs, rate).sum()))
