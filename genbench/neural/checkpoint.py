"""Save and resume a training run, and limit the size of networks built from untrusted files.

A resumed run ends with exactly the weights of an uninterrupted one. A checkpoint or a stored model may come from
another person: its options must not make this machine allocate more memory than its weights justify, and any error in
it is reported as a UserError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from genbench.errors import UserError, format_error
from genbench.generator import Learned
from genbench.neural.network import CoreState, Network
from genbench.neural.optimizers import Optimizer
from genbench.neural.schedule import PARTS, Schedule
from genbench.neural.weight_average import WeightAverage

BF16_KEY = "bits of bf16"  # numpy has no bf16: the bits are stored as 16-bit integers
ALLOWANCE_FACTOR = 16  # times the number of weights, for initial values and folding
ALLOWANCE = 50_000_000  # numbers allowed in addition
MIN_TENSOR_CHARGE = 5_000  # numbers charged for any tensor, because a million empty layers take time too


@dataclass
class TrainingState:
    """The state that the remaining steps of a training run depend on, except the random state of torch."""

    network: Network
    optimizers: list[Optimizer]
    average: WeightAverage
    schedule: Schedule
    core_state: CoreState = None  # carried from batch to batch
    best_bits: float = math.inf  # validation bits per token of the best weights
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    curve: list[list[float]] = field(default_factory=list)  # [seconds, validation bits per token]
    validation_seconds: float = 0.0  # of the last validation

    @property
    def device(self) -> torch.device:
        """The device of the network."""
        return next(self.network.parameters()).device


def capture(state: TrainingState) -> Learned:
    """Return the training state and torch's random state as a checkpoint of JSON values and numpy arrays."""
    schedule = state.schedule

    # dropout draws from the generator of the device
    on_gpu = state.device.type == "cuda"
    random_states = [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if on_gpu else [])]

    # the names are the format of stored checkpoints
    return {
        "step": schedule.step,
        "planned": list(schedule.planned),
        "budget": schedule.budget,
        "seconds": schedule.seconds,
        "part_start": list(schedule.part_start),
        "validation_seconds": state.validation_seconds,
        "curve": state.curve,
        "best_bits": state.best_bits if state.best_weights else None,
        "best_weights": _to_arrays(state.best_weights),
        "weights": _to_arrays(state.network.state_dict()),
        "means": _to_arrays(state.average.means),
        "optimizers": [_to_arrays(optimizer.state_dict()) for optimizer in state.optimizers],
        "core_state": _to_arrays(state.core_state),
        "random": _to_arrays(random_states),
    }


def restore(state: TrainingState, saved: Learned) -> None:
    """Set the training state and torch's random state from a checkpoint of the same training.

    Raises ValueError, LookupError, TypeError or RuntimeError for a checkpoint that does not fit; see
    `blame_checkpoint`.
    """
    # position in the schedule
    schedule, device = state.schedule, state.device
    _require_position(saved, schedule)
    schedule.step, schedule.planned, schedule.budget = saved["step"], saved["planned"], saved["budget"]
    schedule.started = schedule.clock() - saved["seconds"]
    schedule.part_start = (saved["part_start"][0], saved["part_start"][1])

    # results of the validations
    state.validation_seconds = saved["validation_seconds"]
    state.curve = [[float(seconds), float(bits)] for seconds, bits in saved.get("curve", [])]
    state.best_bits = math.inf if saved["best_bits"] is None else saved["best_bits"]
    state.best_weights = _to_tensors(saved["best_weights"], device)

    # weights, running means, and moments of the optimizers
    state.network.load_state_dict(_to_tensors(saved["weights"], device))
    state.average.means = list(_to_tensors(saved["means"], device))
    for optimizer, values in zip(state.optimizers, saved["optimizers"], strict=True):
        optimizer.load_state_dict({int(index): _to_tensors(tensors, device) for index, tensors in values.items()})
    _require_shapes(state)

    # carried core state, and torch's random state, which decides the dropout
    state.core_state = _to_tensors(saved["core_state"], device)
    for set_state, random in zip((torch.set_rng_state, torch.cuda.set_rng_state), saved["random"], strict=False):
        set_state(torch.from_numpy(random.copy()))


