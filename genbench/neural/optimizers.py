"""Optimizers: Muon for the matrices of the core, and AdamW for all other weights.

Muon    momentum, and steps along the nearest orthogonal matrix (Jordan et al. 2024)
AdamW   mean and mean square of the gradients, and decoupled weight decay (Loshchilov & Hutter 2019)

They do not inherit from torch.optim.Optimizer, because it imports torch's compiler, which takes more than a second.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from genbench.neural.network import Network
from genbench.neural.precision import native_bf16

MIN_MUON_SIZE = 8  # rows and columns of a matrix; smaller ones are left to AdamW
BETAS = (0.9, 0.99)  # AdamW's decay rates, of the mean gradient and the mean square
EPS = 1e-8  # added to the root of AdamW's mean square, against division by zero
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # coefficients of Jordan et al.: fast, but not exact, convergence to one
MIN_NORM = 1e-7  # added to the norm of a matrix, against division by zero


@dataclass(frozen=True)
class OptimizerConfig:
    """Peak learning rates and weight decay. If `muon_lr` is 0, AdamW updates all weights."""

    learning_rate: float  # AdamW's
    muon_lr: float
    weight_decay: float
    gate_rows: int  # rows of a matrix per gate: the hidden units


class Optimizer(ABC):
    """Base class of optimizers: parameters, their learning rate, and moments of their gradients.

    `moments` has one dict per parameter, which is empty before the first gradient of the parameter.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        self.parameters = list(parameters)
        self.lr = lr
        self.moments: list[dict[str, torch.Tensor]] = [{} for _ in self.parameters]

    @abstractmethod
    def step(self) -> None:
        """Update all parameters that have a gradient."""

    def zero_grad(self) -> None:
        """Remove the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> dict[int, dict[str, torch.Tensor]]:
        """Return the moments by the index of their parameter, as torch does under "state"."""
        return {index: moments for index, moments in enumerate(self.moments) if moments}

    def load_state_dict(self, state: Mapping[int, Mapping[str, torch.Tensor]]) -> None:
        """Set the moments; raise ValueError for an index without a parameter."""
        indices = range(len(self.parameters))
        if not state.keys() <= set(indices):
            raise ValueError("there are moments without a parameter")
        self.moments = [dict(state.get(index, {})) for index in indices]


def create_optimizers(network: Network, config: OptimizerConfig) -> list[Optimizer]:
    """Return new optimizers for all weights of a network, with learning rates at their peak."""
    matrices, others = split_parameters(network) if config.muon_lr else ([], list(network.parameters()))

    # AdamW comes first: its state is stored under this index in a checkpoint
    decay = config.weight_decay
    optimizers: list[Optimizer] = [AdamW(others, config.learning_rate, decay, BETAS, fused=True)]
    if matrices:
        optimizers.append(Muon(matrices, config.gate_rows, config.muon_lr, decay))
    return optimizers


def split_parameters(network: Network) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Return the core's matrices, which Muon updates, and all other weights."""
    # vectors, such as biases, and very small matrices have no useful nearest orthogonal matrix
    matrices = [p for p in network.core.parameters() if p.ndim == 2 and min(p.shape) >= MIN_MUON_SIZE]
    ids = {id(p) for p in matrices}
    return matrices, [p for p in network.parameters() if id(p) not in ids]


def scale_learning_rates(optimizers: Sequence[Optimizer], peak_rates: Iterable[float], share: float) -> None:
    """Set every learning rate to this share of its peak."""
    for optimizer, peak in zip(optimizers, peak_rates, strict=True):
        optimizer.lr = peak * share


