"""Check of the capability `Conditioning`: the probability of one sequence of tokens, and its sample."""

from __future__ import annotations

import math

import numpy as np

from genbench import capabilities, scoring
from genbench.generator import Generator, State
from genbench.sampling.canonical import canonical_rules
from genbench.sampling.constraints.automaton import DEAD
from genbench.sampling.constraints.tokens import Mask, TokenAutomaton
from genbench.testing.counterexamples import require
from genbench.testing.subject import Subject
from genbench.tokenization.tokenizer import Decoder

TOKENS = 4  # of the sequence
SEARCHED_CHARACTERS = 2_000  # of validation text, for a sequence of known words
TEMPERATURES = (1.0, 0.7)


def conditioned_sequence_has_its_probability(subject: Subject) -> None:
    """condition gives a sequence of tokens the probability that samples have, and sample returns it.

    Divide exp(log_probs / temperature) by its sum over the tokens of the automaton's mask; return None for an
    unsupported state.
    """
    generator = subject.fitted
    if not capabilities.supports(type(generator), capabilities.Conditioning):
        return
    state, decoder, tokens = _find_sequence(generator, subject.texts[1][:SEARCHED_CHARACTERS])
    if not tokens:
        return

    automaton = _accept_only(tokens, _masks(generator, decoder, tokens))
    for temperature in TEMPERATURES:
        conditioned = generator.condition(state, automaton, temperature)  # type: ignore[attr-defined]
        if conditioned is None:
            continue

        # the probability of the sequence, token by token
        expected, following = 0.0, state
        for token, mask in zip(tokens, automaton.masks, strict=False):
            log_probs = np.where(mask, generator.log_probs(following), -np.inf) / temperature
            expected += float(log_probs[token] - np.logaddexp.reduce(log_probs))
            following = generator.advance(following, token)
        found = conditioned.probability
        message = f"tokens {tokens} at temperature {temperature} have the probability {found:.7g}"
        right = found > 0 and abs(math.log(found) - expected) <= TOKENS * scoring.STEP_TOLERANCE
        require(right, f"{message}; {math.exp(expected):.7g} expected")

        # the only text
        ids, keeps_last = conditioned.sample(np.random.default_rng(0))
        require(list(map(int, ids)) == tokens, f"sample returns the tokens {list(map(int, ids))}; {tokens} expected")
        require(bool(keeps_last), "sample says that the last token is no part of the text, and it is")


def _find_sequence(generator: Generator, text: str) -> tuple[State, Decoder, list[int]]:
    """Return the first tokens of a text that spell no word, and state and decoder before; no tokens if there are none.

    Words are the tokens from `none_id` on, other tokens those that are no fallback bytes.
    """
    tokenizer = generator.tokenizer
    first = tokenizer.none_id if tokenizer.kind == "words" else int(tokenizer.sampling_mask().argmax())
    ids = tokenizer.encode(text).tolist()
    state, decoder = generator.start(), Decoder(tokenizer)
    for place, token in enumerate(ids[: len(ids) - TOKENS]):
        if place and min(ids[place : place + TOKENS]) >= first:
            return state, decoder, ids[place : place + TOKENS]
        state = generator.advance(state, token)
        decoder.feed(token)
    return state, decoder, []


def _masks(generator: Generator, decoder: Decoder, tokens: list[int]) -> list[Mask]:
    """Return which tokens a sample may have at each token and after the last, (vocabulary,) each."""
    rules, sampled, before = canonical_rules(generator.tokenizer), generator.tokenizer.sampling_mask(), decoder.copy()
    masks = [sampled if rules is None else rules.allowed(before) & sampled]
    for token in tokens:
        before.feed(token)
        masks.append(sampled if rules is None else rules.allowed(before) & sampled)
    return masks


def _accept_only(tokens: list[int], masks: list[Mask]) -> TokenAutomaton:
    """Return the automaton that accepts one sequence, with a state for each token and one after the last."""
    states = len(tokens) + 1
    distinct = sorted(set(tokens))
    groups = np.zeros(len(masks[0]), np.int32)  # all other tokens
    groups[distinct] = np.arange(1, len(distinct) + 1)
    steps = np.full((states, len(distinct) + 1), DEAD, np.int32)
    steps[np.arange(len(tokens)), groups[tokens]] = np.arange(1, states)
    return TokenAutomaton(steps, groups, np.arange(states) == len(tokens), np.arange(states), np.array(masks))
