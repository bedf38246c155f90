"""genbench runs: every comparison is kept, to be looked at, run again and held against another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from genbench.cli import completion as completing
from genbench.cli import options as p

app = typer.Typer(
    help="The kept comparisons: list, show, report, rerun, diff, remove.", no_args_is_help=True, rich_markup_mode=None
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A name that genbench runs list shows; last: the newest.", autocompletion=completing.run
    ),
]
Other = Annotated[
    str, typer.Argument(metavar="OTHER", help="The run to hold against it.", autocompletion=completing.run)
]


@app.command("list")
def list_() -> None:
    """List the kept runs, newest first."""
    from genbench.report.formatting import counted
    from genbench.report.terminal.live import console
    from genbench.report.terminal.runs import show_all
    from genbench.storage import runs

    found = runs.kept()
    show_all([(run.name, run.comparison) for run in found], console())
    typer.echo(f"{counted(len(found), 'run')} in {runs.home()}", err=True)


@app.command()
def show(name: Name, json: p.Json = None, csv: p.Csv = None, markdown: p.Markdown = None) -> None:
    """Print a kept run as compare printed it; --json, --csv and --markdown write it."""
    from genbench.experiments import comparing
    from genbench.report.export import files
    from genbench.report.terminal import comparison as terminal
    from genbench.report.terminal.live import console

    found, outputs = comparing.run(name), files.Outputs(json=json, csv=csv, markdown=markdown)
    outputs.write(found)
    terminal.show(found, console())


@app.command()
def report(name: Name, html: p.Html = None) -> None:
    """Write a kept run as a page to look at in a browser: --html FILE, else RUN.html."""
    from genbench.experiments import comparing
    from genbench.report.export import files

    found = comparing.run(name)
    path = html or Path(f"{found.name}.html")
    files.Outputs(html=path).write(found)
    typer.echo(f"wrote {path}: open it in a browser", err=True)


@app.command()
def rerun(name: Name, fresh: p.Fresh = False) -> None:
    """Compare again as a kept run did, and show what differs; kept models of the same training are reused."""
    from genbench.experiments import comparing
    from genbench.report.terminal import comparison as terminal
    from genbench.report.terminal.live import Live, console
    from genbench.report.terminal.runs import show_differences

    old = comparing.run(name)
    with Live(console(stderr=True)) as live:
        found = comparing.rerun(old.name, fresh=fresh, command=["genbench", *sys.argv[1:]], watcher=live)
    terminal.show(found, console())
    show_differences(comparing.differences(old, found), console())
    if found.stopped:
        raise KeyboardInterrupt
    if not found.any_ok:
        raise typer.Exit(1)


@app.command()
def diff(name: Name, other: Other, json: p.PrintJson = False) -> None:
    """Hold one run against another: the rows of the same author and generator, and by how much their bits differ."""
    from genbench.experiments import comparing
    from genbench.report.terminal import screen
    from genbench.report.terminal.live import console
    from genbench.report.terminal.runs import show_differences

    found = comparing.differences(comparing.run(name), comparing.run(other))
    if json:
        screen.values(found)
    else:
        show_differences(found, console())


@app.command()
def remove(
    names: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Names that runs list shows.", autocompletion=completing.run)
    ],
) -> None:
    """Remove kept runs; the models they trained stay."""
    from genbench.storage import runs

    for run in [runs.named(name) for name in names]:
        runs.remove(run)
        typer.echo(f"removed {run.name}", err=True)