def _require_position(saved: Learned, schedule: Schedule) -> None:
    """Raise ValueError if the saved step, plan or time is impossible in this run."""
    step, planned, seconds = saved["step"], saved["planned"], saved["seconds"]
    counts = [step, *planned]

    # without a budget the plan is fixed, so the saved one must be equal
    valid = len(planned) <= PARTS and all(type(n) is int and n >= 0 for n in counts) and step <= sum(planned)
    valid = valid and (schedule.budget is not None or planned == schedule.planned)
    if not valid or not 0 <= seconds < math.inf:
        raise ValueError("its step, plan or time is impossible in this training")


def _require_shapes(state: TrainingState) -> None:
    """Raise ValueError if means or moments differ from their weights in shape or dtype.

    torch does not check this, and its fused steps would write past the end of a smaller tensor.
    """
    # pair every mean and moment with its weights; AdamW's step count is a scalar
    pairs: list[tuple[Any, torch.Tensor]] = list(zip(state.average.means, state.network.parameters(), strict=True))
    for optimizer in state.optimizers:
        for parameter, moments in zip(optimizer.parameters, optimizer.moments, strict=True):
            pairs += [(value, torch.empty(()) if name == "step" else parameter) for name, value in moments.items()]

    # compare shapes and dtypes
    for value, weights in pairs:
        if not isinstance(value, torch.Tensor) or (value.shape, value.dtype) != (weights.shape, weights.dtype):
            raise ValueError("its moments or means have another shape than the weights")


def _to_arrays(value: Any) -> Any:
    """Convert tensors to arrays and keys to strings, at any depth; bf16 tensors become their bits."""
    if isinstance(value, torch.Tensor) and value.dtype is torch.bfloat16:
        return {BF16_KEY: value.detach().cpu().view(torch.int16).numpy()}
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, dict):
        return {str(key): _to_arrays(item) for key, item in value.items()}
    return [_to_arrays(item) for item in value] if isinstance(value, list | tuple) else value


def _to_tensors(value: Any, device: torch.device) -> Any:
    """Convert arrays to tensors on a device, at any depth; lists become tuples, as in the states of cores."""
    if isinstance(value, dict) and BF16_KEY in value:
        return torch.tensor(value[BF16_KEY], device=device).view(torch.bfloat16)
    if isinstance(value, dict):
        return {key: _to_tensors(item, device) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_to_tensors(item, device) for item in value)
    return None if value is None else torch.tensor(value, device=device)


class SizeGuard(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Context manager that limits the size of new tensors, in total, to a multiple of the size of `weights`.

    An operation that would exceed the limit raises ValueError before it allocates memory.
    """

    def __init__(self, weights: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        sizes = sum(getattr(array, "size", 0) for array in weights.values())
        self.remaining = ALLOWANCE_FACTOR * sizes + ALLOWANCE

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Do not exclude this mode from torch.compile: that would import the compiler, which takes seconds."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Charge a torch operation against the limit, then run it."""
        self.remaining -= max(_allocated_numbers(func, args), MIN_TENSOR_CHARGE)
        if self.remaining < 0:
            raise ValueError("its options ask for a larger network than its weights are")
        return func(*args, **(kwargs or {}))


def _allocated_numbers(func: Callable[..., Any], args: Sequence[Any]) -> int:
    """Return the number of elements that an operation allocates if it creates a tensor from sizes, else 0."""
    operation = getattr(func, "overloadpacket", None)
    if operation is torch.ops.aten.eye:
        return int(args[0]) ** 2
    if operation is torch.ops.aten.split_with_sizes:
        return 0  # views of an existing tensor

    # factory functions have the sizes as first or second argument
    sizes = next((argument for argument in args[:2] if isinstance(argument, list | tuple)), ())
    return math.prod(sizes) if all(isinstance(size, int) for size in sizes) else 0


@contextmanager
def blame_checkpoint(saved: Learned | None, *, limit_size: bool = False) -> Iterator[None]:
    """Context manager that reports errors as a UserError about the checkpoint `saved`; without one, does nothing.

    With `limit_size`, a network built in the context must not be much larger than the saved weights.
    """
    if not saved:
        yield
        return

    # values that do not fit can raise any of the errors below
    try:
        with SizeGuard(saved["weights"]) if limit_size else nullcontext():
            yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(format_error(error).split())[:300]
        raise UserError(
            f"this training cannot be resumed from its checkpoint ({reason}); --retrain starts again"
        ) from error
