"""NetworkOptions: the options that all recurrent networks have, and their valid values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from genbench.neural.auto_size import MULTIPLE
from genbench.neural.neural_cache import MAX_SCALE, MAX_TOKENS
from genbench.neural.schedule import parse_schedule
from genbench.neural.trained_network import TrainedNetwork

COUNTS = ("embedding", "hidden", "layers", "batch", "bptt")  # options that are 1 or more
MAX_LAYERS = 100
MAX_RATE = 10.0  # of the learning rates and the weight decay


@dataclass
class NetworkOptions(TrainedNetwork):
    """The options of a recurrent network. Raises ValueError for a value out of range."""

    embedding: int = field(default=64, metadata={"help": "width of a token's vector"})
    hidden: int | None = field(
        default=None, metadata={"help": "hidden units per recurrent layer; auto: from budget, machine and text"}
    )
    layers: int = field(default=1, metadata={"help": "number of recurrent layers"})
    dropout: float | None = field(
        default=None,
        metadata={"help": "after the core, and 0.4 times as much before it; auto: from the passes over the text"},
    )
    learning_rate: float = field(default=1.5e-2, metadata={"help": "peak learning rate of AdamW"})
    muon_lr: float = field(
        default=2e-2, metadata={"help": "peak learning rate of Muon, for the core's matrices; 0: AdamW for all weights"}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "decoupled weight decay of all weights"})
    batch: int | None = field(
        default=None, metadata={"help": "rows of text read side by side; auto: 64, for a short text 16"}
    )
    bptt: int = field(default=32, metadata={"help": "length of truncated backpropagation through time, in tokens"})
    keep: Literal["best", "last"] = field(
        default="best", metadata={"help": "the weights with the best validation, or the last ones"}
    )
    schedule: str | None = field(
        default=None, metadata={"help": "steps of the parts of a run, as recorded with a result; auto: from the budget"}
    )
    base: str | None = field(
        default=None,
        metadata={
            "help": "a chain, as in markov-char:order=6, whose predictions are interpolated with the network's",
            "names": "specs",
        },
    )
    adaptive: bool = field(
        default=False, metadata={"help": "also learn from the text that is read and generated; the row is ranked apart"}
    )
    adapt_rate: float | None = field(
        default=None, metadata={"help": "learning rate while reading; auto: fitted on validation text"}
    )
    adapt_decay: float | None = field(
        default=None, metadata={"help": "share of the way back to the trained weights in each step while reading; auto"}
    )
    cache: int = field(
        default=2000,
        metadata={"help": "tokens just read whose hidden values are compared with the present, if adaptive; 0: none"},
    )
    cache_share: float | None = field(
        default=None, metadata={"help": "of the prediction that this cache has; auto: fitted on validation text"}
    )
    cache_scale: float | None = field(
        default=None, metadata={"help": "of the products of hidden values in this cache; auto"}
    )

    def __post_init__(self) -> None:
        """Validate the options, including those of subclasses; raise ValueError for a value out of range."""
        # counts, shares and rates; None means auto
        for name in (*COUNTS, "window", "min_count", "step", "heads", "context", "rounds"):
            value = getattr(self, name, None)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, but must be 1 or more")
        if self.layers > MAX_LAYERS:
            raise ValueError(f"layers is {self.layers}, but must be at most {MAX_LAYERS}")
        for name in ("dropout", "layer_dropout", "adapt_rate", "adapt_decay", "cache_share"):
            if not 0 <= (getattr(self, name, None) or 0) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be from 0 to below 1")
        self._require_rates()
        for name, limit in (("cache", MAX_TOKENS), ("cache_scale", MAX_SCALE)):
            if not 0 <= (getattr(self, name, None) or 0) <= limit:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be from 0 to {limit:,}")

        # heads share the hidden units, of which a network has a multiple of MULTIPLE if the number is auto
        heads = getattr(self, "heads", 1)
        if (self.hidden or MULTIPLE) % heads:
            raise ValueError(f"heads is {heads}, but must divide hidden, {self.hidden or f'a multiple of {MULTIPLE}'}")

        # raises ValueError itself
        if self.schedule is not None:
            parse_schedule(self.schedule)

    def _require_rates(self) -> None:
        """Raise ValueError for a rate out of range."""
        for name in ("learning_rate", "cell_clip"):
            if getattr(self, name, 1) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be above 0")
        for name in ("learning_rate", "muon_lr", "weight_decay"):
            if not 0 <= getattr(self, name) <= MAX_RATE:
                raise ValueError(f"{name} is {getattr(self, name)}, but must be from 0 to {MAX_RATE:g}")
