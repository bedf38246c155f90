"""Completion of a prompt that ends inside a token: the first sampled tokens must agree with the end of the prompt.

After "I went to the mar", the last word may become "market". The rest " mar" is not encoded; instead, the next tokens
must form a text that starts with it: " market", " married", or the letters of an unknown word.

A token that covers only a part of the rest is weighted by the probability that the tokens after it agree with the
remainder. Otherwise a prompt that ends in a known word would often be continued as an unknown word that is spelled: its
first letter is a likely token, but its whole spelling is not.
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

        # the token covers a part of it: weight it by the probability that the next tokens agree with the remainder
        elif rest.startswith(text) and _is_canonical(decoder, token, text, rest):
            after = decoder.copy()
            after.feed(token)
            following = completion_log_probs(
                generator, generator.advance(state, token), after, rest[len(text) :], allowed
            )
            scores[token] = log_probs[token] + np.logaddexp.reduce(following)
    return scores


def _is_canonical(decoder: Decoder, token: int, text: str, rest: str) -> bool:
    """Return whether the canonical encoding can have this token here, if the text continues with the rest."""
    tokenizer = decoder.tokenizer

    # END and NONE add no text: the next character decides
    if token == tokenizer.end_id:
        return decoder.spelling and not is_one_piece(decoder.last, rest[0])
    if token == tokenizer.none_id:
        return not decoder.spelling and implied_separator(decoder.last, rest[0]) != ""

    # a letter continues a spelling; a known word must be a whole piece
    if token < tokenizer.end_id:
        return not decoder.spelling or is_one_piece(decoder.last, text)
    return not decoder.spelling and not is_one_piece(text[-1], rest[len(text)])
