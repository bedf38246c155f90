"""How often do the verdicts call two halves of the seeds of one generator different?

    python benchmarks/seeds.py [AUTHOR] [--spec lstm-char] [--steps 80] [--seeds 8]

The same generator is trained from several seeds. First every pair of trainings is compared, which are different models
and may differ; then the mean of one half of the seeds with that of the other, for every way to halve them: the same
generator twice, of which at most 5 % should be called.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import combinations

from genbench.experiments.compare import compare
from genbench.experiments.seeds import aggregate_seeds
from genbench.experiments.significance import compare_rows


def main() -> None:
    """Train, and print how many comparisons were called."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("author", nargs="?", default="carroll")
    parser.add_argument("--spec", default="lstm-char")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--seeds", type=int, default=8)
    arguments = parser.parse_args()

    comparison = compare(arguments.author, arguments.spec, steps=arguments.steps, seeds=arguments.seeds, length=0)
    rows = [row for row in comparison.results if row.ok]
    print("bits per character by seed:", ", ".join(f"{row.ranking_bits:.3f}" for row in rows))

    # every training against every other
    single = [compare_rows(pair)[0].clear for pair in combinations(rows, 2)]
    print(f"trainings: {sum(single)} of {len(single)} pairs called")

    # every half of the seeds against the other half; the first row is always in the first one
    halves = []
    for chosen in combinations(rows[1:], len(rows) // 2 - 1):
        first = [rows[0], *chosen]
        second = [replace(row, generator="other half") for row in rows if all(row is not one for one in first)]
        halves.append(compare_rows(aggregate_seeds([*first, *second]))[0].clear)
    print(f"means of {len(rows) // 2} against {len(rows) // 2}: {sum(halves)} of {len(halves)} called")


if __name__ == "__main__":
    main()
