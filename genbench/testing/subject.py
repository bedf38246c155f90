"""The generator to check, the texts for the checks, and the text that it reads step by step."""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from genbench import registry, reported, scoring
from genbench.corpus.loading import load_corpus
from genbench.errors import ContractError
from genbench.generator import Generator, LogProbs, Text, TrainContext, TrainStats
from genbench.spec import option_values
from genbench.testing.counterexamples import SHOWN_CHARACTERS, describe_token, first_change, require
from genbench.tokenization.tokenizer import Ids

STEPS = 40  # optimizer steps of a network
VALID_CHARACTERS = 2_000  # of the validation text, and of the test text
TOKENS = 10_000  # of the long text


@dataclass(frozen=True)
class Walk:
    """A text that a trained generator has read step by step."""

    text: str
    ids: Ids  # (tokens,), read-only
    log_probs: LogProbs  # of each token before it was read, (tokens,)
    problem: str  # the first prediction that is not a distribution; "" if there is none
    change: str  # how the first prediction differs after the text was read; "" if it does not


@dataclass
class Subject:
    """The argument of a check: it creates untrained generators, and has a trained one and texts."""

    make: Callable[[], Generator]
    author: str = "thorne"
    characters: int = 12_000  # of training text
    context: TrainContext = field(default_factory=lambda: TrainContext(seed=1, steps=STEPS))
    tokens: int = TOKENS  # of the long text

    @classmethod
    def of(cls, generator: str | Callable[[], Generator]) -> Subject:
        """Return the subject for a SPEC, or for a callable that returns a new generator, such as its class."""
        return cls(lambda: registry.create(generator)) if isinstance(generator, str) else cls(generator)

    @cached_property
    def kind(self) -> type[Generator]:
        """The generator's class."""
        return type(self.make())

    @property
    def file(self) -> str:
        """The file that defines the class."""
        return inspect.getfile(self.kind)

    @property
    def expected_failures(self) -> Mapping[str, str]:
        """The checks that cannot pass, as declared by the class, each with the reason."""
        return self.kind.expected_failures

    @cached_property
    def texts(self) -> tuple[str, str, str]:
        """Training, validation and test text."""
        # embedded in genbench, so that checks need no network
        corpus = load_corpus(self.author)
        valid, test = corpus.valid[:VALID_CHARACTERS], corpus.test[:VALID_CHARACTERS]
        return corpus.train[: self.characters], valid, test

    @cached_property
    def fitted(self) -> Generator:
        """A trained generator, shared by all checks; they must not change it."""
        return self.fit(self.texts[0], self.texts[1])

    @cached_property
    def long_text(self) -> str:
        """Text of `tokens` tokens, that the generator has not been trained on first."""
        corpus = load_corpus(self.author)
        text = f"{corpus.test}{corpus.valid}{corpus.train}" * (1 + self.tokens // corpus.characters)
        _, ends = self.fitted.tokenizer.encode_with_ends(text)
        return text[: ends[: self.tokens][-1]]

    @cached_property
    def walk(self) -> Walk:
        """The long text, read by a copy of the trained generator."""
        return walk(self.copy(), self.long_text)

    def copy(self) -> Generator:
        """Return a new generator with what the trained one has learned; itself where it cannot be restored."""
        try:
            copy = self.make()
            copy.restore(deepcopy(self.fitted.dump()))
            copy.tokenizer.decode(copy.tokenizer.encode("a"))
            copy.log_probs(copy.start())
        except Exception:  # of the generator: other checks report it
            return self.fitted
        return copy

    def fit(self, train: str, valid: str) -> Generator:
        """Return a new generator, trained on these texts."""
        generator = self.make()
        self.refit(generator, train, valid)
        return generator

    def refit(self, generator: Generator, train: str, valid: str) -> None:
        """Train a generator, which may have been trained before."""
        stats = TrainStats()
        generator.fit(Text(train), Text(valid), replace(self.context, stats=stats))
        reported.require_options(replace(stats).chosen, option_values(generator))

    def states(self, characters: int = SHOWN_CHARACTERS) -> Iterator[tuple[Any, int]]:
        """Yield the trained generator's state before each token of the beginning of the test text, and the token."""
        generator, state = self.fitted, self.fitted.start()
        for token in generator.tokenizer.encode(self.texts[2][:characters]).tolist():
            yield state, token
            state = generator.advance(state, token)


Check = Callable[[Subject], None]


def walk(generator: Generator, text: str) -> Walk:
    """Read a text step by step, and check each prediction before the next token is read."""
    ids, _ = scoring.encode(generator.tokenizer, text)
    before = np.array(generator.log_probs(generator.start()))
    log_probs, problem, state = np.empty(len(ids)), "", generator.start()
    for place, token in enumerate(ids.tolist()):
        prediction = generator.log_probs(state)
        if not problem:
            try:
                scoring.require_distribution(prediction, generator.tokenizer.size)
            except ContractError as error:
                problem = f"{describe_token(generator.tokenizer, ids, place)}: {error}"
        log_probs[place] = prediction[token]
        state = generator.advance(state, token)

    # the state before the first token is a value, and predicts the same as before
    what = f"after {len(ids):,} tokens were read, start() predicts something else"
    change = first_change(what, before, generator.log_probs(generator.start())) or ""
    return Walk(text, ids, log_probs, problem, change)


@contextmanager
def global_random_states_unchanged() -> Iterator[None]:
    """Raise AssertionError if the body changes the state of random, numpy.random or torch; restore all states.

    Each state is advanced first: otherwise a state that is seeded equally before and within the body looks unchanged.
    """
    # remember the states, then advance them
    torch = sys.modules.get("torch")
    first = random.getstate(), np.random.get_state(), torch and torch.get_rng_state()
    random.random(), np.random.random(), torch and torch.rand(1)
    before = _global_random_states()

    # compare them after the body, and restore the remembered ones even if it fails
    try:
        yield
        changed = [name for name, state in _global_random_states().items() if state != before[name]]
    finally:
        random.setstate(first[0])
        np.random.set_state(first[1])
        if torch and first[2] is not None:
            torch.set_rng_state(first[2])
    require(not changed, f"fit changed the global random state of {', '.join(changed)}")


def _global_random_states() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    legacy = np.random.get_state()
    return {
        "random": random.getstate(),
        "numpy": str([part.tolist() if isinstance(part, np.ndarray) else part for part in legacy]),
        "torch": torch.get_rng_state().tolist() if torch else None,
    }
