"""lstm-window: an LSTM over a fixed window, as in Keras' text generation example (Chollet 2015).

Differs from lstm-char in that no state is carried. The network sees only the last characters, as one-hot vectors, and
is trained to predict only the next one, from windows that start every third character. The state is the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import torch
from genbench_plugins.lstm import lstm
from torch import nn

from genbench.generator import LogProbs, ProgressCallback, ignore
from genbench.neural import BatchSampler, NetworkProbe, OneHot, RecurrentGenerator, WindowBatches
from genbench.tokenization.tokenizer import Ids

Window = tuple[int, ...]
SCORING_BATCH = 1024  # windows


@dataclass
class LSTMWindow(RecurrentGenerator):
    """A character-level LSTM over the last 40 characters, with no carried state."""

    bptt: ClassVar[int]  # type: ignore[misc]  # not an option: gradients reach back through the whole window
    base: ClassVar[None]  # type: ignore[misc]  # not an option: a window is no stream for a chain
    adaptive: ClassVar[bool]  # type: ignore[misc]  # not options: dynamic evaluation needs a carried state
    adapt_rate: ClassVar[None]  # type: ignore[misc]
    adapt_decay: ClassVar[None]  # type: ignore[misc]
    cache: ClassVar[int]  # type: ignore[misc]
    cache_share: ClassVar[None]  # type: ignore[misc]
    cache_scale: ClassVar[None]  # type: ignore[misc]
    hidden: int | None = field(default=128, metadata={"help": "hidden units per recurrent layer"})
    muon_lr: float = field(
        default=0.0, metadata={"help": "peak learning rate of Muon, for the core's matrices; 0: AdamW for all weights"}
    )
    batch: int | None = field(default=128, metadata={"help": "windows read side by side"})
    window: int = field(default=40, metadata={"help": "characters that a prediction sees"})
    step: int = field(default=3, metadata={"help": "characters between the starts of two training windows"})
    loss: Literal["last", "every"] = field(
        default="last",
        metadata={"help": "predict only the character after the window, or after every character of the window"},
    )

    def batch_sampler(self, tokens: int) -> BatchSampler:
        return WindowBatches(self.batch or 128, self.window, self.step, 1 if self.loss == "last" else self.window)

    def build_embedding(self) -> tuple[nn.Module, int]:
        embedding = OneHot(self.tokenizer.size)
        return embedding, embedding.width

    def core(self, inputs: int, hidden: int) -> nn.Module:
        return lstm(inputs, hidden, self.layers)

    @property
    def web_obstacle(self) -> str:
        """Why a page cannot run this network (`genbench.web.WebExport`)."""
        return "it reads the last characters again for each prediction, and a page carries the state of a network on"

    def start(self) -> Window:
        return tuple(self.tokenizer.encode("\n").tolist())

    def advance(self, state: Window, token: int) -> Window:
        return (*state, token)[-self.window :]

    def log_probs(self, state: Window) -> LogProbs:
        return np.asarray(self._window_log_probs([state])[0])

    def advance_batch(self, states: Sequence[Window], tokens: Sequence[int]) -> Sequence[Window]:
        return [self.advance(state, token) for state, token in zip(states, tokens, strict=True)]

    def log_probs_batch(self, states: Sequence[Window], stop: int | None = None) -> LogProbs:
        log_probs = np.empty((len(states), self.tokenizer.size))

        # one batch per length of window: windows at the beginning of a text are shorter
        for length in {len(state) for state in states}:
            rows = [row for row, state in enumerate(states) if len(state) == length]
            log_probs[rows] = self._window_log_probs([states[row] for row in rows])
        return log_probs[:, :stop]

    @torch.inference_mode()
    def _window_log_probs(self, windows: Sequence[Window]) -> LogProbs:
        """Return the log-probabilities of the next token after windows of one length, (windows, vocabulary)."""
        hidden, _ = self._network(torch.tensor(windows), None)
        log_probs = self._network.head.log_probs(hidden[:, -1]).numpy().astype(np.float64)
        return np.asarray(log_probs - np.logaddexp.reduce(log_probs, axis=1, keepdims=True))

    @torch.inference_mode()
    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        if not len(ids):
            return np.empty(0)

        # the stream after a newline
        prefix = self.tokenizer.encode("\n")
        stream = torch.from_numpy(np.concatenate([prefix, ids]))
        log_probs = np.empty(len(stream) - 1)  # filled in place, because small tensors between large ones waste memory

        # the first predictions see fewer characters: one pass over the first window computes them
        first = min(self.window - 1, len(stream) - 1)
        scores, _ = self._network.target_log_probs(stream[None, :first], stream[None, 1 : first + 1], None)
        log_probs[:first] = scores[0].numpy()

        # every other prediction has a window of its own
        if first < len(stream) - 1:
            for batch, windows in enumerate(torch.split(stream.unfold(0, self.window + 1, 1), SCORING_BATCH)):
                last, _ = self._network.target_log_probs(windows[:, :-1], windows[:, 1:], None, 1)
                log_probs[first + batch * SCORING_BATCH :][: len(last)] = last[:, -1].numpy()
                progress(batch * SCORING_BATCH / len(stream))
        return log_probs[len(prefix) - 1 :]

    def token_log_probs_batch(self, streams: Sequence[Ids]) -> list[LogProbs]:
        return [self.token_log_probs(ids) for ids in streams]

    def probe(self) -> NetworkProbe:
        return NetworkProbe(self._network, self._build_untrained, self.tokenizer.encode("\n"), self.window)
