"""max_overlap: limit how many words in a row generated text may copy from the training text.

Words are delimited by white space. A run of words is looked up among all runs of that length in the training text, by
64-bit hashes: for a training text of a million words, a new run is mistaken for a copy once in ten million million. A
stored model contains one hash per distinct training word, and its number at each place.

Text that copies too much is discarded before it is returned, and sampled again from the start of the word that
completes the copied run, or from an earlier word after several failed attempts. Text is sampled token by token, or many
tokens ahead in one call, of which those up to that word are kept.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genbench.errors import UserError
from genbench.generator import ProgressCallback, ignore
from genbench.sampling.parameters import Sampling
from genbench.sampling.step import DecodingState, Draft
from genbench.sampling.word_numbers import Hashes, Numbers, SortedHashes, hash_word, number_type, number_words
from genbench.tokenization.text import Text

MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that multiplication is invertible modulo 2 ** 64 (Knuth 1973)
MASK_64_BITS = (1 << 64) - 1
MAX_CHARACTERS_PER_WORD = 2**32
MAX_ATTEMPTS = 2_000  # to continue within the limit
ATTEMPTS_PER_WORD = 10  # before one more word is discarded
CHUNK = 1 << 20  # runs of words that are hashed at a time
MAX_SET = 1 << 21  # hashes in a set, of 100 bytes each; more are sorted, 10 bytes each
MIN_AHEAD, MAX_AHEAD = 8, 4096  # tokens that are sampled in one call: fewer where text is often discarded


@dataclass(frozen=True)
class TrainingWords:
    """The hashed words of a training text, to detect text that was copied from it."""

    hashes: Hashes  # (distinct words,)
    numbers: Numbers  # (words,) each word of the text, as an index of its hash
    characters: float  # average per word, including the space after it
    _runs: dict[int, Container[int]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_text(cls, text: str | Text, progress: ProgressCallback = ignore) -> TrainingWords:
        """Return the hashed words of a text."""
        hashes, numbers = number_words(Text(text), progress)
        return cls(hashes, numbers, len(text) / max(len(numbers), 1))

    def after(self, earlier: TrainingWords) -> TrainingWords:
        """Return the words of two texts: those of an earlier one, then these.

        >>> one, two = (TrainingWords.from_text(text) for text in ("the cat", "a cat"))
        >>> both = two.after(one)
        >>> words = map(hash_word, ["the", "cat", "a", "cat"])
        >>> len(both.hashes), both.hashes[both.numbers].tolist() == list(words)
        (3, True)
        """
        hashes, places = np.unique(np.concatenate([earlier.hashes, self.hashes]), return_inverse=True)
        numbers = np.concatenate([places[earlier.numbers], places[len(earlier.hashes) + self.numbers.astype(np.int64)]])
        sizes = len(earlier.numbers), len(self.numbers)
        characters = (earlier.characters * sizes[0] + self.characters * sizes[1]) / max(sum(sizes), 1)
        return TrainingWords(hashes, numbers.astype(number_type(len(hashes))), characters)

    @classmethod
    def restore(cls, stored: Any) -> TrainingWords:
        """Return the words from what `dump` returned. Raises ValueError for any other value."""
        # the values may come from a damaged or malicious file: check each
        hashes, numbers = (
            (stored.get(name) for name in ("hashes", "numbers")) if isinstance(stored, dict) else (None,) * 2
        )
        if not isinstance(hashes, np.ndarray) or not isinstance(numbers, np.ndarray):
            raise ValueError("the hashes of the training words are missing")
        kinds = (hashes.dtype, numbers.dtype) == (np.uint64, number_type(len(hashes.ravel())))
        if not kinds or (hashes.ndim, numbers.ndim) != (1, 1):
            raise ValueError("the hashes of the training words are not a row of 64-bit numbers")
        if len(numbers) and int(numbers.max()) >= len(hashes):
            raise ValueError("a training word has no hash")
        characters = stored.get("characters", -1)
        if type(characters) not in (int, float) or not 0 <= characters < MAX_CHARACTERS_PER_WORD:
            raise ValueError("the characters per training word are not a number from 0 to 2 ** 32")
        return cls(hashes, numbers, float(characters))

    def dump(self) -> dict[str, Any]:
        """Return the words as arrays and JSON values, for `restore`."""
        return {"hashes": self.hashes, "numbers": self.numbers, "characters": self.characters}

    def max_run(self, max_overlap: float, length: int) -> int:
        """Return how many words in a row may be copied: `max_overlap`, or below 1, that share of a text's words.

        `length` is the length of the generated text in characters.

        >>> TrainingWords.from_text("one two six ten").max_run(0.5, length=40)
        5
        """
        return int(max_overlap) if max_overlap >= 1 else int(max_overlap * length / max(self.characters, 1))

    def most_copied(self, sampling: Sampling) -> int:
        """Return how many words in a row texts may copy that are sampled with these parameters."""
        return max(1, self.max_run(sampling.max_overlap or 1, sampling.characters))

    def hash_runs(self, size: int, progress: ProgressCallback = ignore) -> Container[int]:
        """Return the hashes of all runs of `size` words, as `OverlapDetector` computes them; computed once."""
        if size not in self._runs:
            count, parts = max(len(self.numbers) - size + 1, 0), [np.zeros(0, np.uint64)]
            for begin in range(0, count, CHUNK):
                # a chunk of the runs, and the words that they end with
                end = min(begin + CHUNK, count)
                hashes, runs = self.hashes[self.numbers[begin : end + size - 1]], np.zeros(end - begin, np.uint64)
                for place in range(size):
                    runs = runs * np.uint64(MULTIPLIER) + hashes[place : place + len(runs)]
                parts.append(runs)
                progress(end / (count + CHUNK))
            runs = np.concatenate(parts)
            self._runs[size] = frozenset(runs.tolist()) if count <= MAX_SET else SortedHashes(runs)
        return self._runs[size]


class OverlapDetector:
    """Reads generated text piece by piece and detects runs of more than `limit` copied words.

    sums   hash of the first n words, for each n: a polynomial of the hashes of the words modulo 2 ** 64, so that the
           hash of a run is a difference (Karp & Rabin 1987)
    open   the start of a word that is not complete
    """

    def __init__(self, words: TrainingWords, limit: int) -> None:
        self.sums, self.open = [0], ""
        self._size, self._runs = limit + 1, words.hash_runs(limit + 1)
        self._power = pow(MULTIPLIER, self._size, 1 << 64)

    @property
    def words(self) -> int:
        """The number of complete words."""
        return len(self.sums) - 1

    def read(self, text: str) -> int | None:
        """Read a text; return the number of the first word that completes a copied run over the limit, if there is one.

        >>> detector = OverlapDetector(TrainingWords.from_text("the cat sat on the mat"), limit=2)
        >>> detector.read("the cat"), detector.read(" sat "), detector.words
        (None, 2, 3)
        """
        # the added dot marks an incomplete word; it is alone if the text ends with white space
        *complete, incomplete = (self.open + text + ".").split()
        self.open = incomplete[:-1]

        sums, size, last = self.sums, self._size, self.sums[-1]
        begin = max(len(sums) - size, 0)
        for word in complete:
            last = (last * MULTIPLIER + hash_word(word)) & MASK_64_BITS
            sums.append(last)

        # the runs that end with each of the words, as far as there are enough words before it
        recent = np.array(sums[begin:], np.uint64)
        runs = (recent[size:] - recent[:-size] * np.uint64(self._power)).tolist()
        return next((begin + size + place - 1 for place, run in enumerate(runs) if run in self._runs), None)

    def go_back(self, words: int, incomplete: str) -> None:
        """Forget what was read after some number of complete words and the start of another one."""
        del self.sums[words + 1 :]
        self.open = incomplete


@dataclass
class _Checkpoint:
    """A state to which generation may return, and the tokens that were sampled from it in one call, if any."""

    state: DecodingState
    place: int  # characters of the text before it
    words: int  # complete words before it
    open: str  # the start of one more word
    draft: Draft | None = None


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
        self.state, self.held = state, ""  # the text that may still be discarded
        self._limit = words.most_copied(sampling)
        self._detector = OverlapDetector(words, self._limit)
        self._checkpoints = [_Checkpoint(state.copy(), 0, 0, "")]
        self._attempts, self.ahead = 0, MAX_AHEAD
        self._max_attempts = MAX_ATTEMPTS if sampling.temperature else 1  # greedy sampling would repeat itself

    def read(self, added: str, draft: Draft | None = None) -> str:
        """Read the text that a token or a draft added; return the words that are final now, else ""."""
        if draft is not None:
            self._add_checkpoint(draft.start, draft)
        words = self._detector.words
        copied = self._detector.read(added)
        self.held += added

        # discard copied text, or make a checkpoint at the end of a word
        if copied is not None:
            self._go_back(copied)
            return ""
        self.ahead = min(2 * self.ahead, MAX_AHEAD)
        if draft is None and self._detector.words > words:
            self._add_checkpoint(self.state.copy())
        return self._release()

    def flush(self) -> str:
        """Return the text that may still be discarded; nothing may be sampled after it."""
        held, self.held = self.held, ""
        return held

    def _add_checkpoint(self, state: DecodingState, draft: Draft | None = None) -> None:
        place = self._checkpoints[0].place + len(self.held)
        self._checkpoints.append(_Checkpoint(state, place, self._detector.words, self._detector.open, draft))

    def _release(self) -> str:
        """Return the text up to the last checkpoint that enough words follow; the text after it may be discarded."""
        settled, start = self._detector.words - self._limit - 2, self._checkpoints[0].place
        while len(self._checkpoints) > 1 and self._checkpoints[1].words <= settled:
            del self._checkpoints[0]
            self._attempts = 0
        end = self._checkpoints[0].place - start
        final, self.held = self.held[:end], self.held[end:]
        return final

    def _go_back(self, word: int) -> None:
        """Discard text back to the start of a word, or of one before it after many failed attempts."""
        self._attempts += 1
        if self._attempts >= self._max_attempts:
            raise self._error(word)
        self.ahead = max(self.ahead // 2, MIN_AHEAD)

        # one word more for every ten attempts; the last checkpoint before it
        word -= self._attempts // ATTEMPTS_PER_WORD
        while len(self._checkpoints) > 1 and not _is_before(self._checkpoints[-1], word):
            del self._checkpoints[-1]
        last = self._checkpoints[-1]
        self._detector.go_back(last.words, last.open)
        self.held = self.held[: last.place - self._checkpoints[0].place]

        # of the tokens sampled from it in one call, those before the word
        if last.draft is not None:
            last.draft = last.draft.first(self._tokens_before(last.draft, word))
            self._detector.go_back(last.words, last.open)
            self._detector.read(last.draft.text)
            self.held += last.draft.text
        self.state = last.state.copy() if last.draft is None else last.draft.end()

    def _tokens_before(self, draft: Draft, word: int) -> int:
        """Return how many tokens of a draft are before the start of a word; the detector reads them."""
        count = 0
        for tokens, text in enumerate(draft.texts, 1):
            self._detector.read(text)
            if _is_before(self._detector, word):
                count = tokens
        return count

    def _error(self, word: int) -> UserError:
        before = (self.held + ".").split()[: -1 - (self._detector.words - word)][-self._limit :]
        after = f" after {' '.join(before)!r}" if before else ""
        return UserError(
            f"no text was found{after} that copies at most {self._limit} words in a row from the training "
            "text; raise max-overlap or the temperature"
        )


def _is_before(place: _Checkpoint | OverlapDetector, word: int) -> bool:
    """Return whether a word has not begun at a place."""
    return place.words < word or (place.words == word and not place.open)
