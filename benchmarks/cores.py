"""Time of a training step of each core, compared with nn.LSTM: forward, backward and optimizers.

    python benchmarks/cores.py --sizes 256 384 512

One thread, a batch of 64 rows of 32 characters, vectors of 64, genbench's training configuration. Milliseconds of
processor time, which other load on the machine affects little: the median of five, each over some steps. The ratio is
the speed relative to nn.LSTM in fp32 at the same size.
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
ALPHABET, VECTORS, BATCH, BPTT = 80, 64, 64, 32
REPEATS = 5


def main() -> None:
    """Measure all cores and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 384, 512], metavar="UNITS")
    parser.add_argument("--steps", type=int, default=3, help="per measurement")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| units | core | fp32 ms | ratio | bf16 ms | ratio |\n| ---: | --- | ---: | ---: | ---: | ---: |")
    with training_precision():
        for hidden in arguments.sizes:
            anchor = 0.0
            for name, spec in CORES.items():
                fp32, bf16 = (
                    milliseconds(create_trainer(spec, hidden, half), arguments.steps) for half in (False, True)
                )
                anchor = anchor or fp32
                figures = f"{fp32:.1f} | {anchor / fp32:.2f} | {bf16:.1f} | {anchor / bf16:.2f}"
                print(f"| {hidden} | {name} | {figures} |", flush=True)


def create_trainer(spec: str, hidden: int, bf16: bool) -> Trainer:
    """Return a trainer of a network around this generator's core."""
    generator = registry.create(spec)
    if not isinstance(generator, RecurrentGenerator):
        raise SystemExit(f"{spec} has no recurrent core")
    core = generator.core(VECTORS, hidden)
    network = Network(nn.Embedding(ALPHABET, VECTORS), core, SoftmaxHead(hidden, ALPHABET), (0.0, 0.0)).train()
    optimizer = OptimizerConfig(generator.learning_rate, generator.muon_lr, generator.weight_decay, hidden)
    config = TrainConfig(generator.batch_sampler(BATCH * BPTT), optimizer, bf16=bf16)
    return Trainer(network, config, TrainContext(), Schedule(split_steps(1000)), characters_per_token=1.0)


def milliseconds(trainer: Trainer, steps: int) -> float:
    """Return milliseconds of processor time per step."""
    ids = torch.randint(0, ALPHABET, (BATCH, BPTT + 1))
    batch, times = Batch(ids[:, :-1], ids[:, 1:], BPTT, reset_state=False), []
    for _ in range(REPEATS + 1):  # the first does not count
        started = time.process_time()
        for _ in range(steps):
            trainer.step(batch)
            trainer.schedule.step += 1
        times.append((time.process_time() - started) / steps * 1e3)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
