"""Model: a trained generator with its model card, which generates and scores text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from genbench import scoring
from genbench.capabilities import KnownWords, supports
from genbench.charlevel import ranking
from genbench.errors import UserError
from genbench.generator import Generator, ProgressCallback, ignore
from genbench.sampling import Sampling, generate_many
from genbench.sampling import stream as stream_text
from genbench.sampling.beginnings import Beginnings
from genbench.sampling.overlap import TrainingWords
from genbench.sampling.parameters import require_prompt
from genbench.scoring import Score, WordSurprisal
from genbench.spec import create_generator, option_values
from genbench.storage import models
from genbench.storage.cards import ModelCard
from genbench.tokenization.text import Text, require_text

SAMPLE_CHARACTERS = 80  # of the text that the representation of a model shows


@dataclass(frozen=True, repr=False)
class Model:
    """A trained generator with its model card and the hashed words of its training text.

    `genbench.train` and `genbench.load` return one. `Model(generator)` wraps a generator that was fitted directly; the
    sampling parameter `max_overlap` then needs `training_words`.
    """

    generator: Generator
    card: ModelCard | None = None
    training_words: TrainingWords | None = field(default=None, repr=False)
    id: str = ""  # the name under which it is stored, "" if it is not stored
    reused: bool = False  # whether it was loaded instead of trained

    @classmethod
    def load(cls, name: str | Path, *, plugins: Sequence[str | Path] = ()) -> Model:
        """Load a stored model by name, or the model in a folder.

        `plugins` are the plugin files that a model in a folder may run: read them first. Raises UserError if there is
        no model, if it is damaged, or if it needs another plugin file.
        """
        return cls.from_stored(models.open_model(name, plugins))

    @classmethod
    def from_stored(cls, stored: models.StoredModel) -> Model:
        """Load a stored model and score a short trial text with it. Raises UserError if it cannot be used."""
        loaded = stored.load()
        return cls(loaded.generator, loaded.card, loaded.training_words, stored.name, reused=True)

    def save(self, folder: str | Path) -> Path:
        """Write the model into a new or empty folder, for `load`; return the folder.

        Raises UserError if the folder is not empty or the model has no card.
        """
        # the card has the SPEC, with which `load` creates the generator
        if self.card is None:
            raise UserError("a model without a card cannot be saved; genbench.train(author, SPEC) returns one with it")
        return models.write_model(self.generator, Path(folder), self.card, self.training_words)

    def save_pretrained(self, folder: str | Path, *, scores: Mapping[str, Any] | None = None) -> Path:
        """Write the model with its card and checksums into a new folder, as for the Hugging Face Hub.

        `scores` are figures of the test text for the card, from `genbench.api.score_figures`. Returns the folder, which
        `genbench models import` reads too. Raises UserError if it is not empty or the model has no card.
        """
        from genbench.integrations import hub

        return hub.save_pretrained(self, folder, scores)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Write the files of `save_pretrained` into a repository of the Hugging Face Hub; return the commit's address.

        Options: `scores`, `private`, `token`, `revision`, `message`, `endpoint` (`integrations.hub.push_to_hub`).
        Raises UserError if huggingface_hub is not installed or the Hub refuses.
        """
        from genbench.integrations import hub

        return hub.push_to_hub(self, repo_id, **options)

    @classmethod
    def from_pretrained(cls, name: str | Path, **options: Any) -> Model:
        """Load the model in a folder of `save_pretrained`, else in the repository of this name; nothing is executed.

        Options: `revision`, `token`, `cache_dir`, `local_files_only`, `plugins`, `endpoint`
        (`integrations.hub.from_pretrained`). Raises UserError if it is missing, damaged, or its generator is not here.
        """
        from genbench.integrations import hub

        return hub.from_pretrained(name, **options)

    @property
    def fingerprint(self) -> bytes:
        """A hash of the model, 16 bytes; models with different predictions have different hashes."""
        return models.fingerprint(self.generator, self.training_words)

    def generate(
        self,
        prompt: str | Sequence[str] = "",
        sampling: Sampling | None = None,
        *,
        length: int | None = None,
        temperature: float | None = None,
        count: int = 1,
        seed: int = 0,
        progress: ProgressCallback = ignore,
        report: Callable[[str], None] = ignore,
    ) -> list[str]:
        """Return `count` continuations of one prompt, or of one prompt each, without the prompts.

        `length` (in characters) and `temperature` replace those of `sampling`; what neither says is the generator's
        default. Without both lengths, a text ends with the sentence that makes it 300 characters long. Without a prompt
        it begins as the author's paragraphs do. Text i is the one that `stream` yields with the seed `seed + i`.
        `report` receives a sentence on texts that a chain guided to meet constraints. Raises UserError for a count
        below 1, a seed below 0, and if the number of prompts is neither one nor `count`.
        """
        count, seed = _whole_number("count", count, 1), _whole_number("seed", seed, 0)

        # one prompt for each text
        prompts = [prompt] * count if isinstance(prompt, str) or not isinstance(prompt, Iterable) else list(prompt)
        if len(prompts) != count:
            raise UserError(f"{len(prompts)} prompts are given for {count} texts; give one, or one for each")
        for text in prompts:
            require_prompt(text)

        # one random generator for each text, so that a text does not depend on the others
        rngs = [np.random.default_rng(seed + index) for index in range(count)]
        samplings = [_parameters(sampling, length, temperature)] * count
        return generate_many(
            self.generator, prompts, samplings, rngs, progress, self.training_words, self.beginnings, report
        )

    def stream(
        self,
        prompt: str = "",
        sampling: Sampling | None = None,
        *,
        length: int | None = None,
        temperature: float | None = None,
        seed: int = 0,
    ) -> Iterator[str]:
        """Yield the continuation of a prompt piece by piece, as it is sampled; the options are those of `generate`."""
        require_prompt(prompt)
        rng = np.random.default_rng(_whole_number("seed", seed, 0))
        parameters = _parameters(sampling, length, temperature)
        return stream_text(self.generator, prompt, parameters, rng, self.training_words, self.beginnings)

    def sampling(self, sampling: Sampling | None = None) -> Sampling:
        """Return the parameters of its texts: those that are None are the generator's (`default_sampling`)."""
        return (sampling or Sampling()).with_defaults(self.generator.default_sampling)

    @property
    def beginnings(self) -> Beginnings | None:
        """What is read before a text without a prompt, so that it begins as a paragraph; None without a card."""
        if self.card is None:
            return None
        if supports(type(self.generator), KnownWords):  # markovify, whose start is that of a sentence
            return Beginnings({})
        if self.card.beginnings is None:  # an earlier version stored it
            return Beginnings.default(self.generator.tokenizer.letters)
        return Beginnings(self.card.beginnings, self.card.small_beginnings)

    @cached_property
    def ranked(self) -> Generator:
        """What the model is ranked by: the generator, or its own view by the character (`charlevel.ranking`)."""
        return ranking.ranked_model(self.generator)

    def score(self, text: str | Text, *, progress: ProgressCallback = ignore) -> Score:
        """Return the bits and perplexities of a text, the bits by the character where a word model can compute them.

        Raises ContractError if the generator violates the contract, UserError for what is not a text.
        """
        require_text(text)
        return ranking.score(self.generator, self.ranked, text, progress)

    def surprisal(self, text: str, *, progress: ProgressCallback = ignore) -> list[WordSurprisal]:
        """Return each word of a text, with the white space before it, and its bits; UserError for an empty text."""
        require_text(text)
        return scoring.surprisal(self.generator, text, progress)

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle and deepcopy copy: of the generator, what is stored of it."""
        learned = (type(self.generator), option_values(self.generator), self.generator.dump())
        return {name: value for name, value in vars(self).items() if name != "ranked"} | {"generator": learned}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kind, options, learned = state["generator"]
        generator = create_generator(kind, kind.__name__, options)
        generator.restore(learned)
        vars(self).update(state, generator=generator)

    def __repr__(self) -> str:
        if self.card is None:
            return f"<Model of {self.generator!r}>"
        sample = " ".join(self.write_briefly(SAMPLE_CHARACTERS).split())
        about = f"{self.id or '(not stored)'}: {self.card.spec} trained on {self.card.author}"
        return f"<Model {about}; writes {sample!r}>" if sample else f"<Model {about}>"

    def _repr_html_(self) -> str:
        from genbench.integrations import notebook

        return notebook.model_html(self)

    def write_briefly(self, characters: int, seconds: float = 1.0) -> str:
        """Return the beginning of the text that the model writes with the seed 0: what it writes in a second at most.

        It is empty where the generator fails, because showing a model must not fail.
        """
        deadline, text = time.monotonic() + seconds, ""
        with suppress(Exception):
            for piece in self.stream(length=characters):
                text += piece
                if time.monotonic() > deadline:
                    break
        return text


def _whole_number(name: str, value: object, lowest: int) -> int:
    """Return a whole number, also one of numpy. Raises UserError for another value, or one below `lowest`."""
    number = value.__index__() if isinstance(value, SupportsIndex) else lowest - 1
    if number < lowest:
        raise UserError(f"{name} is {value!r}, but must be a whole number, {lowest} or more")
    return number


def _parameters(sampling: Sampling | None, length: int | None, temperature: float | None) -> Sampling:
    """Return sampling parameters with another length and temperature where these are given."""
    given = {"length": length, "temperature": temperature}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(sampling or Sampling(), **changes)
