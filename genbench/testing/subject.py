"""A generator under check: how to make a new one, and the texts it is given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from genbench import registry
from genbench.corpus import load
from genbench.generator import Generator, Text, TrainContext

STEPS = 40  # of training for a network


@dataclass
class Subject:
    """What a check is given."""

    make: Callable[[], Generator]
    author: str = "thorne"
    characters: int = 12_000  # of training text
    context: TrainContext = field(default_factory=lambda: TrainContext(seed=1, steps=STEPS))

    @classmethod
    def of(cls, generator: str | Callable[[], Generator]) -> Subject:
        """That of a SPEC, or of whatever makes a new generator: its class, say."""
        return cls(lambda: registry.make(generator)) if isinstance(generator, str) else cls(generator)

    @cached_property
    def kind(self) -> type[Generator]:
        """The class."""
        return type(self.make())

    @property
    def file(self) -> str:
        """Where the class is defined."""
        return inspect.getfile(self.kind)

    @property
    def expected_failures(self) -> Mapping[str, str]:
        """The checks that it says it does not hold, and why."""
        return self.kind.expected_failures

    @cached_property
    def texts(self) -> tuple[str, str, str]:
        """Train, valid and test."""
        corpus = load(self.author)
        return corpus.train[: self.characters], corpus.valid[:2_000], corpus.test[:2_000]

    @cached_property
    def fitted(self) -> Generator:
        """One, trained once."""
        return self.fit(self.texts[0], self.texts[1])

    def fit(self, train: str, valid: str) -> Generator:
        """A new one, trained on these."""
        generator = self.make()
        generator.fit(Text(train), Text(valid), self.context)
        return generator


Check = Callable[[Subject], None]
