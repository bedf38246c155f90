"""Estimate the cost of a grid of comparisons from measured seconds: core-hours, memory and price.

    python benchmarks/plan.py [--authors 1000] [--seeds 5] [--budget 60] [--characters 1000000] [--price 0.04]

The price is per core and hour. The costs below are processor seconds on one core, including scoring and generation;
benchmarks/README.md has the machine and the date of the measurements.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

SECONDS_PER_HOUR = 3600
GENERATION_SECONDS = 1.0  # per job, for its samples


@dataclass(frozen=True)
class Cost:
    """The measured cost of one generator, from the table of all generators in README.md and from large.py."""

    name: str
    startup_seconds: float  # per job: the process, its imports, and what a chain fits on validation text
    train_seconds: float  # per million characters of training text; 0: trained for the budget
    score_seconds: float  # per million characters of test text
    memory_mb: float  # for any text
    memory_mb_per_million: float  # in addition, per million characters of training text


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
    """Print a table with one row per generator, and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--authors", type=int, default=1000, help="number of authors")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of training per network")
    parser.add_argument("--characters", type=float, default=1e6, help="characters per author, all parts of the split")
    parser.add_argument("--price", type=float, default=0.04, help="price per core and hour")
    arguments = parser.parse_args()

    # millions of characters of training and test text
    train, test = 0.8 * arguments.characters / 1e6, 0.1 * arguments.characters / 1e6
    jobs, total_hours = arguments.authors * arguments.seeds, 0.0

    print("| generator | jobs | seconds per job | core-hours | memory per job, MB |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for cost in COSTS:
        # training, which takes the budget for networks; then scoring and generation
        training = cost.train_seconds * train or arguments.budget
        evaluation = cost.score_seconds * test + GENERATION_SECONDS
        seconds = cost.startup_seconds + training + evaluation

        hours = jobs * seconds / SECONDS_PER_HOUR
        total_hours += hours
        memory = cost.memory_mb + cost.memory_mb_per_million * train
        print(f"| {cost.name} | {jobs:,} | {seconds:.1f} | {hours:,.1f} | {memory:,.0f} |")
    print(f"| all | {jobs * len(COSTS):,} | | {total_hours:,.0f} | |")
    print(f"\n{total_hours:,.0f} core-hours at {arguments.price:g} per hour cost {total_hours * arguments.price:,.0f}.")


if __name__ == "__main__":
    main()
