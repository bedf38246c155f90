"""genbench sweep"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from genbench.bench.values import seconds
from genbench.cli import parameters as p

File = Annotated[Path, typer.Argument(metavar="FILE", help="A comparison file (.toml) with a [sweep] table.")]
Cost = Annotated[
    str | None, p.option(metavar="seconds|parameters|memory", help="What the front costs. [default: seconds]")
]
Halving = Annotated[
    int | None,
    p.option(metavar="N", help="At 10, 30, 90 % of the training the best 1/N go on; 0: all do. [default: 3]"),
]


def sweep(
    file: File,
    cost: Cost = None,
    halving: Halving = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    deadline: p.Deadline = None,
    seed: Annotated[int | None, p.option(metavar="N", help="The seed of training and drawing. [default: 0]")] = None,
    seeds: Annotated[int | None, p.option(metavar="N", help="Train with N seeds. [default: 1]")] = None,
    jobs: p.Jobs = None,
    executor: p.Executor = "local",
    fresh: p.Fresh = False,
    name: p.RunName = "",
    json: p.Json = None,
    html: p.Html = None,
) -> None:
    """Train every combination of the options that a file lists; print bits against cost, and who is best for what."""
    from genbench import runs, sweeping
    from genbench.report import files, sweeps
    from genbench.report.live import Live, console

    if name:
        runs.require_free(name)
    outputs = files.Outputs(json=json, html=html)
    given: dict[str, Any] = {
        "steps": steps,
        "seed": seed,
        "seeds": seeds,
        "jobs": jobs,
        "fresh": fresh or None,
        "name": name or None,
    }
    given |= {"budget": seconds(budget), "deadline": seconds(deadline, "deadline"), "executor": executor}
    typed = {key: value for key, value in given.items() if value is not None}
    with Live(console(stderr=True)) as live:
        found = sweeping.sweep(
            file, cost=cost, halving=halving, watcher=live, command=["genbench", *sys.argv[1:]], **typed
        )
    sweeps.show(found, console())
    outputs.write(found, sweeps.FORMS)
    if found.comparison.stopped:
        raise KeyboardInterrupt
    if not found.comparison.any_ok:
        raise typer.Exit(1)
