"""Running the checks: one by one for the command line, as parameters for pytest."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from genbench.errors import ContractError, nearest, told
from genbench.generator import Generator
from genbench.testing.checks import CHECKS, learns
from genbench.testing.subject import Check, Subject

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class Result:
    """What a check came to."""

    check: str
    outcome: Literal["holds", "fails", "expected"]  # expected: it fails, and the generator says why
    says: str  # what must hold
    example: str = ""  # the smallest one that shows that it does not
    do: str = ""  # about it; of an expected failure, the reason


def results(subject: Subject) -> Iterator[Result]:
    """What each check comes to, as it is done; of a generator that cannot learn, the first one alone.

    Raises ContractError for an expected failure that names no check.
    """
    _require_names(subject)
    for check in CHECKS.values():
        found = _result(check, subject)
        yield found
        if check is learns and found.outcome != "holds":
            return


def _result(check: Check, subject: Subject) -> Result:
    says, _, do = (inspect.getdoc(check) or "").partition("\n\n")
    name, reason = check.__name__, subject.expected_failures.get(check.__name__, "")
    try:
        check(subject)
    except AssertionError as error:
        example = str(error)
    except Exception as error:
        example = told(error, subject.file)
    else:
        if not reason:
            return Result(name, "holds", says)
        return Result(name, "fails", says, f"it holds, and was expected to fail: {reason}", f"Take {name} out of it.")
    if reason:
        return Result(name, "expected", says, example, reason)
    return Result(name, "fails", says, example, do.replace("\n", " "))


def _require_names(subject: Subject) -> None:
    for name, reason in subject.expected_failures.items():
        if name not in CHECKS:
            raise ContractError(f"expected_failures names {name!r}, and no check is called so: {nearest(name, CHECKS)}")
        if not reason.strip():
            raise ContractError(f"expected_failures gives no reason for {name}; say why it cannot hold")


def parametrize_with_checks(*generators: str | Callable[[], Generator]) -> pytest.MarkDecorator:
    """A pytest decorator: a test of a `subject` and a `check` for every check of these generators.

    Each is a SPEC, or what makes a new generator: a class, say. Its expected failures are strict xfails.
    """
    import pytest

    parameters = []
    for generator in generators:
        subject = Subject.of(generator)
        _require_names(subject)
        label = generator if isinstance(generator, str) else subject.kind.__name__
        for name, check in CHECKS.items():
            reason = subject.expected_failures.get(name)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            parameters.append(pytest.param(subject, check, id=f"{label}-{name}", marks=marks))
    return pytest.mark.parametrize(("subject", "check"), parameters)
