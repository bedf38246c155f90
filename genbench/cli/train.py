"""genbench train"""

from __future__ import annotations

import os
import sys
from typing import Annotated

from genbench.cli import completion
from genbench.cli.options import Author, OneSpec, TrainingOptions, Watch, accepts_groups, option, single
from genbench.cli.progress import show_progress

StartFrom = Annotated[
    str | None,
    option(
        "--from",
        metavar="MODEL",
        help="Fine-tune: continue the training of this network, a stored one or one in a folder.",
        completion=completion.model,
    ),
]


@accepts_groups
def train(
    author: Author,
    generators: OneSpec,
    training: TrainingOptions,
    start_from: StartFrom = None,
    watch: Watch = False,
) -> None:
    """Train a generator on an author and store the model."""
    from genbench.neural.distributed import is_main_process
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_pairs

    if not is_main_process():  # of several processes only the first prints
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
    with show_progress(watch) as live:
        from genbench import api

        model = api.train(
            author,
            single(generators),
            budget=training.budget,
            steps=training.steps,
            flops=training.flops,
            seed=training.seed,
            device=training.device,
            lines=training.lines,
            encoding=training.encoding,
            column=training.column,
            retrain=training.retrain,
            start_from=start_from,
            listener=live,
        )

    # print what the generator reported about its training
    assert model.card is not None
    record = model.card.training
    passes = None if record.steps is None else record.passes  # counting reads the text once
    figures = {
        "parameters": record.parameters,
        "steps": record.steps,
        "floating-point operations": None if record.flops is None else f"{record.flops:.3g}",
        "passes": passes,
        "validation bits per character": record.validation_bits_per_character,
        "spec": record.spec,
    }
    shown = {name: value for name, value in (figures | record.details).items() if isinstance(value, str | int | float)}
    print_pairs([(name.replace("_", " "), str(value)) for name, value in shown.items()], make_console())
