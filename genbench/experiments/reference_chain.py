"""The reference chain: what a plain chain makes of an author's texts, so that figures that cannot be honest stand out.

test minus validation    is the same for every model, about, since it depends on the texts: a model for which it is
                         another has seen one of the two
the test text            a model of the training text needs some three quarters of the bits of the chain at best: one
                         that needs much less knows other text, such as the test text, or has been trained before
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from genbench import registry, scoring
from genbench.experiments.row import Row
from genbench.generator import Generator, TrainContext
from genbench.spec import Spec
from genbench.storage.records import JsonRecord
from genbench.tokenization.text import Text
from genbench.training.settings import TrainingText
from genbench.training.validation import validation_bits

SPEC = "markov-char:order=5"
MAX_TRAIN_CHARACTERS = 1_000_000  # of the end of the training text
MAX_TEST_CHARACTERS = 1_000_000
MIN_CHARACTERS = 5_000  # of validation and of test text; figures of less differ by chance
MAX_DIFFERENCE = 0.15  # bits per character; 0.1 at most between honest models of eight authors
MIN_SHARE = 0.7  # of the bits of the chain, and of xz, which knows long repetitions
MAX_KNOWN_CHARACTERS = 10_000_000  # of training text; networks learn much more than the chain from longer ones


@dataclass(frozen=True)
class Reference(JsonRecord):
    """Bits per character of the reference chain."""

    test: float
    validation: float | None  # of the same passage as in a model's card; None where the texts are too short
    lowest: float = 0.0  # below it no model of the training text alone is known to come

    def doubts(self, row: Row) -> str:
        """Return why the figures of a row cannot be those of a model of the training text; "" where they can.

        An adaptive generator learns from the test text, and the more the longer it is: its difference says nothing.
        """
        bits, validation = row.bits_per_character, row.validation_bits_per_character
        if bits is None:
            return ""
        if bits < self.lowest:
            return (
                f"its bits are below {self.lowest:.3f}, {100 * MIN_SHARE:.0f} % of those of {SPEC} or xz: no model of "
                "this training text alone is known to need so few, so it knows other text; no verdict includes it"
            )
        if self.validation is None or validation is None or row.adaptive:
            return ""
        own, chain = bits - validation, self.test - self.validation
        if abs(own - chain) <= MAX_DIFFERENCE:
            return ""
        seen = "test" if own < chain else "validation"
        return (
            f"test minus validation is {own:+.3f} bits/char, and {chain:+.3f} for {SPEC}: it may have been trained on "
            f"the {seen} text; no verdict includes it"
        )


def measure_reference(text: TrainingText, test: str, xz: float = float("inf")) -> Reference:
    """Train the reference chain and measure it; `xz` is what xz needs for the test text, in bits per character."""
    generator: Generator = registry.create(Spec.parse(SPEC))
    train = Text(text.train)
    generator.fit(
        train if len(train) <= MAX_TRAIN_CHARACTERS else Text(train[-MAX_TRAIN_CHARACTERS:]),
        Text(text.valid),
        TrainContext(),
    )
    test = test[:MAX_TEST_CHARACTERS]
    bits = scoring.score(generator, test).bits_per_character
    choosing = text.choosing_text
    return Reference(
        test=bits,
        validation=validation_bits(generator, choosing) if min(len(choosing), len(test)) >= MIN_CHARACTERS else None,
        lowest=MIN_SHARE * min(bits, xz) if len(text.train) <= MAX_KNOWN_CHARACTERS else 0.0,
    )


def with_doubts(row: Row, references: Mapping[str, Reference]) -> Row:
    """Return a row with a note and without a place in verdicts, where its figures stand out.

    A pretrained model knows other text, as its mark says.
    """
    reference = None if row.pretrained else references.get(row.author)
    doubts = reference.doubts(row) if reference is not None else ""
    return replace(row, doubtful=True, notes=[*row.notes, doubts]) if doubts else row
