"""make bench-mixture: chains and networks together, beside the best chain, each in a process of its own.

    python benchmarks/mixture.py [AUTHOR] [SECONDS]     # NLTK's gutenberg corpus is needed for austen

The seconds (600) are those of the whole training of a mixture on one core, the fitting of its weights included. Bits
are those of the raw test text (`--lines keep`), which is opened once a row.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import genbench

ROWS = ("markov", "mixture:parts=markov+lstm-char+lstm-word,shares=1+4+10")


def measured(spec: str, author: str, seconds: float) -> str:
    """One line of the table."""
    corpus = genbench.corpus(author, lines="keep")
    generator, began = genbench.make(spec), time.perf_counter()
    generator.fit(corpus.train, corpus.valid, genbench.TrainContext(seed=0, budget=seconds))
    trained = time.perf_counter()
    found = genbench.score(generator, corpus.test)
    speed = len(corpus.test) / (time.perf_counter() - trained)
    weights = json.dumps(generator.facts.get("weights", {}))
    return f"| {spec} | {found.bits_per_character:.4f} | {trained - began:.0f} | {speed:,.0f} | {weights} |"


def main(author: str = "austen", seconds: str = "600") -> None:
    """Print the table, a row as soon as it is measured."""
    print(f"| {author}, raw | bits/char | training s | characters scored/s | weights |")
    print("| --- | ---: | ---: | ---: | --- |", flush=True)
    for spec in ROWS:
        subprocess.run([sys.executable, __file__, author, seconds, "--one", spec], check=True)


if __name__ == "__main__":
    if "--one" in sys.argv:
        print(measured(sys.argv[4], sys.argv[1], float(sys.argv[2])), flush=True)
    else:
        main(*sys.argv[1:3])
