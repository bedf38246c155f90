"""The generator to check, the texts for the checks, and the search for small counterexamples."""

from __future__ import annotations

import inspect
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from genbench import registry, reported
from genbench.capabilities import token_log_probs
from genbench.corpus.loading import load_corpus
from genbench.errors import ContractError
from genbench.generator import Generator, LogProbs, Text, TrainContext, TrainStats
from genbench.spec import option_values
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

STEPS = 40  # optimizer steps of a network
VALID_CHARACTERS = 2_000  # of the validation text, and of the test text
MAX_SHRINK_ATTEMPTS = 200  # to make a counterexample smaller
SHOWN_CHARACTERS = 40  # of the context in a message

Fault = Callable[[str], str | None]  # returns a message if a text shows a fault, else None


@dataclass
class Subject:
    """The argument of a check: it creates untrained generators, and has a trained one and texts."""

    make: Callable[[], Generator]
    author: str = "thorne"
    characters: int = 12_000  # of training text
    context: TrainContext = field(default_factory=lambda: TrainContext(seed=1, steps=STEPS))

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


def require(condition: object, otherwise: str) -> None:
    """Raise AssertionError if a condition is false; unlike `assert`, also under `python -O`."""
    if not condition:
        raise AssertionError(otherwise)


def require_none(texts: Iterable[str], fault: Fault) -> None:
    """Raise AssertionError with a small counterexample if a text has a fault."""
    for text in texts:
        message = smallest_fault(text, fault)
        require(message is None, message or "")


def smallest_fault(text: str, fault: Fault) -> str | None:
    """Return the fault of a text, shortened by removing parts as long as it has a fault; None if there is no fault.

    >>> smallest_fault("there is a bug in here", lambda text: f"{text!r} has a b" if "b" in text else None)
    "'b' has a b"
    """
    message, attempts, size = _fault_or_error(fault, text), 0, len(text) // 2 or 1
    while message and size and text and attempts < MAX_SHRINK_ATTEMPTS:
        # remove parts of this size, from the end to the start
        for start in range(len(text) - size, -size, -size):
            attempts += 1
            shorter = text[: max(start, 0)] + text[max(start, 0) + size :]
            shorter_message = _fault_or_error(fault, shorter)
            if shorter_message:
                text, message, size = shorter, shorter_message, min(size, len(shorter))
                break

        # no part of this size can be removed
        else:
            size //= 2
    return message


def _fault_or_error(fault: Fault, text: str) -> str | None:
    try:
        return fault(text)
    except ContractError as error:
        return f"{text[-SHOWN_CHARACTERS:]!r}: {error}"


def describe_token(tokenizer: Tokenizer, ids: Ids, place: int) -> str:
    """Return a token of a stream and the text before it, for messages.

    >>> describe_token(Tokenizer.characters("cab"), np.array([258, 256, 257]), 2)
    "after 'ca', token 257 ('b')"
    """
    token = int(ids[place])
    text = f"byte {token}" if token < BYTES else repr(tokenizer.decode([token]))
    return f"after {tokenizer.decode(ids[:place])[-SHOWN_CHARACTERS:]!r}, token {token} ({text})"


def first_difference(
    tokenizer: Tokenizer, ids: Ids, expected: LogProbs, actual: LogProbs, tolerance: float = 0.0
) -> str | None:
    """Describe the first token whose log-probabilities differ by more than the tolerance; None if there is none."""
    if np.shape(actual) != np.shape(expected):
        return f"{len(ids)} tokens: an array of shape {np.shape(expected)} expected, {np.shape(actual)} got"

    # "not at most" instead of "above": NaN differs too
    with np.errstate(invalid="ignore"):  # the difference of two infinities
        different = np.flatnonzero(~(np.abs(actual - expected) <= tolerance))
    if not len(different):
        return None

    place = int(different[0])
    token = describe_token(tokenizer, ids, place)
    return f"{token}: {expected[place]:.7g} nats expected, {actual[place]:.7g} got"


def require_same(expected: Generator, actual: Generator, text: str, what: str) -> None:
    """Raise AssertionError if two generators do not give a text the same score, to the last bit."""
    # the same vocabulary
    tokenizer = expected.tokenizer
    sizes = f"{tokenizer.size} tokens expected, {actual.tokenizer.size} got"
    require(tokenizer.dump() == actual.tokenizer.dump(), f"{what} differ; the vocabularies differ: {sizes}")

    # the same log-probability of each token
    def fault(part: str) -> str | None:
        ids = tokenizer.encode(part)
        return first_difference(tokenizer, ids, token_log_probs(expected, ids), token_log_probs(actual, ids))

    message = smallest_fault(text, fault)
    require(message is None, f"{what} differ; {message}")


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
