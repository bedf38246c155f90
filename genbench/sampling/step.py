"""One token more of one text or of many: predicted together, drawn one by one, each text from its own randomness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genbench import capabilities
from genbench.errors import ContractError
from genbench.generator import Generator, LogProbs, State
from genbench.sampling.completion import weighed
from genbench.sampling.overlap import TrainingWords
from genbench.sampling.parameters import Sampling, draw
from genbench.tokenization.tokenizer import Decoder

TOKENS_A_CHARACTER = 8  # a text that needs more tokens than this for its characters is going nowhere


@dataclass
class Drawing:
    """A text that is being drawn: all that one more token depends on. Its state stands among those advanced with it."""

    generator: Generator
    sampling: Sampling
    rng: np.random.Generator
    states: Sequence[State]
    row: int
    decoder: Decoder
    rest: str  # of the prompt, that what is drawn must agree with
    seen: set[int]  # where a penalty wants to know
    first: int  # token that may be drawn, and all after it: the fallback bytes come before
    tokens: int = 0
    characters: int = 0
    silent: bool = False  # the last token added no text
    training_words: TrainingWords | None = None  # what max_overlap looks up

    @classmethod
    def of(
        cls,
        generator: Generator,
        prompt: str,
        sampling: Sampling,
        rng: np.random.Generator,
        training_words: TrainingWords | None = None,
    ) -> Drawing:
        """One that goes on from a prompt."""
        ids, rest = generator.tokenizer.resume(prompt)
        state, decoder = generator.start(), Decoder(generator.tokenizer)
        for token in ids.tolist():
            state = generator.advance(state, token)
            decoder.feed(token)
        first = int(generator.tokenizer.drawable().argmax())
        seen = set(ids.tolist())
        return cls(generator, sampling, rng, [state], 0, decoder, rest, seen, first, training_words=training_words)

    @property
    def state(self) -> State:
        """The generator's."""
        return self.states[self.row]

    def copy(self, **changed: Any) -> Drawing:
        """One that stands at the same place, where no character is incomplete; it draws from the same randomness."""
        other = object.__new__(Drawing)
        other.__dict__ |= self.__dict__  # dataclasses.replace takes longer, and each word is a copy
        other.states, other.row, other.decoder = [self.state], 0, self.decoder.copy()
        other.seen = set(self.seen)
        other.__dict__ |= changed
        return other

    @property
    def particular(self) -> bool:
        """Whether what it draws next depends on more than its state."""
        return self.silent or bool(self.rest) or self.sampling.repetition_penalty != 1

    def weigh(self, log_probs: LogProbs) -> None:
        """Apply to log-probabilities, (vocabulary,), in place, what depends on the text: its rest, what it said."""
        if self.silent:  # never two tokens in a row that add no text
            log_probs[self.decoder.tokenizer.end : self.decoder.tokenizer.none + 1] = -np.inf
        if self.rest:
            allowed = (np.arange(len(log_probs)) >= self.first) & np.isfinite(log_probs)
            agreeing = weighed(self.generator, self.state, self.decoder, self.rest, allowed)
            if np.isfinite(agreeing).any():  # else it goes on without
                log_probs[:] = agreeing
        if self.sampling.repetition_penalty != 1 and self.seen:
            log_probs[list(self.seen)] *= self.sampling.repetition_penalty

    def take(self, token: int, states: Sequence[State], row: int) -> str:
        """Go on with a token to a state; gives the text that it adds beyond the prompt's rest."""
        text = self.decoder.feed(token)
        self.states, self.row, self.silent = states, row, not text
        if self.sampling.repetition_penalty != 1:
            self.seen.add(token)
        self.tokens, self.characters = self.tokens + 1, self.characters + len(text)
        if self.silent and self.tokens > TOKENS_A_CHARACTER * (self.characters + 100):
            raise ContractError(f"{self.tokens} tokens drawn gave only {self.characters} characters")
        fresh, self.rest = text[len(self.rest) :], self.rest[len(text) :]
        return fresh


def step(drawings: Sequence[Drawing]) -> list[str]:
    """Draw one token of each text; gives what each adds."""
    generator, states = drawings[0].generator, _states(drawings)
    tokens = _at_quantiles(drawings, states)
    left = [row for row, token in enumerate(tokens) if token < drawings[row].first]
    if left:
        asked = states if len(left) == len(states) else [states[row] for row in left]
        found = _from_whole([drawings[row] for row in left], np.array(capabilities.log_probs_batch(generator, asked)))
        for row, token in zip(left, found, strict=True):
            tokens[row] = token
    after = capabilities.advance_batch(generator, states, tokens)
    return [drawing.take(token, after, row) for row, (drawing, token) in enumerate(zip(drawings, tokens, strict=True))]


def _at_quantiles(drawings: Sequence[Drawing], states: Sequence[State]) -> list[int]:
    """A token of each text whose generator gives it without a whole distribution; -1 for the others."""
    generator, tokens = drawings[0].generator, [-1] * len(drawings)
    if not capabilities.supports(type(generator), capabilities.QuantileSampling):
        return tokens
    plain = [row for row, drawing in enumerate(drawings) if drawing.sampling.plain and not drawing.particular]
    for temperature in {drawings[row].sampling.temperature for row in plain}:
        rows = [row for row in plain if drawings[row].sampling.temperature == temperature]
        uniforms = np.array([drawings[row].rng.random() for row in rows])
        found = generator.quantile_tokens(  # type: ignore[attr-defined]
            [states[row] for row in rows], uniforms, temperature
        )
        for row, token in zip(rows, found.tolist(), strict=True):
            tokens[row] = token
    return tokens


def _from_whole(drawings: Sequence[Drawing], log_probs: LogProbs) -> list[int]:
    """A token of each text from its distribution, (texts, vocabulary)."""
    for row, drawing in enumerate(drawings):
        if drawing.particular:
            drawing.weigh(log_probs[row])
    first = drawings[0].first
    samplings, rngs = [drawing.sampling for drawing in drawings], [drawing.rng for drawing in drawings]
    return [first + token for token in draw(log_probs[:, first:], samplings, rngs)]


def _states(drawings: Sequence[Drawing]) -> Sequence[State]:
    """Their states, together as they were advanced if no text was left out since."""
    states = drawings[0].states
    if len(states) == len(drawings) and all(d.states is states and d.row == row for row, d in enumerate(drawings)):
        return states
    return [drawing.state for drawing in drawings]
