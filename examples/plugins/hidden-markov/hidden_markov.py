"""hidden-markov: a hidden Markov model over characters (Baum et al. 1970; Rabiner 1989).

Unlike in a Markov chain, whose state is the last tokens, the state is the probability of each hidden state given the
whole text so far. The meaning of the hidden states, such as vowels or ends of words, is learned in training.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench import Generator, Tokenizer
from genbench.generator import LogProbs, Progress, ProgressCallback, State, Text, TrainContext, ignore
from genbench.tokenization import Ids

Floats = npt.NDArray[np.float64]

SEGMENT_TOKENS = 128  # the text is split into segments of this length, which are read side by side
ROUNDS = 60  # of expectation-maximization, if neither budget nor steps are given
BASE_SHARE = 1e-4  # of the tokenizer's base distribution in every prediction


@dataclass
class HiddenMarkov(Generator):
    """A Markov chain of hidden states, each with its own distribution over characters."""

    contract = 2

    states: int = field(default=32, metadata={"help": "hidden states"})

    def __post_init__(self) -> None:
        if self.states < 1:
            raise ValueError(f"states is {self.states}, but must be 1 or more")

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        """Run expectation-maximization (Baum-Welch). A step is one round; each makes the training text more likely."""
        started, rounds = context.clock(), context.steps or ROUNDS
        self.tokenizer = Tokenizer.characters(train)

        # split the text into segments, which are processed as a batch
        ids = self.tokenizer.encode(f"\n{train}")
        rows = max(1, len(ids) // SEGMENT_TOKENS)
        segments = ids[: rows * (len(ids) // rows)].reshape(rows, -1)  # (rows, tokens)

        # start from a checkpoint or from random matrices; run until the budget or the steps are used up
        saved = context.resume() or self._initial(ids, np.random.default_rng(context.seed))
        transitions, emissions, done = saved["transitions"], saved["emissions"], int(saved["done"])
        while done < rounds and not (context.steps is None and _is_spent(started, context, done)):
            transitions, emissions, nats = _em_round(segments, transitions, emissions)
            done += 1
            context.report(Progress(_fraction(started, context, done, rounds), done, nats / np.log(2)))
            context.save({"transitions": transitions, "emissions": emissions, "done": done})

        # mix in the base distribution, so that every token has some probability
        self._transitions = transitions  # (states, states)
        self._emissions = (1 - BASE_SHARE) * emissions + BASE_SHARE * self.tokenizer.base_distribution()
        context.record(parameters=transitions.size + emissions.size, steps=done, passes=done)

    def _initial(self, ids: Ids, rng: np.random.Generator) -> dict[str, Any]:
        """Return random matrices near the character frequencies: identical states would never become different."""
        counts = np.bincount(ids, minlength=self.tokenizer.size) + 1e-6
        emissions = counts * rng.uniform(0.5, 1.5, (self.states, len(counts)))
        transitions = rng.uniform(0.5, 1.5, (self.states, self.states))
        return {"transitions": _normalize(transitions), "emissions": _normalize(emissions), "done": 0}

    def start(self) -> State:
        """Return the probability of each hidden state after a newline, (states,)."""
        state = np.full(self.states, 1 / self.states)
        for token in self.tokenizer.encode("\n").tolist():
            state = self.advance(state, token)
        return state

    def advance(self, state: State, token: int) -> State:
        """Return the probability of each hidden state after a transition and the emission of a token, (states,)."""
        joint = (state @ self._transitions) * self._emissions[:, token]
        return joint / joint.sum()

    def log_probs(self, state: State) -> LogProbs:
        """Return the emissions of all states, weighted by their probability after a transition, (vocabulary,)."""
        return np.asarray(np.log(state @ self._transitions @ self._emissions))

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        """Return the log-probability of each token by the forward algorithm, without the whole vocabulary."""
        state, probabilities = self.start(), np.empty(len(ids))
        columns = np.ascontiguousarray(self._emissions.T)  # (vocabulary, states)

        for place, token in enumerate(ids.tolist()):
            # the probability of the token is the sum over the hidden states
            joint = (state @ self._transitions) * columns[token]
            probabilities[place] = joint.sum()
            state = joint / probabilities[place]
            if place % 4096 == 0:
                progress(place / len(ids))
        return np.log(probabilities)

    def dump(self) -> dict[str, Any]:
        """Return the tokenizer and both matrices."""
        matrices = {"transitions": self._transitions, "emissions": self._emissions}
        return {"tokenizer": self.tokenizer.dump(), **matrices}

    def restore(self, learned: dict[str, Any]) -> None:
        """Set the tokenizer and both matrices from what `dump` returned."""
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self._transitions, self._emissions = learned["transitions"], learned["emissions"]


def _em_round(ids: Ids, transitions: Floats, emissions: Floats) -> tuple[Floats, Floats, float]:
    """Return new matrices after one round over ids, (rows, tokens), and the nats per token under the old matrices."""
    emitted = emissions.T[ids]  # (rows, tokens, states)
    forward, scale = _forward(emitted, transitions)

    # the backward pass, which also sums the expected counts
    backward = np.ones_like(forward[:, 0])  # (rows, states)
    transition_counts, emission_counts = np.zeros_like(transitions), np.zeros_like(emissions.T)
    for place in range(ids.shape[1] - 1, -1, -1):
        np.add.at(emission_counts, ids[:, place], forward[:, place] * backward)

        # the expected transitions to this token
        if place:
            weighted = emitted[:, place] * backward / scale[:, place, None]
            transition_counts += forward[:, place - 1].T @ weighted
            backward = weighted @ transitions.T

    nats = -float(np.log(scale).mean())
    return _normalize(transitions * transition_counts + 1e-9), _normalize(emission_counts.T + 1e-9), nats


def _forward(emitted: Floats, transitions: Floats) -> tuple[Floats, Floats]:
    """Return the probability of each state after each token, (rows, tokens, states), and each token, (rows, tokens)."""
    forward, scale = np.empty_like(emitted), np.empty(emitted.shape[:2])
    state = np.full((len(emitted), len(transitions)), 1 / len(transitions))
    for place in range(emitted.shape[1]):
        joint = (state @ transitions) * emitted[:, place]
        scale[:, place] = joint.sum(axis=1)
        state = forward[:, place] = joint / scale[:, place, None]
    return forward, scale


def _normalize(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _is_spent(started: float, context: TrainContext, done: int) -> bool:
    """Return whether one more round would take longer than the budget allows."""
    seconds = context.clock() - started
    return context.budget is not None and done > 0 and seconds * (done + 1) / done > context.budget


def _fraction(started: float, context: TrainContext, done: int, rounds: int) -> float:
    """Return the completed share of the training, 0 to 1, by time or by rounds."""
    if context.steps is None and context.budget is not None:
        return min(max((context.clock() - started) / context.budget, done / rounds), 1.0)
    return done / rounds
