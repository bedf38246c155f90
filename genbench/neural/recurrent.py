"""RecurrentGenerator: a recurrent network as a Generator. A plugin defines only the core of the network.

The class has the training; the options are in `network_options.py`, the training loop itself is in `training.py`, and
the methods of the contract for a trained network are in `trained_network.py`.
"""

from __future__ import annotations

from abc import abstractmethod
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import ClassVar

import torch
from torch import nn

from genbench.generator import Learned, Text, TrainContext
from genbench.neural.auto_size import (
    MULTIPLE,
    RULE_WITH_BASE,
    NetworkSize,
    SizeRule,
    size_for_budget,
    size_for_steps,
)
from genbench.neural.base_model import BaseBatches, BasedNetwork, BaseModel, create_base, fit_base
from genbench.neural.batches import BatchSampler, StatefulBatches
from genbench.neural.checkpoint import blame_checkpoint
from genbench.neural.distributed import ProcessGroup, local_device, process_group
from genbench.neural.dynamic_evaluation import (
    DEFAULT_DECAY,
    DEFAULT_RATE,
    Adaptation,
    AdaptationFit,
    measure_rms,
)
from genbench.neural.embeddings import WordEmbedding
from genbench.neural.fine_tuning import (
    PARENT_IS_BETTER,
    RATE_SHARE,
    WARM_UP,
    bits_per_token,
    describe_start,
    load_parent,
    order_counts,
)
from genbench.neural.heads import (
    AdaptiveSoftmaxHead,
    ByteEscapeHead,
    Head,
    SoftmaxHead,
    TiedHead,
    count_tokens,
    frequency_order,
)
from genbench.neural.interpolation import Interpolation
from genbench.neural.memory_estimate import TrainingShape
from genbench.neural.network import Network
from genbench.neural.network_options import NetworkOptions
from genbench.neural.neural_cache import DEFAULT_SCALE, DEFAULT_SHARE, NeuralCache
from genbench.neural.operations import operations_per_step
from genbench.neural.optimizers import OptimizerConfig
from genbench.neural.precision import native_bf16, training_precision
from genbench.neural.repeated_stream import read_stream
from genbench.neural.schedule import Schedule, format_schedule, parse_schedule, split_steps
from genbench.neural.snapshot import predicting_copy
from genbench.neural.training import MAX_VALIDATION_TOKENS, TrainConfig, Trainer, TrainResult, seconds_per_step
from genbench.tokenization.tokenizer import Ids, Tokenizer

MIN_ADAPTIVE_VOCABULARY = 2000  # tokens: a smaller vocabulary gets a plain softmax
SHORT_TEXT = 500_000  # tokens: a shorter text is trained in smaller batches, which gives more updates
ADAPTATION_SHARE = 0.15  # of the budget, for fitting how to adapt
ADAPTIVE_NOTE = "adaptive: it also learns from the test text while reading it, and is ranked apart"
DEFAULT_PASSES = 20  # over the training text, if neither a budget nor steps are set


