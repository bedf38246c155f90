"""Constraints: what a generated text must be like, validated when it is created."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, fields

from genbench.errors import UserError
from genbench.sampling.constraints.automaton import Automaton
from genbench.sampling.constraints.expressions import Expression
from genbench.sampling.constraints.lengths import Characters, Words
from genbench.sampling.constraints.phrases import Contains, EndsWith, StartsWith, Until
from genbench.sampling.constraints.pronunciation import (
    EndsWithOneOf,
    parse_meter,
    require_dictionary,
    rhyming_words,
)
from genbench.sampling.constraints.sentences import Sentences, WordsToSentenceEnd
from genbench.tokenization.text import is_surrogate

MAX_WORDS = 1_000
MAX_SENTENCES = 100
MAX_PHRASE = 1_000  # characters


@dataclass(frozen=True)
class Constraints:
    """What a text must be like, from the first character of the prompt on.

    Raises UserError for values out of range, a word without a rhyme, and if the dictionary of sounds is not installed.

    Without `Sampling.length`, a text ends at the end of a sentence: after `sentences` of them, with the sentence that
    makes the `words` enough, or else with the first one after the prompt. With `match` alone it also ends where the
    expression can match no longer text. With `infill` it ends with that text, which follows before the sentence ends.
    """

    contains: tuple[str, ...] = ()  # words or phrases, each a whole word
    starts_with: str | None = None
    ends_with: str | None = None  # marks may follow
    words: tuple[int, int] | None = None  # fewest and most, as `len(text.split())` counts
    sentences: int | None = None
    match: str | None = None  # a regular expression over the whole text
    rhymes_with: str | None = None  # the last word rhymes with this one; English only
    meter: str | None = None  # the stresses of all syllables, 0 or 1, or the name of a metre; English only
    infill: str | None = None  # the text that follows what is written

    def __post_init__(self) -> None:
        named = [("contains", phrase) for phrase in self.contains]
        named += [
            (name, getattr(self, name)) for name in ("starts_with", "ends_with", "match", "rhymes_with", "infill")
        ]
        for name, text in named:
            _require_phrase(option_name(name), text)
        if self.words is not None:
            low, high = self.words
            if not 1 <= low <= high <= MAX_WORDS:
                shown = low if low == high else f"{low}-{high}"
                raise UserError(
                    f"words is {shown}, but must be a number from 1 to {MAX_WORDS:,}, or a range as in 8-12"
                )
        if self.sentences is not None and not 1 <= self.sentences <= MAX_SENTENCES:
            raise UserError(f"sentences is {self.sentences}, but must be a whole number from 1 to {MAX_SENTENCES}")
        if self.match is not None:
            Expression(self.match)
        if self.rhymes_with is not None:
            rhyming_words(self.rhymes_with)
        if self.meter is not None:
            parse_meter(self.meter)
            require_dictionary()

    def __bool__(self) -> bool:
        """Return whether there is any constraint."""
        return any(getattr(self, field.name) not in (None, ()) for field in fields(self))

    def descriptions(self) -> list[str]:
        """Return what is said of each constraint, but not of the end of the text, after "a text that"."""
        metre = [] if self.meter is None else [f"has the metre {self.meter}"]
        return [description for description, _ in self._parts()] + metre

    def named_automata(self, known_words: Collection[str] | None = None) -> Iterator[tuple[str, Automaton]]:
        """Yield the description and the automaton of each constraint but the metre and the end of the text.

        `known_words` are those of a generator of words. Raises UserError for a word without a rhyme.
        """
        for description, build in self._parts():
            yield description, build(known_words)

    def _parts(self) -> Iterator[tuple[str, Callable[[Collection[str] | None], Automaton]]]:
        for phrase in self.contains:
            yield f"contains {phrase!r}", lambda _, phrase=phrase: Contains(phrase)  # type: ignore[misc]
        if (start := self.starts_with) is not None:
            yield f"starts with {start!r}", lambda _: StartsWith(start)
        if (end := self.ends_with) is not None:
            yield f"ends with {end!r}", lambda _: EndsWith(end)
        if (words := self.words) is not None:
            low, high = words
            yield f"has {low if low == high else f'{low} to {high}'} words", lambda _: Words(low, high)
        if (pattern := self.match) is not None:
            yield f"matches {pattern!r}", lambda _: Expression(pattern)
        if (rhyme := self.rhymes_with) is not None:
            yield f"rhymes with {rhyme!r}", lambda known: EndsWithOneOf(rhyming_words(rhyme, known))

    def ends(self, prompt: str, length: int | None = None) -> list[Automaton]:
        """Return what decides where a text that begins with a prompt ends; `length` is in characters after it."""
        if length is not None:
            return [Characters(len(prompt) + length)]
        if self.infill is not None:
            inside = count_sentences(prompt + self.infill)
            return [Until(self.infill, after=len(prompt)), Sentences(inside + (self.sentences or 1), optional=True)]
        if self.sentences is not None:
            return [Sentences(self.sentences)]
        if self.words is not None:
            return [WordsToSentenceEnd(*self.words)]
        return [Sentences(count_sentences(prompt) + 1, optional=self.match is not None)]


def parse_range(text: str, name: str = "words") -> tuple[int, int]:
    """Return the fewest and the most of a number or a range such as "8-12". Raises UserError for anything else."""
    low, dash, high = text.partition("-")
    numbers = [low.strip(), high.strip() if dash else low.strip()]
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        raise UserError(f"{name} is {text!r}, but must be a number such as 10, or a range such as 8-12")
    return int(numbers[0]), int(numbers[1])


def option_name(field_name: str) -> str:
    """Return the name of a field as it is written on the command line."""
    return field_name.replace("_", "-")


def count_sentences(text: str) -> int:
    """Return the number of sentences that have ended in a text, each with white space behind it.

    >>> count_sentences("Mr. Dee was late. He ran"), count_sentences("Late."), count_sentences("")
    (1, 0, 0)
    """
    sentences = Sentences(len(text) + 2)
    state, best = sentences.start(), 0
    for character in text:
        after = sentences.step(state, character)
        if after is None:  # white space at the beginning, or a blank line: a new paragraph
            state = sentences.start()._replace(sentences=best)
            continue
        state, best = after, after.sentences
    return best


def _require_phrase(name: str, text: str | None) -> None:
    if text is None:
        return
    if not text.strip() or len(text) > MAX_PHRASE or any(map(is_surrogate, text)):
        raise UserError(f"{name} is {text[:40]!r}, but must be 1 to {MAX_PHRASE:,} characters of valid text")
    if name not in ("match", "infill") and text != text.strip():
        raise UserError(f"{name} is {text!r}; leave out the white space around it")
