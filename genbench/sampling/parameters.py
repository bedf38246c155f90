"""How to draw: the controls, checked when they are given, and the draw under them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genbench.errors import ContractError, UserError
from genbench.generator import LogProbs

LONGEST_OVERLAP = 1_000  # words


@dataclass(frozen=True)
class Sampling:
    """How to draw. `length` is in characters, so that samples side by side are equally long."""

    length: int = 300
    temperature: float = 0.8  # 0 is greedy
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float = 1.0
    stop: str | None = None  # the text ends before this string
    max_overlap: float | None = None  # words in a row that may be copied from the training text; below 1, a share

    def __post_init__(self) -> None:
        _require(self.length >= 0, "length", self.length, "0 or more characters")
        _require(0 <= self.temperature < float("inf"), "temperature", self.temperature, "0 (greedy) or more")
        _require(self.top_k is None or self.top_k >= 1, "top-k", self.top_k, "1 or more tokens")
        _require(self.top_p is None or 0 < self.top_p <= 1, "top-p", self.top_p, "above 0 and at most 1")
        _require(self.min_p is None or 0 <= self.min_p <= 1, "min-p", self.min_p, "from 0 to 1")
        _require(
            0 < self.repetition_penalty < float("inf"),
            "repetition-penalty",
            self.repetition_penalty,
            "above 0 (1 is none)",
        )
        _require(
            self.max_overlap is None or 0 < self.max_overlap < 1 or self.max_overlap in range(1, LONGEST_OVERLAP + 1),
            "max-overlap",
            self.max_overlap,
            f"a whole number of words from 1 to {LONGEST_OVERLAP}, or a share of them between 0 and 1",
        )
        _require(self.stop is None or _valid(self.stop), "stop", self.stop, "at least one character of valid text")

    @cached_property
    def plain(self) -> bool:
        """Whether nothing but the temperature changes the distribution."""
        return self.temperature > 0 and self.repetition_penalty == 1 and not self.cuts

    @cached_property
    def cuts(self) -> bool:
        """Whether only some of the tokens are left to draw from."""
        return self.top_k is not None or self.top_p is not None or self.min_p is not None


def _valid(text: str) -> bool:
    return bool(text) and not any("\ud800" <= character <= "\udfff" for character in text)


def _require(holds: bool, name: str, value: object, choices: str) -> None:
    if not holds:
        raise UserError(f"{name} is {value!r}, and must be {choices}")


def draw(scores: LogProbs, samplings: Sequence[Sampling], rngs: Sequence[np.random.Generator]) -> list[int]:
    """One token of each row of log-probabilities, (n, tokens), under its controls, from its own randomness.

    Raises ContractError where a row leaves nothing to draw.

    >>> rng = np.random.default_rng(0)
    >>> draw(np.log([[0.2, 0.5, 0.3], [0.4, 0.3, 0.3]]), [Sampling(temperature=0)] * 2, [rng] * 2)
    [1, 0]
    """
    tops = scores.max(axis=1)
    if not all(map(math.isfinite, tops.tolist())):
        raise ContractError("log_probs gives no probability to any token that may be drawn")
    warmth = np.array([sampling.temperature or 1.0 for sampling in samplings])
    shares = np.exp((scores - tops[:, None]) / warmth[:, None])
    for row, sampling in enumerate(samplings):
        if sampling.cuts:
            shares[row] = _cut(shares[row], sampling)
        if sampling.temperature == 0:
            shares[row] = np.arange(shares.shape[1]) == scores[row].argmax()
    ladders = shares.cumsum(axis=1)
    return [
        int(ladder.searchsorted(rng.random() * ladder[-1], side="right"))
        for ladder, rng in zip(ladders, rngs, strict=True)
    ]


def _cut(shares: LogProbs, sampling: Sampling) -> LogProbs:
    """Unnormalised probabilities with top-k, top-p and min-p applied, (tokens,)."""
    if sampling.top_k is not None and sampling.top_k < len(shares):
        kept = np.zeros(len(shares), dtype=bool)
        kept[np.argpartition(shares, -sampling.top_k)[-sampling.top_k :]] = True
        shares = np.where(kept, shares, 0)
    if sampling.top_p is not None:
        order = np.argsort(-shares, kind="stable")
        before = np.cumsum(shares[order]) - shares[order]
        shares = shares.copy()
        shares[order[before >= sampling.top_p * shares.sum()]] = 0
    if sampling.min_p is not None:
        shares = np.where(shares >= sampling.min_p * shares.max(), shares, 0)
    return shares


def require_prompt(prompt: str) -> None:
    """Refuse a prompt that is not a valid Unicode string, as the command line may pass it. Raises UserError."""
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"the prompt is not valid text at character {error.start}; give it in UTF-8") from error