@dataclass
class RecurrentGenerator(NetworkOptions):
    """A recurrent network, trained by truncated backpropagation through time (truncated BPTT).

    A subclass defines `core`, which returns a module that is called like `nn.LSTM(batch_first=True)`: from (batch,
    time, inputs) and a state to (batch, time, hidden) and the new state. A subclass can also override
    `build_tokenizer`, `build_embedding`, `init_embedding`, `build_head` and `batch_sampler`.
    """

    size_rule: ClassVar[SizeRule] = SizeRule()
    size_rule_with_base: ClassVar[SizeRule] = RULE_WITH_BASE
    gates: ClassVar[int] = 4  # matrices per layer of the core, for the estimate of its memory

    def __post_init__(self) -> None:
        """Validate the options; raise ValueError for values that do not fit."""
        super().__post_init__()
        if self.base is not None:
            own, other = (each.build_tokenizer("a").kind for each in (self, create_base(self.base)))
            if own != other:
                raise ValueError(f"base is {self.base!r}, which reads {other}, but this network reads {own}")

    # Hooks for subclasses

    @abstractmethod
    def core(self, inputs: int, hidden: int) -> nn.Module:
        """Return a new core for inputs of width `inputs`, with `hidden` units per layer."""

    def build_tokenizer(self, train: str) -> Tokenizer:
        """Return the tokenizer for a training text."""
        return Tokenizer.characters(train)

    def batch_sampler(self, tokens: int) -> BatchSampler:
        """Return the sampler of batches for a training text of `tokens` tokens."""
        return StatefulBatches(self.batch or (64 if tokens >= SHORT_TEXT else 16), self.bptt)

    def build_embedding(self) -> tuple[nn.Module, int]:
        """Return a new embedding, from ids (batch, time) to (batch, time, inputs), and its width."""
        return nn.Embedding(self.tokenizer.size, self.embedding), self.embedding

    def init_embedding(self, embedding: nn.Module, ids: Ids, context: TrainContext) -> None:
        """Set the initial values of a new embedding from the training text; the default keeps the random values."""

    def build_head(self, hidden: int, embedding: nn.Module, counts: torch.Tensor) -> Head:
        """Return a new output head; `counts` has the counts of all tokens in the training text, (vocabulary,)."""
        vocabulary = len(counts)
        if getattr(self, "tied", False) and isinstance(embedding, WordEmbedding):  # no output weights of its own
            return TiedHead(hidden, frequency_order(counts), embedding)
        if vocabulary >= MIN_ADAPTIVE_VOCABULARY:
            return AdaptiveSoftmaxHead(hidden, frequency_order(counts))
        is_character = self.tokenizer.kind == "characters"
        return ByteEscapeHead(hidden, vocabulary) if is_character else SoftmaxHead(hidden, vocabulary)

    # Training

    def training_memory(self) -> int:
        """Return the bytes that training needs at least (`capabilities.MemoryEstimate`)."""
        length = getattr(self, "window", None) or self.bptt
        shape = TrainingShape(self.embedding, self.hidden, self.layers, self.gates, self.batch or 16, length)
        return shape.bytes()

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        """Choose the size, build the network and train it; `valid` decides which weights are kept."""
        started, limit = context.clock(), context.budget
        context = replace(context, device=local_device(context.device))
        if self.adaptive and limit is not None:  # the rest of the time is for fitting how fast to adapt
            context = replace(context, budget=limit * (1 - ADAPTATION_SHARE))

        # tokenize the texts, and count the tokens for the output head
        train, parent = Text(train), self._parent
        distinct = "".join(str(piece) for piece, _ in train.pieces())
        self.tokenizer = parent.tokenizer if parent else self.build_tokenizer(distinct)
        self.__dict__.pop("_reader", None)  # cached by an earlier fit
        ids, validation_ids = self._encode(str(train)), self._encode(str(valid))
        counts = count_tokens(ids, self.tokenizer.size)
        self._head_counts = order_counts(parent._network.head, self.tokenizer.size) if parent else counts

        # train with torch's random state, precision and processes set, and restored afterwards
        devices = [torch.device(context.device)] if context.device.startswith("cuda") else []
        with (
            torch.random.fork_rng(devices=devices),
            training_precision(context.device),
            process_group(context.device) as group,
        ):
            # choose the size, and store it in the checkpoints: a resumed run may measure another speed
            self._base = self._fit_base(train, validation_ids, context)
            context = group.local_context(context)
            size = self._load_or_choose_size(ids, counts, context, group)
            context = replace(context, on_checkpoint=partial(_save_with_size, context, size))

            # build the network, with the same random weights in all processes
            torch.manual_seed(context.seed)
            self._start_network(size, ids, context)
            if group.rank:
                torch.manual_seed(context.seed + group.rank)  # dropout differs between processes

            # run the training loop
            operations = operations_per_step(self._network, self._batches(len(ids)), ids, counts)
            schedule = self._schedule(len(ids), context, started, operations)
            trainer = self._trainer(ids, validation_ids, len(train), context, group, schedule)
            try:
                trainer.train(ids.to(context.device), validation_ids.to(context.device))
                self._keep_better_parent(trainer, validation_ids, context)
            finally:  # also after an interrupt, the network is ready for use, and its statistics are known
                self._predicted = None
                self._network.eval().cpu().fold_weights()
                self._adaptation = self._unfitted_adaptation(ids, validation_ids) if self.adaptive else None
                self._record(context, trainer, trainer.result(len(ids)), size, operations)
        if self._adaptation is not None:
            seconds = None if limit is None else limit - (context.clock() - started)
            self._fit_adaptation(self._adaptation, validation_ids, context, seconds)

    def _fit_base(self, train: Text, validation_ids: torch.Tensor, context: TrainContext) -> BaseModel | None:
        """Train the counting models of the option `base`, and set what they predict for the batches."""
        if self.base is None:
            return None
        head = self.build_head(MULTIPLE, self.build_embedding()[0], self._head_counts)
        model, training, validation = fit_base(
            self.base, self.tokenizer, read_stream(self.tokenizer, train), validation_ids.numpy(), head, context
        )
        self._predicted = training, validation
        return model

    def _start_network(self, size: NetworkSize, ids: torch.Tensor, context: TrainContext) -> None:
        """Build the network, with random weights or those of the parent."""
        self._hidden = size.hidden
        with blame_checkpoint(context.resume(), limit_size=True):
            self._network = self._build(size, self._head_counts)
        if self._parent is None:
            self.init_embedding(self._network.embedding, ids.numpy(), context)
        else:
            load_parent(self._network, self._parent._network)
            context.record(notes=describe_start(self.tokenizer, ids.numpy(), self.base))

    def _keep_better_parent(self, trainer: Trainer, validation_ids: torch.Tensor, context: TrainContext) -> None:
        """Return to the parent where its own `base` predicts the validation text better than that of the new text."""
        parent = self._parent
        if parent is None or self._base is None or self.keep != "best":
            return
        if bits_per_token(parent._network, validation_ids[:MAX_VALIDATION_TOKENS]) < trainer.state.best_bits:
            self._network, self._base = deepcopy(parent._network), parent._base
            context.record(notes=[PARENT_IS_BETTER])

    def _batches(self, tokens: int) -> BatchSampler:
        """Return the sampler of batches, with the predictions of counting models if there are some."""
        sampler = self.batch_sampler(tokens)
        return sampler if self._predicted is None else BaseBatches(sampler, *self._predicted)

    def _load_or_choose_size(
        self, ids: torch.Tensor, counts: torch.Tensor, context: TrainContext, group: ProcessGroup
    ) -> NetworkSize:
        """Return the size stored in the checkpoint, or choose one; all processes return the same size."""
        saved = context.resume()
        with blame_checkpoint(saved):
            size = NetworkSize(**saved["size"]) if saved else self._choose_size(ids, counts, context, group)
            return group.broadcast(size)

    def _choose_size(
        self, ids: torch.Tensor, counts: torch.Tensor, context: TrainContext, group: ProcessGroup
    ) -> NetworkSize:
        """Return hidden units and dropout: the options if they are set, else the values of the size rule."""
        tokens, sampler = len(ids), self._batches(len(ids))
        hidden = self.hidden if self._parent is None else self._parent._hidden
        if hidden is not None and self.dropout is not None:
            return NetworkSize(hidden, self.dropout)

        # the size depends on how many tokens the run will read
        planned = self._planned_steps(tokens, context)
        tokens_per_step = tokens / sampler.batches_per_pass(tokens)

        def measure_speed(units: int) -> float:
            """Return how many tokens a network with `units` hidden units reads per second, or per operation."""
            network = self._build(NetworkSize(units, 0.0), self._head_counts).to(context.device)
            if context.flops is not None:
                return tokens_per_step / operations_per_step(network, sampler, ids, counts)
            bf16, train_ids = native_bf16(context.device), ids.to(context.device)
            return tokens_per_step / seconds_per_step(
                network, sampler, train_ids, context.clock, bf16, group, budget=context.budget
            )

        # by steps if they are planned, else by the operations or the budget, and the speed
        rule = self.size_rule if self.base is None else self.size_rule_with_base
        if planned:
            size = size_for_steps(rule, sum(planned) * tokens_per_step, tokens, hidden)
        else:
            limit = context.flops or context.budget or 0.0
            size = size_for_budget(rule, limit, measure_speed, tokens, hidden)
        return size if self.dropout is None else replace(size, dropout=self.dropout)

    def _planned_steps(self, tokens: int, context: TrainContext) -> list[int]:
        """Return the steps of the parts of the run; [] where operations or a budget decide them."""
        if self.schedule is not None:
            return parse_schedule(self.schedule)
        if context.steps is None and (context.flops is not None or context.budget is not None):
            return []
        default_steps = DEFAULT_PASSES * self.batch_sampler(tokens).batches_per_pass(tokens)
        return split_steps(context.steps or default_steps)

    def _schedule(self, tokens: int, context: TrainContext, started: float, operations: float) -> Schedule:
        """Return the schedule: from the option `schedule`, the steps, the operations, the budget, or the default.

        `operations` is the number of floating-point operations of one step.
        """
        planned = self._planned_steps(tokens, context)
        if not planned and context.flops is not None:
            planned = split_steps(max(1, round(context.flops / operations)))
        return Schedule(planned, None if planned else context.budget, context.clock, started)

    def _build(self, size: NetworkSize, counts: torch.Tensor) -> Network:
        """Return a new network with random weights."""
        embedding, width = self.build_embedding()
        core = self.core(width, size.hidden)
        head = self.build_head(size.hidden, embedding, counts)
        head.start_at_unigram(counts)
        dropout = 0.4 * size.dropout, size.dropout
        if self._base is None:
            return Network(embedding, core, head, dropout)
        head.interpolation = Interpolation(size.hidden)
        return BasedNetwork(embedding, core, head, dropout, self._base)

    def _trainer(
        self,
        ids: torch.Tensor,
        validation_ids: torch.Tensor,
        characters: int,
        context: TrainContext,
        group: ProcessGroup,
        schedule: Schedule,
    ) -> Trainer:
        """Move the network to the device, and return its trainer."""
        # hyper-parameters from the options; bf16 where the device has it
        tuned = self._parent is not None
        share = RATE_SHARE if tuned else 1.0
        optimizer = OptimizerConfig(share * self.learning_rate, share * self.muon_lr, self.weight_decay, self._hidden)
        sampler, bf16 = self._batches(len(ids)), native_bf16(context.device)
        config = TrainConfig(sampler, optimizer, self.keep == "best", bf16=bf16)
        if tuned:
            config = replace(config, warm_up=WARM_UP, validate_first=True)

        # the optimizers are created for weights on the device, so the network is moved first
        trainer = Trainer(
            self._network.to(context.device),
            config,
            context,
            schedule,
            characters_per_token=characters / len(ids),
            validation_characters_per_token=self._characters_per_token(validation_ids),
            group=group,
        )
        trainer.make_copy = partial(predicting_copy, self, trainer.state.average)
        return trainer

    def _record(
        self, context: TrainContext, trainer: Trainer, result: TrainResult, size: NetworkSize, operations: float
    ) -> None:
        """Record the statistics of a training run; `operations` are those of one step."""
        width, processes = trainer.validation_characters_per_token, trainer.group.size

        # the curve in bits per character, as for every other generator
        context.record(
            parameters=sum(p.numel() for p in self._network.parameters()),
            steps=result.steps,
            flops=result.steps * operations,
            passes=result.passes,
            curve=[[seconds, round(bits / width, 4)] for seconds, bits in trainer.state.curve],
            notes=[] if result.resumed_at is None else [f"resumed at step {result.resumed_at:,}"],
            chosen=asdict(size) | {"schedule": format_schedule(trainer.schedule.planned)},  # repeat the run
            validation_bits_per_token=result.validation_bits_per_token,
            precision="bf16" if trainer.config.bf16 else "fp32",
            **({"processes": processes} if processes > 1 else {}),
        )

    def _unfitted_adaptation(self, ids: torch.Tensor, validation_ids: torch.Tensor) -> Adaptation:
        """Return how to adapt by the options, with usual values for those that are auto."""
        # the counting model is too sure of the training text
        ids = ids if self._base is None else validation_ids
        rate = DEFAULT_RATE if self.adapt_rate is None else self.adapt_rate
        decay = DEFAULT_DECAY if self.adapt_decay is None else self.adapt_decay
        cache = NeuralCache(
            self.cache,
            DEFAULT_SHARE if self.cache_share is None else self.cache_share,
            DEFAULT_SCALE if self.cache_scale is None else self.cache_scale,
        )
        return Adaptation(rate, decay, measure_rms(self._network, ids), cache if self.cache else None)

    def _fit_adaptation(
        self, adaptation: Adaptation, validation_ids: torch.Tensor, context: TrainContext, seconds: float | None
    ) -> None:
        """Fit on validation text how to adapt, unless the options say it, and record the result."""
        options = {"adapt_rate": "rate", "adapt_decay": "decay"}
        options |= {"cache_share": "share", "cache_scale": "scale"} if self.cache else {}
        fitted = [value for option, value in options.items() if getattr(self, option) is None]
        fit = AdaptationFit(self._network, self._prefix, validation_ids.numpy(), context)
        adaptation = self._adaptation = fit.fit(adaptation, fitted, seconds)

        # with these options, the training can be repeated
        chosen = {"adapt_rate": adaptation.rate, "adapt_decay": adaptation.decay}
        if adaptation.cache is not None:
            chosen |= {"cache_share": adaptation.cache.share, "cache_scale": adaptation.cache.scale}
        context.record(chosen=chosen, notes=[ADAPTIVE_NOTE])

    def _encode(self, text: str) -> torch.Tensor:
        """Return the token ids of a text, (tokens,)."""
        return torch.from_numpy(self.tokenizer.encode_stream(text))

    def _characters_per_token(self, validation_ids: torch.Tensor) -> float:
        """Return the characters per token in the part of the validation text that is scored."""
        ids = validation_ids[:MAX_VALIDATION_TOKENS].numpy()
        return max(len(self.tokenizer.decode(ids)), 1) / max(len(ids), 1)

    def _build_untrained(self) -> Network:
        counts = torch.zeros(self.tokenizer.size, dtype=torch.int64)
        network = self._build(NetworkSize(self._hidden, 0.0), counts).eval()
        network.fold_weights()
        return network


def _save_with_size(context: TrainContext, size: NetworkSize, state: Learned) -> None:
    """Save a checkpoint together with the size of its network."""
    context.save({**state, "size": asdict(size)})
