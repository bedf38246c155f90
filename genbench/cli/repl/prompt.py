"""The prompt itself, by prompt_toolkit: earlier lines, completion, and below it what is set."""

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


class Commands(Completer):
    """Completes commands, and what they take; `kept` are the SPECs that come first."""

    def __init__(self, kept: Callable[[], Iterable[str]] = tuple) -> None:
        self.kept = kept
        self.paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may stand at the cursor."""
        before = document.text_before_cursor
        word, blank, argument = before.partition(" ")
        if not before.startswith("/") or before.startswith("//"):
            return
        if not blank:
            for name, each in COMMANDS.items():
                if name.startswith(word):
                    yield Completion(name, -len(word), f"{name} {each.argument}".strip(), each.help)
        elif word == "/g":
            yield from self._specs(argument.rpartition(" ")[2])
        elif word == "/author":
            named = [each for each in candidates.authors() if each[0].startswith(argument)]
            yield from (Completion(name, -len(argument), display_meta=what) for name, what in named)
            yield from self.paths.get_completions(Document(argument), complete_event)

    def _specs(self, begun: str) -> Iterable[Completion]:
        kept = [spec for spec in self.kept() if spec.startswith(begun)]
        for spec in dict.fromkeys([*kept, *candidates.specs(begun)]):
            yield Completion(spec, -len(begun), display_meta="kept" if spec in kept else "")


def asker(
    folder: Path, kept: Callable[[], Iterable[str]], input: Input | None = None, output: Output | None = None
) -> Callable[[Settings], str]:
    """What asks for the next line; earlier lines are kept in a file in a folder."""
    session: PromptSession[str] = PromptSession(
        history=_history(folder),
        completer=Commands(kept),
        complete_while_typing=True,
        input=input,
        output=output,
    )

    def ask(settings: Settings) -> str:
        toolbar = FormattedText([("", f" {printable(settings.told())}")])
        return session.prompt(f"{printable(settings.author)}> ", bottom_toolbar=toolbar)

    return ask


def _history(folder: Path) -> History:
    """Earlier lines in a file; of this session alone where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "history").open("a", encoding="utf-8"):
            return FileHistory(str(folder / "history"))
    except OSError:
        return InMemoryHistory()
