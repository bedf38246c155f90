"""Open-set attribution: whether the nearest author wrote a text at all, with the measures of the PAN shared tasks.

The rule is fitted on passages that the models have not seen (see `calibration`): they are attributed once among all
authors, and once without their own author, as a stranger's text would be. Two figures tell the cases apart: by how much
the passage takes more bits than passages of the nearest author do (excess), and the margin before the second author. A
logistic regression on them gives the probability that the nearest author wrote the passage. Where the probability is
near one half, there is no answer; how near is chosen so that c@1 is best on these passages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genbench.analysis.intervals import Floats
from genbench.storage.records import JsonRecord

NONE_OF_THESE, NOT_CLEAR = "none of these", "not clear"
BANDS = tuple(step / 20 for step in range(9))  # half widths of the probabilities without an answer, 0 to 0.4
RIDGE = 0.01  # of the logistic regression, so that cases that are far apart give no infinite weights

Labels = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class OpenSetRule:
    """Tells whether the nearest of several authors wrote a text, from bits per character under each model."""

    own: Floats  # (authors,) mean bits per character of each author's passages under the author's model
    weights: Floats  # (3,) of 1, the excess and the margin
    band: float  # half width of the probabilities around 0.5 that give no answer

    def probability(self, bits: Floats) -> float:
        """Return the probability that the nearest author wrote a text; `bits` per character of each, (authors,)."""
        return float(_sigmoid(_features(bits[None], self.own) @ self.weights)[0])

    def answer(self, bits: Floats, names: Sequence[str]) -> tuple[str, float]:
        """Return the author, "none of these" or "not clear", and the probability of the nearest author."""
        probability = self.probability(bits)
        if abs(probability - 0.5) <= self.band:
            return NOT_CLEAR, probability
        return names[int(bits.argmin())] if probability > 0.5 else NONE_OF_THESE, probability


def calibrate(bits: Floats, authors: npt.NDArray[np.int64]) -> OpenSetRule | None:
    """Return the rule for passages of known authors, or None where an author has no passages.

    `bits` per character has the shape (passages, models), `authors` (passages,) the column of each passage's author.
    With two authors, the margin of a stranger's text is not known, and the excess decides alone.
    """
    count = bits.shape[1]
    if count < 2 or len(set(authors.tolist())) < count:
        return None
    own = np.array([bits[authors == author, author].mean() for author in range(count)])

    # attributed among all authors; wrongly attributed passages are not by the nearest author
    features = [_features(bits, own)]
    labels = [bits[np.arange(len(bits)), authors] <= bits.min(axis=1)]

    # attributed among the others, as a stranger's text
    for author in range(count):
        others = np.delete(np.arange(count), author)
        strangers = bits[authors == author][:, others]
        features.append(_features(strangers, own[others]))
        labels.append(np.zeros(len(strangers), bool))

    table, truth = np.concatenate(features), np.concatenate(labels)
    if count == 2:
        table[:, 2] = 0.0
    weights = _fit_logistic(table, truth)
    if count == 2:
        weights[2] = 0.0
    probabilities = _sigmoid(table @ weights)
    band = max(BANDS, key=lambda band: (round(c_at_1(probabilities, truth, band), 9), -band))
    return OpenSetRule(own, weights, band)


def _features(bits: Floats, own: Floats) -> Floats:
    """Return 1, the excess and the margin of each text, (texts, 3)."""
    nearest = bits.argmin(axis=1)
    first = bits[np.arange(len(bits)), nearest]
    second = np.partition(bits, 1, axis=1)[:, 1] if bits.shape[1] > 1 else first
    return np.stack([np.ones(len(bits)), first - own[nearest], second - first], axis=1)


def _fit_logistic(table: Floats, labels: Labels, rounds: int = 50) -> Floats:
    """Return the weights of a logistic regression with a small ridge penalty, (features,), by Newton's method."""
    weights, penalty = np.zeros(table.shape[1]), RIDGE * np.eye(table.shape[1])
    for _ in range(rounds):
        expected = _sigmoid(table @ weights)
        gradient = table.T @ (labels - expected) - penalty @ weights
        curvature = (table * (expected * (1 - expected))[:, None]).T @ table + penalty
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step * min(1.0, 20 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return weights


def _sigmoid(values: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-np.clip(values, -500, 500)))
    return result


@dataclass(frozen=True)
class VerificationScores(JsonRecord):
    """PAN's measures of answers to "is this text by that author?"."""

    problems: int
    unanswered: int
    c_at_1: float
    f_05_u: float
    brier: float  # mean squared error of the probabilities: 0 is best; PAN prints 1 minus it

    @classmethod
    def of(cls, probabilities: Floats, labels: Labels, unanswered: Labels) -> VerificationScores:
        """Return the measures of probabilities of "yes"; all arrays are (problems,)."""
        probabilities = np.where(unanswered, 0.5, probabilities)
        return cls(
            len(labels),
            int(unanswered.sum()),
            _c_at_1(probabilities, labels, unanswered),
            _f_05_u(probabilities, labels, unanswered),
            float(((probabilities - labels) ** 2).mean()),
        )


def c_at_1(probabilities: Floats, labels: Labels, band: float = 0.0) -> float:
    """Return c@1, the accuracy that rewards leaving hard cases unanswered (Peñas and Rodrigo 2011).

    Probabilities within `band` of 0.5 are unanswered. An unanswered case counts as much as an answered one on average.

    >>> c_at_1(np.array([0.9, 0.8, 0.1, 0.5]), np.array([True, False, False, True]))
    0.625
    """
    return _c_at_1(probabilities, labels, np.abs(probabilities - 0.5) <= band)


def _c_at_1(probabilities: Floats, labels: Labels, unanswered: Labels) -> float:
    correct = int((((probabilities > 0.5) == labels) & ~unanswered).sum())
    return (correct + int(unanswered.sum()) * correct / len(labels)) / len(labels)


def _f_05_u(probabilities: Floats, labels: Labels, unanswered: Labels) -> float:
    """Return F0.5u, which weights precision and counts unanswered cases as false negatives (Bevendorff et al. 2019)."""
    yes = (probabilities > 0.5) & ~unanswered
    true_positives, false_positives = int((yes & labels).sum()), int((yes & ~labels).sum())
    false_negatives = int((~yes & labels & ~unanswered).sum())
    total = 1.25 * true_positives + 0.25 * (false_negatives + int(unanswered.sum())) + false_positives
    return 1.25 * true_positives / total if total else 0.0
