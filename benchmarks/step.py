"""Take a training step of lstm-char apart: how long each stage takes, beside plain nn.LSTM and the processor's peak.

    python benchmarks/step.py [HIDDEN] [AUTHOR]     # 256 austen; one core: OMP_NUM_THREADS=1

Times are medians over STEPS steps in milliseconds. The peer is torch's LSTM with the same units, vectors and batches, a
softmax over the same vocabulary, and torch's AdamW, in the same precision. The peak is that of a square matrix product.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional

import genbench
from genbench.neural.auto_size import NetworkSize
from genbench.neural.network import detach_state
from genbench.neural.operations import operations_per_step
from genbench.neural.optimizers import OptimizerConfig, create_optimizers
from genbench.neural.precision import native_bf16, training_precision
from genbench.neural.weight_average import WeightAverage
from genbench.registry import create

STEPS, WARM_UP = 60, 10
STAGES = ("batch", "core", "head", "backward", "clipping", "AdamW", "Muon", "average")
PEAK_SIZE, PEAK_TRIALS = 1024, 5


class Stopwatch:
    """The milliseconds of each stage, step by step."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the stage that runs in this context."""
        started = time.perf_counter()
        yield
        self.times.setdefault(name, []).append(1e3 * (time.perf_counter() - started))

    def median(self, name: str) -> float:
        """Return the median after the first steps."""
        return statistics.median(self.times[name][WARM_UP:])


def time_genbench(hidden: int, ids: torch.Tensor, generator: genbench.Generator) -> tuple[Stopwatch, float]:
    """Train lstm-char for some steps; return the times of the stages, and the operations of a step."""
    counts = torch.bincount(ids, minlength=generator.tokenizer.size)
    network = generator._build(NetworkSize(hidden, 0.0), counts)
    adamw, muon = create_optimizers(network, OptimizerConfig(1.5e-2, 2e-2, 0.01, hidden))
    sampler, average, bf16 = generator.batch_sampler(len(ids)), WeightAverage(network.parameters()), native_bf16("cpu")
    batches, state, watch = sampler.training_batches(ids, torch.Generator()), None, Stopwatch()
    for step in range(STEPS):
        with watch.stage("batch"):
            batch = next(batches)
        with watch.stage("core"), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            hidden_values, state = network.run_core(batch.inputs, None if batch.reset_state else state)
        with watch.stage("head"):
            values = hidden_values.float().flatten(0, 1)
            nats = -network.head.target_log_probs(values, batch.targets.flatten()).mean()
        with watch.stage("backward"):
            nats.backward()
        with watch.stage("clipping"):
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        with watch.stage("AdamW"):
            adamw.step()
        with watch.stage("Muon"):
            muon.step()
        with watch.stage("average"):
            average.update(step + 1)
        state = detach_state(state)
        network.zero_grad()
    return watch, operations_per_step(network, sampler, ids, counts)


def time_peer(hidden: int, ids: torch.Tensor, generator: genbench.Generator) -> Stopwatch:
    """Train a plain nn.LSTM on the same batches; return the times of whole steps."""
    vocabulary, width = generator.tokenizer.size, generator.embedding
    embedding, core, head = nn.Embedding(vocabulary, width), nn.LSTM(width, hidden, batch_first=True), None
    head = nn.Linear(hidden, vocabulary)
    parameters = [*embedding.parameters(), *core.parameters(), *head.parameters()]
    optimizer, state, watch = torch.optim.AdamW(parameters, 8e-3, fused=True), None, Stopwatch()
    batches = generator.batch_sampler(len(ids)).training_batches(ids, torch.Generator())
    for _ in range(STEPS):
        with watch.stage("step"):
            batch = next(batches)
            with torch.autocast("cpu", torch.bfloat16, enabled=native_bf16("cpu")):
                values, state = core(embedding(batch.inputs), None if batch.reset_state else state)
                scores = head(values)
            functional.cross_entropy(scores.float().flatten(0, 1), batch.targets.flatten()).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            state = detach_state(state)
    return watch


def peak_operations() -> float:
    """Return the floating-point operations per second of a square matrix product, in the precision of the training."""
    kind = torch.bfloat16 if native_bf16("cpu") else torch.float32
    left, right = (torch.randn(PEAK_SIZE, PEAK_SIZE).to(kind) for _ in range(2))
    times = []
    for _ in range(PEAK_TRIALS):
        started = time.perf_counter()
        left @ right
        times.append(time.perf_counter() - started)
    return 2 * PEAK_SIZE**3 / min(times)


def main(hidden: int = 256, author: str = "austen") -> None:
    """Print the table."""
    torch.set_num_threads(1)
    text = genbench.corpus(author, lines="keep")
    generator = create("lstm-char")
    generator.tokenizer = generator.build_tokenizer(str(text.train))
    ids = torch.from_numpy(generator.tokenizer.encode_stream(str(text.train)))
    with training_precision("cpu"):
        watch, operations = time_genbench(hidden, ids, generator)
        peer = time_peer(hidden, ids, generator).median("step")
    whole = sum(watch.median(stage) for stage in STAGES)
    tokens = len(ids) / generator.batch_sampler(len(ids)).batches_per_pass(len(ids))

    # the stages, then both networks beside the peak
    print(f"| lstm-char, {hidden} units, {author} | ms | share |\n| --- | ---: | ---: |")
    for stage in STAGES:
        print(f"| {stage} | {watch.median(stage):.2f} | {watch.median(stage) / whole:.0%} |")
    peak = peak_operations()
    print(f"| whole step, {tokens / whole * 1e3:,.0f} characters/s | {whole:.1f} | |")
    print(f"| plain nn.LSTM, {tokens / peer * 1e3:,.0f} characters/s | {peer:.1f} | {whole / peer:.2f} of it |")
    print(f"| at the peak of {peak / 1e9:,.0f} GFLOP/s | {1e3 * operations / peak:.1f} | |")


if __name__ == "__main__":
    main(*(int(sys.argv[1]) if len(sys.argv) > 1 else 256, *sys.argv[2:3]))
