"""Operations for cores that write out their own steps and gradients: matrix products in bf16 or fp32, and gradients."""

from __future__ import annotations

from functools import cached_property

import torch


class RecurrentMatmul:
    """Matrix products with the recurrent weights, (sums, hidden): in bf16 if `bf16`, else in the type of the weights.

    Sums and gradients have the type of the weights. Inputs of the products may have either type; a step that needs an
    input again for the gradient stores it in the type of the products, see `empty_input`.
    """

    def __init__(self, weights: torch.Tensor, bf16: bool) -> None:
        self.bf16, self.dtype = bf16, weights.dtype
        self.weights = weights.to(torch.bfloat16) if bf16 else weights

    @cached_property
    def transposed(self) -> torch.Tensor:
        """The weights, (hidden, sums), contiguous: a product with a transposed view takes 1.5 times as long."""
        return self.weights.t().contiguous()

    def empty_input(self, like: torch.Tensor) -> torch.Tensor:
        """Return a tensor for inputs of the products: `like` itself, or an empty bf16 tensor of its shape."""
        return torch.empty_like(like, dtype=torch.bfloat16) if self.bf16 else like

    def forward(self, bias: torch.Tensor, h: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Return bias + h @ weights.T, (batch, sums), for h (batch, hidden)."""
        if self.bf16:
            return torch.add(bias, torch.mm(h.bfloat16(), self.transposed), out=out)
        return torch.addmm(bias, h, self.transposed, out=out)

    def backward(self, add: torch.Tensor, grad: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        """Return add + grad @ weights, (batch, hidden), for the gradient of the sums, (batch, sums)."""
        if self.bf16:
            return torch.add(add, torch.mm(grad.bfloat16(), self.weights), out=out)
        return torch.addmm(add, grad, self.weights, out=out)

    def weight_gradient(self, grad: torch.Tensor, hs: torch.Tensor) -> torch.Tensor:
        """Return the gradient of the weights over all steps: grad (time, batch, sums), hs (time, batch, hidden)."""
        return (grad.flatten(0, 1).t() @ hs.to(grad.dtype).flatten(0, 1)).to(self.dtype)


def sigmoid_backward(grad: torch.Tensor, output: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the input of a sigmoid from that of its output, in one operation.

    >>> float(sigmoid_backward(torch.tensor(2.0), torch.tensor(0.5), torch.empty(())))
    0.5
    """
    gradient: torch.Tensor = torch.ops.aten.sigmoid_backward.grad_input(grad, output, grad_input=out)
    return gradient


def tanh_backward(grad: torch.Tensor, output: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the input of a tanh from that of its output.

    >>> float(tanh_backward(torch.tensor(2.0), torch.tensor(0.5), torch.empty(())))
    1.5
    """
    gradient: torch.Tensor = torch.ops.aten.tanh_backward.grad_input(grad, output, grad_input=out)
    return gradient


def clamp_backward(grad: torch.Tensor, output: torch.Tensor, limit: float, out: torch.Tensor) -> torch.Tensor:
    """Return the gradient of the input of a clamp to -limit .. limit from that of its output.

    >>> clamp_backward(torch.tensor([2.0, 2.0]), torch.tensor([0.5, 3.0]), 3.0, torch.empty(2)).tolist()
    [2.0, 0.0]
    """
    gradient: torch.Tensor = torch.ops.aten.hardtanh_backward.grad_input(grad, output, -limit, limit, grad_input=out)
    return gradient
