"""genbench models: the stored models."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.cli import completion
from genbench.cli.options import Author, ModelName, ModelOptions, OneSpec, accepts_groups, single

if TYPE_CHECKING:
    from genbench.storage.cards import ModelCard

app = typer.Typer(
    help="The stored models: list, show, remove, export, import.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list")
def list_() -> None:
    """List the stored models, newest first."""
    from genbench.report.formatting import pluralize
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_list
    from genbench.storage.models import list_models, list_outdated, models_folder

    models = list_models(models_folder())
    rows = [
        [
            model.name,
            model.card.author,
            model.card.spec,
            _limits(model.card),
            f"{model.size / 1e6:.1f} MB",
            model.card.created[:16].replace("T", " "),
        ]
        for model in models
    ]
    print_list(["model", "author", "generator", "trained", "size", "date (UTC)"], rows, make_console())
    typer.echo(f"{pluralize(len(models), 'model')} in {models_folder()}", err=True)
    outdated = list_outdated(models_folder())
    if outdated:
        typer.echo(
            f"{pluralize(len(outdated), 'model')} of an earlier edition cannot be read: train again, and remove with "
            f"genbench models remove {' '.join(outdated)}",
            err=True,
        )


def _limits(card: ModelCard) -> str:
    limit = f"{card.steps} steps" if card.budget is None else f"{card.budget:g} s"
    return f"{limit}, seed {card.seed}"


@app.command()
def show(name: ModelName) -> None:
    """Show the card of a stored model."""
    from genbench.report.formatting import printable
    from genbench.storage.models import get_model, models_folder

    card = get_model(models_folder(), name).card
    typer.echo(printable(json.dumps(card.to_dict(), ensure_ascii=False, indent=2)))


@app.command()
def remove(
    names: Annotated[
        list[str],
        typer.Argument(metavar="MODEL", help="Names that models list shows.", autocompletion=completion.model),
    ],
) -> None:
    """Remove stored models."""
    from genbench.storage.models import remove_named

    for name in remove_named(names):
        typer.echo(f"removed {name}", err=True)


@app.command()
@accepts_groups
def export(
    author: Author,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet.")],
    generators: OneSpec,
    model: ModelOptions,
) -> None:
    """Write a model into a folder to pass on, with a model card and checksums; trains one if none is stored."""
    from genbench import api
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console

    with Live(make_console(stderr=True)) as live:
        api.export_model(author, single(generators), folder, **vars(model), listener=live)
    typer.echo(f"{folder} can be passed on; genbench models import {folder} imports it on any machine", err=True)


@app.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that genbench models export wrote.")],
    plugin: Annotated[
        str | None, typer.Option("-g", "--generator", metavar="FILE", help="Its plugin, where that is a .py file.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the model of the same training that was imported before.")
    ] = False,
) -> None:
    """Check and store a model that somebody else exported; nothing in its folder is executed."""
    from genbench.report.formatting import printable
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console
    from genbench.storage.sharing import import_model

    with Live(make_console(stderr=True)) as live, live.stage(f"checking {folder.name}"):
        model = import_model(folder, plugin, replace_old=replace)

    # suggest a command with the new model
    author, spec = (shlex.quote(printable(text)) for text in (model.card.author, model.card.spec))
    typer.echo(
        f"stored as {model.name}; genbench generate {author} -g {spec} --imported {model.name} uses it", err=True
    )
