"""Measure what a comparison needs to find copied text: processor seconds and peak memory, by size of the text.

    python benchmarks/novelty.py [--megabytes 6 50]

The training text is made of the words of an embedded author in random order, with repeated passages; the texts are
three samples of 300 characters, and the held-out passages that they are compared with. Each size is a separate process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np

import genbench
from genbench.analysis.novelty import TrainingIndex, spaced_passages

SAMPLES, CHARACTERS = 3, 300
PASSAGE_WORDS = 200
REPEATED_SHARE = 0.2  # of the passages


def make_text(megabytes: int, seed: int) -> str:
    """Return a text of random words, in which some passages occur again."""
    rng, words = np.random.default_rng(seed), str(genbench.corpus("thorne").train).split()
    passages: list[str] = []
    size = 0
    while size < megabytes * 1_000_000:
        if passages and rng.random() < REPEATED_SHARE:
            passage = passages[rng.integers(len(passages))]
        else:
            passage = " ".join(words[index] for index in rng.integers(len(words), size=PASSAGE_WORDS))
        passages.append(passage)
        size += len(passage) + 2
    return "\n\n".join(passages)


def measure(megabytes: int) -> dict[str, float]:
    """Return seconds and memory of the copies in three rows; the text itself is not counted."""
    train, held_out = make_text(megabytes, 0), make_text(1, 1)
    samples = [train[start : start + CHARACTERS] for start in range(0, len(train), len(train) // SAMPLES)][:SAMPLES]
    passages = spaced_passages(held_out, CHARACTERS)
    memory, started = peak_mb(), time.process_time()

    # as in a comparison: each row alone, then the held-out text
    index = TrainingIndex(train)
    index.read([*samples, *passages])
    for sample in samples:
        index.text_novelty(sample)
        index.statistics([sample])
    index.statistics(passages)
    return {"megabytes": megabytes, "seconds": time.process_time() - started, "MB": peak_mb() - memory}


def peak_mb() -> float:
    """Return the peak memory of this process in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, nargs="+", default=[6, 50])
    parser.add_argument("--here", action="store_true", help="measure the first size in this process")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments.megabytes[0])))
        return

    # one process for each size, because a peak is that of a whole process
    for megabytes in arguments.megabytes:
        command = [sys.executable, __file__, "--here", "--megabytes", str(megabytes)]
        result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(
            f"{megabytes} MB: {result['seconds']:.1f} s, {result['MB']:,.0f} MB of memory beside the text", flush=True
        )


if __name__ == "__main__":
    main()
