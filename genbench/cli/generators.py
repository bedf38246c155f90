"""genbench generators: the plugins and their options."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="The generators: list, show.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_() -> None:
    """List the generators by name; one whose plugin is broken says so in its line."""
    from genbench import registry
    from genbench.report.listings import listing
    from genbench.report.live import console

    listing(["generator", "what it is"], [[name, registry.summary(name)] for name in registry.found()], console())


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="SPEC", help="A name, or a path to a .py file.")]) -> None:
    """Show a generator: what it is, and its options with types, defaults and a line each."""
    from inspect import getdoc

    from genbench import options, registry
    from genbench.report.listings import listing
    from genbench.report.live import console
    from genbench.report.text import printable

    found = type(registry.make(name))
    out = console()
    out.print(printable(f"{name}: {getdoc(found)}"), markup=False)
    rows = [[o.name, o.choices, options.written(o.default), o.help] for o in options.options_of(found).values()]
    listing(["option", "is", "default", "what for"], rows, out)
