"""genbench compress, genbench decompress"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from genbench.cli import completion
from genbench.cli.options import Author, ModelOptions, OneSpecOrBest, OutputFile, accepts_groups, single_or_best
from genbench.cli.progress import show_progress
from genbench.errors import UserError


@accepts_groups
def compress(
    author: Author,
    file: Annotated[Path, typer.Argument(metavar="IN", help="A text in UTF-8.")],
    *,
    output: OutputFile,
    generators: OneSpecOrBest = None,
    model: ModelOptions,
) -> None:
    """Compress a text with an author's model. Trains one if no model is stored."""
    from genbench.analysis.compression import decode_utf8
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_pairs
    from genbench.storage.outputs import is_standard_output, require_writable, write_output
    from genbench.storage.user_files import read_bytes

    # refuse what cannot be read or written before the training
    data = read_bytes(file)
    characters = len(decode_utf8(data))
    require_writable(output)
    printed = is_standard_output(output)
    if printed and sys.stdout.isatty():
        raise UserError("a compressed text cannot be shown on a terminal; name a file with -o")
    with show_progress() as live:
        from genbench import api

        trained = model.model(model.corpus(author, live), single_or_best(generators), live)
        compressed = api.compress(trained, data, listener=live)
    write_output(output, compressed)

    # the size on disk, per character as in every other result
    bits_per_character = 8 * len(compressed) / max(characters, 1)
    sizes = [("bytes of text", f"{len(data):,}"), ("bytes compressed", f"{len(compressed):,}")]
    print_pairs([*sizes, ("bits per character", f"{bits_per_character:.4f}")], make_console(stderr=printed))


def decompress(
    file: Annotated[Path, typer.Argument(metavar="IN", help="A file that genbench compress wrote.")],
    output: OutputFile,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="A stored model's name, or its folder. [default: the one that compressed it]",
            autocompletion=completion.model,
        ),
    ] = None,
) -> None:
    """Restore a compressed text byte for byte. With the model that compressed it."""
    from genbench.report.export.files import write_text
    from genbench.storage.outputs import require_writable
    from genbench.storage.user_files import read_bytes

    data = read_bytes(file)
    require_writable(output)
    with show_progress() as live:
        from genbench import api

        with live.stage("loading the model"):
            trained = None if model is None else api.load(model)
        text = api.decompress(data, trained, listener=live).decode()
    write_text(text, output)
