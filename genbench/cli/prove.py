"""genbench prove: a folder with which a stranger can check the figures of a stored run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genbench.cli.options import RunName, option
from genbench.cli.progress import print_message, show_progress


def prove(
    run: RunName,
    output: Annotated[
        Path | None, option("-o", "--output", metavar="FOLDER", help="A new folder. [default: RUN-proof]")
    ] = None,
    characters: Annotated[
        int | None,
        option("--characters", metavar="N", help="Compress only the first N of each test text. [default: all]"),
    ] = None,
) -> None:
    """Write a folder that proves a run. Models, compressed test texts, versions, and a script that checks them."""
    with show_progress() as live:
        from genbench import api

        proof = api.prove(run, output, characters=characters, listener=live)

    # what is in it
    for row in proof.rows:
        typer.echo(f"{row.label}: {row.characters:,} characters in {row.bytes:,} bytes")
    for reason in proof.missing:
        print_message(f"left out: {reason}")
    print_message(f"wrote {proof.folder}; python {proof.folder}/verify.py checks it, and its README.md says how")
    print_message(f"its checksum, to publish beside the figures: {proof.digest}")
