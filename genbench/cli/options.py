"""Command-line arguments and options, each declared once.

A command names the types below in its signature. Options that belong together are a group, a dataclass that a command
takes as one parameter; `accepts_groups` expands it for Typer:

    @accepts_groups
    def score(author: Author, file: TextFile, generators: Generators, model: ModelOptions) -> None:
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from genbench.cli import completion
from genbench.errors import UserError

if TYPE_CHECKING:
    from genbench.corpus.corpus import Corpus
    from genbench.model import Model
    from genbench.training import ProgressListener

Completion = Callable[[str], Any] | None


class OptionGroup:
    """Base class of groups: dataclasses whose fields are options."""


def accepts_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for Typer in which every parameter that is an OptionGroup is replaced by the group's options."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[OptionGroup]] = {}
    parameters: list[inspect.Parameter] = []

    # replace each group by its fields; keyword-only, so that those without a default may follow those with one
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if isinstance(kind, type) and issubclass(kind, OptionGroup):
            groups[parameter.name] = kind
            parameters += _fields_as_parameters(kind)
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=kind))

    @functools.wraps(command)
    def expanded(**values: Any) -> None:
        arguments = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})  # type: ignore[arg-type]
            for name, group in groups.items()
        }
        command(**values, **arguments)

    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return expanded


def _fields_as_parameters(group: type[OptionGroup]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)  # type: ignore[arg-type]
    ]


def option(*names: str, metavar: str, help: str, completion: Completion = None, **settings: Any) -> Any:
    """Return an option whose default is not shown, because the help text describes it."""
    return typer.Option(*names, metavar=metavar, help=help, show_default=False, autocompletion=completion, **settings)


def spec_option(help: str) -> Any:
    """Return the option that names generators, with completion."""
    return option("-g", "--generator", metavar="SPEC", help=help, completion=completion.spec)


# Arguments

ONE_AUTHOR_HELP = (
    "A catalogue name, gutenberg:NAME or gutenberg:NUMBER, a path to a text file or a folder of them, or a sum of "
    "these: 2*austen+carroll."
)
AUTHORS_HELP = (
    "Catalogue names, Project Gutenberg's authors (gutenberg:dickens) or numbers (gutenberg:1342+158), paths to a text "
    "file or a folder of them, or sums of these (2*austen+carroll); or one comparison file (.toml), whose settings "
    "apply where no option is given. [default: austen carroll]"
)
SPEC_HELP = "name, name:key=value,key=value, or a path to a .py file"

Author = Annotated[str, typer.Argument(metavar="AUTHOR", help=ONE_AUTHOR_HELP, autocompletion=completion.author)]
Authors = Annotated[
    list[str] | None,
    typer.Argument(metavar="AUTHOR", help=AUTHORS_HELP, show_default=False, autocompletion=completion.authors),
]
AnyAuthor = Annotated[
    str,
    typer.Argument(
        metavar="AUTHOR", help="Only those of this author.", show_default=False, autocompletion=completion.author
    ),
]
AnyGenerator = Annotated[
    str,
    spec_option("Only those of this generator, and of these options."),
]
TextFile = Annotated[str, typer.Argument(metavar="FILE", help="The text; - is standard input.")]
ModelName = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A name that genbench models list shows.", autocompletion=completion.model),
]
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A name that genbench runs list shows; last is the newest.",
        autocompletion=completion.run,
    ),
]

# Generators

Specs = Annotated[
    list[str] | None,
    spec_option(f"{SPEC_HELP}; repeatable. [default: markov-char markov-word lstm-char lstm-word lstm]"),
]
OneSpec = Annotated[list[str], spec_option(f"{SPEC_HELP}.")]
SomeSpecs = Annotated[
    list[str],
    spec_option(f"{SPEC_HELP}; repeatable."),
]
BEST_MODEL = "the stored model with the fewest bits on validation text, else markov"
OneSpecOrBest = Annotated[
    list[str] | None,
    spec_option(f"{SPEC_HELP}. [default: {BEST_MODEL}]"),
]
SomeSpecsOrBest = Annotated[
    list[str] | None,
    spec_option(f"{SPEC_HELP}; repeatable. [default: {BEST_MODEL}]"),
]
AttributionSpec = Annotated[
    str,
    typer.Option(
        *("-g", "--generator"),
        metavar="SPEC",
        help="The generator that is trained on each author.",
        autocompletion=completion.spec,
    ),
]

# Training

Budget = Annotated[
    str | None,
    option(metavar="TIME", help="CPU seconds of each training, at most one per second: 30s, 2m, 1h. [default: 30s]"),
]
Steps = Annotated[int | None, option(metavar="N", help="Optimizer steps of a network, instead of a budget.")]
Flops = Annotated[
    float | None,
    option(metavar="N", help="Floating-point operations of a network's training, such as 1e12, instead of a budget."),
]
TrainSeed = Annotated[
    int | None, option("--train-seed", metavar="N", help="Seed of training. [default: any stored model]")
]
Device = Annotated[
    str, typer.Option(metavar="auto|cpu|cuda|mps", help="Where networks train.", autocompletion=completion.device)
]
Lines = Annotated[
    str,
    typer.Option(
        metavar="join|keep",
        help="Join the hard line wraps of prose, or keep all lines.",
        autocompletion=completion.lines,
    ),
]
Encoding = Annotated[
    str | None,
    option(
        metavar="NAME",
        help="Encoding of files that are not UTF-8, such as cp1252.",
        completion=completion.encoding,
    ),
]
Column = Annotated[
    str | None,
    option(metavar="NAME", help="Read one text in each record of a CSV, TSV or JSON Lines file: this column."),
]
Imported = Annotated[
    list[str] | None,
    option(
        metavar="MODEL",
        help="Reuse this imported or fine-tuned model as if it had been trained here; repeatable.",
        completion=completion.model,
    ),
]
Pretrained = Annotated[
    list[Path] | None,
    option(
        metavar="PATH",
        help="Show these results of lm-evaluation-harness as rows, marked pretrained: a file or folder that it wrote; "
        "repeatable.",
    ),
]
Watch = Annotated[bool, typer.Option("--watch", help="Print what networks write as they learn, every second.")]
Retrain = Annotated[bool, typer.Option("--retrain", help="Train even if a model of the same training is stored.")]
Books = Annotated[
    int | None,
    option("--books", metavar="N", help="How many books of each gutenberg:NAME. [default: 3]", min=1, max=200),
]
HeldOut = Annotated[
    list[str] | None, option("--held-out", metavar="BOOK", help="Test on this whole book, not on a part of each.")
]

# Sampling

Prompt = Annotated[
    str,
    option(
        "--prompt",
        metavar="TEXT",
        help="Text to continue as it is typed: a space at its end closes its last word; -: standard input; random: a "
        "sentence of the author.",
    ),
]
Temperature = Annotated[
    float | None, option("--temperature", metavar="T", help="0 is greedy. [default: the generator's, 0.8 to 1]")
]
TopK = Annotated[int | None, option(metavar="K", help="Sample from the K most probable tokens.")]
TopP = Annotated[
    float | None, option(metavar="P", help="Sample from the most probable tokens whose probabilities sum to P.")
]
MinP = Annotated[
    float | None, option(metavar="P", help="Sample from tokens at least P times as probable as the most probable one.")
]
Penalty = Annotated[
    float, typer.Option(metavar="X", help="Above 1: to go on repeating the text is less probable: no loops.")
]
Spelling = Annotated[
    bool | None,
    option(
        "--spelling/--no-spelling",
        metavar="",
        help="Whether words that the generator does not know may be spelled. [default: yes, but not by markovify]",
    ),
]
MaxOverlap = Annotated[
    float | None,
    option(metavar="N", help="Copy at most N words in a row from the training text; below 1: a share of the words."),
]
Stop = Annotated[list[str] | None, option("--stop", metavar="TEXT", help="End before this text; repeatable.")]
KeepStop = Annotated[bool, typer.Option("--keep-stop", help="End after the text of --stop, not before it.")]
Length = Annotated[int, typer.Option(metavar="N", help="Characters of a text.")]
Count = Annotated[int, typer.Option(metavar="N", min=1, help="Number of texts.")]

# Output

PrintJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JsonFile = Annotated[Path | None, option("--json", metavar="FILE", help="Write everything as JSON; - prints it.")]
CsvFile = Annotated[Path | None, option("--csv", metavar="FILE", help="Write the rows as CSV; - prints them.")]
MarkdownFile = Annotated[
    Path | None, option("--markdown", metavar="FILE", help="Write the tables as Markdown; - prints them.")
]
HtmlFile = Annotated[Path | None, option("--html", metavar="FILE", help="Write a report for a browser; - prints it.")]
PlaygroundFile = Annotated[
    Path | None,
    option("--playground", metavar="FILE", help="Write a page that runs the models of one author in a browser."),
]
OutputFile = Annotated[
    Path, typer.Option("-o", "--output", metavar="OUT", help="The file to write; - is standard output.")
]


@dataclass(frozen=True)
class ReadingOptions(OptionGroup):
    """How texts are read."""

    lines: Lines = "join"
    encoding: Encoding = None
    column: Column = None

    def corpus(self, author: str, listener: ProgressListener) -> Corpus:
        """Return the author's text."""
        from genbench import api

        return api.corpus(author, lines=self.lines, encoding=self.encoding, column=self.column, listener=listener)

    def text(self, file: str, listener: ProgressListener) -> str:
        """Return the text of a file, or of standard input for "-"."""
        from genbench import api

        return api.read_text(file, lines=self.lines, encoding=self.encoding, column=self.column, listener=listener)


