"""Time to quality: genbench's LSTMs beside the recipes of the field, on the same raw text, one process each, one core.

    python benchmarks/lstm.py --budgets 60 180 --seeds 3 --results build/lstm.jsonl

Each run is a process of its own, its result a line of the results file; what stands there already is not run again. The
table has the median over seeds.
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
KEYS = ("row", "author", "budget", "seed")
ANCHOR = "plain"


def main() -> None:
    """Run what is missing and print the table."""
    asked = parsed()
    if asked.one:
        print(json.dumps(one(json.loads(asked.one))))
        return
    asked.results.parent.mkdir(parents=True, exist_ok=True)
    for seed in range(asked.seeds):
        for budget in asked.budgets:
            for row in asked.rows:
                once({"row": row, "author": asked.author, "budget": budget, "seed": seed}, asked.results)
    print(table(known(asked.results)))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budgets", type=float, nargs="+", default=[60.0, 180.0], metavar="SECONDS")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), metavar="ROW", help="recipes and genbench SPECs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--author", default="austen")
    parser.add_argument("--results", type=Path, default=Path("build/lstm.jsonl"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def known(results: Path) -> list[dict[str, Any]]:
    """The runs on record."""
    return [json.loads(line) for line in results.read_text().splitlines()] if results.is_file() else []


def once(wanted: dict[str, Any], results: Path) -> None:
    """Run one row in a process of its own, unless it is on record."""
    if any(all(run[key] == wanted[key] for key in KEYS) for run in known(results)):
        return
    print("running", *wanted.values(), file=sys.stderr)
    alone = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    process = subprocess.run([sys.executable, __file__, "--one", json.dumps(wanted)], env=alone, stdout=subprocess.PIPE)
    process.check_returncode()
    with results.open("a") as file:
        file.write(process.stdout.decode().splitlines()[-1] + "\n")


def one(wanted: dict[str, Any]) -> dict[str, Any]:
    """One run, in this process."""
    import torch

    import genbench

    torch.set_num_threads(1)
    text = genbench.corpus(wanted["author"], lines="keep")
    began = time.perf_counter()
    from recipes import RECIPES, run

    if wanted["row"] in RECIPES:
        figures: dict[str, Any] = run(wanted["row"], str(text.train), str(text.test), wanted["budget"], wanted["seed"])
    else:
        figures = ours(wanted, text)
    return wanted | figures | {"seconds_in_all": time.perf_counter() - began}


def ours(wanted: dict[str, Any], text: Any) -> dict[str, Any]:
    """A row of genbench's."""
    from genbench import registry
    from genbench.generator import TrainContext
    from genbench.scoring import score

    generator = registry.create(wanted["row"])
    began = time.perf_counter()
    context = TrainContext(seed=wanted["seed"], budget=wanted["budget"])
    generator.fit(text.train, text.valid, context)
    trained = time.perf_counter()
    scores = score(generator, text.test)
    return {
        "bits_per_character": scores.bits_per_character,
        "training_seconds": trained - began,
        "training_characters_per_second": context.stats.passes * len(text.train) / (trained - began),
        "scoring_characters_per_second": len(text.test) / (time.perf_counter() - trained),
        "details": context.stats.details | {"steps": context.stats.steps, "chosen": context.stats.chosen},
    }


def table(runs: list[dict[str, Any]]) -> str:
    """Medians over seeds, as Markdown."""
    lines = [
        "| author | seconds | row | seeds | bits/char (test) | least | most | training char/s | against plain's |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for author, budget, row in sorted({(run["author"], run["budget"], run["row"]) for run in runs}):
        same = [run for run in runs if (run["author"], run["budget"], run["row"]) == (author, budget, row)]
        anchors = [run for run in runs if (run["author"], run["budget"], run["row"]) == (author, budget, ANCHOR)]
        bits = [run["bits_per_character"] for run in same]
        speed = statistics.median(run["training_characters_per_second"] for run in same)
        against = statistics.median(run["training_characters_per_second"] for run in anchors) if anchors else None
        ratio = f"{speed / against:.2f}" if against else ""
        shown = f"{statistics.median(bits):.3f} | {min(bits):.3f} | {max(bits):.3f} | {speed:,.0f} | {ratio}"
        lines.append(f"| {author} | {budget:g} | {row} | {len(same)} | {shown} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
