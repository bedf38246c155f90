"""genbench sweep"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from genbench.cli import options as p
from genbench.experiments.durations import seconds

File = Annotated[Path, typer.Argument(metavar="FILE", help="A comparison file (.toml) with a [sweep] table.")]


def sweep(
    file: File,
    cost: p.Cost = None,
    halving: p.Halving = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    deadline: p.Deadline = None,
    seed: p.SomeSeed = None,
    seeds: p.SomeSeeds = None,
    jobs: p.Jobs = None,
    executor: p.Executor = None,
    fresh: p.Fresh = False,
    name: p.RunName = "",
    json: p.Json = None,
    html: p.Html = None,
) -> None:
    """Train every combination of the options that a file lists; print bits against cost, and who is best for what."""
    from genbench.experiments import sweep as sweeping
    from genbench.report.export import files
    from genbench.report.terminal import sweep as sweeps
    from genbench.report.terminal.live import Live, console
    from genbench.storage import runs

    if name:
        runs.require_free(name)
    outputs = files.Outputs(json=json, html=html)
    given: dict[str, Any] = {"steps": steps, "seed": seed, "seeds": seeds, "jobs": jobs, "executor": executor}
    given |= {"fresh": fresh or None, "name": name or None}
    given |= {"budget": seconds(budget), "deadline": seconds(deadline, "deadline")}
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
