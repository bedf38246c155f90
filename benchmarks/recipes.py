"""Recipes with which genbench's LSTMs are compared, implemented from their descriptions in plain PyTorch.

A recipe trains a character network on a text for a number of seconds. None uses the validation text.

    keras-example   windows of 40 characters, one-hot, LSTM 128, only the next character, RMSprop 0.01 (Chollet 2015)
    char-rnn        2 x LSTM 128, one-hot, RMSprop 2e-3, batches of 50 rows, bptt 50, clip 5 (Karpathy 2015, defaults)
    plain           one layer, embedding 64, AdamW, warm-up and cosine, carried state, bf16 where native
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from genbench.neural.precision import native_bf16

WINDOW = 40  # characters that the Keras example sees
SCORING_TOKENS = 1000  # read at once while scoring a stream
SCORING_WINDOWS = 2048  # read at once while scoring windows

Batch = tuple[torch.Tensor, torch.Tensor, bool]  # inputs, targets, both (batch, time); whether the state is reset
RateShare = Callable[[float, int], float]  # from fraction of the run and characters read to the share of the peak rate


class CharacterLSTM(nn.Module):
    """An LSTM over characters: from ids, (batch, time), and a state to logits, (batch, time, size), and a state."""

    def __init__(self, size: int, hidden: int, layers: int, embedding: int | None) -> None:
        super().__init__()
        self.size, self.embedding = size, nn.Embedding(size, embedding) if embedding else None
        self.lstm = nn.LSTM(embedding or size, hidden, layers, batch_first=True)
        self.out = nn.Linear(hidden, size)

    def forward(self, ids: torch.Tensor, state: Any = None, last: int | None = None) -> tuple[torch.Tensor, Any]:
        """Return the logits at the `last` positions of a row (None: all), and the state."""
        values = self.embedding(ids) if self.embedding else functional.one_hot(ids, self.size).float()
        values, state = self.lstm(values, state)
        return self.out((values if last is None else values[:, -last:]).float()), state


@dataclass(frozen=True)
class LoopConfig:
    """The options of the training loop that differ between the recipes."""

    seconds: float
    rate_share: RateShare = lambda fraction, characters: 1.0
    max_gradient_norm: float = math.inf
    bf16: bool = False


def stateful_batches(ids: torch.Tensor, batch: int, bptt: int) -> Iterator[Batch]:
    """Yield batches of consecutive pieces of long rows without end; the state is reset at the beginning of a pass."""
    length = (len(ids) - 1) // batch
    inputs, targets = ids[: batch * length].view(batch, length), ids[1 : batch * length + 1].view(batch, length)
    while True:
        for start in range(0, length - bptt + 1, bptt):
            yield inputs[:, start : start + bptt], targets[:, start : start + bptt], start == 0


def train_network(
    model: CharacterLSTM, batches: Iterator[Batch], optimizer: torch.optim.Optimizer, config: LoopConfig
) -> int:
    """Train until the time is over; return the number of characters read."""
    started, state, characters = time.process_time(), None, 0  # processor time, as genbench's budgets
    peak_rate = optimizer.param_groups[0]["lr"]
    for inputs, targets, reset_state in batches:
        # learning rate by the clock
        fraction = (time.process_time() - started) / config.seconds
        if fraction >= 1:
            return characters
        optimizer.param_groups[0]["lr"] = peak_rate * config.rate_share(fraction, characters)

        # forward, from the detached state of the last batch (truncated BPTT)
        state = None if reset_state or state is None else tuple(part.detach() for part in state)
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
            logits, state = model(inputs, state, targets.shape[1])
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten())

        # backward, gradient clipping, update
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.max_gradient_norm)
        optimizer.step()
        characters += inputs.numel()
    return characters


def keras_example(ids: torch.Tensor, size: int, seconds: float) -> tuple[CharacterLSTM, int]:
    """Train on independent windows that start every third character, in random order, without a carried state."""
    model = CharacterLSTM(size, 128, 1, None)
    windows = ids.unfold(0, WINDOW + 1, 3)  # (windows, 41)

    def batches() -> Iterator[Batch]:
        """Yield every window once per pass, with its last character as target."""
        while True:
            for rows in torch.randperm(len(windows)).split(128):
                yield windows[rows, :-1], windows[rows, -1:], True

    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01, alpha=0.9, eps=1e-7)
    return model, train_network(model, batches(), optimizer, LoopConfig(seconds))


def char_rnn(ids: torch.Tensor, size: int, seconds: float) -> tuple[CharacterLSTM, int]:
    """Train two layers with carried state; after the tenth pass, the learning rate decays by 0.97 per pass."""
    model = CharacterLSTM(size, 128, 2, None)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3, alpha=0.95, eps=1e-8)

    def rate_share(fraction: float, characters: int) -> float:
        """Return the decay after the passes so far."""
        return float(0.97 ** max(0, characters // len(ids) - 10))

    config = LoopConfig(seconds, rate_share, max_gradient_norm=5.0)
    return model, train_network(model, stateful_batches(ids, 50, 50), optimizer, config)


def plain(ids: torch.Tensor, size: int, seconds: float) -> tuple[CharacterLSTM, int]:
    """Train 256 units for up to a minute, else 512, on 32 streams in steps of 64."""
    hidden, lr = (256, 1.2e-2) if seconds <= 60 else (512, 8e-3)
    return train_plain(ids, size, seconds, hidden, lr, (32, 64))


def plain_64(ids: torch.Tensor, size: int, seconds: float) -> tuple[CharacterLSTM, int]:
    """Train 256 units on 64 streams in steps of 32, a setting that tutorials have."""
    return train_plain(ids, size, seconds, 256, 8e-3, (64, 32))


def train_plain(
    ids: torch.Tensor, size: int, seconds: float, hidden: int, lr: float, shape: tuple[int, int]
) -> tuple[CharacterLSTM, int]:
    """Train with AdamW in bf16, forget bias 1 and orthogonal recurrent weights; `shape` is (streams, steps)."""
    model = CharacterLSTM(size, hidden, 1, 64)

    # initial weights; torch's order of gates is input, forget, cell, output
    with torch.no_grad():
        for gate in model.lstm.weight_hh_l0.chunk(4):
            nn.init.orthogonal_(gate)
        model.lstm.bias_ih_l0.zero_()[hidden : 2 * hidden] = 1
        model.lstm.bias_hh_l0.zero_()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.99))

    def rate_share(fraction: float, characters: int) -> float:
        """Return a linear warm-up, then a cosine."""
        return min(fraction / 0.03, 0.02 + 0.98 * (1 + math.cos(math.pi * fraction)) / 2)

    config = LoopConfig(seconds, rate_share, max_gradient_norm=1.0, bf16=native_bf16("cpu"))
    return model, train_network(model, stateful_batches(ids, *shape), optimizer, config)


RECIPES: dict[str, Callable[[torch.Tensor, int, float], tuple[CharacterLSTM, int]]] = {
    "keras-example": keras_example,
    "char-rnn": char_rnn,
    "plain": plain,
    "plain-64": plain_64,
}


def stream_bits(model: CharacterLSTM, ids: torch.Tensor) -> float:
    """Return the bits of a stream after its first character, read in one pass with carried state, in fp32."""
    nats, state = 0.0, None
    with torch.no_grad():
        for start in range(0, len(ids) - 1, SCORING_TOKENS):
            part = ids[start : start + SCORING_TOKENS + 1]
            logits, state = model(part[None, :-1], state)
            nats += float(functional.cross_entropy(logits[0], part[1:], reduction="sum"))
    return nats / math.log(2)


def window_bits(model: CharacterLSTM, ids: torch.Tensor) -> float:
    """Return the bits of a stream after its first 40 characters, predicted from the 40 characters before."""
    windows, nats = ids.unfold(0, WINDOW + 1, 1), 0.0
    with torch.no_grad():
        for part in windows.split(SCORING_WINDOWS):
            logits, _ = model(part[:, :-1], None, 1)
            nats += float(functional.cross_entropy(logits[:, 0], part[:, -1], reduction="sum"))
    return nats / math.log(2)


def train_and_score(name: str, train: str, test: str, seconds: float, seed: int) -> dict[str, float]:
    """Train with a recipe and score the test text; return bits per character and training characters per second.

    A character that does not occur in the training text costs log2 of the size of the alphabet.
    """
    # encode both texts
    torch.manual_seed(seed)
    index = {character: number for number, character in enumerate(sorted(set(train)))}
    train_ids, test_ids = (torch.tensor([index[c] for c in text if c in index]) for text in (train, "\n" + test))

    # train, and score the known characters
    model, characters = RECIPES[name](train_ids, len(index), seconds)
    if name == "keras-example":
        bits = window_bits(model, torch.cat([train_ids[1 - WINDOW :], test_ids]))
    else:
        bits = stream_bits(model, test_ids)

    # add the unknown characters
    unknown_bits = sum(character not in index for character in test) * math.log2(len(index))
    return {
        "bits_per_character": (bits + unknown_bits) / len(test),
        "training_characters_per_second": characters / seconds,
    }
