"""The decoding loop, the same for every generator: stream one text as it is sampled, or generate a batch of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from genbench.generator import Generator, ProgressCallback, ignore, rescale
from genbench.sampling.constraints.conditioned import sample_conditioned
from genbench.sampling.overlap import OverlapGuard, TrainingWords
from genbench.sampling.parameters import Sampling
from genbench.sampling.step import DecodingState, Draft, decode_step
from genbench.tokenization.graphemes import LONGEST, has_clusters, joins

MAX_BATCH_CELLS = 1 << 19  # texts times vocabulary in one batch: larger ones do not fit into the processor's cache
MIN_BATCH = 256  # texts in one batch, for any size of the vocabulary
CHARACTERS_AHEAD = 4096  # sampled in one call

_Request = tuple[str, Sampling, np.random.Generator]


def generate(
    generator: Generator,
    prompt: str,
    sampling: Sampling,
    rng: np.random.Generator,
    training_words: TrainingWords | None = None,
) -> str:
    """Return the whole text that `stream` yields."""
    return "".join(stream(generator, prompt, sampling, rng, training_words))


def stream(
    generator: Generator,
    prompt: str,
    sampling: Sampling,
    rng: np.random.Generator,
    training_words: TrainingWords | None = None,
) -> Iterator[str]:
    """Yield the continuation of a prompt, piece by piece as it is sampled, without the prompt.

    The text has exactly `sampling.length` characters, and those that complete its last letter, such as combining marks;
    fewer if a stop string occurs. A prompt that ends inside a
    word is completed: the first sampled tokens agree with it. Raises ContractError if the generator samples too many
    tokens without text, UserError if no text within `max_overlap` can be sampled.
    """
    if sampling.constraints:
        yield sample_conditioned(generator, prompt, sampling, [rng])[0]
        return

    # a batch of one text
    text = GeneratedText(DecodingState.after_prompt(generator, prompt, sampling, rng), training_words, prompt)
    while not text.done:
        if (ahead := text.read_ahead()) is not None:
            yield from ahead  # the characters
        elif final := text.read(decode_step([text.state])[0]):
            yield final


def generate_many(
    generator: Generator,
    prompts: Sequence[str],
    samplings: Sequence[Sampling],
    rngs: Sequence[np.random.Generator],
    progress: ProgressCallback = ignore,
    training_words: TrainingWords | None = None,
) -> list[str]:
    """Return one text for each prompt, sampled in batches, each with its own parameters and random generator.

    Each text is the one that `generate` returns; it does not depend on the others of its batch. The probabilities of a
    network differ by rounding with the size of the batch (a millionth of a nat), so a text may differ from the point on
    where a random number is that close to the border between two tokens. `progress` receives the completed share.
    """
    requests = list(zip(prompts, samplings, rngs, strict=True))
    if any(sampling.constraints for sampling in samplings):
        return _generate_conditioned(generator, requests, progress)

    # batches as large as the cache allows
    size = max(MIN_BATCH, MAX_BATCH_CELLS // generator.tokenizer.size)
    texts: list[str] = []
    for start in range(0, len(requests), size):
        batch = requests[start : start + size]
        part = rescale(progress, len(texts) / len(requests), len(batch) / len(requests))
        texts += _generate_batch(generator, batch, part, training_words)
    return texts


def _generate_conditioned(generator: Generator, requests: list[_Request], progress: ProgressCallback) -> list[str]:
    """Return one text for each request, whose constraints are prepared once for each prompt."""
    texts: list[str] = [""] * len(requests)
    groups: dict[tuple[str, Sampling], list[int]] = {}
    for row, (prompt, sampling, _) in enumerate(requests):
        groups.setdefault((prompt, sampling), []).append(row)
    for number, ((prompt, sampling), rows) in enumerate(groups.items()):
        part = rescale(progress, number / len(groups), 1 / len(groups))
        sampled = sample_conditioned(generator, prompt, sampling, [requests[row][2] for row in rows], part)
        for row, text in zip(rows, sampled, strict=True):
            texts[row] = text
    return texts


def _generate_batch(
    generator: Generator, requests: list[_Request], progress: ProgressCallback, training_words: TrainingWords | None
) -> list[str]:
    # read each distinct prompt once
    starts: dict[str, DecodingState] = {}
    for prompt, sampling, rng in requests:
        if prompt not in starts:
            starts[prompt] = DecodingState.after_prompt(generator, prompt, sampling, rng)
    states = [starts[prompt].copy(sampling, rng) for prompt, sampling, rng in requests]
    texts = [GeneratedText(state, training_words, prompt) for state, (prompt, *_) in zip(states, requests, strict=True)]

    parts: list[list[str]] = [[] for _ in texts]
    active = [row for row, text in enumerate(texts) if not text.done]
    total = sum(text.characters_left for text in texts)
    while active:
        # many tokens of one text in one call, as far as possible
        for place, row in enumerate(active):
            while (ahead := texts[row].read_ahead()) is not None:
                parts[row].append(ahead)
                progress(1 - sum(texts[other].characters_left for other in active[place:]) / total)

        # one decoding step for all texts that are not complete
        active = [row for row in active if not texts[row].done]
        for row, added in zip(active, decode_step([texts[row].state for row in active]) if active else (), strict=True):
            parts[row].append(texts[row].read(added))
        active = [row for row in active if not texts[row].done]
        progress(1 - sum(texts[row].characters_left for row in active) / total)
    return ["".join(row) for row in parts]


class GeneratedText:
    """A text that is being generated: its decoding state, and the limits of its length, stop string and overlap."""

    def __init__(self, state: DecodingState, training_words: TrainingWords | None, prompt: str) -> None:
        self._state, sampling = state, state.sampling
        whole = has_clusters(state.generator.tokenizer.letters)
        stops, keep_stop, continues = sampling.stop_strings, sampling.keep_stop, bool(prompt.strip())
        self._limit = TextLimit(sampling.length, stops, keep_stop, whole_letters=whole, continues=continues)
        self._guard = OverlapGuard(state, training_words) if sampling.max_overlap is not None else None

    @property
    def state(self) -> DecodingState:
        """The state from which to sample the next token."""
        return self._guard.state if self._guard is not None else self._state

    @property
    def done(self) -> bool:
        """Whether the text is complete."""
        return self._limit.done

    @property
    def characters_left(self) -> int:
        """The number of characters that are missing at most."""
        return self._limit.characters_left

    def read_ahead(self) -> str | None:
        """Sample many tokens in one call, and return the text that is final now; None where that cannot be done.

        A stop string may end the text after any token, so texts with one are not sampled ahead.
        """
        if self.done or self._limit.stops:
            return None
        held, most = ("", CHARACTERS_AHEAD) if self._guard is None else (self._guard.held, self._guard.ahead)
        draft = self.state.sample_ahead(min(max(self.characters_left - len(held), 1), most))
        return None if draft is None else self.read(draft.text, draft)

    def read(self, added: str, draft: Draft | None = None) -> str:
        """Read the text that a token or a draft added; return the text that is final now, which is often empty."""
        if self._guard is None:
            return self._limit.read(added)
        final = self._guard.read(added, draft) if added else ""

        # nothing is discarded once there is enough text
        if len(final) + len(self._guard.held) > self._limit.most:
            final += self._guard.flush()
        return self._limit.read(final)


class TextLimit:
    """Ends a text at its length or at a stop string; the possible start of a stop string is held back.

    A stop string counts only where a text that is not blank stands before it: in the text, or in the prompt that it
    `continues`. With `whole_letters`, characters that complete the last letter are added to its length: whether there
    are any shows in the character after them, so it is read too.
    """

    def __init__(
        self,
        length: int,
        stops: Sequence[str] = (),
        keep_stop: bool = False,
        *,
        whole_letters: bool = False,
        continues: bool = True,
    ) -> None:
        self.characters_left, self.stops, self.keep_stop = length, tuple(stops), keep_stop
        self.held_back, self.done, self._can_stop = "", length == 0, continues
        self._tail, self._extra = "", LONGEST if whole_letters else 0  # the last characters; how many may be added

    @property
    def most(self) -> int:
        """The number of characters that are read at most before the text is done."""
        return self.characters_left + LONGEST + max(map(len, self.stops), default=0)

    def read(self, text: str) -> str:
        """Return the part of the text that is final now and was not returned before.

        >>> limit = TextLimit(10, ["STOP"])
        >>> [limit.read(text) for text in ("ab", "cS", "TOP", "d")]
        ['ab', 'c', '', '']
        """
        if self.done:
            return ""

        # the stop strings, then the length
        if self.stops:
            text = self._until_stop(self.held_back + text)
        end = min(self.characters_left, len(text))
        self.characters_left -= end
        if not self.characters_left:
            while self._extra and end < len(text) and joins(self._tail + text[:end], text[end]):
                end, self._extra = end + 1, self._extra - 1
            self.done = self.done or end < len(text) or not self._extra
        self._tail = (self._tail + text[:end])[-LONGEST:]
        return text[:end]

    def _until_stop(self, text: str) -> str:
        """Return the text up to a stop string, without an end that may be the start of one."""
        # the stop string that is complete first, whatever the pieces in which the text arrives; of several, the longest
        first = 0 if self._can_stop else len(text) - len(text.lstrip()) + 1
        starts = {stop: text.find(stop, first) for stop in self.stops}
        spans = [(start + len(stop), start) for stop, start in starts.items() if start >= 0]
        if spans:
            self.done, (end, start) = True, min(spans)
            return text[: end if self.keep_stop else start]

        # hold back the longest end of the text that starts a stop string
        self._can_stop = self._can_stop or first <= len(text)
        lengths = range(min(max(map(len, self.stops)) - 1, len(text) - first), 0, -1)
        held = next((n for n in lengths if any(stop.startswith(text[-n:]) for stop in self.stops)), 0)
        self.held_back = text[len(text) - held :]
        return text[: len(text) - held]
