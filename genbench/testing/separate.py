"""Run the checks in another process: a generator that exits, or loops without end, fails the check that it is in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from genbench.errors import ContractError, SpecError
from genbench.processes.parent import MAX_LINE, ChildProcess, describe_exit
from genbench.registry.description import Refusal
from genbench.spec import Spec, format_duration
from genbench.storage.records import from_json
from genbench.storage.untrusted import parse_json
from genbench.testing.runner import CHECKS, CheckResult, requirement_and_advice

WORKER = "genbench.testing.worker"
SECONDS = 600.0  # that a check may take
ENVIRONMENT = {"PYTHONIOENCODING": "utf-8"}
ADVICE = "Let every method return, and end no process."
EXIT_SECONDS = 5.0  # that a process may take to end after its last message


def run_checks_in_process(spec: str, seconds: float | None = SECONDS) -> Iterator[CheckResult]:
    """Yield the result of each check of the generator of a SPEC as soon as it is done; each may take `seconds`.

    A process that ends, or that is over its time, fails the check that it was in, and no other check follows. Raises
    SpecError for an unknown generator or option, ContractError for a plugin that cannot be loaded.
    """
    text = Spec.parse(spec).text
    with ChildProcess(WORKER, show_output=True, environment=ENVIRONMENT, preloaded="") as process:
        process.send(text)
        lines = process.lines(seconds)
        for name in CHECKS:
            try:
                line = next(lines, None)
            except TimeoutError:
                example = f"it did not end within {format_duration(seconds or 0)}; --timeout sets another limit"
                yield _failure(name, example)
                return
            if line is None:
                process.wait(EXIT_SECONDS)
                yield _failure(name, f"its process {describe_exit(process.end())}, in the middle of this check")
                return
            result = _read_result(name, line)
            if result is None:
                yield _failure(
                    name, "its process sent something else than results: a generator must not write to pipes"
                )
                return
            yield result
            if name == next(iter(CHECKS)) and result.outcome != "holds":
                return


def _read_result(name: str, line: str) -> CheckResult | None:
    """Return the result of a check in a line, None for anything else; a refusal is raised."""
    try:
        values: Any = parse_json(line, MAX_LINE)
        if isinstance(values, dict) and "refused" in values:
            refusal = from_json(Refusal, values)
            raise (SpecError if refusal.by_user else ContractError)(refusal.refused)
        result = from_json(CheckResult, values)
    except ValueError:
        return None
    return result if result.check == name else None


def _failure(name: str, example: str) -> CheckResult:
    """Return the result of a check that was not completed."""
    return CheckResult(name, "fails", requirement_and_advice(name)[0], example, ADVICE)
