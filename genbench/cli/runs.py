"""genbench runs: the stored comparisons."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from genbench.cli import completion
from genbench.cli.compare import exit_by_outcome
from genbench.cli.options import (
    AnyAuthor,
    AnyGenerator,
    CsvFile,
    HtmlFile,
    JsonFile,
    MarkdownFile,
    PrintJson,
    Retrain,
    RunName,
)
from genbench.cli.progress import print_message

app = typer.Typer(
    help="The stored comparisons: list, show, repeat, compare.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_(author: AnyAuthor = "", generator: AnyGenerator = "") -> None:
    """List the stored runs, newest first."""
    from genbench.report.formatting import pluralize
    from genbench.report.terminal.runs import show_runs
    from genbench.report.terminal.screen import make_console
    from genbench.storage.runs import runs_folder, scan_runs
    from genbench.storage.selection import Selection

    every = scan_runs()
    scan = Selection(author, generator).runs(every)
    show_runs(scan, make_console())

    # how many there are
    shown = pluralize(len(scan.runs), "run") if scan == every else f"{len(scan.runs)} of {len(every.runs)} runs"
    print_message(f"{shown} in {runs_folder()}" + ("" if every.runs else "; genbench compare stores one"))

    # runs of another version, or damaged ones
    if scan.unreadable:
        print_message(
            f"{pluralize(len(scan.unreadable), 'run')} cannot be read: compare again, and remove with genbench runs "
            f"remove {' '.join(scan.unreadable)}"
        )


@app.command()
def show(name: RunName, json: JsonFile = None, csv: CsvFile = None, markdown: MarkdownFile = None) -> None:
    """Print a stored run as compare printed it. --json, --csv and --markdown write it to files."""
    from genbench.experiments.compare import load_run
    from genbench.report.export.files import Outputs
    from genbench.report.terminal.comparison import show_comparison
    from genbench.report.terminal.screen import make_console

    comparison, outputs = load_run(name), Outputs(json=json, csv=csv, markdown=markdown)

    # files first: a closed pipe ends the printing; and a full disk does not
    try:
        outputs.write(comparison)
    finally:
        show_comparison(comparison, make_console(stderr=outputs.to_standard_output))


@app.command()
def report(name: RunName, html: HtmlFile = None) -> None:
    """Write a stored run as a page for a browser. --html FILE, else RUN.html."""
    from genbench.experiments.compare import load_run
    from genbench.report.export.files import Outputs

    comparison = load_run(name)
    path = html or Path(f"{comparison.name}.html")
    outputs = Outputs(html=path)
    outputs.write(comparison)
    if not outputs.to_standard_output:
        print_message(f"wrote {path}: open it in a browser")


@app.command()
def rerun(name: RunName, retrain: Retrain = False) -> None:
    """Repeat a stored run and show what differs. Stored models of the same training are reused."""
    from genbench.experiments.compare import load_run
    from genbench.experiments.compare import rerun as repeat
    from genbench.experiments.diff import diff_comparisons
    from genbench.report.terminal.comparison import show_comparison
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.runs import show_differences
    from genbench.report.terminal.screen import make_console

    before = load_run(name)
    with Live(make_console(stderr=True)) as live:
        comparison = repeat(before, retrain=retrain, command=["genbench", *sys.argv[1:]], listener=live)

    # the results, then what differs from the stored run
    show_comparison(comparison, make_console())
    show_differences(diff_comparisons(before, comparison), make_console())
    exit_by_outcome(comparison)


@app.command()
def diff(
    name: RunName,
    other: Annotated[
        str, typer.Argument(metavar="OTHER", help="The run to compare it with.", autocompletion=completion.run)
    ],
    json: PrintJson = False,
) -> None:
    """Compare two runs. The rows of the same author and generator, and by how much their bits differ."""
    from genbench.experiments.compare import load_run
    from genbench.experiments.diff import diff_comparisons
    from genbench.report.terminal.runs import show_differences
    from genbench.report.terminal.screen import make_console, print_json

    differences = diff_comparisons(load_run(name), load_run(other))
    if json:
        print_json(differences.to_dict())
    else:
        show_differences(differences, make_console())


@app.command()
def remove(
    names: Annotated[
        list[str], typer.Argument(metavar="RUN", help="Names that runs list shows.", autocompletion=completion.run)
    ],
) -> None:
    """Remove stored runs; the models they trained stay."""
    from genbench.storage.runs import remove_runs

    for name in remove_runs(names):
        print_message(f"removed {name}")
