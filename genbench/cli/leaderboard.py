"""genbench leaderboard: the runs of several people in one table for each text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.cli.options import CsvFile, HtmlFile, JsonFile, MarkdownFile
from genbench.cli.progress import show_progress


def leaderboard(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder with files of compare --json, stored runs, or proofs.")
    ],
    decode: Annotated[
        bool,
        typer.Option("--decode", help="Decode the test texts of proofs, once: it takes as long as prove took."),
    ] = False,
    json: JsonFile = None,
    csv: CsvFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
) -> None:
    """Merge the runs of several people. One table for each text; rows that a proof confirms are marked."""
    from genbench.report.export.files import Outputs

    outputs = Outputs(json=json, csv=csv, markdown=markdown, html=html)
    with show_progress() as live:
        from genbench import api
        from genbench.report.export.leaderboard import write_leaderboard
        from genbench.report.terminal.leaderboard import show_leaderboard
        from genbench.report.terminal.screen import make_console

        board = api.leaderboard(folder, decode=decode, listener=live)

    # files first: a closed pipe ends the printing
    try:
        write_leaderboard(board, outputs)
    finally:
        show_leaderboard(board, make_console(stderr=outputs.to_standard_output))
