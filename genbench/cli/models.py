"""genbench models: what is kept, how large, trained on what."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from genbench.cli import completion as completing
from genbench.cli import options as p

app = typer.Typer(
    help="The kept models: list, show, remove, export, import.", no_args_is_help=True, rich_markup_mode=None
)

Name = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A name that genbench models list shows.", autocompletion=completing.model),
]


@app.command("list")
def list_() -> None:
    """List the kept models, newest first."""
    from genbench.report.formatting import counted
    from genbench.report.terminal.listings import listing
    from genbench.report.terminal.live import console
    from genbench.storage import models

    found = models.kept(models.home())
    rows = [
        [
            m.name,
            m.card["author"],
            m.card["spec"],
            _how(m.card),
            f"{m.size / 1e6:.1f} MB",
            _when(m.card),
        ]
        for m in found
    ]
    listing(["model", "author", "as", "trained", "size", "when (UTC)"], rows, console())
    typer.echo(f"{counted(len(found), 'model')} in {models.home()}", err=True)


def _when(card: dict[str, Any]) -> str:
    return str(card["created"])[:16].replace("T", " ")


def _how(card: dict[str, Any]) -> str:
    limit = f"{card['steps']} steps" if card["budget"] is None else f"{card['budget']:g} s"
    return f"{limit}, seed {card['seed']}"


@app.command()
def show(name: Name) -> None:
    """Show all that a model says of itself."""
    import json

    from genbench.report.formatting import printable
    from genbench.storage import models

    card = models.named(models.home(), name).card
    typer.echo(printable(json.dumps(card, ensure_ascii=False, indent=2)))


@app.command()
def remove(
    names: Annotated[
        list[str], typer.Argument(metavar="MODEL", help="Names, as list shows them.", autocompletion=completing.model)
    ],
) -> None:
    """Remove kept models."""
    from genbench.storage import models

    for model in {found.name: found for found in (models.named(models.home(), name) for name in names)}.values():
        models.remove(model)
        typer.echo(f"removed {model.name}", err=True)


@app.command()
def export(
    author: p.AuthorOne,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    generators: p.Spec,
    seed: p.AnySeed = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Write a model into a folder to pass on, with a model card and checksums; trains first if none is kept."""
    from genbench.report.terminal.live import Live, console
    from genbench.storage import sharing

    limits = p.limits(budget, steps, seed, device)
    with Live(console(stderr=True)) as live:
        sharing.export_model(author, p.only(generators), folder, lines=lines, watcher=live, **limits)
    typer.echo(f"{folder} can be passed on; genbench models import {folder} takes it, anywhere", err=True)


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that genbench models export wrote.")],
    plugin: Annotated[
        str | None, typer.Option("-g", "--generator", metavar="FILE", help="Its plugin, where that is a .py file.")
    ] = None,
) -> None:
    """Check a model of somebody else's and keep it; nothing in its folder is run."""
    from genbench.report.formatting import printable
    from genbench.storage import sharing

    model = sharing.import_model(folder, plugin)
    author, spec = (shlex.quote(printable(model.card[name])) for name in ("author", "spec"))
    typer.echo(f"kept as {model.name}; genbench generate {author} -g {spec} uses it", err=True)
