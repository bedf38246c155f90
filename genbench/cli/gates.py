"""genbench gates"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli.options import Author, ModelOptions, OneSpec, accepts_groups, single
from genbench.cli.progress import show_progress


@accepts_groups
def gates(
    author: Author,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text that the network reads.")],
    *,
    generators: OneSpec,
    units: Annotated[
        list[str] | None,
        typer.Option(
            "--unit",
            metavar="N",
            help="Also show the memory of this unit, or of LAYER:N in a stack; repeatable.",
            show_default=False,
        ),
    ] = None,
    model: ModelOptions,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: every gate and unit at every token.")] = False,
) -> None:
    """Show gates and memory of a recurrent network over a text. In colors; trains a network if none is stored."""
    from genbench.sampling import require_prompt

    # refuse the text and the generator before the training
    require_prompt(text)
    with show_progress() as live:
        from genbench import api, registry
        from genbench.analysis.gates import require_probe, require_text, select_units

        require_text(text)
        with live.stage("loading the generator"):
            require_probe(registry.create(single(generators)))
        corpus = model.corpus(author, live)
        trained = model.model(corpus, single(generators), live)
        with live.stage("reading the text, searching for units that follow it"):
            report = api.gates(trained, corpus, text)
        selected = select_units(units or (), report)

    from genbench.report.terminal.memory import show_gates
    from genbench.report.terminal.screen import make_console, print_json

    if json:
        print_json(report.to_dict())
    else:
        show_gates(report, selected, make_console())
