"""genbench score"""

from __future__ import annotations

from genbench.cli.options import Author, ModelOptions, OneSpec, PrintJson, TextFile, accepts_groups, single


@accepts_groups
def score(author: Author, file: TextFile, generators: OneSpec, model: ModelOptions, json: PrintJson = False) -> None:
    """Show how well an author's model predicts a text; trains one if no model is stored."""
    from genbench import api
    from genbench.report.formatting import measured
    from genbench.report.terminal import screen
    from genbench.report.terminal.listings import facts
    from genbench.report.terminal.live import Live, console

    text = api.read_text(file, lines=model.lines)
    with Live(console(stderr=True)) as live:
        trained = model.model(model.corpus(author, live), single(generators), live)
        figures = api.score_figures(trained, text, listener=live)
    if json:
        screen.values(figures)
    else:
        facts([(name.replace("_", " "), measured(name, value)) for name, value in figures.items()], console())
