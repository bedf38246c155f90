"""The checks. The first line of each docstring says what must hold, the rest what to do where it does not."""

from __future__ import annotations

import itertools
import math
import tempfile
from pathlib import Path

import numpy as np

from genbench import capabilities, scoring
from genbench.generator import Generator, Text
from genbench.sampling import loop as sampling
from genbench.storage import files as store
from genbench.testing.examples import apart, differ, refuse, require
from genbench.testing.quantile_check import drawn_as_predicted
from genbench.testing.random_states import random_states_kept
from genbench.testing.subject import Check, Subject
from genbench.tokenization.tokenizer import Tokenizer

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


def learns(subject: Subject) -> None:
    """It learns from a text, and has a tokenizer afterwards.

    End fit with self.tokenizer set: Tokenizer.characters(train) or Tokenizer.words(train).
    """
    made = vars(subject.fitted).get("tokenizer")
    require(isinstance(made, Tokenizer), f"after fit, self.tokenizer is {made!r}")


def lossless_round_trip(subject: Subject) -> None:
    """The tokenizer gives every text back.

    Change no text: no lower-casing, no stripping. What a generator shall not tell apart, it can treat alike in predict.
    """
    tokenizer = subject.fitted.tokenizer

    def fault(text: str) -> str | None:
        found = tokenizer.decode(tokenizer.encode(text))
        return None if found == text else f"decode(encode({text[:40]!r})) gives {found[:40]!r}"

    refuse((*ANY_TEXTS, *subject.texts), fault)


def sums_to_one(subject: Subject) -> None:
    """Each prediction is a distribution over all tokens, whatever was read before.

    Give every token some probability (self.tokenizer.base() is a first guess to mix in), and subtract
    np.logaddexp.reduce(log_probs) from what predict gives.
    """
    generator = subject.fitted

    def fault(text: str) -> str | None:
        state = generator.start()
        for token in generator.tokenizer.encode(text).tolist():
            state = generator.advance(state, token)
        scoring.checked(generator.log_probs(state), generator.tokenizer.size)
        return None

    refuse(("", subject.texts[2][:60], *ANY_TEXTS), fault)


def batch_equals_steps(subject: Subject) -> None:
    """The faster token_log_probs gives what walking the steps gives, to 1e-4 nats a token, of many streams too.

    Compare both at the token named; the steps are right. Without an override of either the two cannot differ.
    """
    generator = subject.fitted

    def fault(text: str) -> str | None:
        ids = generator.tokenizer.encode(text)
        steps, streams = capabilities.step_through(generator, ids), [ids[:300], ids[:0], ids[:7]]
        pairs = [(ids, capabilities.token_log_probs(generator, ids))]
        pairs += zip(streams, capabilities.token_log_probs_batch(generator, streams), strict=True)
        said = (apart(generator.tokenizer, i, steps[: len(i)], got, scoring.STEP_TOLERANCE) for i, got in pairs)
        return next((each for each in said if each is not None), None)

    refuse([subject.texts[2][:600] + "".join(ANY_TEXTS)], fault)


def finite_bits_for_any_text(subject: Subject) -> None:
    """Unseen characters, emoji, NUL, nothing at all: every text has finite bits.

    Give every token some probability, the 256 bytes too (the first ids): they spell what is not in the vocabulary.
    """

    def fault(text: str) -> str | None:
        bits = scoring.score(subject.fitted, text).bits
        return f"{text!r} has {bits} bits: a probability above one" if bits < -1e-6 else None

    refuse(ANY_TEXTS, fault)


def no_text_counted_twice(subject: Subject) -> None:
    """Over all strings of one to three letters the probabilities sum to at most one.

    Look at token_log_probs: it gives a text more probability than its tokens have, one by one.
    """
    generator = subject.fitted
    for length in (1, 2, 3):
        total = 0.0
        for letters in itertools.product("ae \n", repeat=length):
            ids = generator.tokenizer.encode("".join(letters))
            total += float(np.exp(capabilities.token_log_probs(generator, ids).sum()))
        said = f"all strings of {length} of the letters 'ae \\n' have probability {total:.6f} together"
        require(total <= 1 + 1e-6, f"{said}; at most 1 expected")


