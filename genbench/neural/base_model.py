"""The counting model with which a network is interpolated (option `base`, `interpolation.py`).

BasedNetwork  a network with such a model
BaseModel     a trained model of `capabilities.StateRows`, and its predictions in the form of a head
BaseStream    a stream that one such model reads
CrossFit      a training stream whose passages are read by models that have not counted them
BaseBatches   batches with these predictions, computed for several at once (PredictedAhead)

A model is too sure of the text that it has counted: a network that saw its predictions there would learn to trust it
too much. So the network is trained with the predictions of models that each lack a part of the text (cross-fitting),
and used with those of a model of the whole training text.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice, pairwise, repeat
from typing import Any

import numpy as np
import torch
from torch import nn

from genbench.capabilities import StateRows, is_adaptive
from genbench.generator import Learned, Progress, TrainContext, TrainStats, ignore
from genbench.neural.batches import Batch, BatchSampler, PredictedStream
from genbench.neural.heads import Head
from genbench.neural.interpolation import Prediction
from genbench.neural.network import CoreState, Network
from genbench.neural.repeated_stream import Stream
from genbench.registry import create
from genbench.tokenization.tokenizer import Ids, Tokenizer

FOLDS = 5  # models, each of which lacks this share of the text
BATCHES_AHEAD = 8  # for which the models predict at once
BATCHES_ALONE = 3  # the first ones, which measure the time of a step
BLOCK = 4_000  # tokens of a passage that one of the models lacks
RUN_UP = 64  # tokens that are read before a passage


class Layout:
    """What a head needs of a counting model: groups of tokens, and the tokens of its clusters."""

    def __init__(self, head: Head) -> None:
        self.groups: Ids = head.groups().numpy()
        self.clusters: list[Ids] = [tokens.numpy() for tokens in head.cluster_tokens()]

        # the number of each token's cluster; -1 for a frequent token
        self.cluster = np.full(len(self.groups), -1)
        for index, tokens in enumerate(self.clusters):
            self.cluster[tokens] = index

    def rows_of(self, cluster: int, targets: Ids) -> Ids:
        """Return which of the targets, (n,), are in a cluster, in ascending order."""
        return np.flatnonzero(self.cluster[targets] == cluster)


class BaseModel:
    """A trained counting model, which copies of a network share."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __deepcopy__(self, memo: Any) -> BaseModel:
        return self

    @classmethod
    def restore(cls, spec: str, learned: Learned, tokenizer: Tokenizer) -> BaseModel:
        """Return a model from what its generator dumped. Raises ValueError for one of another text."""
        model = cls(create_base(spec))
        model.generator.restore(learned)
        if model.generator.tokenizer.dump() != tokenizer.dump():
            raise ValueError("the base of the network belongs to another text")
        return model

    def read(self, ids: torch.Tensor, rows: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states after each token of texts, (batch, time, integers), and the last, (1, batch, integers).

        `ids` is (batch, time). `rows` are the states before, (1, batch, integers); None or zeros: nothing was read.
        """
        before = [None] * len(ids) if rows is None else [row if row.any() else None for row in rows[0].numpy()]
        texts = zip(ids.numpy(), before, strict=True)
        states = torch.from_numpy(np.stack([self.generator.read_rows(text, row)[1:] for text, row in texts]))
        return states, states[None, :, -1]

    def predict(self, rows: Ids, targets: Ids, layout: Layout) -> Prediction:
        """Return the predictions of targets, (n,), after states, (n, integers)."""
        model, top = self.generator, self.generator.group_log_probs(rows, layout.groups)
        tails = (
            torch.from_numpy(model.selected_log_probs(rows[layout.rows_of(cluster, targets)], tokens))
            for cluster, tokens in enumerate(layout.clusters)
        )
        return Prediction(torch.from_numpy(top), torch.from_numpy(model.evidence_rows(rows)), tuple(tails))

    def predict_all(self, rows: Ids, layout: Layout) -> Prediction:
        """Return the predictions of all tokens after states, (n, integers)."""
        tails = (torch.from_numpy(self.generator.selected_log_probs(rows, tokens)) for tokens in layout.clusters)
        top = torch.from_numpy(self.generator.group_log_probs(rows, layout.groups))
        return Prediction(top, torch.from_numpy(self.generator.evidence_rows(rows)), tuple(tails))


class BasedNetwork(Network):
    """A network interpolated with a counting model; its state is that of the core, and the model's states.

    The head has an `interpolation`.
    """

    def __init__(
        self, embedding: nn.Module, core: nn.Module, head: Head, dropout: tuple[float, float], base: BaseModel
    ) -> None:
        super().__init__(embedding, core, head, dropout)
        self.base = base

    @cached_property
    def layout(self) -> Layout:
        """The form in which the head reads predictions; it may depend on stored weights."""
        return Layout(self.head)

    def forward(self, ids: torch.Tensor, state: CoreState) -> tuple[torch.Tensor, CoreState]:
        core, rows = (None, None) if state is None else state
        hidden, core = self.run_core(ids, core)
        return hidden, (core, self.base.read(ids, rows)[1])

    def read_targets(
        self, ids: torch.Tensor, targets: torch.Tensor, state: CoreState, scored: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, CoreState]:
        core, rows = (None, None) if state is None else state
        hidden, core = self.run_core(ids, core)
        states, rows = self.base.read(ids, rows)

        # the states after the tokens before the scored targets
        columns = slice(None) if scored is None else slice(-scored, None)
        hidden, targets, states = hidden[:, columns].float(), targets[:, columns], states[:, columns]
        base = self.base.predict(states.flatten(0, 1).numpy(), targets.flatten().numpy(), self.layout)
        log_probs = self.head.target_log_probs(hidden.flatten(0, 1), targets.flatten(), base)
        return log_probs.view(targets.shape), hidden, (core, rows)


def create_base(spec: str) -> Any:
    """Return an untrained counting model. Raises ValueError for a SPEC of another generator."""
    generator = create(spec)
    if not isinstance(generator, StateRows) or is_adaptive(generator):
        raise ValueError(f"base is {spec!r}, but must be a chain that does not adapt, such as markov-char:order=8")
    return generator


class BaseStream:
    """A stream, (tokens,), that one model reads."""

    def __init__(self, model: BaseModel, ids: Ids, layout: Layout) -> None:
        self.model, self.layout, self.rows = model, layout, model.generator.read_rows(ids)[1:]

    def predict(self, positions: Ids, targets: Ids) -> Prediction:
        return self.model.predict(self.rows[positions], targets, self.layout)


class CrossFit:
    """A training stream, (tokens,), whose passages are read by several models.

    `readers` has the number of the model that reads each token, (tokens,).
    """

    def __init__(self, models: list[BaseModel], ids: Ids, readers: Ids, layout: Layout) -> None:
        self.models, self.readers, self.layout = models, readers, layout

        # the states after each token, passage by passage
        parts, starts = [], [0, *(np.flatnonzero(np.diff(readers)) + 1).tolist(), len(ids)]
        for start, stop in pairwise(starts):
            run_up = min(start, RUN_UP)
            model = models[int(readers[start])]
            parts.append(model.generator.read_rows(ids[start - run_up : stop])[run_up + 1 :])
        self.rows = np.concatenate(parts)

    @classmethod
    def fit(
        cls,
        untrained: Any,
        tokenizer: Tokenizer,
        stream: Stream,
        validation: Ids,
        layout: Layout,
        context: TrainContext,
    ) -> CrossFit:
        """Train copies of an untrained generator on all passages of a stream but their own."""
        distinct = stream.distinct
        block = max(1, min(BLOCK, len(distinct) // FOLDS))
        passage = np.arange(len(distinct)) // block % FOLDS
        models = []
        for own in range(FOLDS):
            generator = copy(untrained)
            generator.fit_ids(tokenizer, distinct[passage != own], validation, context)
            models.append(BaseModel(generator))
        return cls(models, stream.ids, passage[stream.places], layout)

    def predict(self, positions: Ids, targets: Ids) -> Prediction:
        # each model predicts the targets in its passages
        reader = self.readers[positions]
        places = [np.flatnonzero(reader == number) for number in range(len(self.models))]
        parts = [
            model.predict(self.rows[positions[own]], targets[own], self.layout)
            for model, own in zip(self.models, places, strict=True)
        ]

        # back to the order of the targets
        order = np.concatenate(places)
        tails = [
            np.argsort(np.concatenate([own[self.layout.rows_of(cluster, targets[own])] for own in places]))
            for cluster in range(len(self.layout.clusters))
        ]
        top, evidence = (torch.cat(values) for values in zip(*(part[:2] for part in parts), strict=True))
        joined = Prediction(top, evidence, tuple(map(torch.cat, zip(*(part.tails for part in parts), strict=True))))
        return joined.select(np.argsort(order), tails)


def fit_base(
    spec: str, tokenizer: Tokenizer, stream: Stream, validation: Ids, head: Head, context: TrainContext
) -> tuple[BaseModel, CrossFit, BaseStream]:
    """Train a counting model, and return it with its predictions of the training and of the validation stream.

    A network has a head like `head`. The context receives notes on the progress.
    """
    context.report(Progress(0.0, note=f"counting {FOLDS + 1} times"))
    quiet = replace(context, on_progress=ignore, on_checkpoint=ignore, last_checkpoint=ignore, stats=TrainStats())
    untrained, layout = create_base(spec), Layout(head)
    training = CrossFit.fit(untrained, tokenizer, stream, validation, layout, quiet)
    model = BaseModel(untrained)
    model.generator.fit_ids(tokenizer, stream.distinct, validation, quiet)
    return model, training, BaseStream(model, validation, layout)


class PredictedAhead:
    """The predictions for several batches, computed at the first question; `batches` come with their positions."""

    def __init__(self, stream: CrossFit, batches: list[tuple[Batch, Batch]]) -> None:
        self.stream, self.batches = stream, batches

    @cached_property
    def _all(self) -> tuple[Ids, Ids, Prediction]:
        """The different positions, ascending, the targets after them, and the predictions, (positions,) each."""
        positions = torch.cat([place.inputs.flatten() for _, place in self.batches]).numpy()
        targets = torch.cat([batch.targets.flatten() for batch, _ in self.batches]).cpu().numpy()
        positions, first = np.unique(positions, return_index=True)
        return positions, targets[first], self.stream.predict(positions, targets[first])

    def predict(self, positions: Ids, targets: Ids) -> Prediction:
        known, known_targets, prediction = self._all
        rows, layout = np.searchsorted(known, positions), self.stream.layout
        tails = [
            np.searchsorted(layout.rows_of(cluster, known_targets), rows[layout.rows_of(cluster, targets)])
            for cluster in range(len(prediction.tails))
        ]
        return prediction.select(rows, tails)


@dataclass(frozen=True)
class BaseBatches:
    """The batches of another sampler, with the predictions of counting models for their targets."""

    sampler: BatchSampler
    training: CrossFit
    validation: PredictedStream

    def batches_per_pass(self, tokens: int) -> int:
        return self.sampler.batches_per_pass(tokens)

    def training_batches(self, ids: torch.Tensor, generator: torch.Generator) -> Iterator[Batch]:
        # the same random numbers give the positions
        again = torch.Generator()
        again.set_state(generator.get_state())
        positions = self.sampler.training_batches(torch.arange(len(ids)), again)
        batches = zip(self.sampler.training_batches(ids, generator), positions, strict=True)

        # predict for several batches at once; for the first ones one by one, so that the time of a step can be measured
        for size in chain(repeat(1, BATCHES_ALONE), repeat(BATCHES_AHEAD)):
            together = list(islice(batches, size))
            if not together:
                return
            predicted = PredictedAhead(self.training, together)
            yield from (replace(batch, positions=place.inputs, predicted=predicted) for batch, place in together)

    def validation_batches(self, ids: torch.Tensor) -> Iterator[Batch]:
        positions = self.sampler.validation_batches(torch.arange(len(ids)))
        for batch, places in zip(self.sampler.validation_batches(ids), positions, strict=True):
            yield replace(batch, positions=places.inputs, predicted=self.validation)
