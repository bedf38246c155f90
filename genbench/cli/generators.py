"""genbench generators: the plugins and their options."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from genbench.cli import completion as completing

app = typer.Typer(help="The generators: list, show, new, check.", no_args_is_help=True, rich_markup_mode=None)

Spec = Annotated[
    str, typer.Argument(metavar="SPEC", help="A name, or a path to a .py file.", autocompletion=completing.spec)
]


@app.command("list")
def list_() -> None:
    """List the generators by name; an installed plugin that is broken costs a line on standard error."""
    from genbench import registry
    from genbench.report.terminal.listings import listing
    from genbench.report.terminal.live import console

    listing(["generator", "what it is"], list(registry.summaries().items()), console())


@app.command()
def show(name: Spec) -> None:
    """Show a generator: what it is, and its options with types, defaults and a line each."""
    from inspect import getdoc

    from genbench import registry
    from genbench import spec as options
    from genbench.report.formatting import printable
    from genbench.report.terminal.listings import listing
    from genbench.report.terminal.live import console

    found = type(registry.make(name))
    out = console()
    out.print(printable(f"{name}: {getdoc(found)}"), markup=False)
    rows = [[o.name, o.choices, options.written(o.default), o.help] for o in options.options_of(found).values()]
    listing(["option", "is", "default", "what for"], rows, out)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it shall be called: small letters and hyphens.")],
    kind: Annotated[str, typer.Option(metavar="tokens|torch", help="By hand over tokens, or a network.")] = "tokens",
    package: Annotated[bool, typer.Option("--package", help="A distribution to install and publish.")] = False,
) -> None:
    """Write a plugin that works, to begin with: one file, or the folder of a distribution."""
    from genbench import templates

    written = templates.write(name, kind, package, Path())
    spec = name if package else f"./{written[0]}"
    for path in written:
        typer.echo(path)
    after = f"pip install -e {name}\n" if package else ""
    after += f"genbench generators check {spec}\ngenbench compare carroll -g {spec} -g markov-char"
    typer.echo(f"\nIt works as it is. Next:\n\n{after}", err=True)


@app.command()
def check(name: Spec) -> None:
    """Run every check of the conformance kit on a generator; exit code 1 where one fails."""
    from genbench.errors import ContractError
    from genbench.report.terminal.checks import told
    from genbench.report.terminal.live import console
    from genbench.testing import Result, Subject, results

    out, failed = console(), 0
    try:
        for found in results(Subject.of(name)):
            told(found, out)
            failed += found.outcome == "fails"
    except ContractError as error:
        told(Result("loads", "fails", "It is one whole generator, for a contract spoken here.", str(error)), out)
        failed += 1
    if failed:
        raise typer.Exit(1)
    typer.echo(f"\nAll holds. Next:\n\ngenbench compare carroll -g {shlex.quote(name)} -g markov-char", err=True)
