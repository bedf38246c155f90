"""The settings of a session, and the commands that change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from genbench.errors import UserError, nearest
from genbench.sampling import Constraints, Sampling, describe_choices
from genbench.sampling.constraints.options import parse_range

OFF = ("off", "none", "")
OWN = ("temperature", "top_k", "top_p", "min_p", "spelling")  # parameters that each generator has of its own


@dataclass(frozen=True)
class Settings:
    """Author, generators, sampling parameters and seed; with the seed None, each text has a new one."""

    author: str
    generators: tuple[str, ...]
    sampling: Sampling = field(default_factory=Sampling)
    seed: int | None = None
    defaults: Mapping[str, Mapping[str, float]] = field(default_factory=dict, compare=False)  # of loaded generators

    def lines(self) -> list[tuple[str, str]]:
        """Return the commands and their current values."""
        values = [
            (word, _format(getattr(self.sampling, command.name), "as the generator" if command.name in OWN else "off"))
            for word, command in COMMANDS.items()
            if isinstance(command, SamplingCommand)
        ]
        values += [
            (word, _format(getattr(self.sampling.constraints, command.name)))
            for word, command in COMMANDS.items()
            if isinstance(command, ConstraintCommand)
        ]
        seed = "new each time" if self.seed is None else str(self.seed)
        return [("/author", self.author), ("/g", " ".join(self.generators)), *values, ("/seed", seed)]

    def summary(self) -> str:
        """Return all settings in one line; those that are off are left out."""
        sampling = self.sampling

        # author, generators, how they choose tokens, and the length
        used = {spec: describe_choices(sampling.with_defaults(self.defaults[spec]).choices) for spec in self.defaults}
        if len(set(used.values())) < 2:
            parts = [self.author, " + ".join(self.generators), *set(used.values())]
        else:
            parts = [self.author, " + ".join(f"{spec} ({choices})" for spec, choices in used.items())]
        parts.append("to the end of a sentence" if sampling.length is None else f"{sampling.length:,} characters")

        # what may be off
        parts += [] if sampling.max_overlap is None else [f"overlap {sampling.max_overlap:g}"]
        if sampling.spelling is not None:
            parts.append("spelling" if sampling.spelling else "no spelling")
        if sampling.stop_strings:
            parts.append(f"stop {'after' if sampling.keep_stop else 'before'} {_format(sampling.stop_strings)}")
        parts += sampling.constraints.descriptions()
        return ", ".join([*parts, *([] if self.seed is None else [f"seed {self.seed}"])])


def _format(value: Any, unset: str = "off") -> str:
    if value is None or value == ():
        return unset
    if isinstance(value, tuple):
        return " or ".join(map(repr, value))
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Command:
    """A command of the session."""

    argument: str
    help: str


@dataclass(frozen=True)
class SamplingCommand(Command):
    """A command that sets one sampling parameter."""

    name: str
    convert: Callable[[str], Any]
    optional: bool = True  # whether it can be off


@dataclass(frozen=True)
class ConstraintCommand(Command):
    """A command that sets one constraint."""

    name: str
    convert: Callable[[str], Any] = str


def _switch(text: str) -> bool:
    """Return True for "on", False for "off"; raises ValueError for any other text."""
    if text not in ("on", "off"):
        raise ValueError
    return text == "on"


KINDS = {int: "a whole number", float: "a number", _switch: "on or off"}  # what a command's argument must be

COMMANDS: dict[str, Command] = {
    "/t": SamplingCommand(
        "T", "temperature: 0 is greedy, 1 as learned; off: the generator's own", "temperature", float
    ),
    "/n": SamplingCommand("N", "characters of a text; off: 300, and on to the end of a sentence", "length", int),
    "/g": Command("SPEC...", "generators; several are shown side by side"),
    "/author": Command("AUTHOR", "another author"),
    "/seed": Command("N", "the same seed each time; off: a new one each time"),
    "/again": Command("", "the last prompt again"),
    "/more": Command("", "continue the last text"),
    "/random": Command("", "start with 40 characters of the author"),
    "/top-k": SamplingCommand("K", "sample from the K most probable tokens; off: the generator's own", "top_k", int),
    "/top-p": SamplingCommand(
        "P", "sample from the most probable tokens that sum to P; off: the generator's own", "top_p", float
    ),
    "/min-p": SamplingCommand(
        "P", "sample from tokens at least P times as probable as the best; off: its own", "min_p", float
    ),
    "/penalty": SamplingCommand(
        "X", "above 1: to go on repeating the text is less probable", "repetition_penalty", float, False
    ),
    "/overlap": SamplingCommand("N", "copy at most N words in a row from the training text; off", "max_overlap", float),
    "/stop": SamplingCommand("TEXT", "end before this text; again: or before another one; off", "stop", str),
    "/keep-stop": SamplingCommand("on|off", "end after the text of /stop, not before it", "keep_stop", _switch, False),
    "/spelling": SamplingCommand(
        "on|off",
        "spell words that the generator does not know",
        "spelling",
        _switch,
        False,
    ),
    "/contains": ConstraintCommand("WORD", "the text contains a word; again: and another one; off", "contains"),
    "/starts-with": ConstraintCommand("TEXT", "the text starts with this; off", "starts_with"),
    "/ends-with": ConstraintCommand("WORD", "the text ends with a word, and marks after it; off", "ends_with"),
    "/words": ConstraintCommand("N|A-B", "the number of words; off", "words", parse_range),
    "/sentences": ConstraintCommand("N", "the number of sentences; off", "sentences", int),
    "/match": ConstraintCommand("REGEX", "the whole text matches a regular expression; off", "match"),
    "/rhymes-with": ConstraintCommand("WORD", "the last word rhymes with this one; off", "rhymes_with"),
    "/meter": ConstraintCommand("STRESSES", "the stresses of all syllables, such as 01010101; off", "meter"),
    "/infill": ConstraintCommand("TEXT", "write what stands between the prompt and this text; off", "infill"),
    "/set": Command("", "all settings"),
    "/help": Command("", "this list"),
    "/quit": Command("", "end the session, like Ctrl-D"),
}
ALIASES = {
    "/temperature": "/t",
    "/length": "/n",
    "/generator": "/g",
    "/max-overlap": "/overlap",
    "/repetition-penalty": "/penalty",
    "/settings": "/set",
    "/h": "/help",
    "/?": "/help",
    "/q": "/quit",
    "/exit": "/quit",
}


def parse_command(line: str) -> tuple[str, str]:
    """Return the command in a line and its argument; UserError for an unknown one.

    >>> parse_command("/temperature 0.7"), parse_command("/again")
    (('/t', '0.7'), ('/again', ''))
    """
    word, _, argument = line.strip().partition(" ")
    word = ALIASES.get(word, word)
    if word not in COMMANDS:
        raise UserError(
            f"there is no command {word}: {nearest(word, COMMANDS)}; a line with // is a text that starts with /"
        )
    return word, argument.strip()


def with_sampling(settings: Settings, word: str, argument: str) -> Settings:
    """Return the settings with one sampling parameter changed; UserError for an invalid value."""
    command = COMMANDS[word]
    assert isinstance(command, SamplingCommand)

    # convert the argument; "off" becomes the default where the parameter may be off
    value: Any = getattr(Sampling(), command.name)
    if not (command.optional and argument in OFF):
        try:
            value = command.convert(argument)
        except ValueError:
            kind = KINDS[command.convert]
            usage = f"{word} {command.argument}: {command.help}"
            raise UserError(f"{word} is {argument!r}, but must be {kind}; {usage}") from None

        # stop strings are added up
        if command.name == "stop":
            value = tuple(dict.fromkeys([*settings.sampling.stop_strings, value]))
    changes: dict[str, Any] = {command.name: value}
    return replace(settings, sampling=replace(settings.sampling, **changes))


def with_constraint(settings: Settings, word: str, argument: str) -> Settings:
    """Return the settings with one constraint changed; UserError for an invalid value."""
    command, constraints = COMMANDS[word], settings.sampling.constraints
    assert isinstance(command, ConstraintCommand)
    value: Any = getattr(Constraints(), command.name)
    if argument not in OFF:
        try:
            value = command.convert(argument)
        except ValueError:
            raise UserError(f"{word} is {argument!r}, but must be a whole number; {word} {command.argument}") from None

        # words that a text contains are added up
        if command.name == "contains":
            value = tuple(dict.fromkeys([*constraints.contains, value]))
    changes: dict[str, Any] = {command.name: value}
    changed = replace(settings.sampling, constraints=replace(constraints, **changes))
    return replace(settings, sampling=changed)


def with_seed(settings: Settings, argument: str) -> Settings:
    """Return the settings with a seed, or with a new one for each text."""
    if argument in OFF:
        return replace(settings, seed=None)
    if not argument.isdecimal() or int(argument) >= 2**32:
        raise UserError(f"/seed is {argument!r}, but must be a whole number below 2 ** 32, or off")
    return replace(settings, seed=int(argument))
