"""genbench read"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.cli import options as p


def read(
    author: p.AuthorOne,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The text to read; - is standard input.")],
    generators: p.Many,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a page for a browser.", show_default=False)
    ] = None,
    json: p.PrintJson = False,
    seed: p.AnySeed = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Show a text in colours, how surprising each word was to each generator; trains first if no model is kept."""
    from genbench import api
    from genbench.analysis import measuring
    from genbench.report.terminal import screen
    from genbench.report.terminal import surprisal as reading
    from genbench.report.terminal.live import Live, console
    from genbench.storage.files import require_writable, write_whole

    text = api.text_of(file, lines=lines)
    if html is not None:
        require_writable(html)
    with Live(console(stderr=True)) as live:
        limits = p.limits(budget, steps, seed, device)
        corpus = api.corpus(author, lines=lines, watcher=live)
        made = {spec: api.ready(corpus, spec, lines=lines, watcher=live, **limits) for spec in generators}
        name = "standard input" if file == "-" else Path(file).name
        found = measuring.read(made, text, author=corpus.author, name=name, watcher=live)
    if html is not None:
        from genbench.report.html import reading as page

        write_whole(html, page(found).encode())
    if json:
        screen.values(found)
    else:
        reading.show(found, console())
