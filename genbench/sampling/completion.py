"""Completion of a prompt that ends inside a token: the first sampled tokens must agree with the end of the prompt.

After "I went to the mar", the last word may become "market". The rest " mar" is not encoded; instead, the next tokens
must form a text that starts with it: " market", " married", or the letters of an unknown word.

The tokens are sampled from their exact posterior: the distribution of `genbench.sampling.canonical`, given that the
text begins with the prompt. What precedes the rest has one canonical encoding. A token that covers only a part of the
rest is weighted by the probability that the tokens after it agree with the remainder. Otherwise a prompt that ends in a
known word would often be continued as an unknown word that is spelled: its first letter is a likely token, but its
whole spelling is not.
"""

from __future__ import annotations

import numpy as np

from genbench.generator import Generator, LogProbs, State
from genbench.sampling.canonical import EncodingRules
from genbench.tokenization.tokenizer import BYTES, Decoder


def completion_log_probs(
    generator: Generator, state: State, decoder: Decoder, rest: str, rules: EncodingRules
) -> LogProbs:
    """Return the log-probability of each token and that the text after it agrees with `rest`, (vocabulary,).

    It is -inf for a token that disagrees, or that a canonical encoding cannot have.
    """
    log_probs = rules.restrict(generator.log_probs(state), decoder)
    scores = np.full(len(log_probs), -np.inf)
    for token, text in enumerate(decoder.surfaces(), start=BYTES):
        if log_probs[token] == -np.inf or not (text.startswith(rest) or rest.startswith(text)):
            continue

        # the token covers the whole rest, or a part of it: then the next tokens agree with the remainder
        scores[token] = log_probs[token]
        if len(text) < len(rest):
            after, remainder = decoder.copy(), rest[len(text) :]
            after.feed(token)
            scores[token] += _agreement(generator, state, token, after, remainder, rules)
    return scores


def _agreement(
    generator: Generator, state: State, token: int, after: Decoder, remainder: str, rules: EncodingRules
) -> float:
    """Return the log-probability that the text after a token begins with the remainder of the prompt."""
    if not rules.may_write(after, remainder):
        return -np.inf
    following = completion_log_probs(generator, generator.advance(state, token), after, remainder, rules)
    return float(np.logaddexp.reduce(following))
