"""Checks of the optional capabilities (`genbench.capabilities`) against the six methods.

A generator without a capability passes its check. The first paragraph of each docstring states the requirement, the
rest how to meet it; users see both if the check fails.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from genbench import capabilities, scoring
from genbench.charlevel import CharacterView
from genbench.generator import Generator, LogProbs, State
from genbench.sampling.parameters import Sampling
from genbench.sampling.step import sample_tokens
from genbench.scoring import STEP_TOLERANCE
from genbench.testing.contract_checks import ANY_TEXTS, UNSEEN
from genbench.testing.counterexamples import (
    describe_token,
    fault_in_text,
    first_difference,
    require,
    require_none,
    require_same,
    smallest_fault,
)
from genbench.testing.subject import Subject

QUANTILES = 1_000  # evenly spaced, from 0 to 1
KNOWN_STARTS, KNOWN_STEPS = 20, 30  # states, and tokens after each
MAX_INTERVALS = 6  # that one token may have: each border of an interval changes its count by one quantile at most
TEMPERATURES = (1.0, 0.7)
SAMPLED_TOKENS = 200
ROW_GROUPS, ROW_DIFFERENCE = 7, 1e-5  # groups of tokens; between probabilities in single precision
REPETITIONS = 8  # of an unseen string
LEARNED_SHARE = 0.5  # of the bits of its first copy: a generator that needs fewer for the last has learned the string
LEARNS_BELOW = 0.9  # of the nats of a passage that is read again: the same limit as in the audit of a row
MAX_WINDOW = 100_000  # tokens; a wider window is not believed
BATCH_TOKENS = 2_000  # of the longest stream in a batch
PROBED_CHARACTERS = 60
VIEWED_CHARACTERS = 300


def batch_equals_steps(subject: Subject) -> None:
    """token_log_probs and token_log_probs_batch return the same as single steps, to 1e-4 nats per token.

    Compare both at the named token; the steps are right. Without these methods, the two cannot differ.
    """
    generator = subject.fitted
    if not isinstance(generator, capabilities.StreamScoring | capabilities.BatchScoring):
        return

    # a short text with unseen characters, then the long one
    short = subject.texts[2][:600] + "".join(ANY_TEXTS)
    for text, steps in ((short, None), (subject.long_text, subject.walk.log_probs)):
        message = fault_in_text(partial(_difference, generator, steps=steps), text)
        if message:
            raise AssertionError(smallest_fault(text, lambda part: _difference(subject.copy(), part)) or message)


def _difference(generator: Generator, text: str, steps: LogProbs | None = None) -> str | None:
    """Describe where fast methods differ from steps, whose log-probabilities may be known, (tokens,)."""
    ids, _ = scoring.encode(generator.tokenizer, text)
    expected = capabilities.step_through(generator, ids) if steps is None else steps

    # the whole text, and a batch of streams, one of them empty
    streams = [ids[:BATCH_TOKENS], ids[:0], ids[:7]]
    results = [(ids, capabilities.token_log_probs(generator, ids))]
    results += zip(streams, capabilities.token_log_probs_batch(generator, streams), strict=True)

    # each is compared with the steps through its start of the text
    differences = (
        first_difference(generator.tokenizer, stream, expected[: len(stream)], actual, scoring.STEP_TOLERANCE)
        for stream, actual in results
    )
    return next(filter(None, differences), None)


def batch_stepping_equals_steps(subject: Subject) -> None:
    """advance_batch and log_probs_batch return the same as advance and log_probs, to 1e-4 nats per token.

    Compute each state independently of the others in the batch; log_probs_batch(states, stop) returns the first `stop`
    columns, and an empty batch gives no rows.
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

            # report the state with the largest difference
            worst = int(np.abs(actual - columns).max(axis=1).argmax())
            difference = float(np.abs(actual[worst] - columns[worst]).max())
            place = describe_token(generator.tokenizer, np.array(tokens), worst)
            message = f"{place}, then log_probs_batch differs from log_probs by {difference:.3g} nats"
            require(difference <= scoring.STEP_TOLERANCE, message)

    # an empty batch
    rows = len(capabilities.log_probs_batch(generator, capabilities.advance_batch(generator, [], [])))
    require(rows == 0, f"log_probs_batch gives {rows} rows for no states")


