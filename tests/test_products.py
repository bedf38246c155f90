"""Products in bf16 inside cores that are fp32 otherwise: values and gradients agree within its rounding."""

from collections.abc import Callable

import pytest
import torch
from genbench_plugins.gru import GRU
from genbench_plugins.peephole import PeepholeLSTM
from torch import nn

ROUNDING = 2e-2  # of a tensor's norm; bf16 resolves 2 ** -8 of a number

CORES: dict[str, Callable[[], nn.Module]] = {
    "gru": lambda: GRU(8, 24, 2),
    "diagonal peepholes": lambda: PeepholeLSTM(8, 24, 2, full=False, cell_clip=3.0),
    "full peepholes": lambda: PeepholeLSTM(8, 24, 2, full=True, cell_clip=3.0),
}


def found(core: nn.Module, x: torch.Tensor, weights: torch.Tensor, half: bool) -> list[torch.Tensor]:
    """The values, and the gradients of the input and of all weights."""
    core.zero_grad()
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        values, _ = core(x, None)
    assert values.dtype is torch.float32
    (values * weights).sum().backward()
    assert x.grad is not None
    return [values.detach(), x.grad, *(p.grad.clone() for p in core.parameters() if p.grad is not None)]


@pytest.mark.parametrize("name", CORES)
def test_steps_in_bf16_agree_with_those_in_fp32(name: str) -> None:
    torch.manual_seed(4)
    core = CORES[name]()
    for part, weights in core.named_parameters():
        if "peeps" in part:
            nn.init.normal_(weights)
    x, weights = torch.randn(16, 12, 8), torch.randn(16, 12, 24)
    fine, coarse = (found(core, x, weights, half) for half in (False, True))
    assert len(fine) == 2 + len(list(core.parameters()))
    for one, same in zip(fine, coarse, strict=True):
        assert 0 < (one - same).norm() <= ROUNDING * one.norm()  # not equal: bf16 was used
