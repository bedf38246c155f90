"""The session: a line is read, and is a beginning to go on from or a command; what goes wrong is one sentence."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Console
from rich.text import Text

from genbench import api
from genbench.cli.repl.settings import COMMANDS, Control, Settings, command, controlled, seeded
from genbench.corpus import Corpus
from genbench.errors import GenbenchError, UserError
from genbench.experiments.plan import RANDOM, start
from genbench.generator import Generator
from genbench.report.formatting import printable
from genbench.report.terminal import screen
from genbench.report.terminal.listings import facts
from genbench.report.terminal.live import Live
from genbench.report.terminal.side_by_side import show

Ask = Callable[[Settings], str]  # gives the next line; EOFError at the end, KeyboardInterrupt for Ctrl-C


class Leaving(Exception):  # noqa: N818 - it is no error
    """The session is over."""


@dataclass
class Session:
    """One session: what is set, the models, and what was drawn last."""

    text: Corpus
    settings: Settings
    console: Console
    lines: str = "join"
    limits: dict[str, Any] = field(default_factory=dict)  # what a model must fit, as `genbench.ready` takes it
    models: dict[str, Generator] = field(default_factory=dict)
    prompt: str = ""  # the last beginning
    drawn: dict[str, list[str]] = field(default_factory=dict)  # after it, by generator, in pieces

    def run(self, ask: Ask) -> None:
        """Read lines and do what they say until Ctrl-D or /quit."""
        self._load(self.settings)
        self._say(f"{self.settings.told()}\nType a beginning, or nothing, and Enter. /help lists the commands.")
        while True:
            try:
                line = ask(self.settings)
            except EOFError:
                return
            except KeyboardInterrupt:
                self._say("Ctrl-D or /quit leaves.")
                continue
            try:
                self._line(line)
            except Leaving:
                return
            except KeyboardInterrupt:
                self._say("\nstopped")
            except GenbenchError as error:
                self.console.print(Text(printable(str(error)), style="red"))

    def _line(self, line: str) -> None:
        if line.startswith("/") and not line.startswith("//"):
            self._command(*command(line))
        else:
            self._begin(line.removeprefix("/") if line.startswith("//") else line)

    def _command(self, word: str, argument: str) -> None:
        if isinstance(COMMANDS[word], Control):
            self._set(controlled(self.settings, word, argument))
        elif word == "/seed":
            self._set(seeded(self.settings, argument))
        elif argument and not COMMANDS[word].argument:
            raise UserError(f"{word} takes nothing more; / alone begins a command, // a text with a stroke")
        else:
            getattr(self, f"_do_{word[1:]}")(*([argument] if COMMANDS[word].argument else []))

    def _set(self, settings: Settings) -> None:
        self.settings = settings
        self._say(settings.told())

    def _do_g(self, argument: str) -> None:
        if not argument:
            kept = ", ".join(api.offered(self.text))
            self._say(f"/g takes one or more generators, side by side; kept, or quick to train: {kept}; Tab lists all")
            return
        self._load(replace(self.settings, generators=tuple(dict.fromkeys(argument.split()))))
        self._say(self.settings.told())

    def _do_author(self, argument: str) -> None:
        if not argument:
            raise UserError("/author takes a catalogue name, or a path to a .txt file or a folder of them")
        with Live(screen.console(stderr=True)) as live:
            text = api.corpus(argument, lines=self.lines, watcher=live)
        kept = api.offered(text)
        same = tuple(spec for spec in self.settings.generators if spec in kept) or (kept[0],)
        before, self.text, self.models = (self.text, self.models), text, {}
        try:
            self._load(replace(self.settings, author=text.author, generators=same))
        except BaseException:
            self.text, self.models = before
            raise
        self._say(self.settings.told())

    def _do_again(self) -> None:
        self._begin(self.prompt)

    def _do_more(self) -> None:
        going = {name: self.prompt + "".join(pieces) for name, pieces in self.drawn.items() if name in self.models}
        if not going:
            raise UserError("there is no text to go on from yet; type a beginning, or nothing, and Enter")
        self._draw(going, "")

    def _do_random(self) -> None:
        self._begin(start(RANDOM, self.text.train, secrets.randbelow(2**32)))

    def _do_set(self) -> None:
        facts(self.settings.lines(), self.console)

    def _do_help(self) -> None:
        facts([(f"{word} {each.argument}".strip(), each.help) for word, each in COMMANDS.items()], self.console)
        self._say("Any other line is a beginning. Tab completes, the arrows find earlier lines, Ctrl-C stops a text.")

    def _do_quit(self) -> None:
        raise Leaving

    def _load(self, settings: Settings) -> None:
        """The models of the generators, trained where none is kept; nothing changes where one cannot be had."""
        with Live(screen.console(stderr=True)) as live:
            how = {"lines": self.lines, "watcher": live, **self.limits}
            found = {spec: self.models.get(spec) or api.ready(self.text, spec, **how) for spec in settings.generators}
        self.settings, self.models = settings, found

    def _begin(self, prompt: str) -> None:
        """New texts, all from one beginning."""
        self.prompt, self.drawn = prompt, {}
        self._draw(dict.fromkeys(self.models, prompt), prompt)

    def _draw(self, begun: dict[str, str], shown: str) -> None:
        """A text of each generator, after what it has read; of that `shown` is shown."""
        seed = secrets.randbelow(2**32) if self.settings.seed is None else self.settings.seed
        texts = {}
        for name, read in begun.items():
            pieces = api.stream(self.models[name], read, self.settings.sampling, seed)
            texts[name] = _recorded(pieces, self.drawn.setdefault(name, []))
        show(shown, texts, self.console, last=len(texts) > 1)  # one text has an empty line below it, panels an edge

    def _say(self, sentence: str) -> None:
        self.console.print(Text(printable(sentence), style="bright_black"))


def _recorded(pieces: Iterator[str], into: list[str]) -> Iterator[str]:
    """The same pieces, each kept as it passes."""
    for piece in pieces:
        into.append(piece)
        yield piece
