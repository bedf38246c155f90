"""hidden-markov: a hidden Markov model over characters (Baum et al. 1970; Rabiner 1989).

Differs from a Markov chain in what is remembered: not the last tokens, but how likely each of a few hidden states is
after all that was read. The states find out by themselves what they stand for: vowels, the ends of words, quotations.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench import Generator, Ids, LogProbs, Progress, TrainContext, State, Tokenizer

Floats = npt.NDArray[np.float64]
STRETCH = 128  # tokens that are read in one go, side by side with all other stretches
ROUNDS = 60  # of Baum and Welch, where neither budget nor steps are given
LEAST = 1e-4  # the share of the tokenizer's base in every prediction


@dataclass
class HiddenMarkov(Generator):
    """Hidden states that draw characters, and a chain from state to state."""

    contract = 1

    states: int = field(default=32, metadata={"help": "hidden states"})

    def __post_init__(self) -> None:
        if self.states < 1:
            raise ValueError(f"states is {self.states}, and must be 1 or more")

    def fit(self, train: str, valid: str, context: TrainContext) -> None:
        """Expectation-maximisation; each round makes the training text likelier. A step is a round."""
        began, rounds = time.perf_counter(), context.steps or ROUNDS
        self.tokenizer, self.facts = Tokenizer.characters(train), {}
        ids = self.tokenizer.encode("\n" + train)
        rows = max(1, len(ids) // STRETCH)
        stretches = ids[: rows * (len(ids) // rows)].reshape(rows, -1)
        saved = context.resume() or self._guess(ids, np.random.default_rng(context.seed))
        move, draw, done = saved["move"], saved["draw"], int(saved["done"])
        while done < rounds and not (context.steps is None and _over(began, context.budget, done)):
            move, draw, nats = _round(stretches, move, draw)
            done += 1
            context.report(Progress(_share(began, context, done, rounds), done, nats / np.log(2)))
            context.save({"move": move, "draw": draw, "done": done})
        self._move, self._draw = move, (1 - LEAST) * draw + LEAST * self.tokenizer.base()
        self.facts |= {"parameters": move.size + draw.size, "steps": done, "passes": done}

    def _guess(self, ids: Ids, random: np.random.Generator) -> dict[str, Any]:
        """Where to begin: states that differ a little, for none would learn to differ from one like it."""
        counts = np.bincount(ids, minlength=self.tokenizer.size) + 1e-6
        draw = counts * random.uniform(0.5, 1.5, (self.states, len(counts)))
        move = random.uniform(0.5, 1.5, (self.states, self.states))
        return {"move": _shares(move), "draw": _shares(draw), "done": 0}

    def start(self) -> State:
        """How likely each state is after a newline, (states,)."""
        state = np.full(self.states, 1 / self.states)
        for token in self.tokenizer.encode("\n").tolist():
            state = self.advance(state, token)
        return state

    def advance(self, state: State, token: int) -> State:
        """Move on, then weigh each state by how likely it draws what was read."""
        likely = (state @ self._move) * self._draw[:, token]
        return likely / likely.sum()

    def log_probs(self, state: State) -> LogProbs:
        """What each state that may come next draws, by how likely it is, (vocabulary,)."""
        return np.asarray(np.log(state @ self._move @ self._draw))

    def token_log_probs(self, ids: Ids) -> LogProbs:
        """The forward algorithm: the sum over the states alone, not over the vocabulary."""
        state, sums = self.start(), np.empty(len(ids))
        columns = np.ascontiguousarray(self._draw.T)  # (vocabulary, states)
        for place, token in enumerate(ids.tolist()):
            likely = (state @ self._move) * columns[token]
            sums[place] = likely.sum()
            state = likely / sums[place]
        return np.log(sums)

    def dump(self) -> dict[str, Any]:
        """Both matrices."""
        return {"move": self._move, "draw": self._draw}

    def restore(self, learned: dict[str, Any]) -> None:
        """Take them back."""
        self._move, self._draw = learned["move"], learned["draw"]


def _round(ids: Ids, move: Floats, draw: Floats) -> tuple[Floats, Floats, float]:
    """One round over (rows, tokens) ids: new matrices, and the nats a token under the old ones."""
    emitted = draw.T[ids]  # (rows, tokens, states)
    ahead, scale = _forward(emitted, move)
    back = np.ones_like(ahead[:, 0])
    moves, draws = np.zeros_like(move), np.zeros_like(draw.T)
    for at in range(ids.shape[1] - 1, -1, -1):
        np.add.at(draws, ids[:, at], ahead[:, at] * back)
        if at:
            weighed = emitted[:, at] * back / scale[:, at, None]
            moves += ahead[:, at - 1].T @ weighed
            back = weighed @ move.T
    nats = -float(np.log(scale).mean())
    return _shares(move * moves + 1e-9), _shares(draws.T + 1e-9), nats


def _forward(emitted: Floats, move: Floats) -> tuple[Floats, Floats]:
    """How likely each state is after each token, (rows, tokens, states), and each token's probability."""
    ahead, scale = np.empty_like(emitted), np.empty(emitted.shape[:2])
    state = np.full((len(emitted), len(move)), 1 / len(move))
    for at in range(emitted.shape[1]):
        likely = (state @ move) * emitted[:, at]
        scale[:, at] = likely.sum(axis=1)
        state = ahead[:, at] = likely / scale[:, at, None]
    return ahead, scale


def _shares(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _over(began: float, budget: float | None, done: int) -> bool:
    """Whether one more round would take longer than the budget has left."""
    spent = time.perf_counter() - began
    return budget is not None and done > 0 and spent * (done + 1) / done > budget


def _share(began: float, context: TrainContext, done: int, rounds: int) -> float:
    if context.steps is None and context.budget is not None:
        return min(max((time.perf_counter() - began) / context.budget, done / rounds), 1.0)
    return done / rounds
