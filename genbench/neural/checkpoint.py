"""A training run as arrays and JSON values, so that it can go on as if it had never stopped, and back again."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch

from genbench.generator import Learned
from genbench.neural.schedule import PARTS, Schedule
from genbench.neural.states import CoreState

if TYPE_CHECKING:
    from genbench.neural.training import Trainer

BITS = "bits of bf16"


def captured(trainer: Trainer) -> Learned:
    """All that the steps to come depend on."""
    schedule, (bits, best) = trainer.schedule, trainer.best
    return {
        "step": schedule.step,
        "planned": list(schedule.planned),
        "budget": schedule.budget,
        "seconds": schedule.seconds,
        "turned": list(schedule.turned),
        "aside": trainer.aside,
        "curve": trainer.curve,
        "best_bits": bits if best else None,
        "best": _arrays(best),
        "weights": _arrays(trainer.network.state_dict()),
        "means": _arrays(trainer.average.means),
        "optimisers": [_arrays(optimiser.state_dict()["state"]) for optimiser in trainer.optimisers],
        "state": _arrays(trainer.state),
        "random": _arrays(_random(trainer)),
    }


def restore(trainer: Trainer, saved: Learned) -> None:
    """Put a new trainer of the same run where the other one was."""
    schedule, device = trainer.schedule, next(trainer.network.parameters()).device
    _require_place(saved, schedule)
    schedule.step, schedule.planned, schedule.budget = saved["step"], saved["planned"], saved["budget"]
    schedule.began = time.perf_counter() - saved["seconds"]
    schedule.turned = (saved["turned"][0], saved["turned"][1])
    trainer.aside = saved["aside"]
    trainer.curve = [[float(seconds), float(bits)] for seconds, bits in saved.get("curve", [])]
    trainer.best = (math.inf if saved["best_bits"] is None else saved["best_bits"], _tensors(saved["best"], device))
    trainer.network.load_state_dict(_tensors(saved["weights"], device))
    trainer.average.means = list(_tensors(saved["means"], device))
    for optimiser, state in zip(trainer.optimisers, saved["optimisers"], strict=True):
        by_place = {int(place): _tensors(values, device) for place, values in state.items()}
        optimiser.load_state_dict(optimiser.state_dict() | {"state": by_place})
    _require_shapes(trainer)
    trainer.state = _tensors(saved["state"], device)
    for set_state, kept in zip((torch.set_rng_state, torch.cuda.set_rng_state), saved["random"], strict=False):
        set_state(torch.from_numpy(kept.copy()))


def _require_place(saved: Learned, schedule: Schedule) -> None:
    """Refuse a place in a run that is no place in this one; raises ValueError."""
    step, planned, seconds = saved["step"], saved["planned"], saved["seconds"]
    counts = [step, *planned]
    right = len(planned) <= PARTS and all(type(n) is int and n >= 0 for n in counts) and step <= sum(planned)
    right = right and (schedule.budget is not None or planned == schedule.planned)
    if not right or not 0 <= seconds < math.inf:
        raise ValueError("a step, a plan or a time that this training has not")


def _require_shapes(trainer: Trainer) -> None:
    """Refuse sums and means of another shape than their weights: torch's fused steps would write past their end."""
    pairs: list[tuple[Any, torch.Tensor]] = list(zip(trainer.average.means, trainer.network.parameters(), strict=True))
    for optimiser in trainer.optimisers:
        for weights, sums in optimiser.state.items():
            pairs += [(each, torch.empty(()) if name == "step" else weights) for name, each in sums.items()]
    for each, weights in pairs:
        if not isinstance(each, torch.Tensor) or (each.shape, each.dtype) != (weights.shape, weights.dtype):
            raise ValueError("sums or means of another shape than the weights")


def _random(trainer: Trainer) -> list[torch.Tensor]:
    """The states of the generators that dropout draws from."""
    on_gpu = next(trainer.network.parameters()).device.type == "cuda"
    return [torch.get_rng_state(), *([torch.cuda.get_rng_state()] if on_gpu else [])]


def _arrays(value: Any) -> Any:
    """Tensors to arrays, keys to strings, at any depth; numpy has no bf16: its bits are kept as integers."""
    if isinstance(value, torch.Tensor) and value.dtype is torch.bfloat16:
        return {BITS: value.detach().cpu().view(torch.int16).numpy()}
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, dict):
        return {str(key): _arrays(each) for key, each in value.items()}
    return [_arrays(each) for each in value] if isinstance(value, list | tuple) else value


def _tensors(value: Any, device: torch.device) -> CoreState:
    """And back; lists become tuples, as the states of cores are."""
    if isinstance(value, dict) and BITS in value:
        return torch.tensor(value[BITS], device=device).view(torch.bfloat16)
    if isinstance(value, dict):
        return {key: _tensors(each, device) for key, each in value.items()}
    if isinstance(value, list):
        return tuple(_tensors(each, device) for each in value)
    return None if value is None else torch.tensor(value, device=device)
