"""The `genbench` command: its sub-commands, and the one place where errors become a sentence and an exit code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer
from typer.exceptions import TyperException

from genbench import __version__
from genbench.cli import completion as completing
from genbench.cli import corpora, generators, models, runs
from genbench.cli.attribution import attribute, authors
from genbench.cli.compare import compare
from genbench.cli.compress import compress, decompress
from genbench.cli.explain import explain
from genbench.cli.gates import cells
from genbench.cli.generate import generate
from genbench.cli.memory import memory
from genbench.cli.novelty import novelty
from genbench.cli.score import score
from genbench.cli.surprisal import read
from genbench.cli.sweep import sweep
from genbench.cli.train import train
from genbench.errors import GenbenchError, PluginWarning, format_error

STOPPED = 130  # the exit code of what was interrupted

app = typer.Typer(
    name="genbench",
    help="Markov chains and LSTMs on the same bench: train them on an author, compare bits and samples.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: a tenth of a second sooner, and errors in one sentence
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genbench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Markov chains and LSTMs on the same bench: train them on an author, compare bits and samples."""


app.command()(compare)
app.command()(sweep)
app.command()(train)
app.command()(generate)
app.command()(score)
app.command()(read)
app.command()(explain)
app.command()(novelty)
app.command()(authors)
app.command()(attribute)
app.command()(memory)
app.command()(cells)
app.command()(compress)
app.command()(decompress)
app.add_typer(models.app, name="models")
app.add_typer(runs.app, name="runs")
app.add_typer(corpora.app, name="corpora")
app.add_typer(generators.app, name="generators")


def main() -> None:
    """Run the command line; what genbench raises on purpose becomes one sentence and exit code 2."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - closed by whoever called
    _forgive()
    with warnings.catch_warnings():
        warnings.simplefilter("default", PluginWarning)  # never an error
        warnings.showwarning = _warner()
        _run()


def _forgive() -> None:
    """Let no character be an error that the encoding of a terminal or a pipe lacks: a Windows console's, say."""
    from genbench.report.terminal.encoding import forgiving

    for stream in (sys.stdout, sys.stderr):
        forgiving(stream)


def _run() -> NoReturn:
    try:
        with completing.whole_words():
            code = app(prog_name="genbench", standalone_mode=False)
    except GenbenchError as error:
        _complain(f"genbench: {error}", 2)
    except TyperException as error:
        _complain(_sentence(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = STOPPED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: nothing is left to say
        sys.exit(1)
    except (OSError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        _complain_of_model(error)
        if not isinstance(error, OSError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _complain(f"genbench: {error.strerror or error}; make room, or write elsewhere", 2)
    if code == STOPPED:
        _complain("\ngenbench: stopped; the same command goes on from here", STOPPED)
    sys.exit(code)


def _complain_of_model(error: Exception) -> None:
    """Where a loaded model fails in use, that is its files' fault: one sentence."""
    from genbench.storage import models

    name = models.at_fault(error)
    if name:
        said = " ".join(format_error(error).split())
        _complain(f"genbench: model {name} fails in use ({said}); genbench models remove {name}, and train it anew", 2)


def _warner() -> Callable[..., None]:
    """What shows warnings: a plugin that cannot be used is one line, once; others look as Python's do."""
    from genbench.report.formatting import printable

    shown: set[str] = set()

    def warn(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
        ours = issubclass(category, PluginWarning)
        said = f"genbench: {message}" if ours else warnings.formatwarning(message, category, filename, lineno).rstrip()
        if said not in shown:
            shown.add(said)
            print(printable(said), file=sys.stderr)

    return warn


def _complain(sentence: str, code: int) -> NoReturn:
    from genbench.report.formatting import printable

    print(printable(sentence), file=sys.stderr)  # typer.echo would write UTF-8 where the encoding is ASCII
    sys.exit(code)


def _sentence(error: TyperException) -> str:
    """What is wrong with the command line, and where its help is."""
    message = error.format_message().strip()
    if "\n" in message:  # the help itself, where a command is missing
        return message
    message = message.rstrip(".?").replace(". Did", ": did")
    command = getattr(getattr(error, "ctx", None), "command_path", "genbench")
    return f"genbench: {message[:1].lower()}{message[1:]}; see {command} --help"


if __name__ == "__main__":
    main()
