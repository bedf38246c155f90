"""genbench train"""

from __future__ import annotations

import os
import sys

from genbench.cli import options as p
from genbench.experiments.durations import seconds


def train(
    author: p.AuthorOne,
    generators: p.Spec,
    budget: p.Budget = None,
    steps: p.Steps = None,
    seed: p.Seed = 0,
    device: p.Device = "auto",
    lines: p.Lines = "join",
    fresh: p.Fresh = False,
) -> None:
    """Train a generator on an author and keep the model."""
    from genbench import api
    from genbench.neural import ranks
    from genbench.report.terminal.listings import facts
    from genbench.report.terminal.live import Live, console

    if not ranks.leads():  # of several processes the first one speaks
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    with Live(console(stderr=True)) as live:
        made = api.train(
            author,
            p.only(generators),
            budget=seconds(budget),
            steps=steps,
            seed=seed,
            device=device,
            lines=lines,
            fresh=fresh,
            watcher=live,
        )
    told = {name: value for name, value in made.facts.items() if isinstance(value, str | int | float)}
    facts([(name.replace("_", " "), str(value)) for name, value in told.items()], console())
