"""Stored models as models of the command `llm` (simonw/llm): `llm -m genbench/austen/lstm-word "It is a truth"`.

The entry point of the group `llm` is this module. Where `llm` only lists its models, the cards of the stored ones are
read, and neither a generator nor torch is imported.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any

import llm
from pydantic import Field, model_validator

from genbench import scoring
from genbench.errors import GenbenchError, UserError
from genbench.model import Model
from genbench.sampling import Sampling
from genbench.spec import MAX_INTEGER
from genbench.storage import models
from genbench.storage.stored_model import StoredModel

PREFIX = "genbench"


class Options(llm.Options):  # type: ignore[misc]
    """The sampling parameters of `genbench generate`, with its defaults and valid values."""

    length: int | None = Field(None, description="characters of a text; 300 and on to the end of a sentence if unset")
    temperature: float | None = Field(None, description="0 is greedy; the generator's own if unset")
    top_k: int | None = Field(None, description="sample from the k most probable tokens")
    top_p: float | None = Field(None, description="sample from the tokens that together have this probability")
    min_p: float | None = Field(None, description="drop tokens less probable than this share of the most probable")
    repetition_penalty: float | None = Field(None, description="above 1: to go on repeating the text is less probable")
    max_overlap: float | None = Field(None, description="longest run of copied words")
    stop: str | None = Field(None, description="end the text before this string")
    seed: int | None = Field(None, ge=0, le=MAX_INTEGER, description="the same seed gives the same text")

    @model_validator(mode="after")
    def check(self) -> Options:
        """Raise ValueError, as pydantic expects, for a value that `Sampling` refuses."""
        try:
            self.sampling()
        except UserError as error:
            raise ValueError(str(error)) from None
        return self

    def sampling(self) -> Sampling:
        """Return the sampling parameters. Raises UserError for a value out of range."""
        given = {name: value for name, value in self.model_dump(exclude={"seed"}).items() if value is not None}
        return Sampling(**given)


class StoredTextModel(llm.Model):  # type: ignore[misc]
    """A stored model, which is loaded when it writes for the first time."""

    can_stream = True
    supports_conversation = False  # a text is continued; nothing is answered
    Options = Options

    def __init__(self, model_id: str, stored: StoredModel) -> None:
        self.model_id, self.stored = model_id, stored

    def __str__(self) -> str:
        return f"genbench: {self.model_id} ({self.stored.card.spec})"

    @cached_property
    def model(self) -> Model:
        """The loaded model. Raises UserError where it is damaged."""
        return Model.from_stored(self.stored)

    def execute(
        self, prompt: llm.Prompt, stream: bool, response: llm.Response, conversation: llm.Conversation | None
    ) -> Iterator[str]:
        """Yield the continuation of the prompt piece by piece, and describe it in `response.response_json`.

        Its keys are model, spec, seed, bits_per_character (of the continuation, before temperature and truncation) and
        logprobs: {"content": [{"token", "logprob"}]}, natural logarithms, as other models of llm report them. Raises
        llm.ModelError for a prompt that cannot be continued.
        """
        if prompt.system:
            raise llm.ModelError(
                "a genbench model continues a text and follows no instructions; leave out the system prompt"
            )
        beginning, options = prompt.prompt or "", prompt.options
        seed = secrets.randbelow(2**32) if options.seed is None else options.seed
        pieces = []
        try:
            for piece in self.model.stream(beginning, options.sampling(), seed=seed):
                pieces.append(piece)
                yield piece
            tokens = list(_token_log_probs(self.model, beginning, "".join(pieces)))
        except GenbenchError as error:
            raise llm.ModelError(str(error)) from error

        # what was written, and how probable it was
        described = {"model": self.stored.name, "spec": self.stored.card.spec, "seed": seed}
        response.response_json = {**described, "logprobs": {"content": tokens}}
        response.set_usage(input=len(self.model.generator.tokenizer.encode(beginning)), output=len(tokens))


def _token_log_probs(model: Model, prompt: str, text: str) -> Iterator[dict[str, Any]]:
    """Yield each token of a continuation with its natural log-probability, at temperature 1."""
    whole = prompt + text
    ids, ends = scoring.encode(model.generator.tokenizer, whole)
    start = 0
    for end, log_prob in zip(ends.tolist(), scoring.token_log_probs(model.generator, ids).tolist(), strict=True):
        if end > len(prompt):
            yield {"token": whole[max(start, len(prompt)) : end], "logprob": log_prob}
        start = end


def stored_models() -> Iterator[tuple[str, StoredModel]]:
    """Yield a model id for each author and generator, and the best of the stored models of both."""
    best: dict[str, StoredModel] = {}
    with suppress(OSError):  # a folder that cannot be read has no models, and llm has others
        for stored in models.list_models(models.models_folder()):
            model_id = f"{PREFIX}/{stored.card.author}/{stored.card.generator}"
            current = best.setdefault(model_id, stored)
            if stored.card.training.ranking_bits < current.card.training.ranking_bits:
                best[model_id] = stored
    yield from sorted(best.items())


@llm.hookimpl  # type: ignore[untyped-decorator]
def register_models(register: Callable[..., None]) -> None:
    """Register the stored models with llm; the name under which one is stored is its alias."""
    for model_id, stored in stored_models():
        register(StoredTextModel(model_id, stored), aliases=(f"{PREFIX}/{stored.name}",))
