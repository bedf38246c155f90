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
from genbench.sampling.constraints.guided import effective_samples_note, no_probability, sample_guided
from genbench.sampling.constraints.lengths import Words
from genbench.sampling.constraints.options import Constraints
from genbench.sampling.constraints.phrases import Beginning, NoSpaceFirst, Phrase, Until
from genbench.sampling.constraints.pronunciation import meter_table, parse_meter
from genbench.sampling.constraints.tokens import TokenAutomaton, lift
from genbench.sampling.parameters import Sampling
from genbench.sampling.step import DecodingState
from genbench.tokenization.segmentation import split_pieces
from genbench.tokenization.tokenizer import Decoder, Ids, Tokenizer


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
    constraints that no text of the generator meets.
    """
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
        raise UserError(no_probability(request.state.temperature))
    return [_decode(request.state, *conditioned.sample(rng)) for rng in rngs]


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
    """Return why no text meets the constraints: the one that none meets, or those that none meets together."""
    tokenizer, meter = state.generator.tokenizer, constraints.meter
    start = DecodingState.after_prompt(state.generator, "", state.sampling, state.rng)

    # the end of the text
    if _build(start, "", []) is None:
        return _no_end(state.sampling, tokenizer)
    if meter is not None and _build(start, "", [], meter) is None:
        return f"no text of this model has the metre {meter} and ends as asked; give another metre"

    # each alone, without and with the prompt
    for description, automaton in named.items():
        if _build(start, "", [automaton]) is None:
            return f"no text of this model {description} and ends as asked{_reason(automaton, tokenizer)}"
    at_word = tokenizer.kind == "words" and not prompt[-1:].isspace()
    blank = " or end it with a blank if its last word is complete" if at_word else ""
    for description, automaton in named.items():
        if _build(state, prompt, [automaton]) is None:
            return f"no text that begins with the prompt {prompt!r} {description}; give another prompt{blank}"

    # the fewest that no text meets together
    metres = [] if meter is None else [f"has the metre {meter}"]
    together = [*named, *metres]
    for left_out in list(together):
        rest = [description for description in together if description != left_out]
        automata = [named[description] for description in rest if description in named]
        if _build(state, prompt, automata, meter if set(metres) & set(rest) else None) is None:
            together = rest
    after = f", after the prompt {prompt!r}" if prompt else ""
    return (
        f"no text of this model {' and '.join(together)}{after}: each alone is possible, but not together; ask for less"
    )


def _no_end(sampling: Sampling, tokenizer: Tokenizer) -> str:
    """Return why no text of a model ends as asked, without any other constraint."""
    if (infill := sampling.constraints.infill) is not None:
        return f"no text of this model goes on to the text {infill!r} of --infill{_reason(Until(infill), tokenizer)}"
    if sampling.length is not None:
        return f"no text of this model has {sampling.length:,} characters: it needs letters; -g markov-char writes them"
    return "no text of this model ends as asked: it writes no mark that ends a sentence; give a length instead"


def _reason(automaton: Automaton, tokenizer: Tokenizer) -> str:
    """Return why a model writes no text that a constraint accepts, as the end of a sentence."""
    if isinstance(automaton, Words):
        return "; ask for more words, or fewer sentences"
    if not isinstance(automaton, Phrase):
        return "; ask for less, or for another length"

    # characters, and words, that it does not have
    if missing := automaton.missing(tokenizer.letters):
        characters = "the character" if len(missing) == 1 else "the characters"
        occur = "does not occur" if len(missing) == 1 else "do not occur"
        return f": {characters} {' '.join(map(repr, missing))} {occur} in its training text; leave out what has them"
    if tokenizer.kind == "words":
        known = {form for word in tokenizer.known_words for form in (word, word[:1].lower() + word[1:])}
        if unknown := [piece for piece in split_pieces(automaton.text) if piece not in known and not piece.isspace()]:
            words = "is not in its vocabulary" if len(unknown) == 1 else "are not in its vocabulary"
            return f": {' and '.join(map(repr, unknown))} {words}; -g markov-char writes letters"
    return "; it is matched as whole words: ask for another text or length, or use --match"


def _decode(state: DecodingState, ids: Sequence[int], keep_last: bool) -> str:
    """Return the text of tokens after a prompt, without the rest of the prompt with which they begin."""
    decoder: Decoder = state.decoder.copy()
    tokens = list(map(int, ids))
    text = "".join(decoder.feed(token) for token in (tokens if keep_last else tokens[:-1]))
    return text[len(state.prompt_rest) :]
