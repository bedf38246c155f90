"""genbench compress, genbench decompress"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.cli import completion as completing
from genbench.cli import options as p

Out = Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The file to write.")]


def compress(
    author: p.AuthorOne,
    file: Annotated[Path, typer.Argument(metavar="IN", help="A text in UTF-8.")],
    output: Out,
    generators: p.Spec,
    seed: p.AnySeed = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Compress a text with an author's model; trains first if no model is kept."""
    from genbench import api
    from genbench.analysis import measuring
    from genbench.report.terminal.listings import facts
    from genbench.report.terminal.live import Live, console
    from genbench.storage.files import require_writable, write_whole

    data = measuring.utf8_of(file)
    require_writable(output)
    with Live(console(stderr=True)) as live:
        limits = p.limits(budget, steps, seed, device)
        made = api.ready(author, p.only(generators), lines=lines, watcher=live, **limits)
        found = measuring.compress(made, data, watcher=live)
    write_whole(output, found)
    bits = f"{8 * len(found) / max(len(data.decode()), 1):.4f}"
    sizes = [("bytes of text", f"{len(data):,}"), ("bytes compressed", f"{len(found):,}")]
    facts([*sizes, ("bits per character", bits)], console())


def decompress(
    file: Annotated[Path, typer.Argument(metavar="IN", help="A file that genbench compress wrote.")],
    output: Out,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="A kept model's name, or its folder. [default: the one it needs]",
            autocompletion=completing.model,
        ),
    ] = None,
) -> None:
    """Give a compressed text back, byte for byte, with the model that compressed it."""
    from genbench import api
    from genbench.analysis import measuring
    from genbench.report.terminal.live import Live, console
    from genbench.storage.files import require_writable, write_whole

    data = measuring.bytes_of(file)
    require_writable(output)
    with Live(console(stderr=True)) as live:
        made = None if model is None else api.load(model)
        write_whole(output, measuring.decompress(data, made, watcher=live))
