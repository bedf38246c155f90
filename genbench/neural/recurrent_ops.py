"""Building blocks for cores with a hand-written backward pass: matrix products in bf16 or fp32, and derivatives."""

from __future__ import annotations

from functools import cached_property

import torch


class RecurrentMatmul:
    """Matrix products with the recurrent weights, (sums, hidden), in bf16 or in the dtype of the weights.

    Sums and gradients have the dtype of the weights. Inputs of the products can have either dtype. A forward pass that
    stores an input for the backward pass stores it in the dtype of the products, see `empty_input`.
    """

    def __init__(self, weights: torch.Tensor, bf16: bool) -> None:
        self.bf16, self.dtype = bf16, weights.dtype
        self.weights = weights.to(torch.bfloat16) if bf16 else weights

    @cached_property
    def transposed(self) -> torch.Tensor:
        """The contiguous transpose of the weights, (hidden, sums); a transposed view takes 1.5 times as long."""
        return self.weights.t().contiguous()

    def empty_input(self, like: torch.Tensor) -> torch.Tensor:
        """Return storage for inputs of the products: `like` itself, or an empty bf16 tensor of its shape."""
        return torch.empty_like(like, dtype=torch.bfloat16) if self.bf16 else like

    def forward(self, bias: torch.Tensor, h: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Write bias + h @ weights.T, (batch, sums), to `out` and return it; h is (batch, hidden)."""
        if self.bf16:
            return torch.add(bias, torch.mm(h.bfloat16(), self.transposed), out=out)
        return torch.addmm(bias, h, self.transposed, out=out)

    def backward(self, add: torch.Tensor, grad: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Write add + grad @ weights, (batch, hidden), to `out` and return it; `grad` is that of the sums."""
        if self.bf16:
            return torch.add(add, torch.mm(grad.bfloat16(), self.weights), out=out)
        return torch.addmm(add, grad, self.weights, out=out)

    def weight_gradient(self, grad: torch.Tensor, hs: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the weights over all steps, (sums, hidden).

        `grad` has the gradients of the sums, (time, batch, sums), `hs` the inputs of the products, (time, batch,
        hidden).
        """
        return (grad.flatten(0, 1).t() @ hs.to(grad.dtype).flatten(0, 1)).to(self.dtype)


def sigmoid_backward(grad: torch.Tensor, output: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Return the gradient at the input of a sigmoid, given `grad` and the value at its output; written to `out`.

    >>> float(sigmoid_backward(torch.tensor(2.0), torch.tensor(0.5), torch.empty(())))
    0.5
    """
    gradient: torch.Tensor = torch.ops.aten.sigmoid_backward.grad_input(grad, output, grad_input=out)
    return gradient


def tanh_backward(grad: torch.Tensor, output: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Return the gradient at the input of a tanh, given `grad` and the value at its output; written to `out`.

    >>> float(tanh_backward(torch.tensor(2.0), torch.tensor(0.5), torch.empty(())))
    1.5
    """
    gradient: torch.Tensor = torch.ops.aten.tanh_backward.grad_input(grad, output, grad_input=out)
    return gradient


def clamp_backward(grad: torch.Tensor, output: torch.Tensor, limit: float, out: torch.Tensor) -> torch.Tensor:
    """Return the gradient at the input of a clamp to [-limit, limit], given `grad` and the value at its output.

    >>> clamp_backward(torch.tensor([2.0, 2.0]), torch.tensor([0.5, 3.0]), 3.0, torch.empty(2)).tolist()
    [2.0, 0.0]
    """
    gradient: torch.Tensor = torch.ops.aten.hardtanh_backward.grad_input(grad, output, -limit, limit, grad_input=out)
    return gradient
