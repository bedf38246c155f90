"""Reads the lines of a session: history, completion, and a toolbar with the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output

from genbench.cli import candidates
from genbench.cli.repl.settings import COMMANDS, Settings
from genbench.report.formatting import printable


class CommandCompleter(Completer):
    """Completes commands and their arguments; the SPECs of stored models come first."""

    def __init__(self, stored_specs: Callable[[], Iterable[str]] = tuple) -> None:
        self.stored_specs = stored_specs
        self.paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what may be typed at the cursor."""
        line = document.text_before_cursor
        word, blank, argument = line.partition(" ")
        if not line.startswith("/") or line.startswith("//"):
            return

        # the command itself, or its argument
        if not blank:
            for name, command in COMMANDS.items():
                if name.startswith(word):
                    yield Completion(name, -len(word), f"{name} {command.argument}".strip(), command.help)
        elif word == "/g":
            yield from self._specs(argument.rpartition(" ")[2])
        elif word == "/author":
            for name, full_name in candidates.authors():
                if name.startswith(argument):
                    yield Completion(name, -len(argument), display_meta=full_name)
            yield from self.paths.get_completions(Document(argument), complete_event)

    def _specs(self, prefix: str) -> Iterable[Completion]:
        stored = [spec for spec in self.stored_specs() if spec.startswith(prefix)]
        for spec in dict.fromkeys([*stored, *candidates.specs(prefix)]):
            yield Completion(spec, -len(prefix), display_meta="stored" if spec in stored else "")


def line_reader(
    folder: Path, stored_specs: Callable[[], Iterable[str]], input: Input | None = None, output: Output | None = None
) -> Callable[[Settings], str]:
    """Return a function that reads the next line; earlier lines are kept in a file in `folder`.

    The function raises EOFError for Ctrl-D and KeyboardInterrupt for Ctrl-C.
    """
    session: PromptSession[str] = PromptSession(
        history=_history(folder),
        completer=CommandCompleter(stored_specs),
        complete_while_typing=True,
        input=input,
        output=output,
    )

    def read_line(settings: Settings) -> str:
        toolbar = FormattedText([("", f" {printable(settings.summary())}")])
        return session.prompt(f"{printable(settings.author)}> ", bottom_toolbar=toolbar)

    return read_line


def _history(folder: Path) -> History:
    """Return the history in a file; that of this session only where the file cannot be written."""
    # a home that cannot be written costs the history, not the session
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "history").open("a", encoding="utf-8"):
            return FileHistory(str(folder / "history"))
    except OSError:
        return InMemoryHistory()
