"""Measure how counting grows with the text: markov-char at order 8 on text sampled from a chain trained on Austen.

    python benchmarks/scale.py          # seconds of processor time and peak memory, 0.5 to 20 million characters

The text is sampled at temperature 1, many streams in parallel. The last row extrapolates with c n log n.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from genbench_plugins.markov.backoff_building import build_model
from genbench_plugins.markov.ngram import MarkovChar
from genbench_plugins.markov.packed_tree import pack_tree
from genbench_plugins.markov.quantile_sampling import QuantileSampler
from genbench_plugins.markov.smoothing import smooth
from genbench_plugins.markov.tree_building import build_tree
from markov import peak_mb, timed

import genbench
from genbench.generator import TrainContext
from genbench.tokenization.tokenizer import Ids

SIZES = (500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000)
EXTRAPOLATED = 1_000_000_000  # characters
STREAMS = 8_192


def sample(chain: MarkovChar, characters: int, rng: np.random.Generator) -> Ids:
    """Return a text of at least so many characters: streams sampled in parallel, one after the other."""
    sampler = QuantileSampler(chain._model, temperature=1.0)
    states, text = [chain.start()] * STREAMS, np.empty((characters // STREAMS + 1, STREAMS), np.int64)
    for row in text:
        row[:] = sampler.quantile_tokens(states, rng.random(STREAMS))
        states = list(chain.advance_batch(states, row.tolist()))
    return text.T.ravel()


def count(ids: Ids) -> None:
    """Count and smooth a text."""
    base = np.full(int(ids.max()) + 1, 1 / (int(ids.max()) + 1))
    tree = build_tree(ids, 7, len(base))
    build_model(pack_tree(tree), smooth(tree, "modified-kneser-ney")[0], base)


def measure(path: str, characters: int) -> dict[str, float]:
    """Return the seconds and megabytes to count and smooth the beginning of a text."""
    ids = np.load(path)[:characters]
    count(ids[:1_000])  # loads the compiled code
    before = peak_mb()
    _, seconds = timed(lambda: count(ids))
    return {"seconds": seconds, "mb": peak_mb() - before}


def main() -> None:
    """Print the table, each row as soon as it is measured."""
    corpus, chain = genbench.corpus("austen", lines="keep"), MarkovChar()
    chain.fit(corpus.train, corpus.valid, TrainContext())
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "text.npy")
        np.save(path, sample(chain, SIZES[-1], np.random.default_rng(0)))
        print("| characters | seconds | MB | ns per n log2 n |\n| ---: | ---: | ---: | ---: |")
        for size in SIZES:
            command = [sys.executable, __file__, path, str(size)]
            process = subprocess.run(command, check=True, capture_output=True, text=True)
            figures = json.loads(process.stdout)
            nanoseconds = figures["seconds"] / (size * math.log2(size)) * 1e9
            print(f"| {size:,} | {figures['seconds']:.2f} | {figures['mb']:,.0f} | {nanoseconds:.1f} |", flush=True)
    seconds = nanoseconds * EXTRAPOLATED * math.log2(EXTRAPOLATED) / 1e9
    memory = figures["mb"] * EXTRAPOLATED / SIZES[-1]
    print(f"| {EXTRAPOLATED:,} (extrapolated) | {seconds:,.0f} | {memory:,.0f} | {nanoseconds:.1f} |")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
