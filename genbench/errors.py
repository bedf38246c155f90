"""All exceptions and warnings that genbench raises itself.

GenbenchError           base class of all of them
├── UserError           an argument is invalid, or a requested file, model or author is not available
│   ├── SpecError       a SPEC is malformed, or names an unknown generator or option
│   ├── CorpusError     an author is unknown, or a text cannot be read or used
│   ├── RoundingError   a text was compressed with other predictions of the same model, as another processor has them
│   └── NotFittedError  a generator is used before training (also an AttributeError, so that hasattr works)
└── ContractError       a generator violates the contract; in a comparison, only its row fails

PluginWarning           an installed plugin cannot be loaded and is skipped (a UserWarning)

A message states in one sentence what is wrong, the valid choices, and the next command. The command line prints it and
exits with code 2.
"""

from __future__ import annotations

import shlex
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class GenbenchError(Exception):
    """Base class of all genbench exceptions."""


class UserError(GenbenchError):
    """An argument is invalid, or a requested file, model or author is not available."""


class SpecError(UserError):
    """A SPEC is malformed, or names an unknown generator or option."""


class CorpusError(UserError):
    """An author is unknown, or a text cannot be read or used."""


class RoundingError(UserError):
    """A text was compressed with other predictions of the same model: another processor or version rounds otherwise."""


class NotFittedError(UserError, AttributeError):
    """A generator is used before it is trained."""


class ContractError(GenbenchError):
    """A generator violates the contract in `genbench.generator`."""


class PluginWarning(UserWarning):
    """An installed plugin cannot be loaded; the message says how to remove it."""


def missing_package(feature: str, *packages: str, hint: str = "") -> UserError:
    """Return the error that says which packages an optional feature needs, and the command that installs them.

    >>> missing_package("this executor", "ray[client]", hint="here and on every node")
    UserError("this executor needs ray: pip install 'ray[client]', here and on every node")
    """
    names = " and ".join(package.partition("[")[0] for package in packages)
    return UserError(f"{feature} needs {names}: pip install {shlex.join(packages)}{hint and f', {hint}'}")


def format_error(error: BaseException, file: str | None = None) -> str:
    """Return the type and message of an exception, and the line of `file` that raised it, if one did.

    >>> format_error(ValueError("no")), format_error(KeyError())
    ('ValueError: no', 'KeyError')
    """
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__

    # the innermost frame in that file
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{message} ({Path(str(file)).name}, line {lines[-1]})" if lines else message


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that lists the known names, after those that resemble `word`.

    >>> nearest("astuen", ["carroll", "austen"])
    'did you mean austen? (choose from austen, carroll)'
    >>> nearest("xyz", ["carroll", "austen"])
    'choose from austen, carroll'
    """
    names = sorted(known)
    close = get_close_matches(word.lower(), names, n=3)
    listing = "choose from " + ", ".join(names)
    return f"did you mean {' or '.join(close)}? ({listing})" if close else listing