class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019); the results are those of torch.optim.AdamW.

    `betas` are the decay rates of the mean gradient and the mean square. If `fused`, one operation updates all
    parameters, which have one device and one dtype; it is faster, and rounds in another way.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        weight_decay: float,
        betas: tuple[float, float],
        *,
        fused: bool,
    ) -> None:
        super().__init__(parameters, lr)
        self.weight_decay, self.betas, self.fused = weight_decay, betas, fused

    @torch.no_grad()
    def step(self) -> None:
        """Update all parameters that have a gradient."""
        updates = []
        for weights, moments in zip(self.parameters, self.moments, strict=True):
            if weights.grad is not None:
                # moments start at zero; their names are the format of stored checkpoints
                if not moments:
                    moments["step"] = torch.zeros((), device=weights.device)
                    moments["exp_avg"], moments["exp_avg_sq"] = torch.zeros_like(weights), torch.zeros_like(weights)
                moments["step"].add_(1)
                updates.append((weights, weights.grad, moments["exp_avg"], moments["exp_avg_sq"], moments["step"]))

        # torch's operation raises an error for empty lists
        if self.fused and updates:
            self._update_fused(*map(list, zip(*updates, strict=True)))
        elif not self.fused:
            for update in updates:
                self._update(*update)

    def _update(
        self, weights: torch.Tensor, grad: torch.Tensor, mean: torch.Tensor, square: torch.Tensor, step: torch.Tensor
    ) -> None:
        """Update one parameter, its mean gradient and its mean square in place; `step` counts from 1."""
        # decoupled weight decay
        weights.mul_(1 - self.lr * self.weight_decay)

        # moments, and the correction of their bias towards their initial zeros
        beta1, beta2 = self.betas
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        correction1, correction2 = 1 - beta1 ** step.item(), 1 - beta2 ** step.item()

        # the step
        root = (square.sqrt() / correction2**0.5).add_(EPS)
        weights.addcdiv_(mean, root, value=-self.lr / correction1)

    def _update_fused(
        self,
        weights: list[torch.Tensor],
        grads: list[torch.Tensor],
        means: list[torch.Tensor],
        squares: list[torch.Tensor],
        steps: list[torch.Tensor],
    ) -> None:
        """Do the same for all parameters, by the operation that torch.optim.AdamW calls with fused=True."""
        torch._fused_adamw_(
            weights,
            grads,
            means,
            squares,
            [],  # the maxima of AMSGrad
            steps,
            lr=self.lr,
            beta1=self.betas[0],
            beta2=self.betas[1],
            weight_decay=self.weight_decay,
            eps=EPS,
            amsgrad=False,
            maximize=False,
        )


class Muon(Optimizer):
    """Momentum, and steps along the nearest orthogonal matrix, gate by gate (Jordan et al. 2024).

    The matrices are (gates x gate_rows, columns); `weight_decay` is decoupled, as in AdamW. Differs from
    torch.optim.Muon in that the weights of several gates in one matrix are treated as several matrices; treated as one
    matrix, the gates would share the length of a step (1.6305 instead of 1.6085 bits per character of validation text
    after 60 seconds on Austen).
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        gate_rows: int,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        iterations: int = 3,
    ) -> None:
        super().__init__(matrices, lr)
        self.gate_rows, self.weight_decay = gate_rows, weight_decay
        self.momentum, self.iterations = momentum, iterations

    @torch.no_grad()
    def step(self) -> None:
        """Update all matrices that have a gradient."""
        for weights, moments in zip(self.parameters, self.moments, strict=True):
            if weights.grad is not None:
                self._update(weights, weights.grad, moments)

    def _update(self, weights: torch.Tensor, grad: torch.Tensor, moments: dict[str, torch.Tensor]) -> None:
        """Update one matrix in place."""
        # Nesterov momentum
        momentum = moments.setdefault("momentum", torch.zeros_like(weights)).lerp_(grad, 1 - self.momentum)
        direction = torch.lerp(grad, momentum, self.momentum)

        # orthogonalize the matrices of the gates separately
        rows, columns = weights.shape
        gate_rows = self.gate_rows if rows % self.gate_rows == 0 else rows
        update = orthogonalize(direction.view(-1, gate_rows, columns), self.iterations).reshape(rows, columns)

        # decoupled weight decay, then the step, scaled up for tall matrices
        weights.mul_(1 - self.lr * self.weight_decay)
        weights.sub_(update, alpha=self.lr * max(1, gate_rows / columns) ** 0.5)


def orthogonalize(matrices: torch.Tensor, iterations: int) -> torch.Tensor:
    """Approximate the nearest orthogonal matrices, (gates, rows, columns) in fp32, by Newton-Schulz iterations.

    An iteration with the coefficients a, b and c is x = a x + (b g + c g g) x with g = x x^T. Singular values that were
    not tiny end between 0.7 and 1.2.
    """
    a, b, c = NEWTON_SCHULZ

    # scale all singular values to at most one; wide matrices have the smaller product x x^T
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices / (matrices.flatten(1).norm(dim=1)[:, None, None] + MIN_NORM)
    x = x.transpose(1, 2) if is_tall else x

    # iterate in bf16, which is precise enough, where the device has it; emulated, it is 15 times slower than fp32
    x = x.bfloat16() if native_bf16(x.device.type) else x
    for _ in range(iterations):
        gram = x @ x.transpose(1, 2)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)

    upright: torch.Tensor = x.transpose(1, 2) if is_tall else x
    return upright.float()
