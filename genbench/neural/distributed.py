"""Data-parallel training: several processes train one network, and divide the rows of every batch among them.

`torchrun` starts the processes, with one CUDA device per process (NCCL) or on the CPU (gloo). PyTorch's
DistributedDataParallel (Li et al. 2020) averages the gradients. Decisions that depend on the clock are made by the
first process and broadcast. This module imports torch only inside functions, because the command line imports it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from genbench.errors import UserError
from genbench.generator import TrainContext, ignore

if TYPE_CHECKING:
    from torch import nn

    from genbench.neural.batches import Batch

Value = TypeVar("Value")


def world_size() -> int:
    """Return the number of processes that train together; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return the number of this process, from 0."""
    return int(os.environ.get("RANK", "0")) if world_size() > 1 else 0


def is_main_process() -> bool:
    """Return whether this is the process that reports progress and stores the model."""
    return rank() == 0


def local_device(device: str) -> str:
    """Return the device of this process: under torchrun, "cuda" becomes the CUDA device with its local rank."""
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if device == "cuda" and world_size() > 1 else device


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that train one network together; with one process, every method returns its argument."""

    rank: int = 0
    size: int = 1

    def broadcast(self, value: Value) -> Value:
        """Return the value that the first process passed."""
        if self.size == 1:
            return value
        import torch.distributed

        # the list is overwritten in the other processes
        values: list[Any] = [value]
        torch.distributed.broadcast_object_list(values)
        first: Value = values[0]
        return first

    def sum(self, *values: float) -> Sequence[float]:
        """Return every value summed over the processes."""
        if self.size == 1:
            return values
        import torch.distributed

        # NCCL adds only tensors on a CUDA device
        device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        totals = torch.tensor(values, dtype=torch.float64, device=device)
        torch.distributed.all_reduce(totals)
        return list(totals.tolist())

    def shard(self, batch: Batch) -> Batch:
        """Return the rows of a batch for this process; raise UserError if they cannot be divided evenly."""
        if self.size == 1:
            return batch

        # equal shares, because the mean of the gradients weights all processes equally
        rows = len(batch.inputs)
        if rows % self.size:
            raise UserError(
                f"{rows} rows cannot be divided among {self.size} processes; set batch to a multiple of {self.size}"
            )

        # every size-th row, from the rank on
        shard = slice(self.rank, None, self.size)
        positions = None if batch.positions is None else batch.positions[shard]
        return replace(batch, inputs=batch.inputs[shard], targets=batch.targets[shard], positions=positions)

    def wrap(self, module: nn.Module, *, find_unused_parameters: bool) -> nn.Module:
        """Return the module with its gradients averaged over the processes."""
        if self.size == 1:
            return module
        from torch import nn

        return nn.parallel.DistributedDataParallel(module, find_unused_parameters=find_unused_parameters)

    def local_context(self, context: TrainContext) -> TrainContext:
        """Return the context for this process: all resume from one checkpoint, only the first reports and saves."""
        if self.size == 1:
            return context

        # the first process reads the checkpoint for all
        saved = self.broadcast(context.resume() if self.rank == 0 else None)
        context = replace(context, last_checkpoint=lambda: saved)

        # the others report and save nothing
        return (
            context
            if self.rank == 0
            else replace(context, on_progress=ignore, on_checkpoint=ignore, on_snapshot=ignore)
        )


SINGLE_PROCESS = ProcessGroup()


@contextlib.contextmanager
def process_group(device: str) -> Iterator[ProcessGroup]:
    """Context manager that connects the processes started by torchrun; without torchrun, a group of one process."""
    if world_size() == 1:
        yield SINGLE_PROCESS
        return
    import torch.distributed

    # the group is closed after the training, also after an error
    torch.distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield ProcessGroup(rank(), world_size())
    finally:
        torch.distributed.destroy_process_group()
