"""Floating-point operations of a training: counted by hand, and by torch; and trainings that --flops limits."""

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from genbench.generator import Text, TrainContext
from genbench.neural.auto_size import NetworkSize
from genbench.neural.batches import Batch
from genbench.neural.network import Network
from genbench.neural.operations import operations_of_batch
from genbench.neural.training import token_loss
from genbench.registry import create
from genbench.spec import Spec
from genbench.tokenization.tokenizer import BYTES

PROSE = "It was a dark and stormy night; the rain fell in torrents, and the wind shook the lamps.\n" * 12


def trained(spec: str, context: TrainContext) -> Any:
    generator = create(spec)
    generator.fit(Text(PROSE * 3), Text(PROSE), context)
    return generator


def batch_of(generator: Any, rows: int = 4, time: int = 8, scored: int = 8) -> tuple[Network, Batch, torch.Tensor]:
    """Return an unfolded network, a batch, and the counts of its vocabulary."""
    ids = generator._encode(PROSE)
    counts = torch.bincount(ids, minlength=generator.tokenizer.size)
    torch.manual_seed(0)
    network = generator._build(NetworkSize(generator._hidden, 0.0), counts)
    inputs = ids[: rows * time].view(rows, time).long()
    return network, Batch(inputs, inputs.roll(-1), scored), counts


def test_an_lstm_takes_six_operations_per_weight_and_token() -> None:
    generator = trained("lstm-char:hidden=16,embedding=8,dropout=0", TrainContext(steps=1))
    network, batch, counts = batch_of(generator, scored=2)
    core = 4 * 16 * (8 + 16 + 2)  # input and recurrent weights of four gates, and torch's two biases
    head = (generator.tokenizer.size - BYTES + 1) * (16 + 1)  # one output for all bytes
    assert operations_of_batch(network, batch, counts) == 6 * (core * 4 * 8 + head * 4 * 2)


@pytest.mark.parametrize("spec", ["rnn-char:hidden=32", "lstm-word:hidden=32,tied=false", "lstm-word:hidden=32"])
def test_the_count_agrees_with_that_of_torch(spec: str) -> None:
    generator = trained(f"{spec},dropout=0", TrainContext(steps=1))
    network, batch, counts = batch_of(generator, rows=8, time=16, scored=16)

    # torch counts the products of the head; it sees no products inside the fused cells
    core, network.core = network.core, _Constant(32)
    with FlopCounterMode(display=False) as counter:
        token_loss(network, batch, None, False)[0].backward()  # type: ignore[no-untyped-call]
    read = batch.inputs.numel()
    core_weights = sum(weights.numel() for weights in core.parameters())
    network.core = core
    head = operations_of_batch(network, batch, counts) - 6 * core_weights * read
    assert head == pytest.approx(counter.get_total_flops(), rel=0.1)


class _Constant(torch.nn.Module):
    """A core whose output needs a gradient and costs no products."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.output = torch.nn.Parameter(torch.ones(hidden))

    def forward(self, inputs: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        return self.output.expand(*inputs.shape[:2], -1), torch.zeros(())


@pytest.mark.parametrize("spec", ["lstm-char:hidden=16", "lstm-char", "lstm-window:hidden=8", "gru-word:hidden=16"])
def test_operations_limit_a_training_in_any_time(spec: str) -> None:
    contexts = [TrainContext(flops=3e8), TrainContext(flops=3e8)]
    for context in contexts:
        trained(spec, context)
    first, second = (context.stats for context in contexts)
    assert first.steps == second.steps
    assert first.flops == second.flops
    assert first.flops is not None
    assert first.steps is not None
    assert abs(first.flops - 3e8) <= first.flops / first.steps  # whole steps
    assert Spec.parse(spec).fill(first.chosen) == Spec.parse(spec).fill(second.chosen)


def test_twice_the_operations_are_twice_the_steps() -> None:
    steps = []
    for flops in (2e8, 4e8):
        context = TrainContext(flops=flops)
        trained("lstm-char:hidden=16,dropout=0", context)
        steps.append(context.stats.steps or 0)
    assert steps[1] == pytest.approx(2 * steps[0], abs=1)


def test_the_network_of_a_mixture_has_the_operations_that_the_chain_does_not_use() -> None:
    context = TrainContext(flops=2e8)
    trained("mixture:parts=markov-char+(lstm-char:hidden=16)", context)
    assert context.stats.flops is not None
    assert context.stats.steps is not None
    assert abs(context.stats.flops - 2e8) <= context.stats.flops / context.stats.steps  # whole steps
