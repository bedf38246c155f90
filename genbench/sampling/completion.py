"""Completion of a prompt that ends inside a token: the tokens sampled have to agree with the rest of the prompt.

After "I went to the mar", the last word may go on as "market". The word is held back as the rest " mar", and the next
tokens must spell a text that starts with it: " market", " married", or the letters of an unknown word.

A token that covers only a part of the rest counts as much as the tokens after it are likely to agree with the
remainder. Otherwise a prompt that ends in a known word would often be taken for the start of an unknown word that has
to be spelled: its first letter is a likely token, its whole spelling is not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genbench.generator import Generator, LogProbs, State
from genbench.tokenization.segmentation import implied_separator, is_one_piece
from genbench.tokenization.tokenizer import BYTES, Decoder

Mask = npt.NDArray[np.bool_]


def completion_log_probs(generator: Generator, state: State, decoder: Decoder, rest: str, allowed: Mask) -> LogProbs:
    """Return the log-probability of each token followed by the remainder of `rest`, (vocabulary,).

    It is -inf for a token that disagrees with `rest` or is not `allowed`, (vocabulary,).
    """
    log_probs = generator.log_probs(state)
    scores = np.full(len(log_probs), -np.inf)
    for token, text in enumerate(decoder.surfaces(), start=BYTES):
        if not allowed[token]:
            continue

        # the token covers the whole rest
        if text.startswith(rest):
            scores[token] = log_probs[token]

        # the token covers a part of it: add the probability that what follows agrees with the remainder
        elif rest.startswith(text) and _is_canonical(decoder, token, text, rest):
            after = decoder.copy()
            after.feed(token)
            following = completion_log_probs(
                generator, generator.advance(state, token), after, rest[len(text) :], allowed
            )
            scores[token] = log_probs[token] + np.logaddexp.reduce(following)
    return scores


def _is_canonical(decoder: Decoder, token: int, text: str, rest: str) -> bool:
    """Return whether the canonical encoding can have this token here, if the text goes on with the rest."""
    tokenizer = decoder.tokenizer
    if token == tokenizer.end_id:
        return decoder.spelling and not is_one_piece(decoder.last, rest[0])
    if token == tokenizer.none_id:
        return not decoder.spelling and implied_separator(decoder.last, rest[0]) != ""
    if token < tokenizer.end_id:
        return not decoder.spelling or is_one_piece(decoder.last, text)
    return not decoder.spelling and not is_one_piece(text[-1], rest[len(text)])
