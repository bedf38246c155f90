"""markov-char: a character n-gram chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from genbench_plugins.markov.chain import MarkovChain

from genbench import Tokenizer
from genbench.generator import Text


@dataclass
class MarkovChar(MarkovChain):
    """A character n-gram chain with modified Kneser-Ney smoothing (Chen & Goodman 1999)."""

    order: int | Literal["unbounded"] = field(
        default=8, metadata={"help": "characters in an n-gram: one more than the context has"}
    )

    def cut(self, train: str | Text) -> Tokenizer:
        return Tokenizer.characters(train)
