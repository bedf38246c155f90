"""genbench surprisal"""

from __future__ import annotations

from pathlib import Path

from genbench.cli.options import Author, HtmlFile, ModelOptions, PrintJson, SomeSpecsOrBest, TextFile, accepts_groups


@accepts_groups
def surprisal(
    author: Author,
    file: TextFile,
    *,
    generators: SomeSpecsOrBest = None,
    model: ModelOptions,
    html: HtmlFile = None,
    json: PrintJson = False,
) -> None:
    """Show the surprisal of each word of a text in colors, by one or more generators; trains those not stored."""
    from genbench import api
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console, print_json
    from genbench.report.terminal.surprisal import show_surprisal
    from genbench.storage.files import require_writable, write_atomic

    # check the output and read the text before the training
    if html is not None:
        require_writable(html)
    with Live(make_console(stderr=True)) as live:
        text = model.text(file, live)
        corpus = model.corpus(author, live)
        models = model.models(corpus, generators, live)
        name = "standard input" if file == "-" else Path(file).name
        report = api.surprisal(models, text, author=corpus.author, name=name, listener=live)
    if html is not None:
        from genbench.report.html import surprisal_page

        write_atomic(html, surprisal_page(report).encode())
    if json:
        print_json(report.to_dict())
    else:
        show_surprisal(report, make_console())
