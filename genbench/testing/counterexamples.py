"""The search for small counterexamples, and the words in which they are shown."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

import genbench
from genbench.capabilities import token_log_probs
from genbench.errors import ContractError, format_error
from genbench.generator import Generator, LogProbs
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

MAX_SHRINK_ATTEMPTS, MAX_SHRINK_SECONDS = 200, 5.0  # to make a counterexample smaller
PACKAGE = Path(genbench.__file__).parent
SHOWN_CHARACTERS = 40  # of the context in a message

Fault = Callable[[str], str | None]  # returns a message if a text shows a fault, else None


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
    message, attempts, size = fault_in_text(fault, text), 0, len(text) // 2 or 1
    end = time.monotonic() + MAX_SHRINK_SECONDS
    while message and size and text and attempts < MAX_SHRINK_ATTEMPTS and time.monotonic() < end:
        # remove parts of this size, from the end to the start
        for start in range(len(text) - size, -size, -size):
            attempts += 1
            if time.monotonic() > end:
                break
            shorter = text[: max(start, 0)] + text[max(start, 0) + size :]
            shorter_message = fault_in_text(fault, shorter)
            if shorter_message:
                text, message, size = shorter, shorter_message, min(size, len(shorter))
                break

        # no part of this size can be removed
        else:
            size //= 2
    return message


def fault_in_text(fault: Fault, text: str) -> str | None:
    """Return the fault of a text, also where an exception of the generator shows it; None if there is no fault."""
    try:
        return fault(text)
    except ContractError as error:
        return f"{text[-SHOWN_CHARACTERS:]!r}: {error}"
    except Exception as error:  # of the generator: named with the innermost line that is not genbench's
        files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        own = [file for file in files if not Path(file).is_relative_to(PACKAGE)]
        return f"{text[-SHOWN_CHARACTERS:]!r}: {format_error(error, own[-1] if own else None)}"


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
    if place >= SHOWN_CHARACTERS:  # not all that precedes it is shown
        token += f", number {place + 1:,} of {len(ids):,}"
    return f"{token}: {expected[place]:.7g} nats expected, {actual[place]:.7g} got"


def first_change(what: str, before: LogProbs, after: LogProbs) -> str | None:
    """Describe the first token whose log-probability changed at all; None if there is none."""
    changed = np.flatnonzero(before != after)
    if not len(changed):
        return None
    index = int(changed[0])
    return f"{what}: token {index} has {before[index]:.7g} nats, then {after[index]:.7g}"


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
