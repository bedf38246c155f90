"""What is wrong, told by the smallest example: which context, which token, expected and got."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from genbench.capabilities import token_log_probs
from genbench.errors import ContractError
from genbench.generator import Generator, LogProbs
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

Fault = Callable[[str], str | None]  # what is wrong with a text; None where nothing is
TRIES = 200  # to make an example smaller
SHOWN = 40  # characters of a context


def require(holds: object, otherwise: str) -> None:
    """Raise AssertionError where something does not hold; Python's own `assert` can be switched off."""
    if not holds:
        raise AssertionError(otherwise)


def refuse(texts: Iterable[str], fault: Fault) -> None:
    """Raise AssertionError with the smallest example found among texts and what is left of them."""
    for text in texts:
        wrong = smallest(text, fault)
        require(wrong is None, wrong or "")


def smallest(text: str, fault: Fault) -> str | None:
    """What is wrong with a text as short as could be found: parts are left out while something stays wrong.

    >>> smallest("there is a bug in here", lambda text: f"{text!r} has a b" if "b" in text else None)
    "'b' has a b"
    """
    wrong, tries, size = _said(fault, text), 0, len(text) // 2 or 1
    while wrong and size and text and tries < TRIES:
        for start in range(len(text) - size, -size, -size):
            tries += 1
            shorter = text[: max(start, 0)] + text[max(start, 0) + size :]
            less = _said(fault, shorter)
            if less:
                text, wrong, size = shorter, less, min(size, len(shorter))
                break
        else:
            size //= 2
    return wrong


def _said(fault: Fault, text: str) -> str | None:
    try:
        return fault(text)
    except ContractError as error:
        return f"{text[-SHOWN:]!r}: {error}"


def place(tokenizer: Tokenizer, ids: Ids, at: int) -> str:
    """A token of a stream, and what stands before it.

    >>> place(Tokenizer.characters("cab"), np.array([258, 256, 257]), 2)
    "after 'ca', token 257 ('b')"
    """
    token = int(ids[at])
    text = f"byte {token}" if token < BYTES else repr(tokenizer.decode([token]))
    return f"after {tokenizer.decode(ids[:at])[-SHOWN:]!r}, token {token} ({text})"


def apart(tokenizer: Tokenizer, ids: Ids, expected: LogProbs, got: LogProbs, tolerance: float = 0.0) -> str | None:
    """The first token whose log-probabilities are further apart than the tolerance; None where all are close."""
    if np.shape(got) != np.shape(expected):
        return f"{len(ids)} tokens: an array of shape {np.shape(expected)} expected, {np.shape(got)} got"
    off = np.flatnonzero(~(np.abs(got - expected) <= tolerance))
    if not len(off):
        return None
    first = int(off[0])
    return f"{place(tokenizer, ids, first)}: {expected[first]:.7g} nats expected, {got[first]:.7g} got"


def differ(expected: Generator, got: Generator, text: str) -> str | None:
    """Where two generators that should be the same tell a text apart, by the last bit."""
    one, other = expected.tokenizer, got.tokenizer
    if one.dump() != other.dump():
        return f"the vocabularies differ: {one.size} tokens expected, {other.size} got"

    def fault(part: str) -> str | None:
        ids = one.encode(part)
        return apart(one, ids, token_log_probs(expected, ids), token_log_probs(got, ids))

    return smallest(text, fault)
