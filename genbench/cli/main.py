"""The `genbench` command: its subcommands, and the one place where errors become a sentence and an exit code."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer
from typer.exceptions import TyperException

from genbench import __version__
from genbench.cli import INTERRUPTED as INTERRUPTED
from genbench.cli import completion, corpora, generators, models, runs
from genbench.cli.anchors import anchors
from genbench.cli.attribute import attribute
from genbench.cli.compare import compare
from genbench.cli.compress import compress, decompress
from genbench.cli.confusion import confusion
from genbench.cli.explain import explain
from genbench.cli.gates import gates
from genbench.cli.generate import generate
from genbench.cli.leaderboard import leaderboard
from genbench.cli.memory import memory
from genbench.cli.novelty import novelty
from genbench.cli.playground import playground
from genbench.cli.progress import print_message
from genbench.cli.prove import prove
from genbench.cli.score import score
from genbench.cli.streams import BestEffortStream
from genbench.cli.surprisal import surprisal
from genbench.cli.sweep import sweep
from genbench.cli.train import train
from genbench.errors import GenbenchError, PluginWarning, format_error

USER_ERROR = 2  # exit code
NUMBERS = {"integer": "a whole number", "number": "a number"}  # as Typer's messages call them, and genbench's
DESCRIPTION = "Compare Markov chains and LSTMs: train them on an author, compare bits and samples."

app = typer.Typer(
    name="genbench",
    help=DESCRIPTION,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: starts a tenth of a second sooner, and errors are one sentence
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"genbench {__version__}")
        raise typer.Exit


@app.callback(help=DESCRIPTION)
def global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Accept the options that stand before a command."""


for command in (
    *(compare, sweep, train, generate, score, surprisal, explain, novelty, playground),
    *(confusion, attribute, memory, gates, compress, decompress, prove, leaderboard, anchors),
):
    app.command()(command)
app.add_typer(models.app, name="models")
app.add_typer(runs.app, name="runs")
app.add_typer(corpora.app, name="corpora")
app.add_typer(generators.app, name="generators")


def main() -> None:
    """Run the command line; a GenbenchError becomes one sentence and exit code 2."""
    from genbench.report.terminal.screen import prepare_output

    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - the caller has closed it
    encoding_errors = prepare_output((sys.stdout, sys.stderr), os.environ)
    sys.stderr = BestEffortStream(sys.stderr)
    with warnings.catch_warnings():
        warnings.simplefilter("default", PluginWarning)  # never an error
        warnings.showwarning = _warning_printer()
        try:
            _run()
        finally:
            if encoding_errors.lost:
                print_message(f"genbench: {encoding_errors.sentence()}")


def _run() -> NoReturn:
    try:
        with completion.whole_words():
            code = app(prog_name="genbench", standalone_mode=False)
        sys.stdout.flush()  # what cannot be written is reported here, not when Python exits
    except GenbenchError as error:
        _exit(f"genbench: {error}", USER_ERROR)
    except TyperException as error:
        _exit(_usage_error(error), USER_ERROR)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        _discard_output()  # the reader of the pipe has gone
        sys.exit(1)
    except (OSError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        _exit_if_model_is_at_fault(error)
        if not isinstance(error, OSError):
            raise
        _discard_output()
        _exit(f"genbench: {error.strerror or error}; make room, or write elsewhere", USER_ERROR)

    # Ctrl-C in a command that handled it, or out of one that did not
    if code == INTERRUPTED:
        _exit("\ngenbench: stopped", INTERRUPTED)
    sys.exit(code)


def _discard_output() -> None:
    """Send what is still buffered nowhere, so that closing standard output does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _exit_if_model_is_at_fault(error: Exception) -> None:
    """Exit with one sentence where the methods of a loaded model fail, which is the fault of its files."""
    from genbench.storage.models import model_at_fault

    name = model_at_fault(error)
    if name:
        reason = " ".join(format_error(error).split())
        _exit(
            f"genbench: model {name} fails in use ({reason}); genbench models remove {name}, and train it again",
            USER_ERROR,
        )


def _warning_printer() -> Callable[..., None]:
    """Return a function that shows warnings: a PluginWarning as one line, once; others as Python does."""
    shown: set[str] = set()

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
        if issubclass(category, PluginWarning):
            line = f"genbench: {message}"
        else:
            line = warnings.formatwarning(message, category, filename, lineno).rstrip()
        if line not in shown:
            shown.add(line)
            print_message(line)

    return show


def _exit(sentence: str, code: int) -> NoReturn:
    print_message(sentence)
    sys.exit(code)


def _usage_error(error: TyperException) -> str:
    """Return what is wrong with the command line, and the command that shows its help."""
    message = error.format_message().strip()
    if "\n" in message:  # the help itself, where a command is missing
        return message

    # one sentence in the form and the words of all other errors
    for kind, words in NUMBERS.items():
        message = re.sub(rf"Input should be a valid {kind}\b[^;]*", f"it must be {words}", message)
    message = message.rstrip(".?").replace(". Did", ": did")
    file = next((word for word in sys.argv[1:] if word.startswith("-") and os.path.exists(word)), None)
    message += f" (./{file} is the file of that name)" if file and message.startswith("No such option") else ""
    command = getattr(getattr(error, "ctx", None), "command_path", "genbench")
    return f"genbench: {message[:1].lower()}{message[1:]}; see {command} --help"


if __name__ == "__main__":
    main()
