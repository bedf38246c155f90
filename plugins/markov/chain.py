"""What the two chains share: all but the tokenizer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from genbench_plugins.markov.counts import Level, count, kneser_ney
from genbench_plugins.markov.smoothing import Chain, Weights, discounts

from genbench import Generator, Ids, LogProbs, Progress, Run, Tokenizer

Rows = tuple[int, ...]
LONGEST = 64  # tokens in an n-gram: beyond, nearly every one is there once


@dataclass
class MarkovChain(Generator):
    """An n-gram chain, interpolated modified Kneser-Ney (Chen & Goodman 1999); `valid` is not used."""

    order: int = field(default=3, metadata={"help": "tokens in an n-gram: one more than the context has"})

    def __post_init__(self) -> None:
        if not 1 <= self.order <= LONGEST:
            raise ValueError(f"order is {self.order}, and must be from 1 to {LONGEST}")

    @abstractmethod
    def cut(self, train: str) -> Tokenizer:
        """The tokenizer for a training text."""

    def fit(self, train: str, valid: str, run: Run) -> None:
        self.tokenizer = self.cut(train)
        run.report(Progress(0.1, note="counting"))
        ids = np.concatenate([self.tokenizer.encode("\n"), self.tokenizer.encode(train)])
        raw = count(ids, self.order, self.tokenizer.size)
        run.report(Progress(0.9, note="smoothing"))
        levels = kneser_ney(raw, ids, self.tokenizer.size)
        found = [discounts(level.counts) for level in levels]
        self.facts = {"parameters": sum(len(level.keys) for level in levels), "discounts": [d for d, _ in found]}
        failed = [str(length) for length, (_, closed) in enumerate(found, start=1) if not closed]
        if failed:
            self.facts["notes"] = [
                f"the closed form of the discounts fails at n-gram length {', '.join(failed)}: 0.5, 1, 1.5 taken there"
            ]
        self._smooth(levels, [d for d, _ in found])

    def _smooth(self, levels: list[Level], taken: list[tuple[float, float, float]]) -> None:
        weights = [Weights.of(level, d) for level, d in zip(levels, taken, strict=True)]
        self._discounts = taken
        self._chain = Chain(levels, weights, self.tokenizer.base())

    def begin(self) -> Rows:
        state: Rows = (0,)
        for token in self.tokenizer.encode("\n").tolist():
            state = self.advance(state, token)
        return state

    def advance(self, state: Rows, token: int) -> Rows:
        return self._chain.advance(state, token)

    def predict(self, state: Rows) -> LogProbs:
        return self._chain.predict(state)

    def token_log_probs(self, ids: Ids) -> LogProbs:
        return self._chain.token_log_probs(ids, self.begin())

    def depth(self, state: Rows) -> int:
        return len(state) - 1

    def depths(self, ids: Ids) -> Ids:
        return self._chain.depths(ids, self.begin())

    def dump(self) -> dict[str, Any]:
        return {
            "discounts": [list(d) for d in self._discounts],
            "keys": [level.keys for level in self._chain.levels],
            "counts": [level.counts for level in self._chain.levels],
        }

    def restore(self, learned: dict[str, Any]) -> None:
        levels: list[Level] = []
        for keys, counts in zip(learned["keys"], learned["counts"], strict=True):
            contexts = len(levels[-1].keys) if levels else 1
            levels.append(Level.of(keys, counts, contexts, self.tokenizer.size))
        self._smooth(levels, [(one, two, more) for one, two, more in learned["discounts"]])
