"""WordView: word and class chains read by the character in compiled loops, with the numbers of `CharacterView`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from genbench_plugins.markov.word_building import (
    ALONE,
    WordMixture,
    WordPart,
    build_chains,
    build_words,
    is_supported,
)

from genbench.charlevel.adapter import CharacterScores
from genbench.generator import Generator, LogProbs, Progress, ProgressCallback, TrainContext, ignore
from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

MAX_PATHS = 32  # unlikely paths beyond this number are dropped; texts have fewer than ten
SYMBOLS_AT_ONCE = 1 << 14  # scored between two reports of the progress
MAX_CHARACTER = 4  # bytes of a character


@dataclass(frozen=True)
class WordState:
    """The paths that agree with the text so far (`path_kernels.Paths`), and the bytes of an incomplete character."""

    paths: Any
    count: int
    raw: bytes = b""


@runtime_checkable
class WordChain(Protocol):
    """A generator over words whose chain can be read by the character in compiled loops."""

    def word_part(self) -> WordPart | None:
        """Return the trained chain, or None if its options do not allow it."""


def word_view(generators: Sequence[Generator], tokenizer: Tokenizer, mixture: WordMixture = ALONE) -> WordView | None:
    """Return the view of a mixture of chains over the tokens of a tokenizer, None if it has other parts."""
    parts = [chain.word_part() for chain in generators if isinstance(chain, WordChain)]
    chains = [part for part in parts if part is not None]
    if tokenizer.kind != "words" or len(chains) < len(generators) or not is_supported(tokenizer, chains):
        return None
    return WordView(tokenizer, chains, mixture)


class WordView:
    """A mixture of word and class chains, with the methods of `CharacterView`."""

    def __init__(self, words: Tokenizer, parts: Sequence[WordPart], mixture: WordMixture = ALONE) -> None:
        self.words = words
        self.tokenizer = Tokenizer("characters", words.letters)
        self._trie, rows = build_words(words)
        self._chains = build_chains(words, self._trie, rows, parts, mixture)

    def start(self) -> WordState:
        """Return the state before the first character."""
        from genbench_plugins.markov import reading_kernels

        paths = self._new_paths()
        return WordState(paths, reading_kernels.start_paths(self._chains, self._trie, paths))

    def _new_paths(self) -> Any:
        from genbench_plugins.markov import path_kernels

        return path_kernels.Paths(
            np.empty(MAX_PATHS),
            np.empty((MAX_PATHS, len(self._trie.characters))),
            np.empty((MAX_PATHS, path_kernels.FIELDS), np.int64),
            np.empty((MAX_PATHS, len(self._chains.chains)), np.int64),
        )

    def advance(self, state: WordState, token: int) -> WordState:
        """Return the state after one more byte or letter."""
        from genbench_plugins.markov import reading_kernels
        from genbench_plugins.markov.characters import NOTHING

        # a letter needs no arrays; a byte depends on those before it
        paths, raw = self._new_paths(), b""
        symbol, character, inside = token - BYTES + 1, NOTHING, 0
        if token < BYTES:
            symbols, raw = _read_symbols([token], state.raw)
            symbol, character, inside = (int(array[0]) for array in symbols)
        arguments = state.paths, state.count, symbol, character, inside == 1, paths
        return WordState(paths, reading_kernels.read_next(self._chains, self._trie, *arguments), raw)

    def log_probs(self, state: WordState) -> LogProbs:
        """Return the natural log-probability of each next byte or letter, (symbols,)."""
        from genbench_plugins.markov import reading_kernels

        log_probs = np.empty(self.tokenizer.size)
        reading_kernels.fill_log_probs(self._chains, state.paths, state.count, log_probs)
        return log_probs

    def context_length(self, state: WordState) -> int:
        """Return the context length of the word chains, in words; 0 inside a spelled word."""
        from genbench_plugins.markov import reading_kernels

        memory = np.empty(len(self._trie.characters))
        return reading_kernels.add_masses(self._chains, state.paths, state.count, memory)

    def score_stream(self, ids: Ids, progress: ProgressCallback = ignore) -> CharacterScores:
        """Return log-probability, context length and peak of each byte or letter of a text, read from `start()`.

        `progress` receives the completed share, 0 to 1.
        """
        from genbench_plugins.markov import reading_kernels

        scores = CharacterScores(np.empty(len(ids)), np.empty(len(ids), np.int64), np.empty(len(ids)))
        state, new, memory = self.start(), self._new_paths(), np.empty(len(self._trie.characters))
        old, count, raw = state.paths, state.count, b""
        for begin in range(0, len(ids), SYMBOLS_AT_ONCE):
            part = slice(begin, begin + SYMBOLS_AT_ONCE)
            symbols, raw = _read_symbols(ids[part].tolist(), raw)
            parts = CharacterScores(scores.log_probs[part], scores.context_lengths[part], scores.peaks[part])
            count = reading_kernels.score_text(self._chains, self._trie, old, count, new, symbols, memory, parts)
            if len(parts.log_probs) % 2:
                old, new = new, old
            progress(min(begin + SYMBOLS_AT_ONCE, len(ids)) / len(ids))
        return scores


def _read_symbols(ids: list[int], raw: bytes) -> tuple[Any, bytes]:
    """Return the symbols of some bytes and letters, and the bytes of an incomplete character after them.

    `raw` has the bytes of one before the first id.
    """
    from genbench_plugins.markov.characters import NOTHING, describe
    from genbench_plugins.markov.reading_kernels import Symbols

    symbols = Symbols(
        np.maximum(np.array(ids, np.int64) - BYTES + 1, 0), np.full(len(ids), NOTHING), np.zeros(len(ids), np.int64)
    )
    for position in np.flatnonzero(symbols.numbers == 0).tolist():
        # a byte after a letter starts a character
        if position and symbols.numbers[position - 1]:
            raw = b""
        raw = (raw + bytes([ids[position]]))[: MAX_CHARACTER + 1]
        try:
            symbols.characters[position], raw = describe(raw.decode()), b""
        except UnicodeDecodeError:
            symbols.inside[position] = 1
    return symbols, b"" if len(ids) and symbols.numbers[-1] else raw


def prepare_view(view: WordView | None, context: TrainContext) -> None:
    """Compile the loops of a view if they are not on disk."""
    if view is not None and not loops_are_compiled():
        context.report(Progress(0.95, note="reading by the character"))
        view.score_stream(view.tokenizer.encode("\n"))
        view.log_probs(view.advance(view.start(), int(view.tokenizer.encode("\n")[0])))


def loops_are_compiled() -> bool:
    """Return whether the loops need not be compiled, which takes some seconds: their machine code is on disk."""
    from genbench_plugins.markov import reading_kernels
    from genbench_plugins.markov.compiling import is_compiled

    return is_compiled(reading_kernels.score_text)
