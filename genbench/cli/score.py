"""genbench score"""

from __future__ import annotations

from genbench.cli.options import (
    Author,
    ModelOptions,
    OneSpecOrBest,
    PrintJson,
    TextFile,
    accepts_groups,
    single_or_best,
)
from genbench.cli.progress import show_progress


@accepts_groups
def score(
    author: Author, file: TextFile, *, generators: OneSpecOrBest = None, model: ModelOptions, json: PrintJson = False
) -> None:
    """Show how well an author's model predicts a text. Trains one if no model is stored."""
    from genbench.report.formatting import format_measure
    from genbench.report.terminal.screen import make_console, print_json
    from genbench.report.terminal.tables import print_pairs

    with show_progress() as live:
        from genbench import api

        text = model.text(file, live)
        corpus = model.corpus(author, live)
        trained = model.model(corpus, single_or_best(generators), live)
        figures = api.score_figures(trained, text, corpus=corpus, listener=live)
    if json:
        print_json(figures)
    else:
        print_pairs(
            [(name.replace("_", " "), format_measure(name, value)) for name, value in figures.items()], make_console()
        )
