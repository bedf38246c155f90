"""One network trained by several processes, each with a share of the rows: data-parallel training.

PyTorch's DistributedDataParallel (Li et al. 2020) adds up the gradients; `torchrun` starts the processes, each on a
device of its own (NCCL), or on the CPU (gloo). What is decided by the clock, the first process decides for all.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
import torch.distributed
from torch import nn

from genbench.errors import UserError
from genbench.generator import TrainContext
from genbench.neural import ranks
from genbench.neural.batches import Batch
from genbench.neural.heads import Adaptive
from genbench.neural.network import Network
from genbench.neural.states import CoreState

Loss = Callable[[Network, Batch, CoreState, bool], tuple[torch.Tensor, CoreState]]
Value = TypeVar("Value")


class _Objective(nn.Module):
    """A network with its loss as one module: all that has gradients is used inside, as the engine wants it."""

    def __init__(self, network: Network, loss: Loss) -> None:
        super().__init__()
        self.network, self.loss = network, loss

    def forward(self, batch: Batch, state: CoreState, bf16: bool) -> tuple[torch.Tensor, CoreState]:
        return self.loss(self.network, batch, state, bf16)


@dataclass(frozen=True)
class Team:
    """The processes that train one network together."""

    rank: int = 0
    size: int = 1

    def agreed(self, value: Value) -> Value:
        """What the first process has, for all."""
        if self.size == 1:
            return value
        held: list[Any] = [value]
        torch.distributed.broadcast_object_list(held)
        found: Value = held[0]
        return found

    def summed(self, *values: float) -> Sequence[float]:
        """Each value, added up over the processes."""
        if self.size == 1:
            return values
        found = torch.tensor(values, dtype=torch.float64, device="cuda" if self._cuda else "cpu")
        torch.distributed.all_reduce(found)
        return list(found.tolist())

    @property
    def _cuda(self) -> bool:
        return torch.distributed.get_backend() == "nccl"

    def share(self, batch: Batch) -> Batch:
        """This process's rows of a batch. Raises UserError where the rows cannot be shared out evenly."""
        if self.size == 1:
            return batch
        rows = len(batch.inputs)
        if rows % self.size:
            raise UserError(f"{rows} rows cannot be shared by {self.size} processes; give batch a multiple of these")
        mine = slice(self.rank, None, self.size)
        return replace(batch, inputs=batch.inputs[mine], targets=batch.targets[mine])

    def objective(self, network: Network, loss: Loss) -> nn.Module:
        """What is called with a batch, a state, and whether in bf16; gradients of its loss are means over all rows."""
        made = _Objective(network, loss)
        if self.size == 1:
            return made
        rare = isinstance(network.head, Adaptive)  # a batch without rare words gives these no gradient
        return nn.parallel.DistributedDataParallel(made, find_unused_parameters=rare)

    def run(self, context: TrainContext) -> TrainContext:
        """The first process's run; that of another, which reports and keeps nothing."""
        if self.size == 1:
            return context
        saved = self.agreed(context.resume() if self.rank == 0 else None)
        found = replace(context, last_checkpoint=lambda: saved)
        return found if self.rank == 0 else replace(found, on_progress=_nothing, on_checkpoint=_nothing)


ALONE = Team()


def _nothing(_: Any) -> None: ...


@contextlib.contextmanager
def team(device: str) -> Iterator[Team]:
    """The processes that torchrun started, brought together for one training; this one alone without it."""
    if ranks.size() == 1:
        yield ALONE
        return
    torch.distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Team(ranks.rank(), ranks.size())
    finally:
        torch.distributed.destroy_process_group()


def own_device(device: str) -> str:
    """Of several CUDA devices, that of this process."""
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if device == "cuda" and ranks.size() > 1 else device
