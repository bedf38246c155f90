"""Measure the time of a training step (forward, backward, update) of the recurrent cores, relative to nn.LSTM.

    python benchmarks/cores.py --sizes 256 384 512

The settings are one thread, batches of 64 rows of 32 characters, embeddings of width 64, and genbench's optimizers. The
result is the median of five measurements in milliseconds of processor time per step, which other load on the machine
affects little. The ratio is the speed relative to nn.LSTM in fp32 with the same number of units.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import nn

from genbench import registry
from genbench.generator import TrainContext
from genbench.neural import RecurrentGenerator
from genbench.neural.batches import Batch
from genbench.neural.heads import SoftmaxHead
from genbench.neural.network import Network
from genbench.neural.optimizers import OptimizerConfig
from genbench.neural.precision import training_precision
from genbench.neural.schedule import Schedule, split_steps
from genbench.neural.training import TrainConfig, Trainer

CORES = {
    "nn.LSTM": "lstm-char",
    "GRU": "gru-char",
    "RNN": "rnn-char",
    "peephole, diagonal": "peephole-lstm-char:peepholes=diagonal",
    "peephole, full": "peephole-lstm-char:peepholes=full",
    "stacked, 2 layers": "stacked-lstm-char",
}
VOCABULARY, EMBEDDING, BATCH, BPTT = 80, 64, 64, 32
REPEATS = 5


def main() -> None:
    """Measure all cores and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 384, 512], metavar="UNITS")
    parser.add_argument("--steps", type=int, default=3, help="steps per measurement")
    arguments = parser.parse_args()

    # one row per core; nn.LSTM comes first, as the reference of its size
    torch.set_num_threads(1)
    print("| units | core | fp32 ms | ratio | bf16 ms | ratio |\n| ---: | --- | ---: | ---: | ---: | ---: |")
    with training_precision():
        for hidden in arguments.sizes:
            reference = 0.0
            for name, spec in CORES.items():
                fp32, bf16 = (
                    milliseconds(create_trainer(spec, hidden, in_bf16), arguments.steps) for in_bf16 in (False, True)
                )
                reference = reference or fp32
                figures = f"{fp32:.1f} | {reference / fp32:.2f} | {bf16:.1f} | {reference / bf16:.2f}"
                print(f"| {hidden} | {name} | {figures} |", flush=True)


def create_trainer(spec: str, hidden: int, bf16: bool) -> Trainer:
    """Return a trainer of a network with the core of a generator."""
    generator = registry.create(spec)
    if not isinstance(generator, RecurrentGenerator):
        raise SystemExit(f"{spec} has no recurrent core; add only recurrent generators to CORES")

    # the network, without dropout
    core = generator.core(EMBEDDING, hidden)
    network = Network(nn.Embedding(VOCABULARY, EMBEDDING), core, SoftmaxHead(hidden, VOCABULARY), (0.0, 0.0)).train()

    # the generator's optimizers, and any schedule
    optimizer = OptimizerConfig(generator.learning_rate, generator.muon_lr, generator.weight_decay, hidden)
    config = TrainConfig(generator.batch_sampler(BATCH * BPTT), optimizer, bf16=bf16)
    return Trainer(network, config, TrainContext(), Schedule(split_steps(1000)), characters_per_token=1.0)


def milliseconds(trainer: Trainer, steps: int) -> float:
    """Return the median processor time per step in milliseconds."""
    ids = torch.randint(0, VOCABULARY, (BATCH, BPTT + 1))
    batch, times = Batch(ids[:, :-1], ids[:, 1:], BPTT, reset_state=False), []

    # the first measurement is a warm-up
    for _ in range(REPEATS + 1):
        started = time.process_time()
        for _ in range(steps):
            trainer.step(batch)
            trainer.schedule.step += 1
        times.append((time.process_time() - started) / steps * 1e3)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
