"""Measure the quality that genbench's LSTMs and other recipes reach in the same training time, on the same raw text.

    python benchmarks/lstm.py --budgets 60 180 --seeds 3 --results build/lstm.jsonl

Every run is a separate process on one core. Its result is appended to the results file as one line of JSON; a run that
is already in the file is skipped. The table has medians over the seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROWS = ("keras-example", "char-rnn", "plain", "lstm-char", "lstm-word")
JOB_KEYS = ("row", "author", "budget", "seed")
REFERENCE_ROW = "plain"  # the training speed of the other rows is divided by its speed


def main() -> None:
    """Run the jobs that are missing in the results file, and print the table."""
    arguments = parse_arguments()
    if arguments.job:
        print(json.dumps(run_job(json.loads(arguments.job))))
        return

    # one job after the other, so that they do not slow each other down
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    for seed in range(arguments.seeds):
        for budget in arguments.budgets:
            for row in arguments.rows:
                job = {"row": row, "author": arguments.author, "budget": budget, "seed": seed}
                run_if_missing(job, arguments.results)
    print(format_table(read_results(arguments.results)))


def parse_arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budgets", type=float, nargs="+", default=[60.0, 180.0], metavar="SECONDS")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), metavar="ROW", help="recipes and genbench SPECs")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument("--author", default="austen")
    parser.add_argument("--results", type=Path, default=Path("build/lstm.jsonl"))
    parser.add_argument("--job", help=argparse.SUPPRESS)  # one job as JSON: runs it in this process
    return parser.parse_args()


def read_results(path: Path) -> list[dict[str, Any]]:
    """Return the stored results; none if the file does not exist."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def run_if_missing(job: dict[str, Any], results: Path) -> None:
    """Run a job in a new process and store its result, unless the results file has it."""
    if any(all(result[key] == job[key] for key in JOB_KEYS) for result in read_results(results)):
        return

    # one thread, in a fresh process
    print("running", *job.values(), file=sys.stderr)
    env = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    process = subprocess.run([sys.executable, __file__, "--job", json.dumps(job)], env=env, stdout=subprocess.PIPE)
    process.check_returncode()

    # the result is the last line of the output
    with results.open("a") as file:
        file.write(process.stdout.decode().splitlines()[-1] + "\n")


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job in this process; return its keys and figures."""
    import torch

    import genbench

    # the text with its line breaks, because the recipes read raw text
    torch.set_num_threads(1)
    text = genbench.corpus(job["author"], lines="keep")
    started = time.perf_counter()
    from recipes import RECIPES, train_and_score

    # a recipe, or a SPEC of genbench
    if job["row"] in RECIPES:
        figures: dict[str, Any] = train_and_score(
            job["row"], str(text.train), str(text.test), job["budget"], job["seed"]
        )
    else:
        figures = run_genbench(job, text)
    return job | figures | {"seconds_in_all": time.perf_counter() - started}


def run_genbench(job: dict[str, Any], text: Any) -> dict[str, Any]:
    """Train and score a generator of genbench."""
    from genbench import registry
    from genbench.generator import TrainContext
    from genbench.scoring import score

    # train for the budget
    generator = registry.create(job["row"])
    started = time.perf_counter()
    context = TrainContext(seed=job["seed"], budget=job["budget"])
    generator.fit(text.train, text.valid, context)

    # score the test text
    trained = time.perf_counter()
    scores = score(generator, text.test)
    return {
        "bits_per_character": scores.bits_per_character,
        "training_seconds": trained - started,
        "training_characters_per_second": context.stats.passes * len(text.train) / (trained - started),
        "scoring_characters_per_second": len(text.test) / (time.perf_counter() - trained),
        "details": context.stats.details | {"steps": context.stats.steps, "chosen": context.stats.chosen},
    }


def format_table(results: list[dict[str, Any]]) -> str:
    """Return a Markdown table with medians over the seeds, by author, budget and row."""
    lines = [
        "| author | seconds | row | seeds | bits/char (test) | min | max | training char/s | relative to plain |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for author, budget, row in sorted({(result["author"], result["budget"], result["row"]) for result in results}):
        runs = select(results, author, budget, row)
        bits = [run["bits_per_character"] for run in runs]

        # training speed, absolute and relative to the reference row
        speed = statistics.median(run["training_characters_per_second"] for run in runs)
        reference_runs = select(results, author, budget, REFERENCE_ROW)
        ratio = ""
        if reference_runs:
            ratio = f"{speed / statistics.median(run['training_characters_per_second'] for run in reference_runs):.2f}"

        figures = f"{statistics.median(bits):.3f} | {min(bits):.3f} | {max(bits):.3f} | {speed:,.0f} | {ratio}"
        lines.append(f"| {author} | {budget:g} | {row} | {len(runs)} | {figures} |")
    return "\n".join(lines)


def select(results: list[dict[str, Any]], author: str, budget: float, row: str) -> list[dict[str, Any]]:
    """Return the results of one author, budget and row."""
    return [
        result for result in results if (result["author"], result["budget"], result["row"]) == (author, budget, row)
    ]


if __name__ == "__main__":
    main()