@dataclass(frozen=True)
class ModelOptions(ReadingOptions):
    """Which stored model a command uses, and how one is trained where none fits."""

    seed: Annotated[
        int | None,
        option(metavar="N", help="Seed of training. [default: any stored model]"),
    ] = None
    budget: Budget = None
    steps: Steps = None
    flops: Flops = None
    device: Annotated[
        str | None,
        option(
            metavar="auto|cpu|cuda|mps",
            help="Where networks train. [default: auto]",
            completion=completion.device,
        ),
    ] = None
    imported: Imported = None
    stored: Annotated[
        str | None,
        option(
            "--model",
            metavar="MODEL",
            help="Use this stored model, whatever text it was trained on: one that was merged, updated, or forgot.",
            completion=completion.model,
        ),
    ] = None

    def model(self, text: Corpus, spec: str | None, listener: ProgressListener) -> Model:
        """Return the newest stored model that fits, without a SPEC the best one, or a new one."""
        from genbench import api

        return api.load_or_train(
            text,
            spec,
            budget=self.budget,
            steps=self.steps,
            flops=self.flops,
            seed=self.seed,
            device=self.device,
            imported=self.imported or (),
            stored=self.stored,
            listener=listener,
        )

    def models(self, text: Corpus, specs: Sequence[str] | None, listener: ProgressListener) -> dict[str, Model]:
        """Return a model for each SPEC, without SPECs the best stored one."""
        if specs:
            return {spec: self.model(text, spec, listener) for spec in specs}
        best = self.model(text, None, listener)
        return {best.card.spec if best.card else "": best}


@dataclass(frozen=True)
class SampledModelOptions(ModelOptions):
    """Which model a command that samples uses; its --seed is that of sampling."""

    seed: TrainSeed = None


@dataclass(frozen=True)
class TrainingOptions(ReadingOptions):
    """How a model is trained."""

    seed: Annotated[int, typer.Option(help="Seed of training.")] = 0
    budget: Budget = None
    steps: Steps = None
    flops: Flops = None
    device: Device = "auto"
    retrain: Retrain = False


@dataclass(frozen=True)
class SamplingOptions(OptionGroup):
    """How the next token is chosen."""

    temperature: Temperature = None
    top_k: TopK = None
    top_p: TopP = None
    min_p: MinP = None
    repetition_penalty: Penalty = 1.0
    spelling: Spelling = None


def single_or_best(specs: list[str] | None) -> str | None:
    """Return the one SPEC of a command that takes one or none; UserError for several."""
    return single(specs) if specs else None


def single(specs: list[str]) -> str:
    """Return the one SPEC of a command that takes one; UserError for several."""
    if len(specs) > 1:
        raise UserError(f"{len(specs)} generators are given, and one is expected; genbench compare takes several")
    return specs[0]
