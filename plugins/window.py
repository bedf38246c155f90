"""lstm-window: the fixed-window formulation of Keras' text generation example (Chollet 2015).

Differs from lstm-char in that nothing is carried: the network sees the last characters alone, one-hot, and learns to
predict only the one after them, from windows that begin every third character. As a generator, its state is the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from genbench_plugins.lstm import lstm
from torch import nn

from genbench import Ids, LogProbs
from genbench.generator import ProgressCallback, ignore
from genbench.neural import Alone, NetworkProbe, OneHot, Reading, RecurrentGenerator

Window = tuple[int, ...]
AT_ONCE = 1024  # windows scored side by side


@dataclass
class LSTMWindow(RecurrentGenerator):
    """A character-level LSTM over the last 40 characters, no state carried."""

    hidden: int | None = field(default=128, metadata={"help": "units in each recurrent layer"})
    matrix_rate: float = field(
        default=0.0, metadata={"help": "Muon's highest learning rate, for the core's matrices; 0: AdamW has these too"}
    )
    batch: int | None = field(default=128, metadata={"help": "windows read side by side"})
    window: int = field(default=40, metadata={"help": "characters that a prediction sees"})
    step: int = field(default=3, metadata={"help": "characters between two windows of the training text"})
    loss: Literal["last", "every"] = field(
        default="last",
        metadata={"help": "learn to predict what follows the window, or what follows each of its characters"},
    )

    def reading(self, tokens: int) -> Reading:
        return Alone(self.batch or 128, self.window, self.step, 1 if self.loss == "last" else self.window)

    def embed(self) -> tuple[nn.Module, int]:
        made = OneHot(self.tokenizer.size)
        return made, made.width

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return lstm(inputs, hidden, self.layers)

    def start(self) -> Window:
        return tuple(self.tokenizer.encode("\n").tolist())

    def advance(self, state: Window, token: int) -> Window:
        return (*state, token)[-self.window :]

    def log_probs(self, state: Window) -> LogProbs:
        return np.asarray(self._read([state])[0])

    def advance_batch(self, states: Sequence[Window], tokens: Sequence[int]) -> Sequence[Window]:
        return [self.advance(state, token) for state, token in zip(states, tokens, strict=True)]

    def log_probs_batch(self, states: Sequence[Window], stop: int | None = None) -> LogProbs:
        found = np.empty((len(states), self.tokenizer.size))
        for length in {len(state) for state in states}:
            rows = [row for row, state in enumerate(states) if len(state) == length]
            found[rows] = self._read([states[row] for row in rows])
        return found[:, :stop]

    @torch.inference_mode()
    def _read(self, windows: Sequence[Window]) -> LogProbs:
        """What comes after windows of one length, (windows, vocabulary)."""
        values, _ = self._network(torch.tensor(windows), None)
        found = self._network.head.every(values[:, -1]).numpy().astype(np.float64)
        return np.asarray(found - np.logaddexp.reduce(found, axis=1, keepdims=True))

    @torch.inference_mode()
    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        if not len(ids):
            return np.empty(0)
        before = self.tokenizer.encode("\n")
        stream = torch.from_numpy(np.concatenate([before, ids]))
        few = min(self.window - 1, len(stream) - 1)  # the first predictions see fewer characters: one window tells them
        found = np.empty(len(stream) - 1)  # filled in place: small tensors kept between large ones would cut memory up
        first, _ = self._network.picked(stream[None, :few], stream[None, 1 : few + 1], None)
        found[:few] = first[0].numpy()
        if few < len(stream) - 1:
            for place, spans in enumerate(torch.split(stream.unfold(0, self.window + 1, 1), AT_ONCE)):
                last, _ = self._network.picked(spans[:, :-1], spans[:, 1:], None, 1)
                found[few + place * AT_ONCE :][: len(last)] = last[:, -1].numpy()
                progress(place * AT_ONCE / len(stream))
        return found[len(before) - 1 :]

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        return [self.token_log_probs(ids) for ids in streams]

    def probe(self) -> NetworkProbe:
        return NetworkProbe(self._network, self._anew, self.tokenizer.encode("\n"), self.window)
