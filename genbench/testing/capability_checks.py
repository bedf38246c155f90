"""Checks of the optional capabilities (`genbench.capabilities`) against the six methods.

A generator without a capability passes its check. The first paragraph of each docstring says what must hold, the rest
what to do where it does not: both are shown.
"""

from __future__ import annotations

import numpy as np

from genbench import capabilities, scoring
from genbench.testing.contract_checks import ANY_TEXTS, UNSEEN
from genbench.testing.subject import Subject, describe_token, first_difference, require, require_none

QUANTILES = 1_000  # evenly spaced, from 0 to 1
MAX_INTERVALS = 6  # of one token: each interval border may cost or give a token one quantile
TEMPERATURES = (1.0, 0.7)
REPETITIONS = 8  # of an unseen string
LEARNED_SHARE = 0.5  # of its first bits: a generator that needs fewer at last has learned the string
PROBED_CHARACTERS = 60


def batch_equals_steps(subject: Subject) -> None:
    """token_log_probs and token_log_probs_batch give what stepping gives, to 1e-4 nats per token.

    Compare both at the token named; the steps are right. Without these methods, the two cannot differ.
    """
    generator = subject.fitted
    tokenizer = generator.tokenizer

    def fault(text: str) -> str | None:
        ids = tokenizer.encode(text)
        expected, streams = capabilities.step_through(generator, ids), [ids[:300], ids[:0], ids[:7]]
        results = [(ids, capabilities.token_log_probs(generator, ids))]
        results += zip(streams, capabilities.token_log_probs_batch(generator, streams), strict=True)
        for stream, actual in results:
            steps = expected[: len(stream)]
            difference = first_difference(tokenizer, stream, steps, actual, scoring.STEP_TOLERANCE)
            if difference is not None:
                return difference
        return None

    require_none([subject.texts[2][:600] + "".join(ANY_TEXTS)], fault)


def batch_stepping_equals_steps(subject: Subject) -> None:
    """advance_batch and log_probs_batch give what advance and log_probs give, to 1e-4 nats per token.

    Let both treat each state alone, whatever stands beside it; log_probs_batch(states, stop) returns the first `stop`
    columns, and no states give no rows.
    """
    generator = subject.fitted
    if not capabilities.supports(type(generator), capabilities.BatchStepping):
        return
    states, tokens = zip(*subject.states(), strict=True)

    # all states one token further, at once
    after = capabilities.advance_batch(generator, states, tokens)
    require(len(after) == len(states), f"advance_batch gives {len(after)} states for {len(states)}")
    expected = np.stack([generator.log_probs(generator.advance(s, t)) for s, t in zip(states, tokens, strict=True)])

    # as advance_batch returned them, and as a list of single states
    stop = generator.tokenizer.size // 2
    for batch in (after, list(after)):
        for columns, limit in ((expected, None), (expected[:, :stop], stop)):
            actual = np.asarray(capabilities.log_probs_batch(generator, batch, limit))
            shapes = f"shape {columns.shape} expected, {actual.shape} got"
            require(actual.shape == columns.shape, f"log_probs_batch with stop={limit}: {shapes}")
            worst = int(np.abs(actual - columns).max(axis=1).argmax())
            difference = float(np.abs(actual[worst] - columns[worst]).max())
            place = describe_token(generator.tokenizer, np.array(tokens), worst)
            message = f"{place}, then log_probs_batch differs from log_probs by {difference:.3g} nats"
            require(difference <= scoring.STEP_TOLERANCE, message)

    rows = len(capabilities.log_probs_batch(generator, capabilities.advance_batch(generator, [], [])))
    require(rows == 0, f"log_probs_batch gives {rows} rows for no states")


def quantiles_follow_log_probs(subject: Subject) -> None:
    """quantile_tokens gives each token as many quantiles as log_probs gives it probability.

    Lay the tokens side by side, each exp(log_probs / temperature) wide, normalized; return -1 where that is not known.
    """
    generator = subject.fitted
    if not isinstance(generator, capabilities.QuantileSampling):
        return
    uniforms = (np.arange(QUANTILES) + 0.5) / QUANTILES
    for state, _ in subject.states():
        for temperature in TEMPERATURES:
            tokens = generator.quantile_tokens([state] * QUANTILES, uniforms, temperature)
            if (tokens < 0).all():
                continue
            weights = np.exp(generator.log_probs(state) / temperature)
            shares = np.bincount(tokens[tokens >= 0], minlength=len(weights)) / QUANTILES
            difference = np.abs(shares - weights / weights.sum())
            worst = int(difference.argmax())
            message = f"token {worst} has {shares[worst]:.3f} of the quantiles at temperature {temperature}"
            require(
                difference[worst] <= MAX_INTERVALS / QUANTILES,
                f"{message}; {weights[worst] / weights.sum():.3f} expected",
            )


