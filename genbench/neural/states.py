"""The state of a recurrent core, as torch's own have it: a tensor or a tuple of them, each (layers, batch, hidden)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch

CoreState: TypeAlias = Any  # a tensor, or a tuple of such states; None before the first token


def each(function: Callable[..., Any], state: CoreState, *others: CoreState) -> CoreState:
    """The same shape of state, each tensor (with those at its place in the others) replaced by the function's value."""
    if not isinstance(state, tuple):
        return function(state, *others)
    return tuple(each(function, *parts) for parts in zip(state, *others, strict=True))


def detached(state: CoreState) -> CoreState:
    """The same values, cut off from the graph that computed them."""
    return each(torch.Tensor.detach, state)


def shifted(state: CoreState) -> CoreState:
    """The state of each row given to the next row; the first row begins at zero."""
    return each(lambda t: torch.cat([torch.zeros_like(t[:, :1]), t[:, :-1]], dim=1), state)


def distance(one: CoreState, other: CoreState) -> float:
    """The largest difference between two states, relative to values above one."""
    worst = 0.0

    def compare(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        nonlocal worst
        worst = max(worst, float(((a - b).abs() / (1 + b.abs())).max()))
        return a

    each(compare, one, other)
    return worst
