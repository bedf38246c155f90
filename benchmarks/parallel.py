"""Measure data-parallel training: characters per second and validation bits with one process and with several.

    python benchmarks/parallel.py [--repeats 3] [--processes 1 2]

A run is `genbench train` under torchrun, with the same global batch and number of steps for any number of processes.
The speed is that of the training alone, without imports and scoring.
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
    """Train once in a new folder; return characters per second and validation bits per token."""
    with tempfile.TemporaryDirectory() as home:
        # run the command under torchrun
        torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", "29513"]
        command = ["-m", "genbench.cli.main", "train", "austen", "-g", spec, "--steps", str(STEPS), "--seed", str(seed)]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "GENBENCH_HOME": home}
        subprocess.run([sys.executable, *torchrun, *command], env=env, check=True, capture_output=True)

        # read the figures from the card of the stored model
        (card,) = Path(home).glob("models/*/model.json")
        record = json.loads(card.read_text(encoding="utf-8"))["training"]
        return {"speed": record["characters_per_second"], "bits": record["details"]["validation_bits_per_token"]}


def main() -> None:
    """Print a table with one row per network and number of processes: median speed over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="number of seeds")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2], help="numbers of processes")
    arguments = parser.parse_args()

    print("| network | processes | characters/s | relative speed | validation bits per token, by seed |")
    print("| --- | ---: | ---: | ---: | --- |")
    for spec in SPECS:
        reference = 0.0  # speed with the first number of processes
        for processes in arguments.processes:
            runs = [train(processes, spec, seed) for seed in range(arguments.repeats)]
            speed = statistics.median(run["speed"] for run in runs)
            reference = reference or speed
            bits = ", ".join(f"{run['bits']:.4f}" for run in runs)
            print(f"| {spec} | {processes} | {speed:,.0f} | {speed / reference:.2f} x | {bits} |", flush=True)


if __name__ == "__main__":
    main()
