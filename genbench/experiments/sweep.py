"""The public function that sweeps: a grid over options, hopeless rows stopped early, bits held against cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genbench.api import SILENT
from genbench.errors import UserError
from genbench.experiments import config as settings
from genbench.experiments import grid, plan
from genbench.experiments import pareto as fronts
from genbench.experiments.comparing import compare
from genbench.experiments.pareto import Sweep as Sweep
from genbench.experiments.progress import Watcher

HALVING = 3


def sweep(
    file: str | Path, *, cost: str | None = None, halving: int | None = None, watcher: Watcher = SILENT, **given: Any
) -> Sweep:
    """Compare every combination of the options that the `[sweep]` table of a comparison file lists.

    Of each author's rows the best `1 / halving` go on at 10, 30, 90 % of their training (0: all do); all choices are
    made on valid text. `cost` is seconds, parameters or memory. What is `given` besides, as to `compare`, goes over
    what the file says. Raises UserError for a file that cannot be used, where Optuna is missing, and as `compare` does.
    """
    said = settings.parsed(Path(file))
    table = said.pop("sweep", None)
    if not isinstance(table, dict):
        raise UserError(f"{str(file)!r} has no table [sweep] of lists of options, as examples/sweep.toml has")
    asked = settings.arguments(settings.over(settings.checked(Path(file), said), given))
    how = grid.how(table)
    cost = how.get("cost", "seconds") if cost is None else cost
    halving = how.get("halving", HALVING) if halving is None else halving
    fronts.require(cost)
    specs = grid.specs(asked.pop("generators", plan.GENERATORS), table)
    watcher.told(f"{len(specs)} combinations of options")
    found = compare(generators=specs, halving=halving, validated=True, watcher=watcher, **asked)
    return Sweep(found, cost)