def quantiles_follow_log_probs(subject: Subject) -> None:
    """quantile_tokens gives each token a share of quantiles equal to its probability by log_probs.

    Divide 0 to 1 into intervals of width exp(log_probs / temperature), normalized; return -1 for an unsupported state.
    """
    generator = subject.fitted
    if not isinstance(generator, capabilities.QuantileSampling):
        return

    # evenly spaced quantiles, so that counts of tokens are probabilities
    uniforms = (np.arange(QUANTILES) + 0.5) / QUANTILES
    for state, _ in subject.states():
        for temperature in TEMPERATURES:
            tokens = generator.quantile_tokens([state] * QUANTILES, uniforms, temperature)
            if (tokens < 0).all():
                continue

            # the token with the largest difference
            weights = np.exp(generator.log_probs(state) / temperature)
            shares = np.bincount(tokens[tokens >= 0], minlength=len(weights)) / QUANTILES
            difference = np.abs(shares - weights / weights.sum())
            worst = int(difference.argmax())
            message = f"token {worst} has {shares[worst]:.3f} of the quantiles at temperature {temperature}"
            require(
                difference[worst] <= MAX_INTERVALS / QUANTILES,
                f"{message}; {weights[worst] / weights.sum():.3f} expected",
            )


def sampled_streams_equal_steps(subject: Subject) -> None:
    """sample_stream returns the tokens that single steps give with the same random numbers, and the states after them.

    Call rng.random() once for each token; without quantile_tokens, the tokens from `first_token` on form intervals in
    the order of their ids.
    """
    generator = subject.fitted
    if not isinstance(generator, capabilities.StreamSampling):
        return

    first = int(generator.tokenizer.sampling_mask().argmax())
    for temperature in TEMPERATURES:
        state, after = [state for state, _ in subject.states()][-1], np.random.default_rng(0)
        rngs, counts = [np.random.default_rng(seed) for seed in (1, 0)], [3, SAMPLED_TOKENS]
        _, (ids, states) = capabilities.sample_streams(generator, [state] * 2, rngs, counts, temperature, first)
        alone, _ = generator.sample_stream(state, np.random.default_rng(0), SAMPLED_TOKENS, temperature, first)
        require(np.array_equal(alone, ids), "the tokens of a text depend on those that are sampled beside it")
        require(len(ids) in (0, SAMPLED_TOKENS), f"{SAMPLED_TOKENS} tokens were asked for, {len(ids)} returned")
        require(len(states) == len(ids), f"{len(ids)} tokens were returned, and {len(states)} states")
        for place, token in enumerate(ids.tolist()):  # step by step, with the same random numbers
            expected = _sample_step(generator, state, after, temperature, first)
            require(token == expected, f"token {place} at temperature {temperature} is {token}; {expected} expected")
            state = generator.advance(state, token)
            difference = np.abs(generator.log_probs(states[place]) - generator.log_probs(state)).max()
            require(
                difference < STEP_TOLERANCE,
                f"the state after token {place} differs by {difference:.3g} nats from steps",
            )


def _sample_step(
    generator: Generator, state: State, rng: np.random.Generator, temperature: float, first_token: int
) -> int:
    """Return the token of one random number: by quantile, if the generator supports it here, or in order of the ids."""
    if isinstance(generator, capabilities.QuantileSampling):
        state_of_rng = rng.bit_generator.state
        token = int(generator.quantile_tokens([state], np.array([rng.random()]), temperature)[0])
        if token >= 0:
            return token
        rng.bit_generator.state = state_of_rng
    log_probs = np.array(generator.log_probs(state))[None, first_token:]
    return first_token + sample_tokens(log_probs, [Sampling(temperature=temperature)], [rng])[0]


