"""Every error that genbench raises on purpose.

GenbenchError
├── UserError           something asked for cannot be had
│   ├── SpecError       a generator's SPEC or one of its options
│   ├── CorpusError     an author or a text
│   └── NotFittedError  a generator that is not trained (also an AttributeError, so that hasattr works)
└── ContractError       a generator breaks the contract: its row fails, the others stand

PluginWarning is what an installed plugin that cannot be used costs every command that meets it: one line.

Each says in one sentence what the thing is, what the choices are and what to do next. The command line shows it and
ends with exit code 2.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class GenbenchError(Exception):
    """The root: catch this to catch all that genbench raises on purpose."""


class UserError(GenbenchError):
    """Something asked for cannot be had."""


class SpecError(UserError):
    """A SPEC that names no generator, or an option it does not have."""


class CorpusError(UserError):
    """An author that is not known, or a text that cannot be used."""


class NotFittedError(UserError, AttributeError):
    """A generator is used before it is trained."""


class ContractError(GenbenchError):
    """A generator that breaks the contract."""


class PluginWarning(UserWarning):
    """An installed plugin that cannot be used, and how to be rid of it."""


def format_error(error: BaseException, file: str | None = None) -> str:
    """Return the type and message of an exception, and the line of `file` where it arose, if it arose there.

    >>> format_error(ValueError("no")), format_error(KeyError())
    ('ValueError: no', 'KeyError')
    """
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{message} ({Path(str(file)).name}, line {lines[-1]})" if lines else message


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known names as a sentence, those that resemble `word` first.

    >>> nearest("astuen", ["carroll", "austen"])
    'did you mean austen? (known: austen, carroll)'
    >>> nearest("xyz", ["carroll", "austen"])
    'known: austen, carroll'
    """
    names = sorted(known)
    close = get_close_matches(word.lower(), names, n=3)
    listing = "known: " + ", ".join(names)
    return f"did you mean {' or '.join(close)}? ({listing})" if close else listing
