"""Canonical sampling: which tokens of words or subwords can stand next in the encoding of a text.

A text has many tokenizations and one canonical encoding. In words: they are maximal, known words are never spelled, an
implied separator has no token. In subwords: all merges are applied in their order. Scores are those of the canonical
encoding. At each token, those that no canonical encoding has here are left out, and the others are renormalized, so
that a sample has the one encoding that its score is about:

    q(token | tokens before) = p(token | tokens before) / sum of p over the tokens that are allowed here

This is a distribution over texts, in which each text is at least as probable as its score says. It is not p given that
the whole text is canonical: that would also weight each token by how likely its continuations are to stay canonical.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from genbench.charlevel.paths import explicit_separator, start_mask
from genbench.generator import LogProbs
from genbench.tokenization.segmentation import implied_separator, is_one_piece
from genbench.tokenization.subwords import SubwordTokenizer
from genbench.tokenization.tokenizer import BYTES, Decoder, Tokenizer

Mask = npt.NDArray[np.bool_]
MAX_CACHED = 1 << 26  # bytes of masks
Before = tuple[str, str] | None  # see `Decoder.before`


class EncodingRules(ABC):
    """The rules of a tokenizer's canonical encoding."""

    @abstractmethod
    def allowed(self, decoder: Decoder) -> Mask:
        """Return which tokens a canonical encoding can have next, (vocabulary,).

        The array is cached: do not change it.
        """

    def allows(self, decoder: Decoder, token: int) -> bool:
        """Return whether a canonical encoding can have a token next."""
        return bool(self.allowed(decoder)[token])

    def read(self, decoder: Decoder, ids: Sequence[int]) -> list[str]:
        """Feed sampled tokens to a decoder up to the first one that is not allowed; return the text that each adds."""
        texts = []
        for token in ids:
            if token < BYTES or not self.allows(decoder, token):
                break
            texts.append(decoder.feed(token))
        return texts

    def restrict(self, log_probs: LogProbs, decoder: Decoder) -> LogProbs:
        """Return the log-probabilities of the allowed tokens, renormalized, and -inf for the others, (vocabulary,)."""
        restricted = np.where(self.allowed(decoder), log_probs, -np.inf)
        total = np.logaddexp.reduce(restricted)
        return restricted - total if np.isfinite(total) else restricted

    def may_write(self, decoder: Decoder, text: str) -> bool:
        """Return whether the next tokens may add a text that begins with the first character of `text`.

        It may be True where they cannot; it saves asking a generator where they certainly cannot.
        """
        return True


