"""genbench surprisal"""

from __future__ import annotations

from pathlib import Path

from genbench.cli.options import Author, HtmlFile, ModelOptions, PrintJson, SomeSpecsOrBest, TextFile, accepts_groups
from genbench.cli.progress import show_progress
from genbench.errors import UserError


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
    """Show the surprisal of each word of a text, in colors. By one or more generators; trains those not stored."""
    from genbench.report.export.files import write_text
    from genbench.report.terminal.screen import make_console, print_json
    from genbench.report.terminal.surprisal import show_surprisal
    from genbench.storage.outputs import is_standard_output, require_writable

    # check the output and read the text before the training
    page_printed = html is not None and is_standard_output(html)
    if html is not None:
        require_writable(html)
    if page_printed and json:
        raise UserError("--html - and --json both print; name a file for the page")
    with show_progress() as live:
        from genbench import api

        text = model.text(file, live)
        corpus = model.corpus(author, live)
        models = model.models(corpus, generators, live)
        name = "standard input" if file == "-" else Path(file).name
        report = api.surprisal(models, text, author=corpus.author, name=name, listener=live)
    if html is not None:
        from genbench.report.html import surprisal_page

        write_text(surprisal_page(report), html)
    if json:
        print_json(report.to_dict())
    else:
        show_surprisal(report, make_console(stderr=page_printed))
