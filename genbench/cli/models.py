"""genbench models: the stored models."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.cli import completion
from genbench.cli.options import (
    AnyAuthor,
    AnyGenerator,
    Author,
    ModelName,
    ModelOptions,
    OneSpec,
    PrintJson,
    ReadingOptions,
    TextFile,
    accepts_groups,
    single,
)
from genbench.cli.playground import train_and_write
from genbench.cli.progress import print_message, show_progress

if TYPE_CHECKING:
    from genbench.model import Model

app = typer.Typer(
    help="The stored models: list, merge, update, export and more.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_(author: AnyAuthor = "", generator: AnyGenerator = "") -> None:
    """List the stored models, newest first, and the space they take."""
    from genbench.report.formatting import pluralize
    from genbench.report.terminal.models import format_size, show_models
    from genbench.report.terminal.screen import make_console
    from genbench.storage.models import list_models, list_outdated, models_folder
    from genbench.storage.selection import Selection

    every = list_models(models_folder())
    models = Selection(author, generator).models(every)
    show_models(models, make_console())

    # the total, then what cannot be listed
    size = format_size(sum(model.size for model in models))
    shown = pluralize(len(models), "model") if len(models) == len(every) else f"{len(models)} of {len(every)} models"
    advice = "" if every else "; genbench train AUTHOR -g SPEC stores one"
    print_message(f"{shown}, {size} in {models_folder()}{advice}")
    outdated = list_outdated(models_folder())
    if outdated:
        print_message(
            f"{pluralize(len(outdated), 'model')} of an earlier edition cannot be read: train again, and remove with "
            f"genbench models remove {' '.join(outdated)}"
        )


@app.command()
def prune(
    keep: Annotated[int, typer.Option(metavar="N", help="Models kept of each author and SPEC.")],
    author: AnyAuthor = "",
    generator: AnyGenerator = "",
) -> None:
    """Remove all but the newest N of each author and SPEC."""
    from genbench.report.formatting import pluralize
    from genbench.report.terminal.models import format_size
    from genbench.storage.selection import prune_models

    pruned = prune_models(keep, author, generator)
    for model in pruned.removed:
        print_message(f"removed {model.name}")
    freed = f"removed {pluralize(len(pruned.removed), 'model')}, which frees {format_size(pruned.freed)}"
    print_message(f"{freed}; kept {len(pruned.kept)}, {format_size(pruned.size)}")


@app.command()
def show(name: ModelName, json: PrintJson = False) -> None:
    """Show the card of a stored model. What it was trained on, how, and how good it is."""
    from genbench.report.terminal.models import show_card
    from genbench.report.terminal.screen import make_console, print_json
    from genbench.storage.models import get_model, models_folder

    model = get_model(models_folder(), name)
    if json:
        print_json(model.card.to_dict())
    else:
        show_card(model, make_console())


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
        print_message(f"removed {name}")


@app.command()
def merge(
    expression: Annotated[
        str,
        typer.Argument(
            metavar="MODELS",
            help='Names that models list shows, with weights: "2*MODEL+MODEL".',
            autocompletion=completion.models,
        ),
    ],
) -> None:
    """Merge models that count, as in "2*MODEL+MODEL". The result is that of a training on the joined texts."""
    with show_progress() as live:
        from genbench import api

        model = api.merge_models(expression, listener=live)
    _print_use(model)


@app.command()
@accepts_groups
def update(name: ModelName, file: TextFile, reading: ReadingOptions) -> None:
    """Count a text too. Adds all of it to the training text of a model that counts; the result is a new model."""
    with show_progress() as live:
        from genbench import api

        model = api.update_model(name, file, **vars(reading), listener=live)
    _print_use(model)


@app.command()
@accepts_groups
def forget(name: ModelName, file: TextFile, reading: ReadingOptions) -> None:
    """Forget a text. Leaves it out of what a model has counted; the result is a new model."""
    with show_progress() as live:
        from genbench import api

        model = api.forget_text(name, file, **vars(reading), listener=live)
    _print_use(model)


def _print_use(model: Model) -> None:
    """Print how to use a model that is stored by its name."""
    if model.id:
        print_message(f"genbench generate AUTHOR --model {model.id} uses it, with the prompts of AUTHOR's text")


@app.command()
@accepts_groups
def export(
    author: Author,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet; or a page.")],
    generators: OneSpec,
    model: ModelOptions,
    web: Annotated[bool, typer.Option("--web", help="Write a page for a browser that runs the model.")] = False,
) -> None:
    """Write a model into a folder to pass on. With a model card and checksums; trains one if none is stored."""

    if web:
        train_and_write(author, [single(generators)], model, folder)
        return
    with show_progress() as live:
        from genbench import api

        arguments = vars(model) | {"imported": model.imported or ()}
        api.export_model(author, single(generators), folder, **arguments, listener=live)
    print_message(f"{folder} can be passed on; genbench models import {folder} imports it on any machine")


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
    """Check and store a model that somebody else exported. Nothing in its folder is executed."""
    from genbench.report.formatting import printable
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console
    from genbench.storage.sharing import import_model

    with Live(make_console(stderr=True)) as live, live.stage(f"checking {folder.name}"):
        model = import_model(folder, plugin, replace_old=replace)

    # suggest a command with the new model
    author, spec = (shlex.quote(printable(text)) for text in (model.card.author, model.card.spec))
    print_message(f"stored as {model.name}; genbench generate {author} -g {spec} --imported {model.name} uses it")
