"""Checks in another process: a generator that exits, loops or writes to its pipes fails the check that it is in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import write_plugin
from typer.testing import CliRunner

from genbench.cli.main import app
from genbench.errors import ContractError, SpecError
from genbench.processes.parent import ChildProcess
from genbench.storage.records import to_json
from genbench.testing import CHECKS, CheckResult, run_checks_in_process

FIRST = CheckResult("learns", "holds", "it learns")
FAULTS = {  # method, code, and what the last check shows
    "exits in fit": ("fit", "os._exit(0)", "learns", "its process ended with exit code 0, in the middle of this check"),
    "exits in restore": (
        "restore",
        "os._exit(0)",
        "sums_to_one",
        "its process ended with exit code 0, in the middle of this check",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_generator_that_exits_fails_the_check_that_it_is_in(fault: str, tmp_path: Path) -> None:
    method, code, check, example = FAULTS[fault]
    path = write_plugin(tmp_path, method, code)
    result = CliRunner().invoke(app, ["generators", "check", path])
    assert result.exit_code == 1
    *_, last = (line for line in result.output.splitlines() if line.startswith("FAILS"))
    assert last.startswith(f"FAILS\t{check}\t")
    assert f"\t{example}\n" in result.output


def results_of(monkeypatch: pytest.MonkeyPatch, *lines: str) -> list[CheckResult]:
    """Return the results where the process sends these lines, and then waits."""

    def sent(process: ChildProcess, seconds: float | None = None) -> Iterator[str]:
        yield from lines
        raise TimeoutError

    monkeypatch.setattr(ChildProcess, "lines", sent)
    return list(run_checks_in_process("markov-char", 2.0))


def test_results_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [CheckResult(name, "holds", "it must", "for example", "do this") for name in CHECKS]
    assert results_of(monkeypatch, *(json.dumps(to_json(result)) for result in sent)) == sent


@pytest.mark.parametrize(
    "line", ["", "{", "[]", '{"check": "learns"}', json.dumps(to_json(FIRST) | {"outcome": "fine"}), '{"refused": 5}']
)
def test_what_is_no_result_fails_the_check(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (result,) = results_of(monkeypatch, line)
    assert (result.check, result.outcome) == ("learns", "fails")
    assert result.example == "its process sent something else than results: a generator must not write to pipes"


def test_no_check_follows_a_result_of_another_check_or_one_that_is_over_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = json.dumps(to_json(FIRST))
    first, second = results_of(monkeypatch, line, line, line)
    assert (first, second.check, second.outcome) == (FIRST, list(CHECKS)[1], "fails")
    assert "something else than results" in second.example
    first, second = results_of(monkeypatch, line)
    assert (second.check, second.example) == (
        list(CHECKS)[1],
        "it did not end within 2s; --timeout sets another limit",
    )


@pytest.mark.parametrize(("by_user", "kind"), [(True, SpecError), (False, ContractError)])
def test_a_generator_that_cannot_be_created_is_refused(
    by_user: bool, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(kind, match="no such option"):
        results_of(monkeypatch, json.dumps({"refused": "no such option", "by_user": by_user}))
