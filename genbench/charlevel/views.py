"""character_view: a word model as one that predicts characters."""

from __future__ import annotations

from typing import Any, Protocol

from genbench import capabilities
from genbench.charlevel.adapter import CharacterScores, CharacterView
from genbench.generator import Generator, LogProbs, ProgressCallback, ignore
from genbench.tokenization.tokenizer import Ids, Tokenizer


class CharacterReader(Protocol):
    """What `CharacterView` and the views that word models have of their own offer."""

    tokenizer: Tokenizer

    def start(self) -> Any:
        """Return the state before the first character."""

    def advance(self, state: Any, token: int) -> Any:
        """Return the state after one more byte or letter."""

    def log_probs(self, state: Any) -> LogProbs:
        """Return the natural log-probability of each next byte or letter, (symbols,)."""

    def context_length(self, state: Any) -> int:
        """Return the context length of the word model, in words; 0 inside a spelled word."""

    def score_stream(self, ids: Ids, progress: ProgressCallback = ignore) -> CharacterScores:
        """Return log-probability, context length and peak of each byte or letter of a text, read from `start()`."""


def character_view(generator: Generator) -> CharacterReader:
    """Return the view that a word model has of its own (`capabilities.CharacterReading`), or a `CharacterView`."""
    own: CharacterReader | None = None
    if isinstance(generator, capabilities.CharacterReading):
        own = generator.character_view()
    return own or CharacterView(generator)
