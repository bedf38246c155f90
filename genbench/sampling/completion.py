"""Completing a prompt that ends inside a piece: the tokens drawn must agree with its rest.

A token that agrees with only a part of the rest counts as much as what follows is likely to agree with the remainder:
else a prompt that ends in a known word would often be taken for the beginning of an unknown one that has to be spelled.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genbench.generator import Generator, LogProbs, State
from genbench.tokenization.segmentation import gap, one_piece
from genbench.tokenization.tokenizer import BYTES, Decoder

Mask = npt.NDArray[np.bool_]


def weighed(generator: Generator, state: State, decoder: Decoder, rest: str, allowed: Mask) -> LogProbs:
    """Log-probability of each token and of going on with `rest`, (vocabulary,); -inf for a token that disagrees."""
    log_probs = generator.log_probs(state)
    scores = np.full(len(log_probs), -np.inf)
    for token, text in enumerate(decoder.surfaces(), start=BYTES):
        if not allowed[token]:
            continue
        if text.startswith(rest):
            scores[token] = log_probs[token]
        elif rest.startswith(text) and _canonical(decoder, token, text, rest):
            after = decoder.copy()
            after.feed(token)
            later = weighed(generator, generator.advance(state, token), after, rest[len(text) :], allowed)
            scores[token] = log_probs[token] + np.logaddexp.reduce(later)
    return scores


def _canonical(decoder: Decoder, token: int, text: str, rest: str) -> bool:
    """Whether the canonical encoding of a text can have this token here, if the text goes on with the rest."""
    tokenizer = decoder.tokenizer
    if token == tokenizer.end:
        return decoder.spelling and not one_piece(decoder.last, rest[0])
    if token == tokenizer.none:
        return not decoder.spelling and gap(decoder.last, rest[0]) != ""
    if token < tokenizer.end:
        return not decoder.spelling or one_piece(decoder.last, text)
    return not decoder.spelling and not one_piece(text[-1], rest[len(text)])
