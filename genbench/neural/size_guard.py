"""Networks of a size that somebody else wrote down: refused before memory is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from genbench.errors import UserError, told
from genbench.generator import Learned

TIMES = 16  # the weights' own numbers: what starting values and folding weights need beside them
ROOM = 50_000_000  # numbers more
LEAST = 5_000  # a tensor counts as so many at least: a million empty layers take time too


class Bounded(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Inside, new tensors of more numbers than these, taken together, are a ValueError."""

    def __init__(self, weights: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.left = TIMES * sum(getattr(each, "size", 0) for each in weights.values()) + ROOM

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.left -= max(_asked(func, args), LEAST)
        if self.left < 0:
            raise ValueError("its options ask for a larger network than its weights are")
        return func(*args, **(kwargs or {}))


def _asked(func: Callable[..., Any], args: Sequence[Any]) -> int:
    """How many numbers an operation asks room for, if it makes a tensor from sizes."""
    if getattr(func, "overloadpacket", None) is torch.ops.aten.eye:
        return int(args[0]) ** 2
    if getattr(func, "overloadpacket", None) is torch.ops.aten.split_with_sizes:
        return 0  # of parts of one that is there
    sizes = next((each for each in args[:2] if isinstance(each, list | tuple)), ())
    return math.prod(sizes) if all(isinstance(each, int) for each in sizes) else 0


@contextmanager
def going_on(saved: Learned | None, build: bool = False) -> Iterator[None]:
    """What goes wrong inside is the checkpoint's fault if there is one, and a UserError: anybody may have written it.

    A network that is built may not be much larger than the weights that were saved.
    """
    if not saved:
        yield
        return
    try:
        with Bounded(saved["weights"]) if build else nullcontext():
            yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        said = " ".join(told(error).split())[:300]
        raise UserError(f"this training's checkpoint cannot be gone on from ({said}); --fresh begins anew") from error
