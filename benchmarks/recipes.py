"""The recipes that genbench's LSTM is measured against, written from their descriptions, in plain torch.

Each trains a character network on a text for a number of seconds. None sees the valid text.

    keras-example   windows of 40 characters, one-hot, LSTM 128, only the next character, RMSprop .01 (Chollet 2015)
    char-rnn        2 x 128, one-hot, RMSprop 2e-3, batch 50, windows of 50, clip 5 (Karpathy 2015, its defaults)
    plain           one layer, embedding 64, AdamW, warm-up and cosine, carried state, bf16 where native
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from genbench.neural.precision import native_bf16


class CharacterLSTM(nn.Module):
    """Ids (batch, time) and a state to scores (batch, time, size) and a state."""

    def __init__(self, size: int, hidden: int, layers: int, embedding: int | None) -> None:
        super().__init__()
        self.size, self.embedding = size, nn.Embedding(size, embedding) if embedding else None
        self.lstm = nn.LSTM(embedding or size, hidden, layers, batch_first=True)
        self.out = nn.Linear(hidden, size)

    def forward(self, ids: torch.Tensor, state: Any = None, last: int | None = None) -> tuple[torch.Tensor, Any]:
        """`last`: scores of so many last places alone."""
        values = self.embedding(ids) if self.embedding else functional.one_hot(ids, self.size).float()
        values, state = self.lstm(values, state)
        return self.out((values if last is None else values[:, -last:]).float()), state


def rows(ids: torch.Tensor, batch: int, window: int) -> Any:
    """Carried rows without end: inputs, targets, and whether the state begins anew."""
    length = (len(ids) - 1) // batch
    inputs, targets = ids[: batch * length].view(batch, length), ids[1 : batch * length + 1].view(batch, length)
    while True:
        for start in range(0, length - window + 1, window):
            yield inputs[:, start : start + window], targets[:, start : start + window], start == 0


def fit(model: CharacterLSTM, batches: Any, seconds: float, optimizer: Any, share: Any, clip: float, bf16: bool) -> int:
    """Train until the seconds are over; `share` is the learning rate's by fraction; returns the characters read."""
    began, state, read = time.perf_counter(), None, 0
    highest = optimizer.param_groups[0]["lr"]
    for inputs, targets, fresh in batches:
        fraction = (time.perf_counter() - began) / seconds
        if fraction >= 1:
            return read
        optimizer.param_groups[0]["lr"] = highest * share(fraction, read)
        state = None if fresh or state is None else tuple(part.detach() for part in state)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            scores, state = model(inputs, state, targets.shape[1])
        loss = functional.cross_entropy(scores.float().flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        read += inputs.numel()
    return read


def keras_example(ids: torch.Tensor, size: int, seconds: float) -> tuple[CharacterLSTM, int]:
    """No state is carried; every window is drawn once a pass, in random order."""
    model = CharacterLSTM(size, 128, 1, None)
    spans = ids.unfold(0, 41, 3)

    def batches() -> Any:
        while True:
            for chosen in torch.randperm(len(spans)).split(128):
                yield spans[chosen, :-1], spans[chosen, -1:], True

    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.01, alpha=0.9, eps=1e-7)
    return model, fit(model, batches(), seconds, optimizer, lambda *_: 1.0, math.inf, False)


def char_rnn(ids: torch.Tensor, size: int, seconds: float) -> tuple[CharacterLSTM, int]:
    """The rate falls by .97 a pass from the tenth on."""
    model = CharacterLSTM(size, 128, 2, None)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3, alpha=0.95, eps=1e-8)

    def share(fraction: float, read: int) -> float:
        return float(0.97 ** max(0, read // len(ids) - 10))

    return model, fit(model, rows(ids, 50, 50), seconds, optimizer, share, 5.0, False)


def plain(ids: torch.Tensor, size: int, seconds: float) -> tuple[CharacterLSTM, int]:
    """Hidden 256 up to a minute, else 512; forget bias 1, orthogonal recurrent weights."""
    hidden, batch, lr = (256, 32, 1.2e-2) if seconds <= 60 else (512, 32, 8e-3)
    model = CharacterLSTM(size, hidden, 1, 64)
    with torch.no_grad():
        for gate in model.lstm.weight_hh_l0.chunk(4):
            nn.init.orthogonal_(gate)
        model.lstm.bias_ih_l0.zero_()[hidden : 2 * hidden] = 1
        model.lstm.bias_hh_l0.zero_()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.99))

    def share(fraction: float, read: int) -> float:
        return min(fraction / 0.03, 0.02 + 0.98 * (1 + math.cos(math.pi * fraction)) / 2)

    return model, fit(model, rows(ids, batch, 64), seconds, optimizer, share, 1.0, native_bf16("cpu"))


RECIPES: dict[str, Callable[[torch.Tensor, int, float], tuple[CharacterLSTM, int]]] = {
    "keras-example": keras_example,
    "char-rnn": char_rnn,
    "plain": plain,
}


def bits(model: CharacterLSTM, ids: torch.Tensor) -> float:
    """Of the text read as one stream after its first character, in fp32."""
    total, state = 0.0, None
    with torch.no_grad():
        for start in range(0, len(ids) - 1, 1000):
            part = ids[start : start + 1001]
            scores, state = model(part[None, :-1], state)
            total += float(functional.cross_entropy(scores[0], part[1:], reduction="sum"))
    return total / math.log(2)


def window_bits(model: CharacterLSTM, ids: torch.Tensor) -> float:
    """The same of a network that sees 40 characters before each, and carries nothing."""
    spans, total = ids.unfold(0, 41, 1), 0.0
    with torch.no_grad():
        for part in spans.split(2048):
            scores, _ = model(part[:, :-1], None, 1)
            total += float(functional.cross_entropy(scores[:, 0], part[:, -1], reduction="sum"))
    return total / math.log(2)


def run(name: str, train: str, test: str, seconds: float, seed: int) -> dict[str, float]:
    """Train by a recipe and read the test text: bits a character, characters trained on a second.

    Characters that the training text lacks are charged at the size of the alphabet, log2, as the others' worst.
    """
    torch.manual_seed(seed)
    alphabet = {character: place for place, character in enumerate(sorted(set(train)))}
    learned, asked = (torch.tensor([alphabet[c] for c in text if c in alphabet]) for text in (train, "\n" + test))
    model, read = RECIPES[name](learned, len(alphabet), seconds)
    spent = window_bits(model, torch.cat([learned[-39:], asked])) if name == "keras-example" else bits(model, asked)
    unseen = sum(character not in alphabet for character in test) * math.log2(len(alphabet))
    return {"bits_per_character": (spent + unseen) / len(test), "training_characters_per_second": read / seconds}
