"""Networks on other devices, as far as this can be tested without a GPU.

Two substitutes are used: torch's device "meta", whose tensors cannot be mixed with those of the CPU, and a mode in
which "cuda" is another name of the CPU, and every transfer to it is counted.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import torch
from conftest import PROSE
from cores import one_per_core
from torch.overrides import TorchFunctionMode

from genbench import registry
from genbench.generator import TrainContext
from genbench.neural import RecurrentGenerator
from genbench.neural.auto_size import NetworkSize
from genbench.neural.network import detach_state
from genbench.neural.precision import training_precision
from genbench.neural.training import token_loss
from genbench.training import resolve_device

NETWORKS = [
    name
    for name in one_per_core(registry.registered())
    if issubclass(registry.load_registered(name), RecurrentGenerator)
]


@pytest.mark.parametrize(("cuda", "mps", "expected"), [(1, 1, "cuda"), (0, 1, "mps"), (0, 0, "cpu")])
def test_auto_chooses_a_device(cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert resolve_device("auto") == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_step_uses_no_tensor_of_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: False)  # it does not support meta
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    generator = registry.create(name)
    assert isinstance(generator, RecurrentGenerator)
    generator.tokenizer = generator.build_tokenizer(PROSE)
    ids, state = generator._encode(PROSE), None
    counts = torch.bincount(ids, minlength=generator.tokenizer.size)
    network = generator._build(NetworkSize(16, 0.1), counts).to("meta")
    batches = generator.batch_sampler(len(ids)).training_batches(ids.to("meta"), torch.Generator())
    for batch in islice(batches, 2):
        nats, after = token_loss(network, batch, state, bf16=False)
        nats.backward()  # type: ignore[no-untyped-call]
        state = detach_state(after)
    assert all(p.grad is None or p.grad.is_meta for p in network.parameters())


class Cuda(TorchFunctionMode):
    """Mode that runs operations for "cuda" on the CPU, counts the transfers, and records the precision of products."""

    def __init__(self) -> None:
        super().__init__()
        self.transfers, self.precisions = 0, set[str]()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.Tensor.to and str(args[1]) == "cuda":
            self.transfers += 1
            args = (args[0], "cpu")
        if function is torch.nn.functional.linear:
            self.precisions.add(torch.get_float32_matmul_precision())
        return function(*args, **(kwargs or {}))


@pytest.fixture
def as_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cuda]:
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda *_: torch.get_rng_state())
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda *_: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    monkeypatch.setattr(torch.nn.Module, "to", move_to_cuda)
    with Cuda() as mode:
        yield mode


def move_to_cuda(module: torch.nn.Module, *_: Any) -> torch.nn.Module:
    for parameter in module.parameters():
        parameter.to("cuda")
    return module


def test_the_text_is_transferred_to_the_device_once(as_cuda: Cuda) -> None:
    transfers = []
    for steps in (5, 20):
        before = as_cuda.transfers
        generator = registry.create("lstm-char:hidden=8,dropout=0")
        generator.fit(PROSE, PROSE, TrainContext(device="cuda", steps=steps))
        transfers.append(as_cuda.transfers - before)
    assert transfers[0] == transfers[1] > 2  # the weights and two texts: no more for more steps


def test_matrix_products_are_in_tf32_while_training_on_cuda() -> None:
    before = torch.get_float32_matmul_precision()
    with training_precision("cuda"):
        assert torch.get_float32_matmul_precision() == "high"
    with training_precision("cpu"):
        assert torch.get_float32_matmul_precision() == before
    assert torch.get_float32_matmul_precision() == before
