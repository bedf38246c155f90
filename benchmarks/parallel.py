"""One network trained by one process and by two: characters per second, and bits at the same global batch.

    python benchmarks/parallel.py [--repeats 3] [--processes 1 2]

Each run is `genbench train` under torchrun, for the same number of steps; the time is that of the training alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SPECS = ["lstm-char:hidden=256,dropout=0", "lstm-char:hidden=512,dropout=0"]
STEPS = 200


def train(processes: int, spec: str, seed: int) -> dict[str, float]:
    """Return characters per second and validation bits per token of one training."""
    with tempfile.TemporaryDirectory() as home:
        torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", "29513"]
        command = ["-m", "genbench.cli.main", "train", "austen", "-g", spec, "--steps", str(STEPS), "--seed", str(seed)]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "GENBENCH_HOME": home}
        subprocess.run([sys.executable, *torchrun, *command], env=env, check=True, capture_output=True)
        (card,) = Path(home).glob("models/*/model.json")
        record = json.loads(card.read_text(encoding="utf-8"))["training"]
        return {"speed": record["characters_per_second"], "bits": record["details"]["validation_bits_per_token"]}


def main() -> None:
    """Print a line for each network and number of processes: medians over the repeats, which differ in their seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    print("| network | processes | characters/s | relative speed | validation bits per token, by seed |")
    print("| --- | ---: | ---: | ---: | --- |")
    for spec in SPECS:
        single = 0.0
        for processes in arguments.processes:
            runs = [train(processes, spec, seed) for seed in range(arguments.repeats)]
            speed = statistics.median(run["speed"] for run in runs)
            single = single or speed
            bits = ", ".join(f"{run['bits']:.4f}" for run in runs)
            print(f"| {spec} | {processes} | {speed:,.0f} | {speed / single:.2f} x | {bits} |", flush=True)


if __name__ == "__main__":
    main()
