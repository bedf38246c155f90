"""The decoding loop, the same for every generator: stream one text as it is sampled, or generate a batch of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from genbench.generator import Generator, ProgressCallback, ignore, rescale
from genbench.sampling.beginnings import LETTER, Beginnings, begins_small
from genbench.sampling.constraints.conditioned import sample_conditioned
from genbench.sampling.limits import TextLimit as TextLimit
from genbench.sampling.overlap import OverlapGuard, TrainingWords
from genbench.sampling.parameters import Sampling
from genbench.sampling.step import DecodingState, Draft, decode_step, sample_drafts
from genbench.tokenization.graphemes import has_clusters

MAX_BATCH_CELLS = 1 << 19  # texts times vocabulary in one batch: larger ones do not fit into the processor's cache
MIN_BATCH = 256  # texts in one batch, for any size of the vocabulary
CHARACTERS_AHEAD = 4096  # sampled in one call
MAX_RESTARTS = 50  # of a text that begins with a small letter
MAX_HEAD = 40  # characters without a letter that a text may begin with

_Request = tuple[str, Sampling, np.random.Generator]


def generate(
    generator: Generator,
    prompt: str,
    sampling: Sampling,
    rng: np.random.Generator,
    training_words: TrainingWords | None = None,
    beginnings: Beginnings | None = None,
) -> str:
    """Return the whole text that `stream` yields."""
    return "".join(stream(generator, prompt, sampling, rng, training_words, beginnings))


def stream(
    generator: Generator,
    prompt: str,
    sampling: Sampling,
    rng: np.random.Generator,
    training_words: TrainingWords | None = None,
    beginnings: Beginnings | None = None,
) -> Iterator[str]:
    """Yield the continuation of a prompt, piece by piece as it is sampled, without the prompt.

    The text has exactly `sampling.length` characters, and those that complete its last letter, such as combining marks;
    fewer if a stop string occurs. Without a length it ends with a whole sentence. A prompt that ends inside a word is
    completed: the first sampled tokens agree with it. Without a prompt, the text begins as one of the `beginnings`, and
    without blank lines. Raises ContractError if the generator samples too many tokens without text, UserError if no
    text within `max_overlap` can be sampled.
    """
    if sampling.constraints:
        yield _generate_conditioned(generator, [(prompt, sampling, rng)], ignore, beginnings)[0]
        return

    # a batch of one text
    begins = None if prompt else beginnings
    state = DecodingState.after_prompt(generator, begins.draw(rng) if begins else prompt, sampling, rng)
    text = GeneratedText(state, training_words, prompt, begins)
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
    beginnings: Beginnings | None = None,
    report: Callable[[str], None] = ignore,
) -> list[str]:
    """Return one text for each prompt, sampled in batches, each with its own parameters and random generator.

    Each text is the one that `generate` returns; it does not depend on the others of its batch. The probabilities of a
    network differ by rounding with the size of the batch (a millionth of a nat), so a text may differ from the point on
    where a random number is that close to the border between two tokens. `progress` receives the completed share,
    `report` a sentence about texts that constraints only guide.
    """
    requests = list(zip(prompts, samplings, rngs, strict=True))
    if any(sampling.constraints for sampling in samplings):
        return _generate_conditioned(generator, requests, progress, beginnings, report)

    # batches as large as the cache allows
    size = max(MIN_BATCH, MAX_BATCH_CELLS // generator.tokenizer.size)
    texts: list[str] = []
    for start in range(0, len(requests), size):
        batch = requests[start : start + size]
        part = rescale(progress, len(texts) / len(requests), len(batch) / len(requests))
        texts += _generate_batch(generator, batch, part, training_words, beginnings)
    return texts


def _generate_conditioned(
    generator: Generator,
    requests: list[_Request],
    progress: ProgressCallback,
    beginnings: Beginnings | None,
    report: Callable[[str], None] = ignore,
) -> list[str]:
    """Return one text for each request, whose constraints are prepared once for each prompt."""
    before = "" if beginnings is None else beginnings.most_frequent
    texts: list[str] = [""] * len(requests)
    groups: dict[tuple[str, Sampling], list[int]] = {}
    for row, (prompt, sampling, _) in enumerate(requests):
        groups.setdefault((prompt, sampling), []).append(row)
    for number, ((prompt, sampling), rows) in enumerate(groups.items()):
        part = rescale(progress, number / len(groups), 1 / len(groups))
        sampled = sample_conditioned(
            generator, prompt, sampling, [requests[row][2] for row in rows], part, before, report
        )
        for row, text in zip(rows, sampled, strict=True):
            texts[row] = text
    return texts


def _generate_batch(
    generator: Generator,
    requests: list[_Request],
    progress: ProgressCallback,
    training_words: TrainingWords | None,
    beginnings: Beginnings | None,
) -> list[str]:
    # read each distinct prompt once; a text without one begins as a paragraph
    starts: dict[str, DecodingState] = {}
    texts: list[GeneratedText] = []
    for prompt, sampling, rng in requests:
        begins = None if prompt else beginnings
        read = begins.draw(rng) if begins else prompt
        if read not in starts:
            starts[read] = DecodingState.after_prompt(generator, read, sampling, rng)
        texts.append(GeneratedText(starts[read].copy(sampling, rng), training_words, prompt, begins))

    parts: list[list[str]] = [[] for _ in texts]
    active = [row for row, text in enumerate(texts) if not text.done]
    total = sum(text.characters_left for text in texts)
    while active:
        # many tokens of all texts in one call, as far as possible
        waiting = active
        while waiting := [row for row in waiting if texts[row].can_read_ahead]:
            drafts = sample_drafts([texts[row].state for row in waiting], [texts[row].ahead for row in waiting])
            for row, draft in zip(waiting, drafts, strict=True):
                parts[row].append("" if draft is None else texts[row].read(draft.text, draft))
            waiting = [row for row, draft in zip(waiting, drafts, strict=True) if draft is not None]
            progress(1 - sum(texts[row].characters_left for row in active) / total)

        # one decoding step for all texts that are not complete
        active = [row for row in active if not texts[row].done]
        for row, added in zip(active, decode_step([texts[row].state for row in active]) if active else (), strict=True):
            parts[row].append(texts[row].read(added))
        active = [row for row in active if not texts[row].done]
        progress(1 - sum(texts[row].characters_left for row in active) / total)
    return ["".join(row) for row in parts]


class GeneratedText:
    """A text that is being generated: its decoding state, and the limits of its length, stop string and overlap.

    A text without a prompt begins as one of `begins`. Where it may not begin with a small letter and does, it starts
    again, so that its first letter follows the generator's distribution given that it is none.
    """

    def __init__(
        self, state: DecodingState, training_words: TrainingWords | None, prompt: str, begins: Beginnings | None = None
    ) -> None:
        self._start, self._words, self._prompt, self._begins = state, training_words, prompt, begins is not None
        restarts = begins is not None and state.temperature > 0 and not begins.allows_small(state.rng)
        self._restarts = MAX_RESTARTS if restarts else 0
        self._restart()

    def _restart(self) -> None:
        """Begin the text, again if it has begun."""
        self._state, self._head = self._start.copy() if self._restarts else self._start, ""
        state, sampling = self._state, self._state.sampling
        self._limit = TextLimit(
            sampling.characters,
            sampling.stop_strings,
            sampling.keep_stop,
            whole_letters=has_clusters(state.generator.tokenizer.letters),
            continues=bool(self._prompt.strip()),
            begins=self._begins,
            whole_sentences=sampling.length is None,
        )
        self._guard = OverlapGuard(state, self._words) if sampling.max_overlap is not None else None

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
        """Sample many tokens in one call, and return the text that is final now; None where that cannot be done."""
        draft = self.state.sample_ahead(self.ahead) if self.can_read_ahead else None
        return None if draft is None else self.read(draft.text, draft)

    @property
    def can_read_ahead(self) -> bool:
        """Whether many tokens may be sampled in one call: a stop string may end the text after any of them."""
        return not self.done and not self._limit.stops

    @property
    def ahead(self) -> int:
        """The number of characters to sample in one call."""
        held, most = ("", CHARACTERS_AHEAD) if self._guard is None else (self._guard.held, self._guard.ahead)
        return min(max(self.characters_left - len(held), 1), most)

    def read(self, added: str, draft: Draft | None = None) -> str:
        """Read the text that a token or a draft added; return the text that is final now, which is often empty."""
        if not self._restarts:
            return self._read(added, draft)

        # nothing is final before the first letter
        self._head += self._read(added, draft)
        if begins_small(self._head):
            self._restarts -= 1
            self._restart()
            return ""
        if not LETTER.search(self._head) and len(self._head) < MAX_HEAD and not self.done:
            return ""
        self._restarts = 0
        return self._head

    def _read(self, added: str, draft: Draft | None = None) -> str:
        if self._guard is None:
            return self._limit.read(added)
        final = self._guard.read(added, draft) if added else ""

        # nothing is discarded once there is enough text
        if len(final) + len(self._guard.held) > self._limit.most:
            final += self._guard.flush()
        return self._limit.read(final)
