"""Networks on other devices: what can be shown of that on a processor alone.

Two fakes stand in for a GPU: torch's device "meta", where no tensor of the processor may be mixed in, and a mode in
which "cuda" is another name of the processor, and every move there is counted.
"""

import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import torch
from conftest import PROSE
from torch.overrides import TorchFunctionMode

from genbench import TrainContext, registry
from genbench.experiments.job import device
from genbench.neural import RecurrentGenerator
from genbench.neural.auto_size import Size
from genbench.neural.precision import training
from genbench.neural.states import detached
from genbench.neural.training import loss

NETWORKS = [name for name in registry.found() if issubclass(registry.load(name), RecurrentGenerator)]


@pytest.mark.parametrize(("cuda", "mps", "expected"), [(1, 1, "cuda"), (0, 1, "mps"), (0, 0, "cpu")])
def test_auto_takes_what_is_there(cuda: bool, mps: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device("auto") == expected


@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_step_mixes_in_nothing_from_the_processor(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: False)  # it knows no meta
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    generator = registry.make(name)
    assert isinstance(generator, RecurrentGenerator)
    generator.tokenizer = generator.cut(PROSE)
    ids, state = generator._stream(PROSE), None
    network = generator._build(Size(16, 0.1), torch.bincount(ids, minlength=generator.tokenizer.size)).to("meta")
    for batch in islice(generator.reading(len(ids)).train(ids.to("meta"), torch.Generator()), 2):
        nats, after = loss(network, batch, state, bf16=False)
        nats.backward()  # type: ignore[no-untyped-call]
        state = detached(after)
    assert all(p.grad is None or p.grad.is_meta for p in network.parameters())


class Cuda(TorchFunctionMode):
    """On the processor what is asked of "cuda"; counts the moves there, and notes how exact products are then."""

    def __init__(self) -> None:
        super().__init__()
        self.moves, self.precisions = 0, set[str]()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.Tensor.to and str(args[1]) == "cuda":
            self.moves += 1
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
    monkeypatch.setattr(torch.nn.Module, "to", moved)
    with Cuda() as mode:
        yield mode


def moved(module: torch.nn.Module, *_: Any) -> torch.nn.Module:
    for parameter in module.parameters():
        parameter.to("cuda")
    return module


def test_the_text_lies_on_the_device_and_is_moved_once(as_cuda: Cuda) -> None:
    moves = []
    for steps in (5, 20):
        before = as_cuda.moves
        generator = registry.make("lstm-char:hidden=8,dropout=0")
        generator.fit(PROSE, PROSE, TrainContext(device="cuda", steps=steps))
        moves.append(as_cuda.moves - before)
    assert moves[0] == moves[1] > 2  # the weights, and two texts: nothing more for more steps


def test_products_are_in_tf32_while_training_on_cuda() -> None:
    before = torch.get_float32_matmul_precision()
    with training("cuda"):
        assert torch.get_float32_matmul_precision() == "high"
    with training("cpu"):
        assert torch.get_float32_matmul_precision() == before
    assert torch.get_float32_matmul_precision() == before
