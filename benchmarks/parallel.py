"""One network by one process and by two: characters a second, and the bits they end with at the same global batch.

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


def trained(processes: int, spec: str, seed: int) -> dict[str, float]:
    """Characters a second and valid bits a token of one training."""
    with tempfile.TemporaryDirectory() as home:
        run = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", "29513"]
        words = ["-m", "genbench.cli.main", "train", "austen", "-g", spec, "--steps", str(STEPS), "--seed", str(seed)]
        env = {**os.environ, "OMP_NUM_THREADS": "1", "GENBENCH_HOME": home}
        subprocess.run([sys.executable, *run, *words], env=env, check=True, capture_output=True)
        (card,) = Path(home).glob("models/*/model.json")
        said = json.loads(card.read_text(encoding="utf-8"))["training"]
        return {"speed": said["train_characters_per_second"], "bits": said["facts"]["valid_bits_per_token"]}


def main() -> None:
    """A line for each network and number of processes, medians over the repeats, which differ in their seeds."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--repeats", type=int, default=3)
    asked.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    given = asked.parse_args()
    print("| network | processes | characters/s | beside one | valid bits a token, by seed |")
    print("| --- | ---: | ---: | ---: | --- |")
    for spec in SPECS:
        alone = 0.0
        for processes in given.processes:
            found = [trained(processes, spec, seed) for seed in range(given.repeats)]
            speed = statistics.median(each["speed"] for each in found)
            alone = alone or speed
            bits = ", ".join(f"{each['bits']:.4f}" for each in found)
            print(f"| {spec} | {processes} | {speed:,.0f} | {speed / alone:.2f} x | {bits} |", flush=True)


if __name__ == "__main__":
    main()
