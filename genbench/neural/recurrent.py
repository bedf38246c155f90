"""Any recurrent core as a Generator: a plugin states its core, and its tokenizer where that is not characters."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from genbench.capabilities import Probe
from genbench.generator import Generator, Learned, LogProbs, ProgressCallback, State, Text, TrainContext, ignore
from genbench.neural.auto_size import Rule, Size, by_seconds, by_steps
from genbench.neural.batches import Carried, Reading
from genbench.neural.distributed import Team, own_device, team
from genbench.neural.heads import Adaptive, Head, Softmax, by_frequency
from genbench.neural.inference import Memories, Memory, Stepping, together
from genbench.neural.network import Network
from genbench.neural.optimizers import Rates
from genbench.neural.parallel_scoring import batch_log_probs, stream_log_probs
from genbench.neural.precision import native_bf16, training
from genbench.neural.probe import NetworkProbe
from genbench.neural.schedule import Schedule, parts, read, written
from genbench.neural.size_guard import Bounded, going_on
from genbench.neural.training import VALID_TOKENS, Recipe, Trainer, seconds_a_step
from genbench.tokenization.segmentation import PART
from genbench.tokenization.tokenizer import Ids, Tokenizer

ADAPTIVE_FROM = 2000  # tokens in the vocabulary
SHORT_TEXT = 500_000  # tokens: below, more and smaller steps are worth their time
PASSES = 20  # over the text, where neither budget nor steps are given


def _save(context: TrainContext, size: Size, state: Learned) -> None:
    """Keep a checkpoint with the size that was chosen: another measurement of the speed might choose another."""
    context.save({**state, "size": asdict(size)})


def _curve(validated: list[list[float]], width: float) -> list[list[float]]:
    """Seconds of training, and bits per character of the beginning of the valid text."""
    return [[seconds, round(bits / width, 4)] for seconds, bits in validated]


@dataclass
class RecurrentGenerator(Generator):
    """A network around a recurrent core, trained by the one training loop.

    A subclass gives `core`, a module called like `nn.LSTM(batch_first=True)`: (batch, time, inputs) and a state to
    (batch, time, hidden) and a state. It may give `cut`, `embed`, `head` and `reading` too.
    """

    rule: ClassVar[Rule] = Rule()

    embedding: int = field(default=64, metadata={"help": "width of a token's vector"})
    hidden: int | None = field(
        default=None, metadata={"help": "units in each recurrent layer; auto: as budget, machine and text want"}
    )
    layers: int = field(default=1, metadata={"help": "recurrent layers, one upon the other"})
    dropout: float | None = field(
        default=None,
        metadata={"help": "on the way out of the core, .4 of it on the way in; auto: by passes over the text"},
    )
    learning_rate: float = field(default=1.5e-2, metadata={"help": "AdamW's highest"})
    matrix_rate: float = field(
        default=2e-2, metadata={"help": "Muon's highest learning rate, for the core's matrices; 0: AdamW has these too"}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "of all weights, towards zero"})
    batch: int | None = field(
        default=None, metadata={"help": "stretches of text read side by side; auto: 64, of a short text 16"}
    )
    window: int = field(default=32, metadata={"help": "tokens between two updates"})
    keep: Literal["best", "last"] = field(
        default="best", metadata={"help": "the weights that validated best, or the last ones"}
    )
    schedule: str | None = field(
        default=None, metadata={"help": "steps of each part of the run, as a row shows them; auto: from the budget"}
    )

    def __post_init__(self) -> None:
        for name in ("embedding", "hidden", "layers", "batch", "window", "min_count", "step"):
            value = getattr(self, name, None)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be 1 or more")
        for name in ("dropout", "between"):
            if not 0 <= (getattr(self, name, None) or 0) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be from 0 to below 1")
        for name in ("learning_rate", "cell_clip"):
            if getattr(self, name, 1) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be above 0")

        if self.schedule is not None:
            read(self.schedule)

    @abstractmethod
    def core(self, inputs: int, hidden: int) -> nn.Module:
        """A new core for inputs of this width, with so many units in each layer."""

    def cut(self, train: str) -> Tokenizer:
        """The tokenizer for a training text."""
        return Tokenizer.characters(train)

    def reading(self, tokens: int) -> Reading:
        """How a training text of so many tokens is read."""
        return Carried(self.batch or (64 if tokens >= SHORT_TEXT else 16), self.window)

    def embed(self) -> tuple[nn.Module, int]:
        """A new embedding, (batch, time) ids to (batch, time, inputs), and how many inputs these are."""
        return nn.Embedding(self.tokenizer.size, self.embedding), self.embedding

    def head(self, hidden: int, embedding: nn.Module, frequency: torch.Tensor) -> Head:
        """A new head; `frequency` is how often each token stands in the training text, (vocabulary,)."""
        size = len(frequency)
        return Adaptive(hidden, by_frequency(frequency)) if size >= ADAPTIVE_FROM else Softmax(hidden, size)

    def prepare(self, embedding: nn.Module, ids: Ids, context: TrainContext) -> None:
        """Give a new embedding what can be known of the training text before the network is trained."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        began, context = time.perf_counter(), replace(context, device=own_device(context.device))
        self.tokenizer = self.cut(str(train))
        self.__dict__.pop("_stepping", None)  # that of an earlier fit
        ids, bf16 = self._stream(str(train)), native_bf16(context.device)
        frequency = torch.zeros(self.tokenizer.size, dtype=torch.int64)
        for part in torch.split(ids, PART):
            frequency += torch.bincount(part, minlength=len(frequency))
        devices = [torch.device(context.device)] if context.device.startswith("cuda") else []
        with torch.random.fork_rng(devices=devices), training(context.device), team(context.device) as us:
            context = us.run(context)
            saved = context.resume()
            with going_on(saved):
                size = us.agreed(Size(**saved["size"]) if saved else self._size(ids, frequency, context, bf16, us))
            context = replace(context, on_checkpoint=partial(_save, context, size))
            self._hidden = size.hidden
            torch.manual_seed(context.seed)
            with going_on(saved, build=True):
                self._network = self._build(size, frequency)
            self.prepare(self._network.embedding, ids.numpy(), context)
            rates = Rates(self.learning_rate, self.matrix_rate, self.weight_decay, size.hidden)
            recipe = Recipe(self.reading(len(ids)), rates, self.keep == "best")
            schedule, network = self._schedule(len(ids), context, began), self._network.to(context.device)
            if us.rank:
                torch.manual_seed(context.seed + us.rank)  # what is dropped differs
            read = self._stream(str(valid))
            width = self._width(read)
            trainer = Trainer(network, recipe, context, schedule, len(train) / len(ids), bf16, us, width)
            try:
                said = trainer.train(ids.to(context.device), read.to(context.device))
            finally:  # what an interrupted training has learned can be used
                self._network.eval().cpu().settle()
        context.record(
            parameters=sum(p.numel() for p in self._network.parameters()),
            curve=_curve(trainer.curve, width),
            chosen=asdict(size) | {"schedule": written(schedule.planned)},  # given again, they repeat this run
            **said | {"precision": "bf16" if bf16 else "fp32"} | ({"processes": us.size} if us.size > 1 else {}),
        )

    def _size(self, ids: torch.Tensor, frequency: torch.Tensor, context: TrainContext, bf16: bool, us: Team) -> Size:
        tokens, hidden, dropout = len(ids), self.hidden, self.dropout
        if hidden is not None and dropout is not None:
            return Size(hidden, dropout)
        planned, a_step = self._schedule(tokens, context, 0.0).planned, tokens / self.reading(tokens).per_pass(tokens)
        if planned:
            found = by_steps(self.rule, sum(planned) * a_step, tokens, hidden)
        else:

            def speed(units: int) -> float:
                network = self._build(Size(units, 0.0), frequency).to(context.device)
                return a_step / seconds_a_step(network, self.reading(tokens), ids.to(context.device), bf16, us)

            found = by_seconds(self.rule, context.budget or 0.0, speed, tokens, hidden)
        return found if dropout is None else replace(found, dropout=dropout)

    def _stream(self, text: str) -> torch.Tensor:
        return torch.from_numpy(self.tokenizer.stream(text))

    def _width(self, valid: torch.Tensor) -> float:
        """Characters a token, of the beginning of the valid text."""
        ids = valid[:VALID_TOKENS].numpy()
        return max(len(self.tokenizer.decode(ids)), 1) / max(len(ids), 1)

    def _schedule(self, tokens: int, context: TrainContext, began: float) -> Schedule:
        if self.schedule is not None:
            return Schedule(read(self.schedule))
        if context.steps is None and context.budget is not None:
            return Schedule([], context.budget, began)
        return Schedule(parts(context.steps or PASSES * self.reading(tokens).per_pass(tokens)))

    def _build(self, size: Size, frequency: torch.Tensor) -> Network:
        embedding, width = self.embed()
        core, head = self.core(width, size.hidden), self.head(size.hidden, embedding, frequency)
        return Network(embedding, core, head, (0.4 * size.dropout, size.dropout))

    def start(self) -> State:
        output, core = np.empty((1, 0), np.float32), None
        for token in self.tokenizer.encode("\n").tolist():
            output, core = self._stepping.step([token], core)
        return Memory(output, core)

    def advance(self, state: State, token: int) -> State:
        return Memory(*self._stepping.step([token], state.core))

    def log_probs(self, state: State) -> LogProbs:
        return np.asarray(self._stepping.log_probs(state.output)[0])

    def advance_batch(self, states: Sequence[State], tokens: Sequence[int]) -> Sequence[State]:
        return Memories(*self._stepping.step(tokens, together(states).core)) if states else []

    def log_probs_batch(self, states: Sequence[State], stop: int | None = None) -> LogProbs:
        if not states:
            return np.empty((0, self.tokenizer.size))[:, :stop]
        return self._stepping.log_probs(together(states).output)[:, :stop]

    @cached_property
    def _stepping(self) -> Stepping:
        return Stepping(self._network)

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        before = torch.from_numpy(self.tokenizer.encode("\n"))
        stream = torch.cat([before, torch.from_numpy(ids)])
        return stream_log_probs(self._network, stream)[len(before) - 1 :]

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        return batch_log_probs(self._network, self.tokenizer.encode("\n"), streams)

    def probe(self) -> Probe:
        return NetworkProbe(self._network, self._anew, self.tokenizer.encode("\n"))

    def _anew(self) -> Network:
        """An untrained network of the same size and form."""
        made = self._build(Size(self._hidden, 0.0), torch.zeros(self.tokenizer.size, dtype=torch.int64)).eval()
        made.settle()
        return made

    def dump(self) -> dict[str, Any]:
        weights = {name: value.numpy() for name, value in self._network.state_dict().items()}
        return {"tokenizer": self.tokenizer.dump(), "hidden": self._hidden, "weights": weights}

    def restore(self, learned: dict[str, Any]) -> None:
        self.__dict__.pop("_stepping", None)
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self._hidden = learned["hidden"]
        with Bounded(learned["weights"]):
            self._network = self._anew()
        self._network.load_state_dict({name: torch.tensor(value) for name, value in learned["weights"].items()})
