"""The loop of the interactive prompt: a line is a prompt to continue, or a command."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from rich.console import Console
from rich.text import Text

from genbench import api
from genbench.cli.options import ModelOptions
from genbench.cli.repl.settings import (
    COMMANDS,
    ConstraintCommand,
    SamplingCommand,
    Settings,
    parse_command,
    with_constraint,
    with_sampling,
    with_seed,
)
from genbench.corpus.corpus import Corpus
from genbench.errors import GenbenchError, UserError
from genbench.model import Model
from genbench.report.formatting import printable
from genbench.report.terminal.live import Live
from genbench.report.terminal.screen import make_console
from genbench.report.terminal.stream import print_streams, record
from genbench.report.terminal.tables import print_pairs
from genbench.sampling import resolve_prompt
from genbench.sampling.parameters import RANDOM_PROMPT
from genbench.sampling.spelled import new_words, new_words_note

LineReader = Callable[[Settings], str]  # returns the next line; EOFError at the end, KeyboardInterrupt for Ctrl-C


class EndOfSession(Exception):  # noqa: N818 - it is not an error
    """The user leaves the session."""


@dataclass
class Session:
    """One session: the settings, the loaded models and the last texts."""

    text: Corpus
    settings: Settings
    console: Console
    options: ModelOptions = field(default_factory=ModelOptions)  # which models fit, and how new ones are trained
    models: dict[str, Model] = field(default_factory=dict)
    prompt: str = ""  # the last one
    texts: dict[str, list[str]] = field(default_factory=dict)  # after it, by generator, in pieces

    def run(self, read_line: LineReader) -> None:
        """Read lines and execute them until Ctrl-D or /quit."""
        self._load(self.settings)
        self._print(f"{self.settings.summary()}\nType a prompt, or nothing, and Enter. /help lists the commands.")
        while True:
            # Ctrl-C while typing does not end the session
            try:
                line = read_line(self.settings)
            except EOFError:
                return
            except KeyboardInterrupt:
                self._print("Ctrl-D or /quit ends the session.")
                continue

            # execute it; an error ends neither the loop nor the session
            try:
                self._execute(line)
            except EndOfSession:
                return
            except KeyboardInterrupt:
                self._print("\nstopped")
            except GenbenchError as error:
                self.console.print(Text(printable(str(error)), style="red"))

    def _execute(self, line: str) -> None:
        if line.startswith("/") and not line.startswith("//"):
            self._command(*parse_command(line))
        else:
            self._generate(line.removeprefix("/") if line.startswith("//") else line)

    def _command(self, word: str, argument: str) -> None:
        command = COMMANDS[word]

        # sampling parameters, constraints and the seed; every other command has a method
        if isinstance(command, SamplingCommand):
            self._set(with_sampling(self.settings, word, argument))
        elif isinstance(command, ConstraintCommand):
            self._set(with_constraint(self.settings, word, argument))
        elif word == "/seed":
            self._set(with_seed(self.settings, argument))
        elif argument and not command.argument:
            raise UserError(f"{word} takes no argument; / starts a command, // a text with a slash")
        else:
            getattr(self, f"_do_{word[1:]}")(*([argument] if command.argument else []))

    def _set(self, settings: Settings) -> None:
        self.settings = settings
        self._print(self.settings.summary())

    def _do_g(self, argument: str) -> None:
        if not argument:
            specs = ", ".join(api.stored_specs(self.text))
            self._print(f"/g takes one or more generators; stored, or quick to train: {specs}; Tab lists all")
            return

        # load before the settings change, so that an error changes nothing
        self._load(replace(self.settings, generators=tuple(dict.fromkeys(argument.split()))))
        self._print(self.settings.summary())

    def _do_author(self, argument: str) -> None:
        if not argument:
            raise UserError("/author takes a catalogue name, or a path to a text file or a folder of them")
        with Live(make_console(stderr=True)) as live:
            text = self.options.corpus(argument, live)

        # keep the generators that have a model of the new author; go back where none can be loaded or trained
        stored = api.stored_specs(text)
        specs = tuple(spec for spec in self.settings.generators if spec in stored)
        before, self.text, self.models = (self.text, self.models), text, {}
        try:
            self._load(replace(self.settings, author=text.author, generators=specs))
        except BaseException:
            self.text, self.models = before
            raise
        self._print(self.settings.summary())

    def _do_again(self) -> None:
        self._generate(self.prompt)

    def _do_more(self) -> None:
        read = {name: self.prompt + "".join(pieces) for name, pieces in self.texts.items() if name in self.models}
        if not read:
            raise UserError("there is no text to continue yet; type a prompt, or nothing, and Enter")
        self._continue(read, "")

    def _do_random(self) -> None:
        self._generate(resolve_prompt(RANDOM_PROMPT, self.text.train, secrets.randbelow(2**32)))

    def _do_set(self) -> None:
        print_pairs(self.settings.lines(), self.console)

    def _do_help(self) -> None:
        print_pairs([(f"{word} {each.argument}".strip(), each.help) for word, each in COMMANDS.items()], self.console)
        self._print("Any other line is a prompt. Tab completes, the arrow keys recall lines, Ctrl-C stops a text.")

    def _do_quit(self) -> None:
        raise EndOfSession

    def _load(self, settings: Settings) -> None:
        """Load the models of the generators, the best one where there are none; train those not stored.

        Nothing changes where one is not available.
        """
        with Live(make_console(stderr=True)) as live:
            missing = [spec for spec in settings.generators if spec not in self.models]
            loaded = self.options.models(self.text, missing, live) if missing or not settings.generators else {}
        specs = settings.generators or tuple(loaded)
        self.models = {spec: (self.models | loaded)[spec] for spec in specs}
        defaults = {spec: model.generator.default_sampling for spec, model in self.models.items()}
        self.settings = replace(settings, generators=specs, defaults=defaults)

    def _generate(self, prompt: str) -> None:
        """Generate new texts from one prompt."""
        self.prompt, self.texts = prompt, {}
        self._continue(dict.fromkeys(self.models, prompt), prompt)

    def _continue(self, read: dict[str, str], shown_prompt: str) -> None:
        """Generate a text by each model after what it has read."""
        seed = secrets.randbelow(2**32) if self.settings.seed is None else self.settings.seed
        streams = {}
        for name, text in read.items():
            streams[name] = record(self._pieces(name, text, seed), self.texts.setdefault(name, []))
        # a single text is followed by an empty line; panels have a border
        print_streams(shown_prompt, streams, self.console, last=len(streams) > 1)

        # words that are not the author's
        for name, text_pieces in self.texts.items():
            continuations = [(self.prompt, "".join(text_pieces))]
            words = new_words(continuations, self.models[name].generator.tokenizer, self.text.train)
            if words:
                self._print(new_words_note(name, words))

    def _pieces(self, name: str, text: str, seed: int) -> Iterator[str]:
        """Return the pieces of a text; one with constraints is prepared as a whole, which takes a moment."""
        if not self.settings.sampling.constraints:
            return self.models[name].stream(text, self.settings.sampling, seed=seed)
        with Live(make_console(stderr=True)) as live:
            return iter(api.generate(self.models[name], text, self.settings.sampling, seed=seed, listener=live))

    def _print(self, sentence: str) -> None:
        self.console.print(Text(printable(sentence), style="bright_black"))
