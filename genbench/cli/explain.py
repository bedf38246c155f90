"""genbench explain"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli.options import Author, ModelOptions, OneSpecOrBest, accepts_groups, single_or_best
from genbench.cli.progress import show_progress


@accepts_groups
def explain(
    author: Author,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The context.")],
    *,
    generators: OneSpecOrBest = None,
    top: Annotated[int, typer.Option(metavar="N", min=1, help="Continuations of each context.")] = 10,
    model: ModelOptions,
) -> None:
    """Show what may follow a text and the counts behind it. Trains a model if none is stored."""
    from genbench.report.terminal.analysis import show_explanation
    from genbench.report.terminal.screen import make_console
    from genbench.sampling import require_prompt

    require_prompt(text)
    with show_progress() as live:
        from genbench import api

        corpus = model.corpus(author, live)
        trained = model.model(corpus, single_or_best(generators), live)
        with live.stage("reading the text, searching the training text"):
            explanation = api.explain(trained, corpus, text, top)
    show_explanation(explanation, make_console())
