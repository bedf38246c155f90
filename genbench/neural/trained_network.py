"""TrainedNetwork: the methods of the contract for a network after its training, the base class of the networks.

A reader does the work (`reader.py`): one with constant weights, or one that goes on learning from what it reads.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from genbench.capabilities import Probe
from genbench.generator import Generator, Learned, LogProbs, OptionValue, ProgressCallback, State, ignore
from genbench.neural.base_model import BaseModel, BaseStream, CrossFit
from genbench.neural.checkpoint import SizeGuard
from genbench.neural.dynamic_evaluation import Adaptation, LearningReader
from genbench.neural.fine_tuning import TRAINING_OPTIONS
from genbench.neural.network import Network
from genbench.neural.probe import NetworkProbe
from genbench.neural.reader import NetworkReader, Reader
from genbench.neural.web_weights import export_weights, web_obstacle
from genbench.spec import option_values
from genbench.tokenization.tokenizer import Ids, Tokenizer
from genbench.web.forms import WebForm


class TrainedNetwork(Generator):
    """A generator whose predictions are those of a network. A subclass trains it, or restores it."""

    adaptive: bool
    base: str | None
    _network: Network
    _hidden: int  # units per layer
    _parent: Any = None  # the trained network whose training is continued
    _base: BaseModel | None = None  # a counting model with which the network is interpolated
    _predicted: tuple[CrossFit, BaseStream] | None = None  # its training and validation text, while trained
    _adaptation: Adaptation | None  # how the network learns from what it reads; None: it does not

    @cached_property
    def _reader(self) -> Reader:
        if self._adaptation is not None:
            return LearningReader(self._network, self._prefix, self._adaptation)
        return NetworkReader(self._network, self._prefix)

    @property
    def adapts(self) -> bool:
        """Whether the network learns from the text it reads, which is its option (`capabilities.Adaptive`)."""
        return self.adaptive

    def start(self) -> State:
        return self._reader.start()

    def advance(self, state: State, token: int) -> State:
        return self.advance_batch([state], [token])[0]

    def log_probs(self, state: State) -> LogProbs:
        return np.asarray(self.log_probs_batch([state])[0])

    def advance_batch(self, states: Sequence[State], tokens: Sequence[int]) -> Sequence[State]:
        return self._reader.advance_batch(states, tokens) if states else []

    def log_probs_batch(self, states: Sequence[State], stop: int | None = None) -> LogProbs:
        log_probs = self._reader.log_probs_batch(states) if states else np.empty((0, self.tokenizer.size))
        return log_probs[:, :stop]

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        return self._reader.token_log_probs(ids, progress)

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        return self._reader.token_log_probs_batch(streams)

    @property
    def _prefix(self) -> Ids:
        """The tokens read before a text: a newline."""
        return self.tokenizer.encode("\n")

    # Its parts

    @abstractmethod
    def _build_untrained(self) -> Network:
        """Return an untrained network of the same size, with folded weights."""

    def probe(self) -> Probe:
        return NetworkProbe(self._network, self._build_untrained, self._prefix)

    @property
    def web_obstacle(self) -> str:
        """Why a page cannot run this network, "" if it can (`genbench.web.WebExport`)."""
        return web_obstacle(self, getattr(self, "_network", None))

    def web_export(self) -> WebForm:
        return export_weights(self._network)

    def dump(self) -> Learned:
        weights = {name: value.numpy() for name, value in self._network.state_dict().items()}
        adaptation = None if self._adaptation is None else self._adaptation.dump()
        return {
            "tokenizer": self.tokenizer.dump(),
            "hidden": self._hidden,
            "weights": weights,
            "adaptation": adaptation,
            "base": None if self._base is None else self._base.generator.dump(),
        }

    def restore(self, learned: Learned) -> None:
        self.__dict__.pop("_reader", None)
        self.tokenizer = Tokenizer.restore(learned["tokenizer"])
        self._hidden = learned["hidden"]
        self._base = None
        if self.base is not None:
            self._base = BaseModel.restore(self.base, learned["base"], self.tokenizer)

        # the options of a stored model may ask for any size: build no more than its weights fill
        with SizeGuard(learned["weights"]):
            self._network = self._build_untrained()
        self._network.load_state_dict({name: torch.tensor(value) for name, value in learned["weights"].items()})
        adaptation = learned.get("adaptation")
        self._adaptation = Adaptation.restore(adaptation, self._network) if adaptation else None

    # Fine-tuning

    def continued_options(self) -> dict[str, OptionValue]:
        values = {name: value for name, value in option_values(self).items() if name not in TRAINING_OPTIONS}
        return values | {"hidden": self._hidden}

    def start_from(self, parent: Any) -> None:
        self._parent = parent
