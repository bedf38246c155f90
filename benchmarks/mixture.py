"""Compare mixtures of chains and networks with the best chain: `make bench-mixture`; each in its own process.

    python benchmarks/mixture.py [AUTHOR] [SECONDS]     # austen needs NLTK's gutenberg corpus

SECONDS (600) is the time of the whole training of a mixture on one core, including the fitting of its weights. Bits are
those of the raw test text (`--lines keep`), which is read once per row.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import genbench
from genbench import scoring
from genbench.generator import TrainContext
from genbench.registry import create

SPECS = ("markov", "mixture")


def measure(spec: str, author: str, seconds: float) -> str:
    """Train and score one generator; return its row of the table."""
    corpus = genbench.corpus(author, lines="keep")
    generator, context = create(spec), TrainContext(seed=0, budget=seconds)

    # train
    started = time.perf_counter()
    generator.fit(corpus.train, corpus.valid, context)
    train_seconds = time.perf_counter() - started

    # score
    started = time.perf_counter()
    score = scoring.score(generator, corpus.test)
    speed = len(corpus.test) / (time.perf_counter() - started)
    weights = json.dumps(context.stats.details.get("weights", {}))
    return f"| {spec} | {score.bits_per_character:.4f} | {train_seconds:.0f} | {speed:,.0f} | {weights} |"


def main(author: str = "austen", seconds: str = "600") -> None:
    """Print the table, each row as soon as it is measured."""
    print(f"| {author}, raw | bits/char | training s | characters scored/s | weights |")
    print("| --- | ---: | ---: | ---: | --- |", flush=True)
    for spec in SPECS:
        subprocess.run([sys.executable, __file__, author, seconds, "--one", spec], check=True)


if __name__ == "__main__":
    if "--one" in sys.argv:
        print(measure(sys.argv[4], sys.argv[1], float(sys.argv[2])), flush=True)
    else:
        main(*sys.argv[1:3])
