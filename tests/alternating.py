"""A test double whose predictions depend on the tokens so far, over the tokens of any tokenizer."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from doubles import Fixed

from genbench import Tokenizer
from genbench.tokenization.tokenizer import BYTES


@dataclass
class Alternating(Fixed):
    """Predicts from one of seven distributions over the tokens of `choice`, chosen by the tokens so far."""

    choice: Tokenizer = field(default_factory=lambda: Tokenizer.characters("abcd"))

    def __post_init__(self) -> None:
        self.tokenizer = self.choice
        weights = np.random.default_rng(4).random((7, self.tokenizer.size)) + 0.01
        weights[:, :BYTES] = 1e-12
        self.table = np.log(weights / weights.sum(axis=1, keepdims=True))

    def start(self) -> Any:
        return 0

    def advance(self, state: Any, token: int) -> Any:
        return (3 * state + token + 1) % 7

    def log_probs(self, state: Any) -> Any:
        return self.table[state]
