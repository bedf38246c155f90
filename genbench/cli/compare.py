"""genbench compare"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.cli import completion
from genbench.cli.options import (
    Authors,
    Books,
    Budget,
    CsvFile,
    Device,
    Flops,
    HeldOut,
    HtmlFile,
    Imported,
    JsonFile,
    Length,
    MarkdownFile,
    MaxOverlap,
    MinP,
    OptionGroup,
    Penalty,
    PlaygroundFile,
    Pretrained,
    ReadingOptions,
    Retrain,
    Specs,
    Steps,
    TopK,
    TopP,
    Watch,
    accepts_groups,
    option,
)
from genbench.cli.playground import require_one_author, write_run_playground
from genbench.cli.progress import print_message, show_progress
from genbench.cli.prompts import read_prompts

if TYPE_CHECKING:
    from genbench.experiments.comparison import Comparison

Timeout = Annotated[
    str | None,
    option(metavar="TIME", help="Time limit per row. [default: 3 budgets, 1m, and 1s per 1,000 test characters]"),
]
Jobs = Annotated[int | None, option(metavar="N", help="Rows that run side by side. [default: one per idle core]")]
Executor = Annotated[
    str | None,
    option(metavar="local|ray|HOST:PORT", help="Where rows run: here, or on a Ray cluster. [default: local]"),
]
NewRunName = Annotated[
    str, option("--name", metavar="NAME", help="Name of the run. [default: its authors and a number]")
]


@dataclass(frozen=True)
class SampleOptions(OptionGroup):
    """Which samples a comparison generates."""

    prompts: Annotated[
        list[str] | None,
        option(
            "--prompt",
            metavar="TEXT",
            help="Text that samples continue; -: standard input; random: a sentence of the author; repeatable, one "
            "sample each.",
        ),
    ] = None
    temperatures: Annotated[
        list[float] | None,
        option(
            "--temperature",
            metavar="T",
            help="0 is greedy; repeatable, one sample each. [default: the generator's, 0.8 to 1]",
        ),
    ] = None
    top_k: TopK = None
    top_p: TopP = None
    min_p: MinP = None
    repetition_penalty: Penalty = 1.0
    max_overlap: MaxOverlap = None
    length: Length = 300


@dataclass(frozen=True)
class MetricOptions(OptionGroup):
    """What a comparison measures beyond bits and samples."""

    by: Annotated[
        list[str] | None,
        option(
            metavar="KIND",
            help="Split the bits by kind of place: word-frequency, context-seen, position (in a word), newline; "
            "repeatable.",
            completion=completion.by,
        ),
    ] = None
    style: Annotated[
        bool,
        typer.Option("--style", help="Let judges attribute the samples; a quarter of the training text is theirs."),
    ] = False
    memory: Annotated[
        bool, typer.Option("--memory", help="Measure what context is worth: bits with 1, 2, 4 ... characters of it.")
    ] = False
    cross_author: Annotated[
        bool, typer.Option("--cross-author", help="Also score the other authors' test texts: a matrix of authors.")
    ] = False


@accepts_groups
def compare(
    context: typer.Context,
    *,
    authors: Authors = None,
    generators: Specs = None,
    budget: Budget = None,
    steps: Steps = None,
    flops: Flops = None,
    timeout: Timeout = None,
    audit: Annotated[
        str, typer.Option(metavar="TIME|full", help="Time per row to have each token predicted before it is shown.")
    ] = "15s",
    seed: Annotated[int, typer.Option(help="Seed of training; samples and judges use it too.")] = 0,
    seeds: Annotated[int, typer.Option(metavar="N", help="Train with N seeds; the table shows means and spread.")] = 1,
    device: Device = "auto",
    reading: ReadingOptions,
    books: Books = None,
    held_out: HeldOut = None,
    retrain: Retrain = False,
    imported: Imported = None,
    pretrained: Pretrained = None,
    samples: SampleOptions,
    metrics: MetricOptions,
    jobs: Jobs = None,
    executor: Executor = None,
    watch: Watch = False,
    name: NewRunName = "",
    json: JsonFile = None,
    csv: CsvFile = None,
    markdown: MarkdownFile = None,
    html: HtmlFile = None,
    playground: PlaygroundFile = None,
) -> None:
    """Train generators on authors and compare them. Bits, perplexities, costs, and samples side by side."""
    with show_progress(watch) as live:
        from genbench.corpus.gutenberg_search import with_book_count
        from genbench.experiments.compare import compare as run_compare
        from genbench.experiments.config import CompareConfig, resolve_arguments
        from genbench.report.export.files import Outputs
        from genbench.storage.outputs import require_writable
        from genbench.storage.runs import require_unused_name
        from genbench.tokenization.text import replace_surrogates

        # refuse what can be refused before the work: bad arguments, a name that is taken, files that cannot be written
        typed = {key: context.params[key] for key in CompareConfig.__annotations__ if _is_typed(context, key)}
        if typed.get("prompts"):
            typed["prompts"] = read_prompts(typed["prompts"], reading.encoding)
        if books is not None:
            typed["authors"] = with_book_count(authors or (), books)
        arguments = resolve_arguments(typed)
        command = ["genbench", *map(replace_surrogates, sys.argv[1:])]
        if name:
            require_unused_name(name, command)
        outputs = Outputs(json=json, csv=csv, markdown=markdown, html=html)
        if playground is not None:
            require_one_author(arguments.get("authors", ()), "--playground")
            require_writable(playground)
        comparison = run_compare(**arguments, name=name, command=command, listener=live)

    from genbench.report.terminal.comparison import show_comparison
    from genbench.report.terminal.screen import make_console

    # files first: where the table cannot be printed they are written, and the other way round
    try:
        outputs.write(comparison)
    finally:
        show_comparison(comparison, make_console(stderr=outputs.to_standard_output))
    if playground is not None and comparison.any_ok and not comparison.stopped:
        with show_progress() as live:
            write_run_playground(comparison, playground, live)
    exit_by_outcome(comparison)


def exit_by_outcome(comparison: Comparison) -> None:
    """Exit with 1 where no row is ok, and as interrupted where the comparison was stopped."""
    from genbench.experiments.compare import STOPPED_WITH_PROGRESS

    if comparison.stopped:
        if comparison.any_ok or any(row.error == STOPPED_WITH_PROGRESS for row in comparison.results):
            words = [word for word in sys.argv[1:] if word != "--retrain"]  # which would begin again
            same = "the same command" if words == sys.argv[1:] else "the same command without --retrain"
            command = shlex.join(["genbench", *words])
            print_message(f"genbench: what is done is stored; {same} continues from there: {command}")
        raise KeyboardInterrupt
    if not comparison.any_ok:
        raise typer.Exit(1)


def _is_typed(context: typer.Context, name: str) -> bool:
    """Return whether an option was typed: defaults give way to what a comparison file says."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
