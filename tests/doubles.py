"""Test doubles: generators small enough that the right results are known."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genbench import Generator, Tokenizer
from genbench.generator import LogProbs, TrainContext
from genbench.tokenization import Text
from genbench.tokenization.tokenizer import Ids


@dataclass
class Fixed(Generator):
    """Predicts the same distribution everywhere: `shares` for the last tokens of the vocabulary of `text`."""

    text: str = "abcd"
    shares: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)
    words: bool = False
    table: LogProbs = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.tokenizer = Tokenizer.words(self.text, 1) if self.words else Tokenizer.characters(self.text)
        weights = np.full(self.tokenizer.size, 1e-9)
        weights[self.tokenizer.size - len(self.shares) :] = self.shares
        self.table = np.log(weights / weights.sum())

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None: ...

    def start(self) -> Any:
        return None

    def advance(self, state: Any, token: int) -> Any:
        return None

    def log_probs(self, state: Any) -> LogProbs:
        return self.table

    def dump(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.dump(), "table": self.table}

    def restore(self, learned: dict[str, Any]) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self.table = learned["table"]


@dataclass
class Unigram(Generator):
    """Predicts each character from its frequency alone: the plugin of the documentation."""

    smoothing: float = 0.5

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self.tokenizer = Tokenizer.characters(train)
        counts = np.bincount(self.tokenizer.encode(train), minlength=self.tokenizer.size) + self.smoothing
        self.table = np.log(counts / counts.sum())

    def start(self) -> Any:
        return None

    def advance(self, state: Any, token: int) -> Any:
        return None

    def log_probs(self, state: Any) -> LogProbs:
        return self.table

    def dump(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.dump(), "table": self.table}

    def restore(self, learned: dict[str, Any]) -> None:
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self.table = learned["table"]


__all__ = ["Fixed", "Ids", "Unigram"]
