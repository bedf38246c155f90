"""genbench compare"""

from __future__ import annotations

import sys

import typer

from genbench.cli import options as p


def compare(
    context: typer.Context,
    authors: p.Authors = None,
    generators: p.Specs = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    deadline: p.Deadline = None,
    seed: p.Seed = 0,
    seeds: p.Seeds = 1,
    prompts: p.Prompts = None,
    temperatures: p.Temperatures = None,
    top_k: p.TopK = None,
    top_p: p.TopP = None,
    min_p: p.MinP = None,
    repetition_penalty: p.Penalty = 1.0,
    max_overlap: p.MaxOverlap = None,
    length: p.Length = 300,
    jobs: p.Jobs = None,
    executor: p.Executor = None,
    device: p.Device = "auto",
    lines: p.Lines = "join",
    held_out: p.HeldOut = None,
    by: p.By = None,
    style: p.Style = False,
    memory: p.Memory = False,
    across: p.Across = False,
    fresh: p.Fresh = False,
    name: p.RunName = "",
    json: p.Json = None,
    csv: p.Csv = None,
    markdown: p.Markdown = None,
    html: p.Html = None,
) -> None:
    """Train generators on authors; print bits, perplexities, costs, and samples side by side."""
    from genbench.experiments import comparing
    from genbench.experiments import config as settings
    from genbench.report.export import files
    from genbench.report.terminal import comparison as terminal
    from genbench.report.terminal.live import Live, console
    from genbench.storage import runs

    typed = {name: context.params[name] for name in settings.Settings.__annotations__ if _typed(context, name)}
    asked = settings.arguments(settings.asked(typed)) | ({"name": name} if name else {})
    if name:
        runs.require_free(name)
    outputs = files.Outputs(json=json, csv=csv, markdown=markdown, html=html)
    with Live(console(stderr=True)) as live:
        found = comparing.compare(**asked, command=["genbench", *sys.argv[1:]], watcher=live)
    terminal.show(found, console())
    outputs.write(found)
    if found.stopped:
        raise KeyboardInterrupt
    if not found.any_ok:
        raise typer.Exit(1)


def _typed(context: typer.Context, name: str) -> bool:
    """Whether an option was typed: a default gives way to what a comparison file says."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
