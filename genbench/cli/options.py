"""The parameters that several commands share: their names, meanings and help, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from genbench.cli import completion as completing
from genbench.errors import UserError
from genbench.experiments.durations import seconds

Completed = Callable[[str], Any] | None
AUTHORS_HELP = (
    "Catalogue names, Project Gutenberg's numbers (gutenberg:1342+158), or paths to a .txt file or a folder of them; "
    "or one comparison file (.toml), which says what is not said here. [default: austen carroll]"
)
SPEC_HELP = "name, name:key=value,key=value, or a path to a .py file; repeatable. "


def _option(*names: str, metavar: str, help: str, completed: Completed = None) -> typer.models.OptionInfo:
    """An option without a default that is worth showing."""
    found: typer.models.OptionInfo = typer.Option(
        *names, metavar=metavar, help=help, show_default=False, autocompletion=completed
    )
    return found


Authors = Annotated[
    list[str] | None,
    typer.Argument(metavar="AUTHOR", help=AUTHORS_HELP, show_default=False, autocompletion=completing.authors),
]
Specs = Annotated[
    list[str] | None,
    _option(
        "-g",
        "--generator",
        metavar="SPEC",
        help=SPEC_HELP + "[default: markov-char markov-word lstm-char lstm-word]",
        completed=completing.spec,
    ),
]
Budget = Annotated[str | None, _option(metavar="TIME", help="Training time a generator: 30s, 2m, 1h. [default: 30s]")]
Steps = Annotated[int | None, _option(metavar="N", help="Optimiser steps a network, instead of a budget.")]
Deadline = Annotated[
    str | None,
    _option(metavar="TIME", help="Give a row up after it. [default: 3 budgets, 1m, 1s for 1,000 test characters]"),
]
Seed = Annotated[int, typer.Option(help="The seed of training and drawing.")]
Seeds = Annotated[int, typer.Option(metavar="N", help="Train with N seeds; the table shows means and their spread.")]
Device = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where networks train.", autocompletion=completing.device)
]
Lines = Annotated[
    str,
    typer.Option(
        metavar="join|keep",
        help="Join the hard line wraps of prose, or keep all lines.",
        autocompletion=completing.lines,
    ),
]

HeldOut = Annotated[list[str] | None, _option("--held-out", metavar="BOOK", help="Test on this whole unseen book.")]
By = Annotated[
    list[str] | None,
    _option(
        metavar="KIND",
        help="Split the bits by place: word-frequency, context-seen, position (in a word), newline; repeatable.",
        completed=completing.by,
    ),
]
Style = Annotated[
    bool,
    typer.Option("--style", help="Judge whose style samples have; a quarter of the training text goes to the judges."),
]
Memory = Annotated[
    bool, typer.Option("--memory", help="What context is worth to each: bits with it cut to 1, 2, 4 ... characters.")
]
Across = Annotated[bool, typer.Option("--across", help="Score the other authors' test texts too: a matrix of authors.")]
RunName = Annotated[
    str, _option("--name", metavar="NAME", help="What the run is called. [default: its authors and a number]")
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Train anew, even if the same model is kept.")]

ONE = "A catalogue name, gutenberg:NUMBER, or a path to a .txt file or a folder of them."
AuthorOne = Annotated[str, typer.Argument(metavar="AUTHOR", help=ONE, autocompletion=completing.author)]
Spec = Annotated[
    list[str],
    _option(
        "-g",
        "--generator",
        metavar="SPEC",
        help=SPEC_HELP.replace("; repeatable. ", "."),
        completed=completing.spec,
    ),
]
Many = Annotated[
    list[str], _option("-g", "--generator", metavar="SPEC", help=SPEC_HELP.strip(), completed=completing.spec)
]
Asked = Annotated[
    list[str] | None,
    _option(
        "-g",
        "--generator",
        metavar="SPEC",
        help=SPEC_HELP + "[default: asked for on a terminal; else the newest kept model's, else markov-char]",
        completed=completing.spec,
    ),
]
PrintJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
AnySeed = Annotated[
    int | None, _option(metavar="N", help="Of training and drawing. [default: any kept model's; drawn anew each time]")
]
AnyDevice = Annotated[
    str | None,
    _option(metavar="auto|cpu|cuda|mps", help="Where networks train. [default: auto]", completed=completing.device),
]
Start = Annotated[str, _option("--prompt", metavar="TEXT", help="Go on from it; random: 40 characters of the author.")]
Temperature = Annotated[float, typer.Option(metavar="T", help="0 is greedy.")]
Penalty = Annotated[float, typer.Option(metavar="X", help="Above 1: what was said before is less likely.")]
Stop = Annotated[str | None, _option(metavar="TEXT", help="End before this text.")]
Count = Annotated[int, typer.Option(metavar="N", min=1, help="How many texts to draw.")]

Prompts = Annotated[
    list[str] | None,
    _option(
        "--prompt",
        metavar="TEXT",
        help="What samples go on from; random: 40 characters of the author; repeatable, one sample each.",
    ),
]
Temperatures = Annotated[
    list[float] | None,
    _option("--temperature", metavar="T", help="0 is greedy; repeatable, one sample each. [default: 0.8]"),
]
TopK = Annotated[int | None, _option(metavar="K", help="Draw from the K likeliest tokens.")]
TopP = Annotated[float | None, _option(metavar="P", help="Draw from the likeliest tokens that make up P.")]
MinP = Annotated[
    float | None, _option(metavar="P", help="Draw from tokens at least P times as likely as the likeliest.")
]
MaxOverlap = Annotated[
    float | None,
    _option(metavar="N", help="Copy at most N words in a row from the training text; below 1, a share of the words."),
]
Length = Annotated[int, typer.Option(metavar="N", help="Characters in a sample.")]

Jobs = Annotated[int | None, _option(metavar="N", help="Generators trained side by side. [default: one a core]")]
Executor = Annotated[
    str | None,
    _option(metavar="local|ray|HOST:PORT", help="Where rows are made: here, or on a Ray cluster. [default: local]"),
]
Cost = Annotated[
    str | None, _option(metavar="seconds|parameters|memory", help="What the front costs. [default: seconds]")
]
Halving = Annotated[
    int | None,
    _option(metavar="N", help="At 10, 30, 90 % of the training the best 1/N go on; 0: all do. [default: 3]"),
]
SomeSeed = Annotated[int | None, _option(metavar="N", help="The seed of training and drawing. [default: 0]")]
SomeSeeds = Annotated[int | None, _option(metavar="N", help="Train with N seeds. [default: 1]")]
Json = Annotated[Path | None, _option(metavar="FILE", help="Write everything as JSON.")]
Csv = Annotated[Path | None, _option(metavar="FILE", help="Write the rows as CSV.")]
Markdown = Annotated[Path | None, _option(metavar="FILE", help="Write the tables as Markdown.")]
Html = Annotated[Path | None, _option(metavar="FILE", help="Write a report to look at in a browser, one file.")]


def only(specs: list[str]) -> str:
    """The one SPEC of a command that takes one; UserError for several."""
    if len(specs) > 1:
        raise UserError(f"{len(specs)} generators are named, and one is taken; genbench compare takes several")
    return specs[0]


def limits(budget: str | None, steps: int | None, seed: int | None, device: str | None) -> dict[str, Any]:
    """What a model must fit, as `genbench.ready` takes it; None is open."""
    return {"budget": seconds(budget), "steps": steps, "seed": seed, "device": device}
