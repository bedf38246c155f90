"""Drawing text: one loop for every generator, one text streamed as it is drawn or many side by side.

The controls, in the order in which they act: repetition penalty (Keskar et al. 2019), temperature, top-k (Fan et al.
2018), top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024). With `max_overlap`, text that copies more words in a
row from the training text is taken back and drawn anew, further back the longer that takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from genbench.generator import Generator, ProgressCallback, ignore, rescale
from genbench.sampling.overlap import TrainingWords
from genbench.sampling.overlap_guard import Novel
from genbench.sampling.parameters import Sampling as Sampling
from genbench.sampling.step import Drawing, step

CELLS = 1 << 19  # texts times vocabulary drawn side by side: more would not stay in the processor's cache
Asked = tuple[str, Sampling, np.random.Generator]
FEWEST = 256  # texts drawn side by side, however large the vocabulary


def generate(
    generator: Generator,
    prompt: str,
    sampling: Sampling,
    rng: np.random.Generator,
    training_words: TrainingWords | None = None,
) -> str:
    """The whole text that `stream` would give."""
    return "".join(stream(generator, prompt, sampling, rng, training_words))


def stream(
    generator: Generator,
    prompt: str,
    sampling: Sampling,
    rng: np.random.Generator,
    training_words: TrainingWords | None = None,
) -> Iterator[str]:
    """Text that goes on from a prompt, piece by piece as it is drawn, without the prompt.

    Exactly `sampling.length` characters, fewer where `sampling.stop` came up. A prompt that ends inside a piece is
    completed: the first tokens drawn agree with it. Raises ContractError where the generator's words lead nowhere.
    """
    text = Text(Drawing.of(generator, prompt, sampling, rng, training_words))
    while not text.done:
        settled = text.read(*step([text.drawing]))
        if settled:
            yield settled


def generate_many(
    generator: Generator,
    prompts: Sequence[str],
    samplings: Sequence[Sampling],
    rngs: Sequence[np.random.Generator],
    progress: ProgressCallback = ignore,
    training_words: TrainingWords | None = None,
) -> list[str]:
    """Many texts, drawn side by side: the text of each prompt, with its sampling and its own random generator.

    Each is the one that `generate` would give: what a text draws does not depend on those beside it. A network's
    probabilities differ by rounding with how many texts are read at once (a millionth of a nat), so a text may part
    there where a random number falls so near to the border between two tokens. `progress` is called with the share that is drawn.
    """
    asked = list(zip(prompts, samplings, rngs, strict=True))
    size = max(FEWEST, CELLS // generator.tokenizer.size)
    groups = (asked[start : start + size] for start in range(0, len(asked), size))
    texts: list[str] = []
    for group in groups:
        before, width = len(texts) / len(asked), len(group) / len(asked)
        texts += _together(generator, group, rescale(progress, before, width), training_words)
    return texts


def _together(
    generator: Generator, asked: list[Asked], progress: ProgressCallback, training_words: TrainingWords | None
) -> list[str]:
    begun = {prompt: Drawing.of(generator, prompt, sampling, rng, training_words) for prompt, sampling, rng in asked}
    texts = [Text(begun[prompt].copy(sampling=sampling, rng=rng)) for prompt, sampling, rng in asked]
    parts: list[list[str]] = [[] for _ in texts]
    going = [place for place, text in enumerate(texts) if not text.done]
    total = sum(text.left for text in texts)
    while going:
        for place, fresh in zip(going, step([texts[place].drawing for place in going]), strict=True):
            parts[place].append(texts[place].read(fresh))
        going = [place for place in going if not texts[place].done]
        progress(1 - sum(texts[place].left for place in going) / total)
    return ["".join(each) for each in parts]


class Text:
    """A text that is being drawn: where its drawing stands, and what of it is settled."""

    def __init__(self, drawing: Drawing) -> None:
        self._drawing, sampling = drawing, drawing.sampling
        self._cut = Cut(sampling.length, sampling.stop)
        self._novel = Novel(drawing) if sampling.max_overlap is not None else None

    @property
    def drawing(self) -> Drawing:
        """Where it goes on."""
        return self._novel.drawing if self._novel is not None else self._drawing

    @property
    def done(self) -> bool:
        """Whether nothing is to be drawn any more."""
        return self._cut.done

    @property
    def left(self) -> int:
        """How many characters are to be drawn yet, at most."""
        return self._cut.left

    def read(self, fresh: str) -> str:
        """Take what was drawn; gives what is settled by now, often nothing."""
        return self._cut.read(fresh if self._novel is None else self._novel.read(fresh))


class Cut:
    """Ends a text at its length, or before a stop string, which is held back while it may be coming."""

    def __init__(self, length: int, stop: str | None = None) -> None:
        self.left, self.stop, self.held, self.done = length, stop, "", length == 0

    def read(self, text: str) -> str:
        """The part of what was held and of this text that is to be kept for certain.

        >>> cut = Cut(10, "STOP")
        >>> [cut.read(text) for text in ("ab", "cS", "TOP", "d")]
        ['ab', 'c', '', '']
        """
        if self.done:
            return ""
        if self.stop is not None:
            text = self._before_stop(self.held + text, self.stop)
        if self.left <= len(text):
            text, self.done = text[: self.left], True
        self.left -= len(text)
        return text

    def _before_stop(self, text: str, stop: str) -> str:
        if stop in text:
            self.done = True
            return text[: text.index(stop)]
        keep = next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if stop.startswith(text[-n:])), 0)
        self.held = text[len(text) - keep :]
        return text[: len(text) - keep]
