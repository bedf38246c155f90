"""The figure by which a generator of words is ranked: its bits by the character, where it can compute them exactly.

The probability of the canonical tokens alone is a lower bound on that of the text. By the character, all tokenizations
that agree with the text so far are summed and normalized at each character: a distribution over texts, as that of a
generator of characters is. Only a generator's own view (`capabilities.CharacterReading`) is used, which is as fast as
its score. An estimate from sampled tokenizations (Chirkova et al. 2023) is no code length, and never ranks.
"""

from __future__ import annotations

from dataclasses import replace

from genbench import scoring
from genbench.capabilities import CharacterReading, context_window
from genbench.charlevel.views import CharacterReader
from genbench.generator import (
    Generator,
    Learned,
    LogProbs,
    ProgressCallback,
    State,
    Text,
    TrainContext,
    ignore,
    rescale,
)
from genbench.scoring import Score
from genbench.tokenization.tokenizer import Ids, Tokenizer


class CharacterModel(Generator):
    """A trained word model as a generator of bytes and letters: what its own view by the character predicts."""

    def __init__(self, view: CharacterReader) -> None:
        self.view, self.tokenizer = view, view.tokenizer

    def start(self) -> State:
        return self.view.start()

    def advance(self, state: State, token: int) -> State:
        return self.view.advance(state, token)

    def log_probs(self, state: State) -> LogProbs:
        return self.view.log_probs(state)

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        """Return the natural log-probability of each byte or letter, (symbols,), read from `start()`."""
        return self.view.score_stream(ids, progress).log_probs

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        raise NotImplementedError("a view is made of a trained generator")

    def dump(self) -> Learned:
        raise NotImplementedError("a view is stored as its generator")

    def restore(self, learned: Learned) -> None:
        raise NotImplementedError("a view is stored as its generator")


def ranked_model(generator: Generator) -> Generator:
    """Return what a trained generator is ranked by: its own view by the character, or where it has none itself."""
    if not isinstance(generator, CharacterReading) or type(generator.tokenizer) is not Tokenizer:
        return generator
    view = generator.character_view() if context_window(generator) is None else None
    return generator if view is None or type(view.tokenizer) is not Tokenizer else CharacterModel(view)


def score(generator: Generator, ranked: Generator, text: str | Text, progress: ProgressCallback = ignore) -> Score:
    """Score a text by the model that ranks, with the canonical bits beside it where that is another one.

    `ranked` is `ranked_model(generator)`. Raises ContractError as `scoring.score` does.
    """
    if ranked is generator:
        return scoring.score(generator, text, progress)
    canonical = scoring.score(generator, text, rescale(progress, 0.0, 0.5))
    by_character = scoring.score(ranked, text, rescale(progress, 0.5, 0.5))
    return with_canonical(by_character, canonical.bits, canonical.tokens, canonical.spelled)


def with_canonical(by_character: Score, bits: float, tokens: int, spelled: int) -> Score:
    """Return the score by the character with what is known of the canonical tokenization."""
    return replace(by_character, canonical_bits=bits, tokens=tokens, spelled=spelled)
