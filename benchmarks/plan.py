"""What a grid of comparisons costs, from measured seconds: core-hours, memory, money.

    python benchmarks/plan.py [--authors 1000] [--seeds 5] [--budget 60] [--characters 1000000] [--price 0.04]

`price` is that of a core for an hour. The seconds below are processor seconds on one core (benchmarks/README.md says of
which machine and when); scoring and generation are part of them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

HOUR = 3600
SAMPLES = 1.0  # seconds, of a job


@dataclass(frozen=True)
class Cost:
    """One generator, from the table of the whole family (README.md) and from large.py."""

    name: str
    fixed: float  # seconds, whatever the text: the process, its imports, what a chain fits on validation text
    train: float  # seconds for a million characters of training text; 0: as long as the budget
    score: float  # seconds for a million characters of test text
    memory: float  # megabytes, whatever the text
    grows: float  # megabytes for a million characters of training text


COSTS = [
    Cost("markov-char", 0.6, 0.5, 1.5, 130, 75),
    Cost("markov-word", 0.6, 0.4, 0.5, 130, 30),
    Cost("markov", 30.0, 1.0, 167.0, 130, 213),
    Cost("rnn-char", 2.6, 0.0, 5.4, 500, 6),
    Cost("gru-char", 2.6, 0.0, 12.5, 560, 6),
    Cost("lstm-char", 2.6, 0.0, 21.0, 525, 6),
    Cost("peephole-lstm-char", 2.6, 0.0, 16.7, 640, 6),
    Cost("stacked-lstm-char", 2.6, 0.0, 37.0, 530, 6),
    Cost("rnn-word", 2.6, 0.0, 1.6, 465, 12),
    Cost("gru-word", 2.6, 0.0, 3.1, 460, 12),
    Cost("lstm-word", 2.6, 0.0, 3.1, 450, 12),
    Cost("stacked-lstm-word", 2.6, 0.0, 4.1, 460, 12),
]


def main() -> None:
    """A line for each generator, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--authors", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of training, of each network")
    parser.add_argument("--characters", type=float, default=1e6, help="of an author, all parts")
    parser.add_argument("--price", type=float, default=0.04, help="of a core for an hour")
    arguments = parser.parse_args()
    train, test, total = 0.8 * arguments.characters / 1e6, 0.1 * arguments.characters / 1e6, 0.0
    print(
        "| generator | jobs | seconds a job | core-hours | memory a job, MB |",
        "| --- | ---: | ---: | ---: | ---: |",
        sep="\n",
    )
    for cost in COSTS:
        jobs = arguments.authors * arguments.seeds
        learning, after = cost.train * train or arguments.budget, cost.score * test + SAMPLES
        seconds = cost.fixed + learning + after
        hours = jobs * seconds / HOUR
        total += hours
        print(f"| {cost.name} | {jobs:,} | {seconds:.1f} | {hours:,.1f} | {cost.memory + cost.grows * train:,.0f} |")
    print(f"| all | {arguments.authors * arguments.seeds * len(COSTS):,} | | {total:,.0f} | |")
    print(f"\n{total:,.0f} core-hours at {arguments.price:g} are {total * arguments.price:,.0f}.")


if __name__ == "__main__":
    main()