class CanonicalRules(EncodingRules):
    """The rules of a word tokenizer's canonical encoding, cached by what stands before a token."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        places = {letter: place for place, letter in enumerate(tokenizer.letters)}

        # the first and the last letter of each known word, by their places
        words = tokenizer.known_words
        self._first = np.array([places[word[0]] for word in words], np.int64)
        self._last = np.array([places[word[-1]] for word in words], np.int64)
        self._separators = [number for number, word in enumerate(words) if word.isspace()]
        self._pieces = frozenset(words)
        self._starts: dict[tuple[str, Before], Mask] = {}
        self._lead_on: dict[tuple[str, Before], bool] = {}
        self._masks: dict[tuple[str, Before, bool | None], Mask] = {}
        self._after: dict[str, bytes] = {}

        # of each token: the word, if it is no separator; whether a space is implied before and after it
        others = tokenizer.none_id + 1
        self._words: list[str | None] = [None] * others
        self._words += [None if word.isspace() else word for word in words]
        self._opens = [False] * others + [implied_separator("a", word[0]) == " " for word in words]
        self._closes = [False] * others + [_implies_space(word[-1]) for word in words]

    def read(self, decoder: Decoder, ids: Sequence[int]) -> list[str]:
        # what a word adds is known without the decoder, which jumps to the last one of several
        texts: list[str] = []
        words, opens, closing, after = self._words, self._opens, self._closes, self._after
        last, closes = None, _implies_space(decoder.last)
        mask: Mask | bytes = self.allowed(decoder)
        for token in ids:
            if not mask[token]:
                break
            word = words[token]
            if word is not None:
                texts.append(" " + word if closes and opens[token] else word)
                last, mask, closes = token, after.get(word[-1]) or self._mask_after(word[-1]), closing[token]
                continue
            if last is not None:
                decoder.jump(last)
            texts.append(decoder.feed(token))
            last, mask, closes = None, self.allowed(decoder), _implies_space(decoder.last)
        if last is not None:
            decoder.jump(last)
        return texts

    def allowed(self, decoder: Decoder) -> Mask:
        """Return which tokens a canonical encoding can have next, (vocabulary,), without the fallback bytes."""
        # all that the tokens depend on; inside a spelling, END is not allowed where the piece is a known word
        if not decoder.spelling:
            return self._allowed_at_start(decoder.last, decoder.before)
        key = (decoder.last, decoder.before, self._may_end(decoder))
        mask = self._masks.get(key)
        return self._remember(key, self._in_spelling(decoder)) if mask is None else mask

    def _allowed_at_start(self, last: str, before: Before) -> Mask:
        key = (last, before, None)
        mask = self._masks.get(key)
        return self._remember(key, self._at_start(last, before)) if mask is None else mask

    def _mask_after(self, last: str) -> bytes:
        """Return the tokens that are allowed after a word that ends with a character, as bytes: faster to look up."""
        if len(self._after) * self.tokenizer.size > MAX_CACHED:
            self._after.clear()
        self._after[last] = self._allowed_at_start(last, None).tobytes()
        return self._after[last]

    def _remember(self, key: tuple[str, Before, bool | None], mask: Mask) -> Mask:
        if len(self._masks) * self.tokenizer.size > MAX_CACHED:
            self._masks.clear()
        self._masks[key] = mask
        return mask

    def starts(self, last: str, before: Before) -> Mask:
        """Return which letters can start a piece, (letters,), after a character or an explicit separator."""
        key = last, before
        if key not in self._starts:
            # a letter with an implied space before it cannot extend the piece before
            adjacent = start_mask(self.tokenizer, last, before)[BYTES:] > 0
            implied = np.array([implied_separator(last, letter) == " " for letter in self.tokenizer.letters], bool)
            self._starts[key] = adjacent | implied
        return self._starts[key]

    def leads_on(self, last: str, before: Before) -> bool:
        """Return whether a canonical text can go on after a piece, by its last character and `Decoder.before`."""
        key = last, before
        if key not in self._lead_on:
            none = before is None or before[1] != ""
            self._lead_on[key] = bool(self.starts(last, before).any()) or (none and self.leads_on("", (last, "")))
        return self._lead_on[key]

    def may_write(self, decoder: Decoder, text: str) -> bool:
        if decoder.spelling:
            return True
        starts, letters = self.starts(decoder.last, decoder.before), self.tokenizer.letters
        first = {implied_separator(decoder.last, letters[place]) or letters[place] for place in np.flatnonzero(starts)}
        return text[0] in first or (decoder.last != "" and implied_separator(decoder.last, text[0]) == " ")

    def _may_end(self, decoder: Decoder) -> bool:
        separator = explicit_separator(decoder.left, decoder.open)
        return decoder.open not in self._pieces and self.leads_on(decoder.last, separator)

    def _in_spelling(self, decoder: Decoder) -> Mask:
        """Return the tokens that can follow a letter: letters of the same piece, and END unless the piece is known."""
        mask = np.zeros(self.tokenizer.size, bool)
        mask[BYTES : self.tokenizer.end_id] = [is_one_piece(decoder.last, letter) for letter in self.tokenizer.letters]
        mask[self.tokenizer.end_id] = self._may_end(decoder)
        return mask

    def _at_start(self, last: str, before: Before) -> Mask:
        """Return the tokens that can start a piece: letters, known words, and NONE where a letter can follow it."""
        mask = np.zeros(self.tokenizer.size, bool)
        starts = self.starts(last, before)
        mask[BYTES : self.tokenizer.end_id] = starts
        mask[self.tokenizer.none_id] = last != "" and self.leads_on("", (last, ""))
        mask[self.tokenizer.none_id + 1 :] = starts[self._first] & self._word_leads_on(last)
        return mask

    def _word_leads_on(self, last: str) -> Mask:
        """Return whether a canonical text can go on after each known word, (words,), which follows a character."""
        by_letter = np.array([self.leads_on(letter, None) for letter in self.tokenizer.letters], bool)
        after = by_letter[self._last]
        for number in self._separators:
            word = self.tokenizer.known_words[number]
            after[number] = self.leads_on(word[-1], explicit_separator(last, word))
        return after


def _implies_space(last: str) -> bool:
    """Return whether a space is implied between a character and a word."""
    return implied_separator(last, "a") == " "


class SubwordRules(EncodingRules):
    """The rules of a subword tokenizer's canonical encoding: what can follow depends on the last token alone."""

    def __init__(self, tokenizer: SubwordTokenizer) -> None:
        self.tokenizer = tokenizer
        self._masks: dict[int | None, Mask] = {}

        # tokens after which no encoding goes on for ever, as in a text of one letter alone
        self._leads_on = np.ones(tokenizer.size, bool)
        crowded = ends = tokenizer.crowded_tokens()
        while ends:
            ends = [token for token in crowded if not (tokenizer.followers(token) & self._leads_on)[BYTES:].any()]
            self._leads_on[ends] = False
            crowded = [token for token in crowded if self._leads_on[token]]

    def allowed(self, decoder: Decoder) -> Mask:
        token = decoder.token
        if token not in self._masks:
            if len(self._masks) * self.tokenizer.size > MAX_CACHED:
                self._masks.clear()
            follows = self._leads_on if token is None else self.tokenizer.followers(token)
            leads_on = follows & self._leads_on
            self._masks[token] = leads_on if leads_on[BYTES:].any() else follows
        return self._masks[token]


@lru_cache(maxsize=8)
def canonical_rules(tokenizer: Tokenizer) -> EncodingRules | None:
    """Return the rules of a tokenizer of words or subwords; None for one of characters, and for a class of a plugin."""
    if type(tokenizer) is SubwordTokenizer:
        return SubwordRules(tokenizer)
    is_known = type(tokenizer) is Tokenizer and tokenizer.kind == "words" and tokenizer.letters != ""
    return CanonicalRules(tokenizer) if is_known else None
