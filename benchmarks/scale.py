"""How counting grows with the text: markov-char at order 8 on text drawn from a chain trained on Austen.

    python benchmarks/scale.py          # seconds of processor time and peak memory from 0.5 to 20 million characters

The text is drawn from the chain at temperature 1, many streams side by side. The last row draws the curve c n log n on.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from genbench_plugins.markov.char import MarkovChar
from genbench_plugins.markov.smoothing import Weights, smoothed
from genbench_plugins.markov.tree import NOWHERE, Tree, grow
from markov import peak_mb, timed

import genbench
from genbench import Ids
from genbench.generator import TrainContext

SIZES = (500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000)
FAR = 1_000_000_000
STREAMS = 8_192


def drawn(chain: MarkovChar, characters: int, rng: np.random.Generator) -> Ids:
    """A text of at least so many characters: streams drawn side by side, one after the other."""
    tree, weights = chain._tree, chain._weights
    assert isinstance(weights, Weights)
    ladder = np.concatenate([[0.0], np.cumsum(weights.shares)])
    nodes, lengths = np.full(STREAMS, tree.root), np.zeros(STREAMS, np.int64)
    found = np.empty((characters // STREAMS + 1, STREAMS), np.int64)
    for row in found:
        row[:] = chosen(tree, weights, ladder, nodes, lengths, rng)
        nodes, lengths = advanced(tree, nodes, lengths, row)
    return found.T.ravel()


def chosen(tree: Tree, weights: Weights, ladder: np.ndarray, nodes: Ids, lengths: Ids, rng: np.random.Generator) -> Ids:
    """One token for each state: each length of context answers with its share, else a shorter one does."""
    nodes, lengths, tokens = nodes.copy(), lengths.copy(), np.full(len(nodes), NOWHERE)
    asked = np.arange(len(nodes))
    while len(asked):
        node, length = nodes[asked], lengths[asked]
        start, stop = tree.starts[node], tree.starts[node + 1]
        own = tree.depth[node] == length
        share = np.where(own, ladder[stop] - ladder[start], 1 - weights.taken[length, 0])
        luck = rng.random(len(asked))
        inside = start + (luck / share * (stop - start)).astype(np.int64)
        pair = np.where(own, np.searchsorted(ladder, ladder[start] + luck, side="right") - 1, inside)
        hit = (luck < share) | (length == 0)
        pair = np.clip(pair, start, stop - 1)
        tokens[asked[hit]] = tree.keys[pair[hit]] - node[hit] * tree.vocabulary
        above = np.where(length - 1 <= tree.depth[tree.parent[node]], tree.parent[node], node)
        nodes[asked], lengths[asked] = np.where(tree.parent[node] == NOWHERE, node, above), np.maximum(length - 1, 0)
        asked = asked[~hit]
    return tokens


def advanced(tree: Tree, nodes: Ids, lengths: Ids, tokens: Ids) -> tuple[Ids, Ids]:
    """The states after one token each."""
    after, long = np.full(len(nodes), tree.root), np.zeros(len(nodes), np.int64)
    left, nodes = np.arange(len(nodes)), nodes.copy()
    while len(left):
        node = nodes[left]
        pair = tree.find(node, tokens[left])
        goes = (pair != NOWHERE) & (tree.links[pair] != NOWHERE)
        row = left[goes]
        after[row] = tree.links[pair[goes]]
        long[row] = np.minimum(np.minimum(lengths[row], tree.depth[node[goes]]) + 1, tree.longest or 0)
        nodes[left] = tree.parent[node]
        left = left[~goes & (tree.parent[node] != NOWHERE)]
    return after, long


def one(path: str, characters: int) -> dict[str, float]:
    """Seconds and megabytes to count and smooth the beginning of a text."""
    ids = np.load(path)[:characters]
    before = peak_mb()
    _, seconds = timed(lambda: smoothed(grow(ids, 7, int(ids.max()) + 1), "modified-kneser-ney"))
    return {"seconds": seconds, "mb": peak_mb() - before}


def main() -> None:
    """Print the table."""
    corpus, chain = genbench.corpus("austen", lines="keep"), MarkovChar()
    chain.fit(corpus.train, corpus.valid, TrainContext())
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "text.npy")
        np.save(path, drawn(chain, SIZES[-1], np.random.default_rng(0)))
        print("| characters | seconds | MB | ns for each n log2 n |\n| ---: | ---: | ---: | ---: |")
        for size in SIZES:
            said = subprocess.run(
                [sys.executable, __file__, path, str(size)], check=True, capture_output=True, text=True
            )
            found = json.loads(said.stdout)
            each = found["seconds"] / (size * math.log2(size)) * 1e9
            print(f"| {size:,} | {found['seconds']:.2f} | {found['mb']:,.0f} | {each:.1f} |", flush=True)
    far, memory = each * FAR * math.log2(FAR) / 1e9, found["mb"] * FAR / SIZES[-1]
    print(f"| {FAR:,} (drawn on) | {far:,.0f} | {memory:,.0f} | {each:.1f} |")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(one(sys.argv[1], int(sys.argv[2]))))
    else:
        main()
