"""How often is a verdict wrong, and how often does it see a true difference?

    python benchmarks/verdicts.py [--draws 6] [--windows 20] [AUTHOR ...]

Half of an author's text is dealt, in passages, to two or to eight disjoint training texts, and the same chains are
trained on each. The other half is read by all. Over it the bits of each chain are shifted to the same mean, so that
any two are exactly equally good; a difference is added where a true one is asked for. Test texts are cut from that
half at random.

A column counts verdicts "ahead of" between two equal chains, the next one tables of eight equal chains with such a
verdict, the third the true differences that were seen: 0.15 bits per character at 14,500 characters of test text, 0.05
at 100,000.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from genbench import registry, scoring
from genbench.analysis.intervals import Floats
from genbench.corpus.loading import load_corpus
from genbench.experiments.row import Row
from genbench.experiments.significance import compare_rows
from genbench.generator import Text, TrainContext

AUTHORS = ("melville", "austen", "chesterton")
SPECS = (
    "markov-char:order=5",
    "markov-char:order=4",
    "markov-char:smoothing=witten-bell",
    "markov-word",
)
DEALT = (2, 8)  # disjoint training texts
TABLE = 8  # equal rows of one table
PASSAGE = 2_000  # characters
MAX_UNREAD = 600_000  # characters of the half that is read
STEP = 500  # characters; test texts begin and end at multiples of it
LENGTHS = {14_500: 0.15, 100_000: 0.05}  # characters of test text, and the difference to be seen


@dataclass(frozen=True)
class Draw:
    """The bits of equal chains of each kind on the unread half, all shifted to the same mean."""

    bits: dict[str, Floats]  # by SPEC, (chains, steps)

    def rows(self, spec: str, start: int, length: int) -> list[Row]:
        """Return the rows of the chains of one kind on a test text."""
        steps = slice(start, start + length // STEP)
        return [row(f"{spec} {index}", bits[steps]) for index, bits in enumerate(self.bits[spec])]


def row(name: str, steps: Floats) -> Row:
    """Return the row of a chain with these bits."""
    blocks = np.add.reduceat(steps, np.arange(0, len(steps), 2))
    characters = len(steps) * STEP
    return Row(
        "a", name, bits_per_character=float(steps.sum()) / characters, characters=characters, block_bits=blocks.tolist()
    )


def worse(row: Row, difference: float) -> Row:
    """Return a row that needs more bits everywhere."""
    assert row.bits_per_character is not None
    blocks = np.array(row.block_bits)
    sizes = np.full(len(blocks), 2.0 * STEP)
    sizes[-1] = row.characters - 2 * STEP * (len(blocks) - 1) if row.characters else 0
    return replace(
        row,
        generator=f"{row.generator} worse",
        bits_per_character=row.bits_per_character + difference,
        block_bits=(blocks + difference * sizes).tolist(),
    )


def draw(author: str, chains: int, seed: int) -> Draw:
    """Train the chains of every kind on disjoint random parts of one half, and read the other half."""
    corpus = load_corpus(author)
    text = str(corpus.train) + str(corpus.valid) + str(corpus.test)
    half = len(text) // 2
    unread = text[half : half + min(MAX_UNREAD, half // STEP * STEP)]

    # deal the passages
    passages = [text[at : at + PASSAGE] for at in range(0, half, PASSAGE)]
    order = np.random.default_rng(seed).permutation(len(passages))
    parts = ["".join(passages[index] for index in sorted(order[chain::chains])) for chain in range(chains)]

    # the bits of each step, shifted to the same mean
    bits = {}
    for spec in SPECS:
        read = np.array([_read(spec, part, unread) for part in parts])
        bits[spec] = read - read.mean(axis=1, keepdims=True) + 2.0 * STEP
    return Draw(bits)


def _read(spec: str, train: str, text: str) -> Floats:
    generator = registry.create(spec)
    generator.fit(Text(train), Text(train[:2000]), TrainContext())
    steps: Floats = scoring.score(generator, text).character_bits.reshape(-1, STEP).sum(axis=1)
    return steps


def starts(draw: Draw, length: int, windows: int, seed: int) -> Iterator[int]:
    """Yield where random test texts begin, as steps."""
    steps = next(iter(draw.bits.values())).shape[1]
    yield from np.random.default_rng([seed, length]).integers(0, steps - length // STEP + 1, windows).tolist()


def different_pairs() -> list[tuple[str, str]]:
    """Return the kinds that are compared with each other: the first with all others."""
    return [(SPECS[0], other) for other in SPECS[1:]]


def clear(first: Row, second: Row) -> bool:
    """Return whether two rows, compared alone, are told apart."""
    return compare_rows([first, second])[0].clear


def count(draws: list[Draw], length: int, windows: int) -> dict[str, dict[str, list[bool]]]:
    """Return by question and kind of chain whether each comparison was called."""
    difference = LENGTHS[length]
    called: dict[str, dict[str, list[bool]]] = {"equal": {}, "table": {}, "seen": {}}
    for seed, one in enumerate(draws):
        for start in starts(one, length, windows, seed):
            rows = {spec: one.rows(spec, start, length) for spec in SPECS}
            pairs = {spec: list(combinations(rows[spec], 2)) for spec in SPECS}
            pairs |= {f"{a}, {b}": list(zip(rows[a], rows[b], strict=True)) for a, b in different_pairs()}
            for name, of_kind in pairs.items():
                called["equal"].setdefault(name, []).extend(clear(*pair) for pair in of_kind)
                called["seen"].setdefault(name, []).extend(clear(a, worse(b, difference)) for a, b in of_kind)
            for spec in SPECS:
                if len(rows[spec]) == TABLE:
                    wrong = any(verdict.clear for verdict in compare_rows(rows[spec]))
                    called["table"].setdefault(spec, []).append(wrong)
    return called


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("authors", nargs="*", default=AUTHORS, metavar="AUTHOR")
    parser.add_argument("--draws", type=int, default=6, help="times that the passages are dealt to two texts")
    parser.add_argument("--windows", type=int, default=20, help="test texts for each of them")
    arguments = parser.parse_args()

    print("| author, characters | training texts | chains | equal, called | tables of 8 | seen | comparisons |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |", flush=True)
    for author in arguments.authors:
        for dealt in DEALT:
            # eight texts make many more pairs
            draws = [draw(author, dealt, seed) for seed in range(max(1, arguments.draws * 2 // dealt))]
            for length, difference in LENGTHS.items():
                called = count(draws, length, arguments.windows)
                for name, equal in called["equal"].items():
                    table = f"{np.mean(called['table'][name]):.0%}" if name in called["table"] else "-"
                    seen = f"{np.mean(called['seen'][name]):.0%} of {difference}"
                    cells = (f"{author}, {length:,}", str(dealt), name, f"{np.mean(equal):.1%}", table, seen)
                    print(f"| {' | '.join(cells)} | {len(equal):,} |", flush=True)


if __name__ == "__main__":
    main()
