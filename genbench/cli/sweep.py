"""genbench sweep"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from genbench.cli.compare import Executor, Jobs, NewRunName, Timeout, exit_by_outcome
from genbench.cli.options import Budget, Flops, HtmlFile, JsonFile, Retrain, Steps, option


def sweep(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A comparison file (.toml) with a [sweep] table.")],
    cost: Annotated[
        str | None,
        option(metavar="seconds|parameters|memory", help="The cost on the Pareto front. [default: seconds]"),
    ] = None,
    halving: Annotated[
        int | None,
        option(metavar="N", help="At 10, 30, 90 % of the training the best 1/N continue; 0: all do. [default: 3]"),
    ] = None,
    budget: Budget = None,
    steps: Steps = None,
    flops: Flops = None,
    timeout: Timeout = None,
    seed: Annotated[int | None, option(metavar="N", help="Seed of training; samples use it too. [default: 0]")] = None,
    seeds: Annotated[int | None, option(metavar="N", help="Train with N seeds. [default: 1]")] = None,
    jobs: Jobs = None,
    executor: Executor = None,
    retrain: Retrain = False,
    name: NewRunName = "",
    json: JsonFile = None,
    html: HtmlFile = None,
) -> None:
    """Compare the combinations of options that a file lists. Bits against cost, and the Pareto front."""
    from genbench.experiments.sweep import sweep as run_sweep
    from genbench.report.export.files import Outputs
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.sweep import show_sweep
    from genbench.storage.runs import require_unused_name
    from genbench.tokenization.text import replace_surrogates

    # refuse the name and the outputs before the training
    command = ["genbench", *map(replace_surrogates, sys.argv[1:])]
    if name:
        require_unused_name(name, command)
    outputs = Outputs(json=json, html=html)
    with Live(make_console(stderr=True)) as live:
        result = run_sweep(
            file,
            cost=cost,
            halving=halving,
            budget=budget,
            steps=steps,
            flops=flops,
            timeout=timeout,
            seed=seed,
            seeds=seeds,
            jobs=jobs,
            executor=executor,
            retrain=retrain,
            name=name,
            command=command,
            listener=live,
        )

    # files first: where the table cannot be printed they are written, and the other way round
    try:
        outputs.write_sweep(result)
    finally:
        show_sweep(result, make_console(stderr=outputs.to_standard_output))
    exit_by_outcome(result.comparison)
