"""The conformance kit: what every generator must hold, one named property a check.

    from genbench.testing import CHECKS, Subject
    for name, check in CHECKS.items():
        check(Subject(MyGenerator))        # raises AssertionError with the smallest example found

A check knows nothing of the generator but the contract. Shipped for authors of plugins, and used by the project itself.
"""

from __future__ import annotations

import itertools
import math
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from genbench import sampling, scoring, store
from genbench.errors import ContractError
from genbench.generator import Generator, LogProbs, Run
from genbench.text import load

STEPS = 40  # of training for a network
ANY_TEXTS = (
    "",
    "a",
    "\n",
    "\x00\x01",
    "zq\u00e9\u00df \u4e2d\u6587",
    "\U0001f600\U0001f600",
    "  \n\n \t",
    "e\u0301",
    "A" * 50,
)


@dataclass
class Subject:
    """A generator under check: how to make a new one, and the texts it is given."""

    make: Callable[[], Generator]
    author: str = "thorne"
    characters: int = 12_000  # of training text
    run: Run = field(default_factory=lambda: Run(seed=1, steps=STEPS))

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
        generator.fit(train, valid, self.run)
        return generator

    def probabilities(self, generator: Generator) -> LogProbs:
        """A generator's log-probabilities on the test text, to tell two generators apart by."""
        return generator.token_log_probs(generator.tokenizer.encode(self.texts[2]))


def lossless_round_trip(subject: Subject) -> None:
    """The tokenizer gives every text back."""
    tokenizer = subject.fitted.tokenizer
    for text in (*ANY_TEXTS, *subject.texts):
        found = tokenizer.decode(tokenizer.encode(text))
        assert found == text, f"decode(encode({text[:40]!r})) gives {found[:40]!r}"


def sums_to_one(subject: Subject) -> None:
    """Each prediction is a distribution, whatever was read before."""
    generator = subject.fitted
    for text in ("", subject.texts[2][:60], *ANY_TEXTS):
        state = generator.begin()
        for token in generator.tokenizer.encode(text).tolist():
            state = generator.advance(state, token)
        with _told(f"after {text[:40]!r}"):
            scoring.checked(generator.predict(state), generator.tokenizer.size)


def finite_bits_for_any_text(subject: Subject) -> None:
    """Unseen characters, emoji, NUL, nothing at all: every text has finite bits."""
    for text in ANY_TEXTS:
        with _told(f"{text!r}"):
            bits = scoring.score(subject.fitted, text).bits
        assert bits >= -1e-6, f"{text!r} has {bits} bits: a probability above one"


def batch_equals_steps(subject: Subject) -> None:
    """`token_log_probs` gives what walking the steps gives, to 1e-4 nats a token; so does that of many streams."""
    generator = subject.fitted
    ids = generator.tokenizer.encode(subject.texts[2][:600] + "".join(ANY_TEXTS))
    steps = Generator.token_log_probs(generator, ids)
    worst = int(np.abs(steps - generator.token_log_probs(ids)).argmax())
    off = abs(steps[worst] - generator.token_log_probs(ids)[worst])
    assert off <= scoring.STEP_TOLERANCE, f"token {worst} ({ids[worst]}): {off:.6f} nats apart"
    for length, found in zip((300, 0, 7), generator.token_log_probs_batch([ids[:300], ids[:0], ids[:7]]), strict=True):
        close = len(found) == length and np.allclose(found, steps[:length], rtol=0, atol=scoring.STEP_TOLERANCE)
        assert close, f"token_log_probs_batch disagrees on a stream of {length} tokens"


def no_text_counted_twice(subject: Subject) -> None:
    """Over all strings of three letters the probabilities sum to at most one."""
    generator, total = subject.fitted, 0.0
    for letters in itertools.product("ae \n", repeat=3):
        ids = generator.tokenizer.encode("".join(letters))
        total += float(np.exp(generator.token_log_probs(ids).sum()))
    assert total <= 1 + 1e-6, f"all strings of three of four letters have probability {total:.6f} together"


def states_are_values(subject: Subject) -> None:
    """Advancing a state leaves it as it was, and gives the same each time."""
    generator = subject.fitted
    state = generator.begin()
    before = generator.predict(state).copy()
    first, second = generator.tokenizer.encode("at").tolist()[:1] * 2
    once = generator.predict(generator.advance(state, first)).copy()
    generator.predict(generator.advance(generator.advance(state, second), second))
    assert np.array_equal(generator.predict(state), before), "a state predicts otherwise after it was advanced"
    again = generator.predict(generator.advance(state, first))
    assert np.array_equal(again, once), "the same state, advanced by the same token, predicts otherwise"