def character_view_sums_words(subject: Subject) -> None:
    """character_view predicts the next character as charlevel.CharacterView does, by steps and over a whole text.

    Its score_stream has log-probability, context length and peak of every byte and letter; its steps agree with them.
    """
    generator = subject.fitted
    own = generator.character_view() if isinstance(generator, capabilities.CharacterReading) else None
    if own is None:
        return

    # a whole text
    general = CharacterView(generator)
    ids = general.tokenizer.encode(subject.texts[2][:VIEWED_CHARACTERS] + UNSEEN + subject.texts[2][:VIEWED_CHARACTERS])
    actual, expected = own.score_stream(ids), general.score_stream(ids)
    for name, values, right in zip(actual._fields, actual, expected, strict=True):
        difference = np.abs(values - right)
        place = int(difference.argmax())
        message = f"{name} before character {place}: {right[place]:.7g} expected, {values[place]:.7g} got"
        require(difference[place] < STEP_TOLERANCE, message)

    # steps
    state = own.start()
    for place, token in enumerate(ids[:VIEWED_CHARACTERS].tolist()):
        log_probs, length = own.log_probs(state), own.context_length(state)
        message = f"before character {place}, log_probs or context_length of the view differ from its score_stream"
        require(abs(log_probs[token] - expected.log_probs[place]) < STEP_TOLERANCE, message)
        require(abs(log_probs.max() - expected.peaks[place]) < STEP_TOLERANCE, message)
        require(length == expected.context_lengths[place], message)
        state = own.advance(state, token)


def rows_agree_with_log_probs(subject: Subject) -> None:
    """group_log_probs and selected_log_probs sum and select what log_probs gives after the same tokens.

    read_rows starts where nothing was read, start() after a newline. Return natural logarithms, (states, groups).
    """
    generator = subject.fitted
    if not isinstance(generator, capabilities.StateRows) or capabilities.is_adaptive(generator):
        return

    # the rows after the newline that start() has read, and the states of the six methods
    states, ids = zip(*subject.states(), strict=True)
    newline = generator.tokenizer.encode("\n")
    rows = generator.read_rows(np.concatenate([newline, ids]))[len(newline) : -1]
    expected = np.exp([generator.log_probs(state) for state in states])

    # random groups, and every third token
    size = generator.tokenizer.size
    groups = np.random.default_rng(0).permutation(size) % min(ROW_GROUPS, size)
    sums = np.stack([np.bincount(groups, row) for row in expected])
    tokens = np.arange(0, size, 3)
    for name, found, right in (
        ("group_log_probs", generator.group_log_probs(rows, groups), sums),
        ("selected_log_probs", generator.selected_log_probs(rows, tokens), expected[:, tokens]),
    ):
        require(found.shape == right.shape, f"{name} returns the shape {found.shape}; {right.shape} expected")
        difference = float(np.abs(np.exp(found) - right).max())
        require(difference < ROW_DIFFERENCE, f"probabilities of {name} are {difference:.3g} from those by log_probs")


def known_tokens_lead_on(subject: Subject) -> None:
    """known_tokens marks at least one token with a probability, at every state that such tokens lead to.

    Return booleans, one for each token; where no known word continues the text so far, mark what ends the word.
    """
    generator = subject.fitted
    if not isinstance(generator, capabilities.KnownWords):
        return

    # the states of a text, and those after known tokens only
    states = [state for state, _ in subject.states()]
    for state in states[:KNOWN_STARTS]:
        for step in range(KNOWN_STEPS):
            known = generator.known_tokens(state)
            require(
                known.shape == (generator.tokenizer.size,) and known.dtype == bool, "known_tokens is no mask of tokens"
            )
            require(bool(known.any()), f"known_tokens marks no token, {step} tokens after a text")
            token = int(np.where(known, generator.log_probs(state), -np.inf).argmax())
            state = generator.advance(state, token)


def backoff_levels_agree_with_log_probs(subject: Subject) -> None:
    """The probabilities of the longest back-off level are those of log_probs; the context lengths increase.

    Include the share of shorter contexts in each level's probabilities; return a level for each context length, from 0.
    The levels of an adaptive generator describe its training text only, and are compared before it reads anything.
    """
    generator = subject.fitted
    states = [state for state, _ in subject.states()]
    for state in states[:1] if capabilities.is_adaptive(generator) else states:
        levels = capabilities.backoff_levels(generator, state)
        if not levels:
            continue

        # lengths and leftovers
        lengths = [level.length for level in levels]
        require(lengths == sorted(set(lengths)), f"the context lengths are {lengths}; each once expected, rising")
        for level in levels:
            in_range = 0 <= level.leftover <= 1 + 1e-9
            require(in_range, f"the level of length {level.length} leaves {level.leftover:.6g}; 0 to 1 expected")

        # the longest context decides the prediction
        longest = levels[-1]
        expected = np.exp(generator.log_probs(state)[longest.tokens])
        difference = np.abs(np.asarray(longest.probabilities) - expected)
        if len(difference) and difference.max() > 1e-6:
            worst = int(difference.argmax())
            probabilities = f"{longest.probabilities[worst]:.7g} by backoff_levels, {expected[worst]:.7g} by log_probs"
            raise AssertionError(f"token {int(longest.tokens[worst])} has {probabilities}")


