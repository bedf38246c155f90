"""How long a training step takes: each core of the family beside nn.LSTM, forward, backward and optimisers.

    python benchmarks/cores.py --sizes 256 384 512

One thread, a batch of 64 windows of 32 characters, vectors of 64, the recipe that genbench trains by. Milliseconds of
processor time, so that a shared machine tells the truth too: the median of five, each over some steps. The ratio is
the speed by that of nn.LSTM in fp32 at the same size.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from torch import nn

from genbench import TrainContext, registry
from genbench.neural import RecurrentGenerator
from genbench.neural.batches import Batch
from genbench.neural.heads import Softmax
from genbench.neural.network import Network
from genbench.neural.optimizers import Rates
from genbench.neural.precision import training
from genbench.neural.schedule import Schedule, parts
from genbench.neural.training import Recipe, Trainer

CORES = {
    "nn.LSTM": "lstm-char",
    "GRU": "gru-char",
    "RNN": "rnn-char",
    "peephole, diagonal": "peephole-lstm-char:peepholes=diagonal",
    "peephole, full": "peephole-lstm-char:peepholes=full",
    "stacked, 2 layers": "stacked-lstm-char",
}
ALPHABET, VECTORS, BATCH, WINDOW = 80, 64, 64, 32
TIMES = 5


def main() -> None:
    """Time all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256, 384, 512], metavar="UNITS")
    parser.add_argument("--steps", type=int, default=3, help="between two looks at the clock")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    print("| units | core | fp32 ms | ratio | bf16 ms | ratio |\n| ---: | --- | ---: | ---: | ---: | ---: |")
    with training():
        for hidden in asked.sizes:
            anchor = 0.0
            for name, spec in CORES.items():
                fine, coarse = (milliseconds(trainer(spec, hidden, half), asked.steps) for half in (False, True))
                anchor = anchor or fine
                shown = f"{fine:.1f} | {anchor / fine:.2f} | {coarse:.1f} | {anchor / coarse:.2f}"
                print(f"| {hidden} | {name} | {shown} |", flush=True)


def trainer(spec: str, hidden: int, half: bool) -> Trainer:
    """What trains a network around this generator's core."""
    generator = registry.make(spec)
    if not isinstance(generator, RecurrentGenerator):
        raise SystemExit(f"{spec} has no recurrent core")
    core = generator.core(VECTORS, hidden)
    network = Network(nn.Embedding(ALPHABET, VECTORS), core, Softmax(hidden, ALPHABET), (0.0, 0.0)).train()
    rates = Rates(generator.learning_rate, generator.matrix_rate, generator.weight_decay, hidden)
    return Trainer(
        network, Recipe(generator.reading(BATCH * WINDOW), rates), TrainContext(), Schedule(parts(1000)), 1.0, half
    )


def milliseconds(trained: Trainer, steps: int) -> float:
    """Of processor time a step."""
    ids = torch.randint(0, ALPHABET, (BATCH, WINDOW + 1))
    batch, times = Batch(ids[:, :-1], ids[:, 1:], WINDOW, fresh=False), []
    for _ in range(TIMES + 1):  # the first is left out
        began = time.process_time()
        for _ in range(steps):
            trained.step(batch)
            trained.schedule.step += 1
        times.append((time.process_time() - began) / steps * 1e3)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