def same_seed_same_text(subject: Subject) -> None:
    """A seed gives one text of exactly the length asked for; a prompt is gone on from, wherever it ends."""
    for prompt, length in (("", 50), ("I am a lit", 1), ("The sea \U0001f600", 30), ("  ", 20)):
        wanted = sampling.Sampling(length=length)
        one, two = (sampling.generate(subject.fitted, prompt, wanted, np.random.default_rng(5)) for _ in range(2))
        assert one == two, f"one seed gave {one!r} and {two!r}"
        assert len(one) == length, f"{length} characters asked for, {len(one)} drawn: {one!r}"


def fit_is_reproducible(subject: Subject) -> None:
    """The same run on the same text gives the same generator, and leaves global random states alone."""
    with _random_states_kept():
        again = subject.fit(subject.texts[0], subject.texts[1])
    same = np.array_equal(subject.probabilities(subject.fitted), subject.probabilities(again))
    assert same, "two fits with one seed on one text predict differently"


def save_load_keeps_every_bit(subject: Subject) -> None:
    """A generator kept and loaded predicts the same to the last bit."""
    with tempfile.TemporaryDirectory() as folder:
        store.save(subject.fitted, Path(folder))
        loaded = subject.make()
        store.load(loaded, Path(folder))
    same = np.array_equal(subject.probabilities(subject.fitted), subject.probabilities(loaded))
    assert same, "the loaded generator predicts otherwise than the one that was saved"
    state, kept = loaded.begin(), subject.fitted.begin()
    assert np.array_equal(loaded.predict(state), subject.fitted.predict(kept)), "their first predictions differ"


def refit_forgets(subject: Subject) -> None:
    """A second fit gives what a fit of a new generator gives."""
    train, valid, _ = subject.texts
    half = len(train) // 2
    refitted = subject.fit(train[half:], valid)
    refitted.fit(train[:half], valid, subject.run)
    fresh = subject.fit(train[:half], valid)
    same = np.array_equal(subject.probabilities(refitted), subject.probabilities(fresh))
    assert same, "something of the first fit is left after the second"


def counts_ignore_valid(subject: Subject) -> None:
    """Vocabulary and counts come from the training text alone."""
    train, valid, _ = subject.texts
    secret = " zqxj vkwq"
    spied = subject.fit(train, secret * (len(valid) // len(secret)) + " \u00fe")
    same = spied.tokenizer.dump() == subject.fitted.tokenizer.dump()
    assert same, "another valid text gives another vocabulary"
    knows, guesses = (scoring.score(g, secret * 20).bits for g in (spied, subject.fitted))
    assert knows > 0.5 * guesses, (
        f"a phrase of the valid text takes {knows:.0f} bits, and {guesses:.0f} if it is not in it"
    )


def beats_uniform(subject: Subject) -> None:
    """After training, unseen text by the author takes fewer bits than with all characters alike."""
    found = scoring.score(subject.fitted, subject.texts[2]).bits_per_character
    uniform = math.log2(len(set(subject.texts[0])))
    assert found < uniform, f"{found:.3f} bits per character, and a uniform draw takes {uniform:.3f}"


@contextmanager
def _told(where: str) -> Iterator[None]:
    """A breach that scoring finds, told as a check tells it: with where it was."""
    try:
        yield
    except ContractError as error:
        raise AssertionError(f"{where}: {error}") from error


@contextmanager
def _random_states_kept() -> Iterator[None]:
    before = _random_states()
    yield
    changed = [name for name, state in _random_states().items() if state != before[name]]
    assert not changed, f"fit changed the global random state of {', '.join(changed)}"


def _random_states() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    legacy = np.random.get_state()
    return {
        "random": random.getstate(),
        "numpy": str([part.tolist() if isinstance(part, np.ndarray) else part for part in legacy]),
        "torch": torch.get_rng_state().tolist() if torch else None,
    }


CHECKS: dict[str, Callable[[Subject], None]] = {
    check.__name__: check
    for check in (
        lossless_round_trip,
        sums_to_one,
        finite_bits_for_any_text,
        batch_equals_steps,
        no_text_counted_twice,
        states_are_values,
        same_seed_same_text,
        fit_is_reproducible,
        save_load_keeps_every_bit,
        refit_forgets,
        counts_ignore_valid,
        beats_uniform,
    )
}
