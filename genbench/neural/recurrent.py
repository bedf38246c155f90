"""Any recurrent core as a Generator: a plugin states its core, and its tokenizer where that is not characters."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from genbench.generator import Generator, LogProbs, Run, State
from genbench.neural.batches import Carried, Reading
from genbench.neural.heads import Adaptive, Head, Softmax
from genbench.neural.network import Network
from genbench.neural.machine import native_bf16, training
from genbench.neural.optimisers import Rates
from genbench.neural.schedule import Schedule, parts, read
from genbench.neural.states import CoreState, each
from genbench.neural.streams import stream_log_probs
from genbench.neural.training import Recipe, Trainer
from genbench.tokenizer import Ids, Tokenizer

ADAPTIVE_FROM = 2000  # tokens in the vocabulary
PASSES = 20  # over the text, where neither budget nor steps are given
SHORT_TEXT = 500_000  # characters: below, a network sees its text so often that it needs dropout


@dataclass(frozen=True)
class Memory:
    """A recurrent generator's state: what the core gave for the last token, (1, hidden), and what it carries on."""

    output: torch.Tensor
    core: CoreState


@dataclass
class RecurrentGenerator(Generator):
    """A network around a recurrent core, trained by the one training loop.

    A subclass gives `core`, a module called like `nn.LSTM(batch_first=True)`: (batch, time, inputs) and a state to
    (batch, time, self.hidden) and a state. It may give `cut`, `embed`, `head` and `reading` too.
    """

    auto_dropout: ClassVar[tuple[float, float]] = (0.2, 0.0)  # of short texts and of long ones

    embedding: int = field(default=128, metadata={"help": "width of a token's vector"})
    hidden: int = field(default=192, metadata={"help": "units in each recurrent layer"})
    layers: int = field(default=1, metadata={"help": "recurrent layers, one upon the other"})
    dropout: float | None = field(
        default=None,
        metadata={"help": "on the way out of the core, .4 of it on the way in; auto: less for a long text"},
    )
    learning_rate: float = field(default=1.5e-2, metadata={"help": "AdamW's highest"})
    matrix_rate: float = field(
        default=2e-2, metadata={"help": "Muon's highest learning rate, for the core's matrices; 0: AdamW has these too"}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "of all weights, towards zero"})
    batch: int = field(default=16, metadata={"help": "stretches of text read side by side"})
    window: int = field(default=32, metadata={"help": "tokens between two updates"})
    keep: Literal["best", "last"] = field(
        default="best", metadata={"help": "the weights that validated best, or the last ones"}
    )
    schedule: str | None = field(
        default=None, metadata={"help": "steps of each part of the run, as a row shows them; auto: from the budget"}
    )

    def __post_init__(self) -> None:
        for name in ("embedding", "hidden", "layers", "batch", "window", "min_count", "step"):
            if getattr(self, name, 1) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be 1 or more")
        for name in ("dropout", "between"):
            if not 0 <= (getattr(self, name, None) or 0) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be from 0 to below 1")
        for name in ("learning_rate", "cell_clip"):
            if getattr(self, name, 1) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be above 0")

    @abstractmethod
    def core(self, inputs: int) -> nn.Module:
        """A new core for inputs of this width."""

    def cut(self, train: str) -> Tokenizer:
        """The tokenizer for a training text."""
        return Tokenizer.characters(train)

    def reading(self) -> Reading:
        """How the training text is read."""
        return Carried(self.batch, self.window)

    def embed(self) -> tuple[nn.Module, int]:
        """A new embedding, (batch, time) ids to (batch, time, inputs), and how many inputs these are."""
        return nn.Embedding(self.tokenizer.size, self.embedding), self.embedding

    def head(self, embedding: nn.Module, frequency: torch.Tensor) -> Head:
        """A new head; `frequency` is how often each token stands in the training text, (vocabulary,)."""
        size = len(frequency)
        return Adaptive(self.hidden, frequency) if size >= ADAPTIVE_FROM else Softmax(self.hidden, size)

    def prepare(self, embedding: nn.Module, ids: Ids, run: Run) -> None:
        """Give a new embedding what can be known of the training text before the network is trained."""

    def fit(self, train: str, valid: str, run: Run) -> None:
        began = time.perf_counter()
        self.tokenizer, self.facts = self.cut(train), {}
        ids = self._stream(train)
        dropout = self.dropout if self.dropout is not None else self.auto_dropout[len(train) >= SHORT_TEXT]
        devices = [torch.device(run.device)] if run.device.startswith("cuda") else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(run.seed)
            self._network = self._build(torch.bincount(ids, minlength=self.tokenizer.size), dropout)
            self.prepare(self._network.embedding, ids.numpy(), run)
            rates = Rates(self.learning_rate, self.matrix_rate, self.weight_decay, self.hidden)
            recipe = Recipe(self.reading(), rates, self.keep == "best")
            schedule = self._schedule(len(ids), run, began)
            network = self._network.to(run.device)
            trainer = Trainer(network, recipe, run, schedule, len(train) / len(ids), native_bf16(run.device))
            with training():
                said = trainer.train(ids.to(run.device), self._stream(valid).to(run.device))
        self._network.eval().cpu()
        self.facts |= said | {"dropout": dropout, "precision": "bf16" if trainer.bf16 else "fp32"}
        self.facts["parameters"] = sum(p.numel() for p in self._network.parameters())

    def _stream(self, text: str) -> torch.Tensor:
        return torch.from_numpy(np.concatenate([self.tokenizer.encode("\n"), self.tokenizer.encode(text)]))

    def _schedule(self, tokens: int, run: Run, began: float) -> Schedule:
        if self.schedule is not None:
            return Schedule(read(self.schedule))
        if run.steps is None and run.budget is not None:
            return Schedule([], run.budget, began)
        return Schedule(parts(run.steps or PASSES * self.reading().per_pass(tokens)))

    def _build(self, frequency: torch.Tensor, dropout: float = 0.0) -> Network:
        embedding, width = self.embed()
        return Network(embedding, self.core(width), self.head(embedding, frequency), (0.4 * dropout, dropout))

    def begin(self) -> State:
        state, output = None, torch.empty(0)
        for token in self.tokenizer.encode("\n").tolist():
            output, state = self._step(token, state)
        return Memory(output, state)

    def advance(self, state: State, token: int) -> State:
        return Memory(*self._step(token, state.core))

    @torch.inference_mode()
    def _step(self, token: int, core: CoreState) -> tuple[torch.Tensor, CoreState]:
        values, core = self._network(torch.tensor([[token]]), core)
        return values[:, 0], core

    @torch.inference_mode()
    def predict(self, state: State) -> LogProbs:
        found = self._network.head.every(state.output)[0].numpy().astype(np.float64)
        return np.asarray(found - np.logaddexp.reduce(found))

    @torch.inference_mode()
    def advance_batch(self, states: Sequence[State], tokens: Sequence[int]) -> list[State]:
        if not states:
            return []
        core = each(lambda *parts: torch.cat(parts, dim=1), *(state.core for state in states))
        values, core = self._network(torch.tensor(tokens)[:, None], core)
        rows = [each(lambda t, row=row: t[:, row : row + 1], core) for row in range(len(states))]
        return [Memory(values[row], after) for row, after in enumerate(rows)]

    @torch.inference_mode()
    def predict_batch(self, states: Sequence[State]) -> LogProbs:
        if not states:
            return np.empty((0, self.tokenizer.size))
        found = self._network.head.every(torch.cat([state.output for state in states])).numpy().astype(np.float64)
        return np.asarray(found - np.logaddexp.reduce(found, axis=1, keepdims=True))

    def token_log_probs(self, ids: Ids) -> LogProbs:
        before = torch.from_numpy(self.tokenizer.encode("\n"))
        stream = torch.cat([before, torch.from_numpy(ids)])
        return stream_log_probs(self._network, stream)[len(before) - 1 :]

    def dump(self) -> dict[str, Any]:
        return {name: value.numpy() for name, value in self._network.state_dict().items()}

    def restore(self, learned: dict[str, Any]) -> None:
        self._network = self._build(torch.zeros(self.tokenizer.size, dtype=torch.int64)).eval()
        self._network.load_state_dict({name: torch.tensor(value) for name, value in learned.items()})
