"""genbench generators: the plugins and their options."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from genbench.cli import completion
from genbench.cli.progress import print_message

app = typer.Typer(help="The generators: list, show, new, check.", no_args_is_help=True, rich_markup_mode=None)

Spec = Annotated[
    str, typer.Argument(metavar="SPEC", help="A name, or a path to a .py file.", autocompletion=completion.spec)
]


@app.command("list")
def list_() -> None:
    """List the generators by name. A broken plugin is reported on standard error."""
    from genbench import registry
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_list

    with Live(make_console(stderr=True)) as live, live.stage("reading the plugins"):
        summaries = registry.summaries()
    print_list(["generator", "description"], list(summaries.items()), make_console())


@app.command()
def show(name: Spec) -> None:
    """Show a generator and its options. With types, defaults and help."""
    from genbench import registry
    from genbench.report.formatting import printable
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_list
    from genbench.spec import Spec as ParsedSpec

    # its docstring, which may contain square brackets: no markup
    (known,) = registry.describe([ParsedSpec.parse(name)])
    out = make_console()
    out.print(printable(f"{name}: {known.docstring}"), markup=False)

    # a line for each option
    rows = [[option.name, option.choices, option.default, option.help] for option in known.options]
    print_list(["option", "type", "default", "description"], rows, out)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: lower-case letters and hyphens.")],
    kind: Annotated[
        str, typer.Option(metavar="tokens|torch", help="Written by hand over tokens, or a torch network.")
    ] = "tokens",
    package: Annotated[bool, typer.Option("--package", help="Write a distribution to install and publish.")] = False,
) -> None:
    """Write a working plugin to start from. One file, or the folder of a distribution."""
    from genbench import templates

    paths = templates.write(name, kind, package, Path())
    spec = name if package else f"./{paths[0]}"
    for path in paths:
        typer.echo(path)

    # suggest the next commands
    commands = f"pip install -e {name}\n" if package else ""
    commands += f"genbench generators check {spec}\ngenbench compare carroll -g {spec} -g markov-char"
    print_message(f"\nThe plugin works as it is. Next commands:\n\n{commands}")


@app.command()
def check(
    name: Spec, timeout: Annotated[str, typer.Option(metavar="TIME", help="Time limit of each check.")] = "10m"
) -> None:
    """Run every check of the conformance kit on a generator. Exit code 1 where one fails."""
    from genbench.errors import ContractError
    from genbench.report.terminal.checks import show_result
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console
    from genbench.spec import parse_duration
    from genbench.testing import CHECKS, CheckResult, run_checks_in_process

    # each result is shown as soon as it is there; until then, what is waited for
    out, failed, checks = make_console(), 0, iter(CHECKS)
    results = run_checks_in_process(name, parse_duration(timeout, "timeout"))
    while True:
        try:
            with Live(make_console(stderr=True)) as live, live.stage(f"checking {name}: {next(checks, 'done')}"):
                result = next(results, None)
        except ContractError as error:
            requirement = "It is one complete generator for contract 2."
            result, results = CheckResult("loads", "fails", requirement, str(error)), iter(())
        if result is None:
            break
        show_result(result, out)
        failed += result.outcome == "fails"

    # a failure is visible in the exit code; otherwise suggest the next command
    if failed:
        raise typer.Exit(1)
    other = "markov-word" if name == "markov-char" else "markov-char"  # a generator is named once
    print_message(f"\nAll checks pass. Next command:\n\ngenbench compare carroll -g {shlex.quote(name)} -g {other}")