def context_lengths_equal_steps(subject: Subject) -> None:
    """context_lengths returns for each token the context_length of the state before it.

    Step through the states and compare at the named token; context_length(state) is right.
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

        # step by step
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

    Let probe().layers(ids) read `ids` from start() and return arrays of shape (tokens, units), a row after each token.
    """
    probe = capabilities.probe(subject.fitted)
    if probe is None:
        return

    # the beginning of the test text
    ids = subject.fitted.tokenizer.encode(subject.texts[2][:PROBED_CHARACTERS])
    layers = probe.layers(ids)
    require(len(layers), "the probe has no layers")
    for number, layer in enumerate(layers, start=1):
        # shapes and finite values
        for name, values in {"memory": layer.memory, **layer.gates}.items():
            rows = np.shape(values)[0] if np.ndim(values) == 2 else np.shape(values)
            require(rows == len(ids), f"layer {number}, {name}: {len(ids)} rows expected, {rows} got")
            require(np.isfinite(values).all(), f"layer {number}, {name}: a value is not finite")

        # gates are between 0 and 1
        for name, gate in layer.gates.items():
            low, high = float(np.min(gate)), float(np.max(gate))
            require(low >= 0 and high <= 1, f"layer {number}, gate {name}: values from {low:.4g} to {high:.4g}")


def counting_reads_the_text_alone(subject: Subject) -> None:
    """A generator that learns by counting gives the same predictions with another seed and with one step or second.

    Let fit depend on its two texts alone, or let `learns_by_counting` be false: merged models are counted again.
    """
    if not capabilities.learns_by_counting(subject.fitted):
        return
    context = replace(subject.context, seed=subject.context.seed + 1, steps=1, budget=1.0)
    other = replace(subject, context=context).fit(*subject.texts[:2])
    require_same(subject.fitted, other, subject.texts[2], "two fits with other seeds and limits")


def adaptation_is_declared(subject: Subject) -> None:
    """A generator that learns from the text it reads declares it: its property `adapts` is true.

    Define `adapts` (it may depend on the options), or let log_probs depend only on training and the recent context;
    store what is read in the state, never in the generator.
    """
    generator = subject.fitted
    ids = generator.tokenizer.encode(UNSEEN * REPETITIONS)

    # scoring must not change the generator
    first = capabilities.token_log_probs(generator, ids)
    second = capabilities.token_log_probs(generator, ids)
    difference = first_difference(generator.tokenizer, ids, first, second)
    require(difference is None, f"a text scored twice: {difference}")
    if capabilities.is_adaptive(generator):
        return

    # a repeated string must not become likely
    copies = [float(-part.sum()) for part in np.array_split(first, REPETITIONS)]
    bits = f"{copies[1]:.0f} nats the second time and {copies[-1]:.0f} the last"
    message = f"{UNSEEN!r}, repeated {REPETITIONS} times, takes {copies[0]:.0f} nats the first time, {bits}"
    require(copies[-1] >= LEARNED_SHARE * copies[0], f"{message}, and `adapts` is not true")

    # nor does a passage, beyond the tokens that a prediction is declared to depend on
    passage = generator.tokenizer.encode(subject.texts[2])
    window = capabilities.context_window(generator)
    between = np.resize(subject.walk.ids, window if window is not None and 0 < window <= MAX_WINDOW else 0)
    nats = -capabilities.token_log_probs(generator, np.concatenate([passage, between, passage]))
    once, again = float(nats[: len(passage)].sum()), float(nats[len(nats) - len(passage) :].sum())
    message = f"a passage of {len(passage):,} tokens takes {once:.0f} nats, and {again:.0f} when it is read again"
    require(again >= LEARNS_BELOW * once, f"{message}, and `adapts` is not true")
