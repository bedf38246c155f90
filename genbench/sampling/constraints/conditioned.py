"""Texts of a chain given constraints: each is sampled with its probability among the texts that meet them.

Texts of a generator of words have only words of its vocabulary: that no word is spelled is part of the condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from genbench import capabilities
from genbench.errors import UserError
from genbench.generator import Generator, ProgressCallback, ignore
from genbench.sampling.constraints.automaton import Automaton, build_table
from genbench.sampling.constraints.guided import effective_samples_note, sample_guided
from genbench.sampling.constraints.lengths import Words
from genbench.sampling.constraints.options import Constraints
from genbench.sampling.constraints.phrases import Beginning, NoSpaceFirst
from genbench.sampling.constraints.pronunciation import meter_table, parse_meter
from genbench.sampling.constraints.tokens import TokenAutomaton, lift
from genbench.sampling.parameters import Sampling
from genbench.sampling.step import DecodingState
from genbench.tokenization.tokenizer import Decoder, Ids

OTHERS = ("top_k", "top_p", "min_p", "max_overlap", "stop")  # parameters that a condition cannot be combined with


@dataclass(frozen=True)
class Request:
    """What is generated: the state after a prompt, and the automaton over the tokens that follow."""

    state: DecodingState
    automaton: TokenAutomaton
    ids: Ids  # the tokens that have been read, (tokens,)


def sample_conditioned(
    generator: Generator,
    prompt: str,
    sampling: Sampling,
    rngs: Sequence[np.random.Generator],
    progress: ProgressCallback = ignore,
    before: str = "",
    report: Callable[[str], None] = ignore,
) -> list[str]:
    """Return a text for each random generator, without the prompt, that meets the constraints of `sampling`.

    A text without a prompt is sampled after the text `before`, such as a paragraph break. A chain is conditioned
    exactly; any other generator is guided by a chain (`guided.py`), and `report` receives a sentence on how well.

    `progress` receives the completed share of the preparation, which takes most of the time. Raises UserError for
    constraints that no text of the generator meets, and for sampling parameters that change the distribution.
    """
    require_plain(sampling)
    progress(0.0)
    request = prepare(generator, prompt, sampling, rngs[0], before)
    rest = len(request.state.prompt_rest)
    if request.automaton.final[0]:  # such as a prompt that matches the whole expression
        return [""] * len(rngs)
    conditioned = None
    if capabilities.supports(type(generator), capabilities.Conditioning):
        conditioned = generator.condition(  # type: ignore[attr-defined]
            request.state.state, request.automaton, request.state.temperature, progress
        )
    if conditioned is None:
        guided = sample_guided(generator, request.ids, request.state, request.automaton, rngs, progress)
        report(effective_samples_note([text.effective_samples for text in guided]))
        return [text.text[rest:] for text in guided]
    if not conditioned.probability > 0:
        raise UserError(
            "the probability of a text that meets the constraints is too small for floating-point numbers; ask for less"
        )
    return [_decode(request.state, *conditioned.sample(rng)) for rng in rngs]


def require_plain(sampling: Sampling) -> None:
    """Raise UserError for parameters other than the temperature: texts are from the distribution at a temperature."""
    changed = [name.replace("_", "-") for name in OTHERS if getattr(sampling, name)]
    changed += ["repetition-penalty"] if sampling.repetition_penalty != 1 else []
    if changed:
        raise UserError(
            f"{' and '.join(changed)} cannot be combined with constraints, which are on the distribution at a "
            "temperature; leave out one or the other"
        )
    if sampling.temperature == 0:
        raise UserError("constraints need a temperature above 0; temperature=0.1 is close to the most probable text")
    if sampling.spelling:
        raise UserError("with constraints, texts have only words of the vocabulary; leave out --spelling")


def prepare(
    generator: Generator, prompt: str, sampling: Sampling, rng: np.random.Generator, before: str = ""
) -> Request:
    """Return the state after a prompt, and the automaton. Raises UserError if no text meets the constraints."""
    state, constraints = DecodingState.after_prompt(generator, prompt, sampling, rng), sampling.constraints
    ids = generator.tokenizer.split_prompt(prompt)[0] if prompt else generator.tokenizer.encode(before)
    for token in [] if prompt else ids.tolist():
        state.accept(token, [generator.advance(state.state, token)], 0)
    named = dict(constraints.named_automata(_known_words(generator)))
    automaton = _build(state, prompt, list(named.values()), constraints.meter)
    if automaton is None:
        raise UserError(_explain(state, prompt, constraints, named))
    return Request(state, automaton, ids)


def _known_words(generator: Generator) -> Sequence[str] | None:
    tokenizer = generator.tokenizer
    return tokenizer.known_words if tokenizer.kind == "words" else None


def _build(
    state: DecodingState, prompt: str, automata: Sequence[Automaton], meter: str | None = None
) -> TokenAutomaton | None:
    """Return the automaton over the tokens after a prompt, with the end of the text; None if it accepts nothing."""
    tokenizer, prefix = state.generator.tokenizer, prompt[: len(prompt) - len(state.prompt_rest)]
    letters = "".join(sorted({*tokenizer.letters, *prompt}))
    beginning = Beginning(prompt) if prompt else NoSpaceFirst()
    ends = state.sampling.constraints.ends(prompt, state.sampling.length)
    table = build_table([*automata, *ends, beginning], letters, prefix)
    if table is None:
        return None
    words = [] if meter is None else [meter_table(parse_meter(meter), tokenizer, prefix)]
    automaton = lift(table, tokenizer, state.decoder, words)
    return None if automaton.is_empty else automaton


def _explain(state: DecodingState, prompt: str, constraints: Constraints, named: Mapping[str, Automaton]) -> str:
    """Return why no text meets the constraints: the one that none meets, or that none meets all of them."""
    of_words, meter = state.generator.tokenizer.kind == "words", constraints.meter
    reason = "a word is not in its vocabulary" if of_words else "a letter is not in its alphabet"
    reason = f"for instance because {reason}{'; -g markov-char writes letters' if of_words else ''}"
    start = DecodingState.after_prompt(state.generator, "", state.sampling, state.rng)

    # the end of the text
    if _build(start, "", []) is None:
        if constraints.infill is not None:
            return f"no text of this model goes on to the text {constraints.infill!r} of --infill, {reason}"
        return "no text of this model ends as asked: it writes no mark that ends a sentence; give a length instead"
    if meter is not None and _build(start, "", [], meter) is None:
        return f"no text of this model has the metre {meter} and ends as asked; give another metre"

    # each alone, without and with the prompt
    for description, automaton in named.items():
        if _build(start, "", [automaton]) is None:
            if isinstance(automaton, Words):
                return f"no text of this model {description} and ends as asked; ask for more words, or fewer sentences"
            return f"no text of this model {description} and ends as asked, {reason}"
    blank = " or end it with a blank if its last word is complete" if of_words and not prompt[-1:].isspace() else ""
    for description, automaton in named.items():
        if _build(state, prompt, [automaton]) is None:
            return f"no text that begins with the prompt {prompt!r} {description}; give another prompt{blank}"
    described = " and ".join(constraints.descriptions())
    after = f", after the prompt {prompt!r}" if prompt else ""
    return f"no text of this model {described}{after}: each alone is possible, but not together; ask for less"


def _decode(state: DecodingState, ids: Sequence[int], keep_last: bool) -> str:
    """Return the text of tokens after a prompt, without the rest of the prompt with which they begin."""
    decoder: Decoder = state.decoder.copy()
    tokens = list(map(int, ids))
    text = "".join(decoder.feed(token) for token in (tokens if keep_last else tokens[:-1]))
    return text[len(state.prompt_rest) :]