def states_are_values(subject: Subject) -> None:
    """Advancing a state leaves it as it was, and gives the same each time.

    Let advance make a new value: (*state, token), state.copy(), tensor.clone(); change nothing in place.
    """
    generator = subject.fitted
    tokenizer, state = generator.tokenizer, generator.start()
    ids = np.arange(tokenizer.size)
    before = np.array(generator.log_probs(state))
    first, second = tokenizer.encode("at").tolist()[:1] * 2
    once = np.array(generator.log_probs(generator.advance(state, first)))
    generator.log_probs(generator.advance(generator.advance(state, second), second))
    for said, expected, got in (
        ("start() predicts otherwise after it was advanced", before, generator.log_probs(state)),
        ("start(), advanced by 'a' twice over", once, generator.log_probs(generator.advance(state, first))),
    ):
        changed = np.flatnonzero(expected != got)
        if len(changed):
            token = int(ids[changed[0]])
            raise AssertionError(f"{said}: token {token} has {expected[token]:.7g} nats, then {got[token]:.7g}")


def same_seed_same_text(subject: Subject) -> None:
    """A seed gives one text of exactly the length asked for; a prompt is gone on from, wherever it ends.

    Draw nothing yourself: predict must give the same for the same state.
    """
    for prompt, length in (("", 50), ("I am a lit", 1), ("The sea \U0001f600", 30), ("  ", 20)):
        wanted = sampling.Sampling(length=length)
        one, two = (sampling.generate(subject.fitted, prompt, wanted, np.random.default_rng(5)) for _ in range(2))
        require(one == two, f"after the prompt {prompt!r}, seed 5 gave {one!r}, then {two!r}")
        said = f"after the prompt {prompt!r}, {length} characters expected, {len(one)} got: {one!r}"
        require(len(one) == length, said)


def fit_is_reproducible(subject: Subject) -> None:
    """The same run on the same text gives the same generator, and leaves global random states alone.

    Draw from np.random.default_rng(run.seed), and for torch from torch.Generator().manual_seed(run.seed).
    """
    with random_states_kept():
        again = subject.fit(subject.texts[0], subject.texts[1])
    _same(subject.fitted, again, subject, "two fits with one seed on one text")


def save_load_keeps_every_bit(subject: Subject) -> None:
    """A generator kept and loaded predicts the same to the last bit.

    Let dump give all that fit learned, in JSON values and numpy arrays of their own dtype; let restore take it back.
    """
    with tempfile.TemporaryDirectory() as folder:
        store.save(subject.fitted, Path(folder))
        loaded = subject.make()
        store.load(loaded, Path(folder))
    _same(subject.fitted, loaded, subject, "what was saved and what was loaded")
    expected, got = (generator.log_probs(generator.start()) for generator in (subject.fitted, loaded))
    require(np.array_equal(expected, got), "the first predictions of what was saved and what was loaded differ")


def refit_forgets(subject: Subject) -> None:
    """A second fit gives what a fit of a new generator gives.

    Let fit begin anew with everything that it learned before, counts and weights.
    """
    train, valid, _ = subject.texts
    half = len(train) // 2
    refitted = subject.fit(train[half:], valid)
    refitted.fit(Text(train[:half]), Text(valid), subject.context)
    fresh = subject.fit(train[:half], valid)
    _same(fresh, refitted, subject, "a new generator and one that was fitted before")


def counts_ignore_valid(subject: Subject) -> None:
    """Vocabulary and counts come from the training text alone.

    Use valid to decide when to stop, and for a few weights at most.
    """
    train, valid, _ = subject.texts
    secret = " zqxj vkwq"  # read once below: what also counts what it reads may rightly know it the second time
    spied = subject.fit(train, secret * (len(valid) // len(secret)) + " \u00fe")
    same = spied.tokenizer.dump() == subject.fitted.tokenizer.dump()
    require(same, "another valid text gives another vocabulary")
    knows, guesses = (scoring.score(g, secret).bits for g in (spied, subject.fitted))
    said = f"{secret!r} takes {knows:.0f} bits where the valid text is full of it, {guesses:.0f} where it is not"
    require(knows > 0.5 * guesses, said)


def beats_uniform(subject: Subject) -> None:
    """After training, unseen text by the author takes fewer bits than with all characters alike.

    Look for a sign turned round, or a prediction that stands at another token's place.
    """
    found = scoring.score(subject.fitted, subject.texts[2]).bits_per_character
    uniform = math.log2(len(set(subject.texts[0])))
    require(found < uniform, f"{found:.3f} bits per character, and a uniform draw takes {uniform:.3f}")


def _same(expected: Generator, got: Generator, subject: Subject, said: str) -> None:
    wrong = differ(expected, got, subject.texts[2])
    require(wrong is None, f"{said} differ; {wrong}")


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        learns,
        lossless_round_trip,
        sums_to_one,
        batch_equals_steps,
        finite_bits_for_any_text,
        no_text_counted_twice,
        states_are_values,
        same_seed_same_text,
        drawn_as_predicted,
        fit_is_reproducible,
        save_load_keeps_every_bit,
        refit_forgets,
        counts_ignore_valid,
        beats_uniform,
    )
}
