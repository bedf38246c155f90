"""Checks of the six methods that every generator has.

The first paragraph of each docstring states the requirement, the rest how to meet it. Users see both if it
fails.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from pathlib import Path

import numpy as np

from genbench import capabilities, scoring
from genbench.errors import NotFittedError
from genbench.sampling import Sampling, generate
from genbench.storage.files import load_generator, save_generator
from genbench.testing.counterexamples import first_change, require, require_none, require_same, smallest_fault
from genbench.testing.subject import Subject, global_random_states_unchanged, walk
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
UNSEEN = " zqxj vkwq"  # a string that does not occur in the texts


def learns(subject: Subject) -> None:
    """It learns from a text, and has a tokenizer afterwards.

    Set self.tokenizer in fit: Tokenizer.characters(train) or Tokenizer.words(train). Report numbers: Progress(0.5,
    loss=float(loss)).
    """
    tokenizer = vars(subject.fitted).get("tokenizer")
    require(isinstance(tokenizer, Tokenizer), f"after fit, self.tokenizer is {tokenizer!r}")


def untrained_is_refused(subject: Subject) -> None:
    """Before fit, it has no tokenizer, and log_probs raises NotFittedError.

    Set learned attributes, including self.tokenizer, only in fit and restore: the base class then raises the error.
    """
    untrained = subject.make()
    require(not hasattr(untrained, "tokenizer"), "it has a tokenizer before fit")

    # a prediction must raise NotFittedError, and no other error
    try:
        untrained.log_probs(untrained.start())
    except NotFittedError:
        return
    except Exception as error:
        raise AssertionError(f"before fit, log_probs raises {type(error).__name__}, not NotFittedError") from error
    raise AssertionError("before fit, log_probs returns a distribution")


def lossless_round_trip(subject: Subject) -> None:
    """The tokenizer restores every text.

    Change no text: no lower-casing, no stripping. Treat alike in log_probs what the generator should not distinguish.
    """
    tokenizer = subject.fitted.tokenizer

    # texts that tokenizers often damage, and an author's
    def fault(text: str) -> str | None:
        decoded = tokenizer.decode(tokenizer.encode(text))
        return None if decoded == text else f"decode(encode({text[:40]!r})) gives {decoded[:40]!r}"

    require_none((*ANY_TEXTS, *subject.texts), fault)


def sums_to_one(subject: Subject) -> None:
    """Each prediction is a distribution over all tokens, whatever was read before.

    Give every token some probability (mix in self.tokenizer.base_distribution(), say), and subtract
    np.logaddexp.reduce(log_probs) from what log_probs returns.
    """
    generator = subject.fitted

    # predict after each of several texts
    def fault(text: str) -> str | None:
        state = generator.start()
        for token in generator.tokenizer.encode(text).tolist():
            state = generator.advance(state, token)
        scoring.require_distribution(generator.log_probs(state), generator.tokenizer.size)
        return None

    require_none(("", subject.texts[2][:60], *ANY_TEXTS), fault)

    # and before each token of a long text
    if subject.walk.problem:
        shortest = smallest_fault(subject.long_text, lambda text: walk(subject.copy(), text).problem or None)
        raise AssertionError(shortest or subject.walk.problem)


def finite_bits_for_any_text(subject: Subject) -> None:
    """Every text has finite bits: one with unseen characters, emoji or NUL, and the empty text.

    Give every token some probability, also the 256 bytes (the first ids), which spell unknown characters.
    """

    def fault(text: str) -> str | None:
        bits = scoring.score(subject.fitted, text).bits
        return f"{text!r} has {bits} bits: a probability above one" if bits < -1e-6 else None

    require_none(ANY_TEXTS, fault)


def no_text_counted_twice(subject: Subject) -> None:
    """The probabilities of all strings of one to three letters sum to at most one.

    Look at token_log_probs: it gives a text more probability than the product over its tokens.
    """
    generator = subject.fitted
    for length in (1, 2, 3):
        # the probability of each string is the product over its tokens
        total = 0.0
        for letters in itertools.product("ae \n", repeat=length):
            ids = generator.tokenizer.encode("".join(letters))
            total += float(np.exp(capabilities.token_log_probs(generator, ids).sum()))

        strings = f"all strings of {length} of the letters 'ae \\n'"
        require(total <= 1 + 1e-6, f"{strings} have probability {total:.6f} together; at most 1 expected")


def states_are_values(subject: Subject) -> None:
    """Advancing a state does not change it, and gives the same result each time; reading a long text changes nothing.

    Let advance return a new value: (*state, token), state.copy(), tensor.clone(); change nothing in place, and store
    nothing in the generator.
    """
    generator = subject.fitted
    tokenizer, state = generator.tokenizer, generator.start()
    token = int(tokenizer.encode("at")[0])

    # advance the same state twice, with other steps in between
    before = np.array(generator.log_probs(state))
    after = np.array(generator.log_probs(generator.advance(state, token)))
    generator.log_probs(generator.advance(generator.advance(state, token), token))

    # both predictions must be the same as before, to the last bit
    for what, expected, actual in (
        ("start() predicts something else after it was advanced", before, generator.log_probs(state)),
        ("start(), advanced by 'a' a second time", after, generator.log_probs(generator.advance(state, token))),
    ):
        change = first_change(what, expected, actual)
        require(change is None, change or "")

    # nor does reading a long text change anything
    if subject.walk.change:
        shortest = smallest_fault(subject.long_text, lambda text: walk(subject.copy(), text).change or None)
        raise AssertionError(shortest or subject.walk.change)


def same_seed_same_text(subject: Subject) -> None:
    """The same seed gives the same text, of exactly the requested length, after any prompt.

    Use no random numbers in advance and log_probs: they must return the same for the same state.
    """
    for prompt, length in (("", 50), ("I am a lit", 1), ("The sea \U0001f600", 30), ("  ", 20)):
        # sample twice with the same seed
        sampling = Sampling(length=length)
        first, second = (generate(subject.fitted, prompt, sampling, np.random.default_rng(5)) for _ in range(2))
        require(first == second, f"after the prompt {prompt!r}, seed 5 gave {first!r}, then {second!r}")

        lengths = f"{length} characters expected, {len(first)} got"
        require(len(first) == length, f"after the prompt {prompt!r}, {lengths}: {first!r}")


def fit_is_reproducible(subject: Subject) -> None:
    """The same training on the same text gives the same generator, and does not change global random states.

    Use np.random.default_rng(context.seed), and for torch torch.Generator().manual_seed(context.seed).
    """
    # `subject.fitted` is the first of two fits
    with global_random_states_unchanged():
        again = subject.fit(subject.texts[0], subject.texts[1])
    require_same(subject.fitted, again, subject.texts[2], "two fits with one seed on one text")


def dump_has_tokenizer(subject: Subject) -> None:
    """The dump contains the tokenizer, and restore sets it in a new generator.

    Add "tokenizer": self.tokenizer.dump() to the result of dump, and let restore set
    self.tokenizer = Tokenizer.restore(learned["tokenizer"]).
    """
    restored = subject.make()
    restored.restore(subject.fitted.dump())

    # there, and the same
    tokenizer = vars(restored).get("tokenizer")
    require(isinstance(tokenizer, Tokenizer), f"after restore(dump()), self.tokenizer is {tokenizer!r}")
    same = restored.tokenizer.dump() == subject.fitted.tokenizer.dump()
    require(same, "after restore(dump()), the tokenizer is another one")


def save_load_keeps_every_bit(subject: Subject) -> None:
    """A generator that was saved and loaded predicts the same to the last bit.

    Let dump return everything that fit learned, as JSON values and numpy arrays of their own dtype, and restore set it.
    """
    # save and load in a temporary folder
    with tempfile.TemporaryDirectory() as folder:
        save_generator(subject.fitted, Path(folder))
        loaded = subject.make()
        load_generator(loaded, Path(folder))

    # the scores of a text, and the first prediction
    require_same(subject.fitted, loaded, subject.texts[2], "the saved and the loaded generator")
    expected, actual = (generator.log_probs(generator.start()) for generator in (subject.fitted, loaded))
    require(np.array_equal(expected, actual), "the first predictions of the saved and the loaded generator differ")


def refit_forgets(subject: Subject) -> None:
    """A second fit gives the same result as the fit of a new generator.

    Let fit reset everything learned before, counts and weights.
    """
    train, valid, _ = subject.texts
    half = len(train) // 2

    # one generator is fitted to both halves, another one only to the first half
    refitted = subject.fit(train[half:], valid)
    subject.refit(refitted, train[:half], valid)
    new = subject.fit(train[:half], valid)
    require_same(new, refitted, subject.texts[2], "a new generator and one that was fitted before")


def counts_ignore_valid(subject: Subject) -> None:
    """Vocabulary and counts come only from the training text.

    Use valid to decide when to stop, and for a few weights at most.
    """
    # train with a validation text that consists of an unseen string
    train, valid, _ = subject.texts
    refitted = subject.fit(train, UNSEEN * (len(valid) // len(UNSEEN)) + " \u00fe")
    same = refitted.tokenizer.dump() == subject.fitted.tokenizer.dump()
    require(same, "another validation text gives another vocabulary")

    # score one copy of the string: an adaptive generator may learn it from the first
    with_it, without = (scoring.score(generator, UNSEEN).bits for generator in (refitted, subject.fitted))
    bits = f"{with_it:.0f} bits if the validation text consists of it, {without:.0f} otherwise"
    require(with_it > 0.5 * without, f"{UNSEEN!r} takes {bits}")


def beats_uniform(subject: Subject) -> None:
    """After training, unseen text by the author takes fewer bits than under a uniform distribution.

    Look for a wrong sign, or for log-probabilities in another order than the tokens.
    """
    # uniform over the characters of the training text
    bits = scoring.score(subject.fitted, subject.texts[2]).bits_per_character
    uniform = math.log2(len(set(subject.texts[0])))
    require(bits < uniform, f"{bits:.3f} bits per character; all characters alike take {uniform:.3f}")
