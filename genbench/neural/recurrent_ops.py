"""For cores that write out their steps and gradients: products with recurrent weights, in bf16 where training is."""

from __future__ import annotations

from functools import cached_property

import torch


class Products:
    """Products with one matrix of `weights` (sums, hidden), in bf16 if `half`, else in the type that it has.

    What is added to, and the gradient, have the type of the weights. What is multiplied may have either: who needs it
    again for the gradient keeps it in the type of the products, see `room`.
    """

    def __init__(self, weights: torch.Tensor, half: bool) -> None:
        self.half, self.given = half, weights.dtype
        self.weights = weights.to(torch.bfloat16) if half else weights

    @cached_property
    def across(self) -> torch.Tensor:
        """The weights, (hidden, sums): a product with a transposed view takes half as long again."""
        return self.weights.t().contiguous()

    def room(self, like: torch.Tensor) -> torch.Tensor:
        """For what will be multiplied: this tensor itself, or an empty one of its shape in the type of the products."""
        return torch.empty_like(like, dtype=torch.bfloat16) if self.half else like

    def add(self, onto: torch.Tensor, h: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """To `onto` (batch, sums), what they have of h, (batch, hidden)."""
        if self.half:
            return torch.add(onto, torch.mm(h.bfloat16(), self.across), out=out)
        return torch.addmm(onto, h, self.across, out=out)

    def back(self, onto: torch.Tensor, found: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """To `onto` (batch, hidden), what comes back from `found`, the gradient of the sums, (batch, sums)."""
        if self.half:
            return torch.add(onto, torch.mm(found.bfloat16(), self.weights), out=out)
        return torch.addmm(onto, found, self.weights, out=out)

    def gradient(self, found: torch.Tensor, hs: torch.Tensor) -> torch.Tensor:
        """Of the weights, over all steps: `found` (time, batch, sums), `hs` (time, batch, hidden)."""
        return (found.flatten(0, 1).t() @ hs.to(found.dtype).flatten(0, 1)).to(self.given)


def through_sigmoid(found: torch.Tensor, value: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """The gradient of what a sigmoid was taken of, from that of its `value`, in one operation.

    >>> float(through_sigmoid(torch.tensor(2.0), torch.tensor(0.5), torch.empty(())))
    0.5
    """
    made: torch.Tensor = torch.ops.aten.sigmoid_backward.grad_input(found, value, grad_input=out)
    return made


def through_tanh(found: torch.Tensor, value: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """The same of a tanh.

    >>> float(through_tanh(torch.tensor(2.0), torch.tensor(0.5), torch.empty(())))
    1.5
    """
    made: torch.Tensor = torch.ops.aten.tanh_backward.grad_input(found, value, grad_input=out)
    return made


def through_limit(found: torch.Tensor, value: torch.Tensor, limit: float, out: torch.Tensor) -> torch.Tensor:
    """The same of what was cut off at `limit` and its negative.

    >>> through_limit(torch.tensor([2.0, 2.0]), torch.tensor([0.5, 3.0]), 3.0, torch.empty(2)).tolist()
    [2.0, 0.0]
    """
    made: torch.Tensor = torch.ops.aten.hardtanh_backward.grad_input(found, value, -limit, limit, grad_input=out)
    return made
