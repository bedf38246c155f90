"""What is set in a session, and the short commands that set it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from genbench.errors import UserError, nearest
from genbench.sampling.loop import Sampling

OFF = ("off", "none", "")


@dataclass(frozen=True)
class Settings:
    """Who writes, how, and from which seed on; None draws another seed each time."""

    author: str
    generators: tuple[str, ...]
    sampling: Sampling = field(default_factory=Sampling)
    seed: int | None = None

    def lines(self) -> list[tuple[str, str]]:
        """Commands and what they have set, as they are shown."""
        controls = {word: each for word, each in COMMANDS.items() if isinstance(each, Control)}
        shown = [(word, _written(getattr(self.sampling, each.name))) for word, each in controls.items()]
        seed = "another each time" if self.seed is None else str(self.seed)
        return [("/author", self.author), ("/g", " ".join(self.generators)), *shown, ("/seed", seed)]

    def told(self) -> str:
        """All that is set, in one line; what is off is left out."""
        draw = self.sampling
        parts = [self.author, " + ".join(self.generators)]
        parts += [f"temperature {draw.temperature:g}", f"{draw.length:,} characters"]
        named = {"top-k": draw.top_k, "top-p": draw.top_p, "min-p": draw.min_p, "overlap": draw.max_overlap}
        parts += [f"{name} {value:g}" for name, value in named.items() if value is not None]
        parts += [f"penalty {draw.repetition_penalty:g}"] if draw.repetition_penalty != 1 else []
        parts += [f"stop {draw.stop!r}"] if draw.stop is not None else []
        return ", ".join([*parts, *([] if self.seed is None else [f"seed {self.seed}"])])


def _written(value: Any) -> str:
    return "off" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Command:
    """A command that the session itself does."""

    argument: str
    help: str


@dataclass(frozen=True)
class Control(Command):
    """A command that sets one field of the sampling."""

    name: str
    read: Callable[[str], Any]
    optional: bool = True  # whether it can be off


COMMANDS: dict[str, Command] = {
    "/t": Control("T", "temperature: 0 is greedy, 0.7 careful, 1 as learned", "temperature", float, False),
    "/n": Control("N", "characters of a text", "length", int, False),
    "/g": Command("SPEC...", "generators; several write side by side"),
    "/author": Command("AUTHOR", "another author"),
    "/seed": Command("N", "the same seed each time; off: another each time"),
    "/again": Command("", "the last beginning once more"),
    "/more": Command("", "go on where the last text ended"),
    "/random": Command("", "begin with 40 characters of the author"),
    "/top-k": Control("K", "draw from the K likeliest tokens; off", "top_k", int),
    "/top-p": Control("P", "draw from the likeliest tokens that make up P; off", "top_p", float),
    "/min-p": Control("P", "draw from tokens at least P times as likely as the likeliest; off", "min_p", float),
    "/penalty": Control("X", "above 1: what was said before is less likely", "repetition_penalty", float, False),
    "/overlap": Control("N", "copy at most N words in a row from the training text; off", "max_overlap", float),
    "/stop": Control("TEXT", "end before this text; off", "stop", str),
    "/set": Command("", "all that is set"),
    "/help": Command("", "this list"),
    "/quit": Command("", "leave, as Ctrl-D does"),
}
LONG = {
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


def command(line: str) -> tuple[str, str]:
    """The command that a line names, and its argument; UserError for one that is not known.

    >>> command("/temperature 0.7"), command("/again")
    (('/t', '0.7'), ('/again', ''))
    """
    word, _, argument = line.strip().partition(" ")
    word = LONG.get(word, word)
    if word not in COMMANDS:
        raise UserError(f"there is no command {word}: {nearest(word, COMMANDS)}; // begins a text with a stroke")
    return word, argument.strip()


def controlled(settings: Settings, word: str, argument: str) -> Settings:
    """The settings with one control set; UserError for what it cannot be."""
    control = COMMANDS[word]
    assert isinstance(control, Control)
    value: Any = None
    if not (control.optional and argument in OFF):
        try:
            value = control.read(argument)
        except ValueError:
            kind = "a whole number" if control.read is int else "a number"
            what = f"{word} {control.argument}: {control.help}"
            raise UserError(f"{word} is {argument!r}, and must be {kind}; {what}") from None
    changed: dict[str, Any] = {control.name: value}
    return replace(settings, sampling=replace(settings.sampling, **changed))


def seeded(settings: Settings, argument: str) -> Settings:
    """The settings with a seed, or with another one each time."""
    if argument in OFF:
        return replace(settings, seed=None)
    if not argument.isdecimal() or int(argument) >= 2**32:
        raise UserError(f"/seed is {argument!r}, and must be a whole number below 2 ** 32, or off")
    return replace(settings, seed=int(argument))
