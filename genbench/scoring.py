"""Score a generator on a text: bits, perplexities, surprisal by word.

Generators are ranked by bits of the same raw text. Token perplexity depends on the tokenizer and is never ranked. The
bits are those of the canonical encoding: exact for character models, an upper bound for word models, which could also
spell a known word (`charlevel/ranking.py`: the bits by the character). Figures are computed from sums, with one
division at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import regex

from genbench import capabilities
from genbench.errors import ContractError, UserError
from genbench.generator import PROGRESS_EVERY, Generator, LogProbs, ProgressCallback, ignore, throttle
from genbench.tokenization.segmentation import MAX_MEAN_WORD, WHITE_SPACE, separates_words
from genbench.tokenization.text import Text
from genbench.tokenization.tokenizer import Ids, Tokenizer

BEGINNING = 1000  # characters of a scored text that its score shows
SUM_TOLERANCE = 1e-6
STEP_TOLERANCE = 1e-4  # nats per token, in fp32
MAX_EXPONENT = 1000.0  # 2 ** 1024 exceeds a float's range
AUDITED_TOKENS = 200
NO_WORDS_NOTE = (
    f"no word figures: the text has more than {MAX_MEAN_WORD} characters between spaces on average, so spaces do not "
    "separate its words"
)
MAX_WORD_BITS = 40.0  # bits per word; equally probable characters cost about 33 in English
NO_PERPLEXITY_NOTE = (
    f"no word perplexity: a word costs more than {MAX_WORD_BITS:g} bits on average, as in text of another language"
)

# a word with the white space before it, or a character with its marks where no spaces separate words
WORD = regex.compile(rf"[{WHITE_SPACE}]*[^{WHITE_SPACE}]+(?:[{WHITE_SPACE}]+\Z)?|[{WHITE_SPACE}]+\Z")
CHARACTER = regex.compile(rf"[{WHITE_SPACE}]*(?=[^{WHITE_SPACE}])\X(?:[{WHITE_SPACE}]+\Z)?|[{WHITE_SPACE}]+\Z")


@dataclass(frozen=True, repr=False)
class Score:
    """The sums over one text, from which all figures are derived."""

    bits: float  # minus log2 of the probability of the whole text
    characters: int
    bytes: int
    words: int | None  # separated by white space, the same for every generator; None where the script has no spaces
    tokens: int
    spelled: int  # tokens that spell words which are not in the vocabulary
    character_bits: LogProbs  # (characters,), a token's bits spread evenly over its characters
    canonical_bits: float | None = None  # of a word model scored by the character: those of its canonical tokens
    beginning: str = ""  # of the text, for display

    def __repr__(self) -> str:
        words = "-" if self.word_perplexity is None else f"{self.word_perplexity:.1f}"
        counts = f"{self.characters:,} characters in {self.tokens:,} tokens"
        return f"<Score: {self.bits_per_character:.4f} bits per character, word perplexity {words}; {counts}>"

    def _repr_html_(self) -> str:
        from genbench.integrations import notebook

        return notebook.score_html(self)

    @property
    def bits_per_character(self) -> float:
        """Bits divided by characters; generators are ranked by it."""
        return self.bits / max(self.characters, 1)

    @property
    def canonical_bits_per_character(self) -> float | None:
        """Bits per character of the canonical tokenization, an upper bound; None where `bits` are these."""
        return None if self.canonical_bits is None else self.canonical_bits / max(self.characters, 1)

    @property
    def bits_per_byte(self) -> float:
        """Bits divided by bytes of UTF-8."""
        return self.bits / max(self.bytes, 1)

    @property
    def word_perplexity(self) -> float | None:
        """2 ** (bits / words); None if there are no words or no spaces, or if it would say nothing, above 2 ** 40."""
        return _perplexity(self.bits, self.words, MAX_WORD_BITS)

    @property
    def word_notes(self) -> list[str]:
        """The sentence that says why there is no word perplexity, if there is none."""
        if self.words is None:
            return [NO_WORDS_NOTE]
        return [] if self.word_perplexity is not None or not self.words else [NO_PERPLEXITY_NOTE]

    @property
    def token_perplexity(self) -> float | None:
        """2 ** (bits / tokens) of the canonical tokens; not comparable between those of different tokenizers."""
        return _perplexity(self.bits if self.canonical_bits is None else self.canonical_bits, self.tokens)

    @property
    def spelled_share(self) -> float:
        """The share of tokens that spell words which are not in the vocabulary."""
        return self.spelled / max(self.tokens, 1)


def _perplexity(bits: float, count: int | None, max_bits: float = MAX_EXPONENT) -> float | None:
    if not count or bits / count > max_bits:
        return None
    return float(2.0 ** (bits / count))


def score(generator: Generator, text: str | Text, progress: ProgressCallback = ignore) -> Score:
    """Score a text, read as one stream from `start()`, and audit the generator on its first tokens.

    `progress` receives the completed share, 0 to 1, if the generator reports it. Raises ContractError if the tokenizer
    loses text, or if `log_probs` is not a distribution or disagrees with `token_log_probs`.
    """
    # tokenize, and check that no text is lost
    text = str(text)
    ids, ends = encode(generator.tokenizer, text)

    # the log-probability of each token, checked against the six methods
    log_probs = token_log_probs(generator, ids, progress)
    audit(generator, ids[:AUDITED_TOKENS], log_probs[:AUDITED_TOKENS])
    return sum_up(text, ends, log_probs, int(generator.tokenizer.spelling_mask(ids).sum()))


def encode(tokenizer: Tokenizer, text: str) -> tuple[Ids, Ids]:
    """Return the ids of a text and the number of characters read after each, (tokens,) each, read-only.

    Raises ContractError if the tokenizer loses text.
    """
    ids, ends = tokenizer.encode_with_ends(text)
    if tokenizer.decode(ids) != text:
        raise ContractError("the tokenizer loses text: decode(encode(text)) is not the text")

    # a generator that writes into them would change what it is asked to predict
    ids.flags.writeable = ends.flags.writeable = False
    return ids, ends


def sum_up(text: str, ends: Ids, log_probs: LogProbs, spelled: int) -> Score:
    """Return the score of a text from the natural log-probability of each token, (tokens,).

    `ends` is the number of characters read after each token, and `spelled` the number of tokens that spell words.
    """
    bits = -log_probs / math.log(2)
    return Score(
        bits=math.fsum(bits),
        characters=len(text),
        bytes=len(text.encode()),
        words=len(text.split()) if separates_words(text) else None,
        tokens=len(ends),
        spelled=spelled,
        character_bits=bits_by_character(bits, ends, len(text)),
        beginning=text[:BEGINNING],
    )


def token_log_probs(generator: Generator, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
    """Return a copy of the log-probability of each token, (tokens,), by the generator's fastest method.

    Raises ContractError for another shape, and for values that no probability has.
    """
    log_probs = np.array(_log_probs(generator, ids, progress), dtype=np.float64)
    if log_probs.shape != ids.shape or not np.isfinite(log_probs).all():
        raise ContractError("token_log_probs must return one finite number for each token")
    if (log_probs > SUM_TOLERANCE).any():
        position = int(np.argmax(log_probs))
        raise ContractError(
            f"token_log_probs returns {log_probs[position]:.6f} nats at token {position}: no probability is above one"
        )
    return log_probs


def _log_probs(generator: Generator, ids: Ids, progress: ProgressCallback) -> LogProbs:
    """Return the log-probability of each token; `progress` is called at most five times a second."""
    # the bar starts and ends even if the generator reports nothing
    progress(0.0)
    try:
        return capabilities.token_log_probs(generator, ids, throttle(progress, PROGRESS_EVERY))
    finally:
        progress(1.0)


def bits_by_character(bits: LogProbs, ends: Ids, characters: int) -> LogProbs:
    """Distribute the bits of each token evenly over its characters; return (characters,).

    `ends` is the position in the text after each token. The bits of a token that adds no character are added to the
    character before it.

    >>> bits_by_character(np.array([2.0, 6.0, 1.0]), np.array([2, 3, 3]), 3).tolist()
    [1.0, 1.0, 7.0]
    """
    character_bits = np.zeros(characters)
    if not characters:
        return character_bits

    # tokens that add text, then those that add none
    widths = np.diff(ends, prepend=0)
    adds_text = widths > 0
    character_bits += np.repeat(bits[adds_text] / widths[adds_text], widths[adds_text])
    np.add.at(character_bits, np.maximum(ends[~adds_text] - 1, 0), bits[~adds_text])
    return character_bits


def audit(generator: Generator, ids: Ids, log_probs: LogProbs) -> None:
    """Check a faster method against single steps: each step must give a distribution and the same log-probability.

    `log_probs` are the results of the faster method for `ids` read from `start()`, (tokens,). Raises ContractError.
    """
    state = generator.start()
    for position, token in enumerate(ids.tolist()):
        # the step must be a distribution, and agree with the faster method
        stepped = require_distribution(generator.log_probs(state), generator.tokenizer.size)
        require_agreement(position, log_probs[position], stepped[token])
        state = generator.advance(state, token)


def require_agreement(position: int, fast: float, stepped: float) -> None:
    """Raise ContractError where a faster method gives a token, by its position, another log-probability than steps."""
    if abs(stepped - fast) > STEP_TOLERANCE:
        raise ContractError(
            f"token_log_probs disagrees with log_probs at token {position}: {fast:.6f} and {stepped:.6f} nats"
        )


def require_distribution(log_probs: LogProbs, size: int) -> LogProbs:
    """Return log-probabilities, (size,), if their exponentials sum to one; raises ContractError otherwise."""
    # one finite number for each token
    if np.shape(log_probs) != (size,):
        raise ContractError(f"log_probs returns shape {np.shape(log_probs)}, and the vocabulary has {size} tokens")
    if not np.isfinite(log_probs).all():
        token = int(np.flatnonzero(~np.isfinite(log_probs))[0])
        raise ContractError(
            f"log_probs returns {log_probs[token]} nats for token {token}: every token needs some probability"
        )

    # a total of one
    total = float(np.exp(log_probs).sum())
    if abs(total - 1) > SUM_TOLERANCE:
        raise ContractError(f"the probabilities that log_probs returns sum to {total:.6g}, not to one")
    return log_probs


def score_each(generator: Generator, texts: Sequence[str]) -> list[LogProbs]:
    """Return the bits of each character of many short texts, each read from `start()`: (characters,) each."""
    # tokenize all texts, then score them in batches
    encoded = [generator.tokenizer.encode_with_ends(text) for text in texts]
    log_probs = capabilities.token_log_probs_batch(generator, [ids for ids, _ in encoded])
    return [
        bits_by_character(-nats / math.log(2), ends, len(text))
        for text, (_, ends), nats in zip(texts, encoded, log_probs, strict=True)
    ]


class WordSurprisal(NamedTuple):
    """A word with the white space before it, and its surprisal."""

    text: str
    bits: float  # rounded to 0.01


def split_words(text: str) -> list[str]:
    r"""Split a text into words, each with the white space before it; white space at the end belongs to the last word.

    A text that does not separate its words (see `separates_words`) is split into characters with their marks.

    >>> split_words("It was\n\nlate. "), split_words("  "), split_words("")
    (['It', ' was', '\n\nlate. '], ['  '], [])
    """
    return list((WORD if separates_words(text) else CHARACTER).findall(text))


def surprisal_by_word(character_bits: LogProbs, text: str) -> list[WordSurprisal]:
    """Return the surprisal of each word from the bits of the characters of a text, (characters,).

    >>> surprisal_by_word(np.array([1.0, 2.0, 0.5]), "a b")
    [WordSurprisal(text='a', bits=1.0), WordSurprisal(text=' b', bits=2.5)]
    """
    words = split_words(text)
    if not words:
        return []

    # sum the bits of the characters of each word
    starts = np.cumsum([0, *map(len, words[:-1])])
    sums = np.add.reduceat(character_bits, starts)
    return [WordSurprisal(word, round(float(bits), 2)) for word, bits in zip(words, sums, strict=True)]


def surprisal(generator: Generator, text: str, progress: ProgressCallback = ignore) -> list[WordSurprisal]:
    """Return the surprisal in bits of each word of a text, read as one stream. Raises UserError for an empty text."""
    if not text:
        raise UserError("there is no text to read; name a file with text in it")
    return surprisal_by_word(score(generator, text, progress).character_bits, text)
