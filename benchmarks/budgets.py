"""How repeatable is a training with a time budget: by wall-clock or by CPU seconds, on an idle and on a busy machine?

    python benchmarks/budgets.py [--spec lstm-char] [--author carroll] [--budget 10] [--repeats 3] [--clocks wall,cpu]

Each training runs in a new process with one thread, as rows of `genbench compare` do. "busy" runs an endless loop on
every core beside it. The bits are those of validation text, since they decide which clock is the default; the spread is
the largest difference between the repeats.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

from genbench import registry
from genbench.corpus.loading import load_corpus
from genbench.experiments.executors.local import ONE_THREAD
from genbench.experiments.idle_cores import available_cores
from genbench.generator import Text, TrainContext
from genbench.processes.clock import TrainingClock
from genbench.training.validation import validation_bits

LOADS = ("idle", "busy")


def train(spec: str, author: str, budget: float, clock: str) -> dict[str, float]:
    """Train in this process; return bits of validation text, steps, units and the share of a core."""
    corpus, generator = load_corpus(author), registry.create(spec)
    timer = TrainingClock()
    seconds = timer if clock == "cpu" else lambda: timer.wall_seconds
    context = TrainContext(budget=budget, clock=seconds)
    generator.fit(Text(corpus.train), Text(corpus.valid), context)
    share = timer.cpu_seconds / timer.wall_seconds
    bits = validation_bits(generator, str(corpus.valid)) or 0.0
    hidden = int(context.stats.chosen.get("hidden") or 0)
    return {"bits": bits, "steps": context.stats.steps or 0, "hidden": hidden, "core": share}


def repeat(arguments: argparse.Namespace, clock: str, load: str) -> list[dict[str, float]]:
    """Return the results of the repeats with one clock, beside endless loops if the load is "busy"."""
    loops = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(available_cores() if load == "busy" else 0)
    ]
    command = [sys.executable, __file__, "--child", clock, "--spec", arguments.spec, "--author", arguments.author]
    command += ["--budget", str(arguments.budget)]
    try:
        outputs = [
            subprocess.run(command, env=os.environ | ONE_THREAD, check=True, capture_output=True, text=True).stdout
            for _ in range(arguments.repeats)
        ]
    finally:
        for loop in loops:
            loop.kill()
    return [json.loads(output) for output in outputs]


def main() -> None:
    """Print a table of the repeats and their spread."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spec", default="lstm-char")
    parser.add_argument("--author", default="carroll")
    parser.add_argument("--budget", type=float, default=10.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clocks", default="wall,cpu")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(train(arguments.spec, arguments.author, arguments.budget, arguments.child)))
        return

    print("| clock | machine | bits/char (validation) | spread | steps | units | share of a core | seconds in all |")
    print("| --- | --- | --- | ---: | --- | --- | --- | ---: |", flush=True)
    for load in LOADS:
        for clock in arguments.clocks.split(","):
            started = time.perf_counter()
            runs = repeat(arguments, clock, load)
            bits = [run["bits"] for run in runs]
            columns = [", ".join(f"{run[name]:{form}}" for run in runs) for name, form in COLUMNS.items()]
            seconds = time.perf_counter() - started
            figures, *others = columns
            cells = [clock, load, figures, f"{max(bits) - min(bits):.3f}", *others, f"{seconds:.0f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


COLUMNS = {"bits": ".3f", "steps": ".0f", "hidden": ".0f", "core": ".2f"}

if __name__ == "__main__":
    main()