def backoff_levels_agree_with_log_probs(subject: Subject) -> None:
    """The probabilities of the longest back-off level are those of log_probs; the lengths rise.

    Let each level's probabilities include what shorter contexts give; add a level for each context length, from 0.
    Those of an adaptive generator are of its training alone, and are compared before it reads anything.
    """
    generator = subject.fitted
    states = [state for state, _ in subject.states()]
    for state in states[:1] if capabilities.is_adaptive(generator) else states:
        levels = capabilities.backoff_levels(generator, state)
        if not levels:
            continue
        lengths = [level.length for level in levels]
        require(lengths == sorted(set(lengths)), f"the context lengths are {lengths}; each once expected, rising")
        for level in levels:
            in_range = 0 <= level.leftover <= 1 + 1e-9
            require(in_range, f"the level of length {level.length} leaves {level.leftover:.6g}; 0 to 1 expected")

        longest = levels[-1]
        expected = np.exp(generator.log_probs(state)[longest.tokens])
        difference = np.abs(np.asarray(longest.probabilities) - expected)
        if len(difference) and difference.max() > 1e-6:
            worst = int(difference.argmax())
            probabilities = f"{longest.probabilities[worst]:.7g} by backoff_levels, {expected[worst]:.7g} by log_probs"
            raise AssertionError(f"token {int(longest.tokens[worst])} has {probabilities}")


def context_lengths_equal_steps(subject: Subject) -> None:
    """context_lengths gives for each token what context_length gives for the state before it.

    Walk the states and compare at the token named; context_length(state) is right.
    """
    generator = subject.fitted
    if not capabilities.supports(type(generator), capabilities.ContextLengths):
        return
    tokenizer = generator.tokenizer

    def fault(text: str) -> str | None:
        ids = tokenizer.encode(text)
        actual = np.asarray(capabilities.context_lengths(generator, ids))
        if actual.shape != ids.shape:
            return f"{len(ids)} tokens: {actual.shape} context lengths"
        state = generator.start()
        for place, token in enumerate(ids.tolist()):
            expected = capabilities.context_length(generator, state)
            if actual[place] != expected:
                return f"{describe_token(tokenizer, ids, place)}: length {expected} expected, {actual[place]} got"
            state = generator.advance(state, token)
        return None

    require_none([subject.texts[2][:300] + "".join(ANY_TEXTS)], fault)


def probe_has_a_row_per_token(subject: Subject) -> None:
    """The probe's layers have one row of finite numbers for each token, and gates from 0, closed, to 1, open.

    Let probe().layers(ids) read `ids` from start(), and return (tokens, units) arrays after each token.
    """
    probe = capabilities.probe(subject.fitted)
    if probe is None:
        return
    ids = subject.fitted.tokenizer.encode(subject.texts[2][:PROBED_CHARACTERS])
    layers = probe.layers(ids)
    require(len(layers), "the probe has no layers")
    for number, layer in enumerate(layers, start=1):
        for name, values in {"memory": layer.memory, **layer.gates}.items():
            rows = np.shape(values)[0] if np.ndim(values) == 2 else np.shape(values)
            require(rows == len(ids), f"layer {number}, {name}: {len(ids)} rows expected, {rows} got")
            require(np.isfinite(values).all(), f"layer {number}, {name}: a value is not finite")
        for name, gate in layer.gates.items():
            low, high = float(np.min(gate)), float(np.max(gate))
            require(low >= 0 and high <= 1, f"layer {number}, gate {name}: values from {low:.4g} to {high:.4g}")


def adaptation_is_declared(subject: Subject) -> None:
    """A generator that learns from the text that it reads declares it: its property `adapts` is true.

    Define `adapts` (it may depend on the options), or let log_probs depend on training and the recent context alone;
    keep what is read in the state, never in the generator.
    """
    generator = subject.fitted
    ids = generator.tokenizer.encode(UNSEEN * REPETITIONS)

    # scoring leaves the generator as it was
    first = capabilities.token_log_probs(generator, ids)
    again = capabilities.token_log_probs(generator, ids)
    difference = first_difference(generator.tokenizer, ids, first, again)
    require(difference is None, f"a text scored twice: {difference}")
    if capabilities.is_adaptive(generator):
        return

    # a string that returns again and again does not become likely
    copies = [float(-part.sum()) for part in np.array_split(first, REPETITIONS)]
    bits = f"{copies[1]:.0f} nats the second time and {copies[-1]:.0f} the last"
    message = f"{UNSEEN!r}, repeated {REPETITIONS} times, takes {copies[0]:.0f} nats the first time, {bits}"
    require(copies[-1] >= LEARNED_SHARE * copies[0], f"{message}, and `adapts` is not true")
