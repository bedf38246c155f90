"""Products in bf16 inside cores that are otherwise in fp32: values and gradients agree within its rounding."""

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


def values_and_gradients(core: nn.Module, x: torch.Tensor, weights: torch.Tensor, bf16: bool) -> list[torch.Tensor]:
    """Return the outputs of a core, and the gradients of its input and of all its weights."""
    core.zero_grad()
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        outputs, _ = core(x, None)
    assert outputs.dtype is torch.float32
    (outputs * weights).sum().backward()
    assert x.grad is not None
    return [outputs.detach(), x.grad, *(p.grad.clone() for p in core.parameters() if p.grad is not None)]


@pytest.mark.parametrize("name", CORES)
def test_steps_in_bf16_agree_with_those_in_fp32(name: str) -> None:
    torch.manual_seed(4)
    core = CORES[name]()
    for parameter, weights in core.named_parameters():
        if "peepholes" in parameter:
            nn.init.normal_(weights)
    x, weights = torch.randn(16, 12, 8), torch.randn(16, 12, 24)
    fp32, bf16 = (values_and_gradients(core, x, weights, half) for half in (False, True))
    assert len(fp32) == 2 + len(list(core.parameters()))
    for exact, rounded in zip(fp32, bf16, strict=True):
        assert 0 < (exact - rounded).norm() <= ROUNDING * exact.norm()  # not equal: bf16 was used
