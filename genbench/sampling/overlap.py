"""Text that copies no more than so many words in a row from the training text: what the control `max_overlap` checks.

A word is what stands between white space. A run of words is looked up among all runs of that length in the training
text, by 64-bit hashes: of a million words, a run that is new is taken for a copy once in ten million million. What is
kept of the training text is one hash a word, beside the model.
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
from genbench.storage.untrusted import require_kinds

Hashes = npt.NDArray[np.uint64]
TURN, BITS = 0x9E3779B97F4A7C15, (1 << 64) - 1  # odd: each place in a run turns a hash of 64 bits otherwise


@dataclass(frozen=True)
class TrainingWords:
    """The words of a training text.

    hashes      (words,) of each, in their order
    characters  of a word and the space behind it, on average
    """

    hashes: Hashes
    characters: float
    _runs: dict[int, frozenset[int]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, text: str) -> TrainingWords:
        """Those of a text."""
        words = text.split()
        known = {word: _hash(word) for word in set(words)}
        return cls(np.array([known[word] for word in words], np.uint64), len(text) / max(len(words), 1))

    @classmethod
    def restore(cls, kept: Any) -> TrainingWords:
        """Those that were kept as hashes and characters; ValueError where they are none."""
        require_kinds(kept, {"hashes": (np.ndarray,), "characters": (float, int)})
        hashes, characters = kept["hashes"], kept["characters"]
        if hashes.dtype != np.uint64 or hashes.ndim != 1 or not 0 <= characters < 2**32:
            raise ValueError("the words of the training text are no hashes")
        return cls(hashes, float(characters))

    def limit(self, max_overlap: float, length: int) -> int:
        """Words in a row that may be copied: a number from 1 on is itself, a share below 1 is one of the text's words.

        >>> TrainingWords.of("one two six ten").limit(0.5, 40)
        5
        """
        return int(max_overlap) if max_overlap >= 1 else int(max_overlap * length / max(self.characters, 1))

    def holds(self, words: Sequence[str]) -> bool:
        """Whether these words stand in the training text in a row.

        >>> TrainingWords.of("the cat sat on the mat").holds(["sat", "on", "the"])
        True
        """
        size, run = len(words), 0
        if size not in self._runs:
            self._runs[size] = frozenset(_joined(self.hashes, size).tolist())
        for word in words:
            run = (run ^ _hash(word)) * TURN & BITS
        return run in self._runs[size]


@lru_cache(1 << 16)
def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(errors="surrogatepass"), digest_size=8).digest(), "little")


def _joined(hashes: Hashes, size: int) -> Hashes:
    """One hash for each run of `size` words, (runs,)."""
    found, turn = np.zeros(max(len(hashes) - size + 1, 0), np.uint64), np.uint64(TURN)
    for place in range(size):
        found = (found ^ hashes[place : place + len(found)]) * turn
    return found


@dataclass
class Watch:
    """Reads what is drawn, and tells when more than `limit` words in a row are copied."""

    words: TrainingWords
    limit: int
    last: tuple[str, ...] = ()  # whole words, the newest last
    begun: str = ""

    def copy(self) -> Watch:
        """One that has read the same."""
        return Watch(self.words, self.limit, self.last, self.begun)

    def read(self, text: str) -> tuple[int, bool]:
        """How many words this text ends, and whether one of them makes a run that is too long a copy."""
        *whole, self.begun = (self.begun + text + ".").split()
        self.begun = self.begun[:-1]
        copied = False
        for word in whole:
            self.last = (*self.last, word)[-self.limit - 1 :]
            copied |= len(self.last) > self.limit and self.words.holds(self.last)
        return len(whole), copied


def nothing_new(limit: int, words: Sequence[str]) -> UserError:
    """What is said where every text that was drawn copies too much."""
    after = f" after {' '.join(words)!r}" if words else ""
    return UserError(
        f"nothing could be drawn{after} that copies at most {limit} words in a row from the training text; "
        "raise max-overlap or the temperature"
    )
