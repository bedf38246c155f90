"""What words that look alike have in common: sums of vectors of letters in a row (fastText, Bojanowski et al. 2017)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

LENGTH = 3  # letters in a row
RAREST = 3  # words: what stands in fewer is left out
SMALL = 0.1  # the standard deviation of the vectors at first


def grams(word: str) -> set[str]:
    """The threes of a word and its ends, and the whole word without capitals.

    >>> sorted(grams("Oaks"))
    ['<Oa', 'Oak', 'aks', 'ks>', 'oaks']
    """
    whole = f"<{word}>"
    return {whole[start : start + LENGTH] for start in range(len(whole) - LENGTH + 1)} | {word.lower()}


class Subwords(nn.Module):
    """For each token the sum of its letters' vectors; `words` has the text of each token, "" where it has none."""

    of_token: torch.Tensor
    of_gram: torch.Tensor

    def __init__(self, words: Sequence[str], width: int) -> None:
        super().__init__()
        found = [sorted(grams(word)) if word else [] for word in words]
        often = Counter(gram for each in found for gram in each)
        place = {gram: i for i, gram in enumerate(sorted(g for g, n in often.items() if n >= RAREST))}
        pairs = [(token, place[gram]) for token, each in enumerate(found) for gram in each if gram in place]
        token, gram = torch.tensor(pairs, dtype=torch.int64).view(-1, 2).T
        for name, key, value, size in (("of_token", token, gram, len(words)), ("of_gram", gram, token, len(place))):
            order = torch.argsort(key, stable=True)
            starts = torch.searchsorted(key[order], torch.arange(size))
            self.register_buffer(name, value[order], persistent=False)
            self.register_buffer(f"{name}_starts", starts, persistent=False)
        self.vectors = nn.Parameter(torch.randn(len(place), width) * SMALL)

    def forward(self) -> torch.Tensor:
        """(tokens, width)."""
        there, back = ((getattr(self, n), getattr(self, f"{n}_starts")) for n in ("of_token", "of_gram"))
        found: torch.Tensor = _Sums.apply(self.vectors, there, back)  # type: ignore[no-untyped-call]
        return found


class _Sums(torch.autograd.Function):
    """Sums of rows; their slopes are sums of rows too, by the table read backwards: torch adds them up one by one."""

    @staticmethod
    def forward(ctx: Any, vectors: torch.Tensor, there: Any, back: Any) -> torch.Tensor:
        ctx.back = back
        return functional.embedding_bag(there[0], vectors, there[1], mode="sum")

    @staticmethod
    def backward(ctx: Any, slope: torch.Tensor) -> Any:
        return functional.embedding_bag(ctx.back[0], slope.contiguous(), ctx.back[1], mode="sum"), None, None
