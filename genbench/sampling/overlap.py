"""max_overlap: limit how many words in a row generated text may copy from the training text.

Words are delimited by white space. A run of words is looked up among all runs of that length in the training text, by
64-bit hashes: for a training text of a million words, a new run is mistaken for a copy once in ten million million. A
stored model contains one hash per training word.

Text that copies too much is discarded before it is returned, and sampled again from the start of the last word, or from
an earlier word after several failed attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.errors import UserError
from genbench.sampling.step import DecodingState

Hashes = npt.NDArray[np.uint64]

MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that multiplication is invertible modulo 2 ** 64 (Knuth 1973)
MASK_64_BITS = (1 << 64) - 1
MAX_CHARACTERS_PER_WORD = 2**32
MAX_ATTEMPTS = 2_000  # to continue within the limit
ATTEMPTS_PER_WORD = 10  # before one more word is discarded


@dataclass(frozen=True)
class TrainingWords:
    """The hashed words of a training text, to detect text that was copied from it."""

    hashes: Hashes  # (words,) in the order of the text
    characters: float  # average per word, including the space after it
    _runs: dict[int, frozenset[int]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_text(cls, text: str) -> TrainingWords:
        """Return the hashed words of a text."""
        # hash each distinct word once
        words = text.split()
        known = {word: _hash(word) for word in set(words)}
        return cls(np.array([known[word] for word in words], np.uint64), len(text) / max(len(words), 1))

    @classmethod
    def restore(cls, stored: Any) -> TrainingWords:
        """Return the words stored as {"hashes": ..., "characters": ...}. Raises ValueError for any other value."""
        # the values may come from a damaged or malicious file: check each
        if not isinstance(stored, dict) or not isinstance(stored.get("hashes"), np.ndarray):
            raise ValueError("the hashes of the training words are missing")
        hashes, characters = stored["hashes"], stored.get("characters", -1)
        if hashes.dtype != np.uint64 or hashes.ndim != 1:
            raise ValueError("the hashes of the training words are not a row of 64-bit numbers")
        if type(characters) not in (int, float) or not 0 <= characters < MAX_CHARACTERS_PER_WORD:
            raise ValueError("the characters per training word are not a number from 0 to 2 ** 32")
        return cls(hashes, float(characters))

    def max_run(self, max_overlap: float, length: int) -> int:
        """Return how many words in a row may be copied: `max_overlap`, or below 1, that share of a text's words.

        `length` is the length of the generated text in characters.

        >>> TrainingWords.from_text("one two six ten").max_run(0.5, length=40)
        5
        """
        return int(max_overlap) if max_overlap >= 1 else int(max_overlap * length / max(self.characters, 1))

    def contains(self, words: Sequence[str]) -> bool:
        """Return whether the training text contains these words in a row.

        >>> TrainingWords.from_text("the cat sat on the mat").contains(["sat", "on", "the"])
        True
        """
        size, run = len(words), 0

        # hash all runs of this length once
        if size not in self._runs:
            self._runs[size] = frozenset(_hash_runs(self.hashes, size).tolist())

        # the hash of the words, computed in the same way
        for word in words:
            run = (run ^ _hash(word)) * MULTIPLIER & MASK_64_BITS
        return run in self._runs[size]


@lru_cache(1 << 16)
def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def _hash_runs(hashes: Hashes, size: int) -> Hashes:
    """Return one hash for each run of `size` words, (runs,)."""
    runs, multiplier = np.zeros(max(len(hashes) - size + 1, 0), np.uint64), np.uint64(MULTIPLIER)
    for place in range(size):
        runs = (runs ^ hashes[place : place + len(runs)]) * multiplier
    return runs


@dataclass
class OverlapDetector:
    """Reads generated text piece by piece and detects runs of more than `limit` copied words."""

    words: TrainingWords
    limit: int
    last: tuple[str, ...] = ()  # the last complete words, the newest at the end
    incomplete: str = ""  # the start of a word

    def copy(self) -> OverlapDetector:
        """Return a detector that has read the same text."""
        return OverlapDetector(self.words, self.limit, self.last, self.incomplete)

    def read(self, text: str) -> tuple[int, bool]:
        """Return how many words this text completes, and whether one of them completes a copied run over the limit.

        >>> detector = OverlapDetector(TrainingWords.from_text("the cat sat on the mat"), limit=2)
        >>> detector.read("the cat"), detector.read(" sat ")
        ((1, False), (2, True))
        """
        # the added dot marks an incomplete word; it is alone if the text ends with white space
        *complete, self.incomplete = (self.incomplete + text + ".").split()
        self.incomplete = self.incomplete[:-1]

        # a run of limit + 1 words that end with the new one
        copied = False
        for word in complete:
            self.last = (*self.last, word)[-self.limit - 1 :]
            copied |= len(self.last) > self.limit and self.words.contains(self.last)
        return len(complete), copied


@dataclass
class _Checkpoint:
    """A state at the end of a word to which generation may return, and the text generated since."""

    state: DecodingState
    detector: OverlapDetector
    text: str = ""


class OverlapGuard:
    """Keeps a text within `max_overlap`; a word is returned once enough words follow it that it cannot be discarded.

    Raises UserError if no text within the limit can be sampled, or if the words of the training text are not known.
    """

    def __init__(self, state: DecodingState, words: TrainingWords | None) -> None:
        # a generator that was fitted directly does not have the words
        if words is None:
            raise UserError(
                "max-overlap needs the words of the training text, which this generator does not have; "
                "genbench.train(author, SPEC) returns a model that has them"
            )

        sampling = state.sampling
        self.state = state
        self._detector = OverlapDetector(words, max(1, words.max_run(sampling.max_overlap or 1, sampling.length)))
        self._checkpoints = [_Checkpoint(state.copy(), self._detector.copy())]
        self._attempts = 0
        self._max_attempts = MAX_ATTEMPTS if sampling.temperature else 1  # greedy sampling would repeat itself

    def read(self, added: str) -> str:
        """Read the text that a token added; return the next word with its space once it is final, else ""."""
        if not added:
            return ""

        completed, copied = self._detector.read(added)
        self._checkpoints[-1].text += added

        # discard copied text, or make a checkpoint at the end of each word; the oldest becomes final
        if copied:
            self._go_back()
        elif completed:
            self._checkpoints.append(_Checkpoint(self.state.copy(), self._detector.copy()))
            if len(self._checkpoints) > self._detector.limit + 2:
                self._attempts = 0
                return self._checkpoints.pop(0).text
        return ""

    def _go_back(self) -> None:
        """Discard text back to the start of the last word, or further after many failed attempts."""
        self._attempts += 1
        if self._attempts >= self._max_attempts:
            raise self._error()

        # one word more for every ten attempts
        del self._checkpoints[max(1, len(self._checkpoints) - self._attempts // ATTEMPTS_PER_WORD) :]
        last = self._checkpoints[-1]
        self.state, self._detector, last.text = last.state.copy(), last.detector.copy(), ""

    def _error(self) -> UserError:
        words = self._detector.last[:-1]
        after = f" after {' '.join(words)!r}" if words else ""
        return UserError(
            f"no text was found{after} that copies at most {self._detector.limit} words in a row from the training "
            "text; raise max-overlap or the temperature"
        )
