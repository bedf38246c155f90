"""The fork server: processes know only what they are given, and end with whoever has started them."""

import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import wait_for_end

from genbench.processes import forking
from genbench.processes.parent import ChildProcess

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not forking.can_fork(), reason="only Linux can fork once numerical libraries are imported"),
]


@pytest.fixture(autouse=True)
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr(forking, "_connections", {})
    yield
    for connection in forking._connections.values():
        connection.close()


def child(request: dict[str, Any], **options: Any) -> tuple[ChildProcess, Any]:
    """Start a process, and return it with what it says of itself."""
    process = ChildProcess("forked_child", preloaded="", **options)
    process.send(request)
    return process, json.loads(next(process.lines()))


def test_a_forked_process_has_what_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, about = child({}, environment={"COLOR": "red"}, folder=tmp_path)
    monkeypatch.setenv("COLOR", "blue")
    monkeypatch.chdir(tmp_path.parent)
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        second, other = child({})
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    with first, second:
        assert (about["limits"], other["limits"]) == ([soft, hard], [0, hard])
        assert about["process"] == about["session"] == first.process.pid
        assert (about["folder"], other["folder"]) == (str(tmp_path), str(tmp_path.parent))
        assert (about["environment"]["COLOR"], other["environment"]["COLOR"]) == ("red", "blue")
        assert forking.VARIABLE not in about["environment"]
        assert about["files"] == 4  # the streams, and the one that lists them
        assert about["random"] != other["random"]
        assert about["parent"] == other["parent"] != os.getpid()

        # no plugin, no numba and no torch, since nobody has asked for them
        assert not [name for name in about["modules"] if name.startswith(("genbench_plugins", "numba", "torch"))]


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_and_the_last_error_are_known(code: int) -> None:
    with ChildProcess("forked_child", preloaded="") as process:
        process.send({"exit": code})
        process.wait(20)
        assert process.end() == code
    with ChildProcess("forked_child", preloaded="") as process:
        process.send({"exit": "no more paper"})
        process.wait(20)
        assert (process.end(), process.last_error()) == (1, "no more paper")


def test_a_process_is_killed_with_what_its_own_client_has_started() -> None:
    process, about = child({"start": True}, client=True)  # the first line is that of the process that it started
    assert about["process"] != process.process.pid
    assert process.end() == -signal.SIGKILL
    wait_for_end(about["process"])


def test_what_a_process_leaves_behind_ends_even_if_it_exits_by_itself() -> None:
    process, daemon = child({"daemon": True})
    process.wait(20)
    assert process.end() == 0
    wait_for_end(int(daemon))


def test_a_server_that_was_killed_is_replaced() -> None:
    process, about = child({"loop": True})
    os.kill(about["parent"], signal.SIGKILL)
    wait_for_end(about["process"])
    assert process.end() == -signal.SIGKILL
    again, other = child({})
    with again:
        assert other["parent"] != about["parent"]


def test_children_of_other_processes_are_left_alone() -> None:
    with ChildProcess("forked_child", preloaded="") as process:
        process.send({"children": 300})
        lines = process.lines()
        for _ in range(20):  # meanwhile others end
            with ChildProcess("forked_child", preloaded="") as other:
                other.send({"exit": 0})
                other.wait(20)
        assert json.loads(next(lines))["process"] == process.process.pid


def test_a_stopped_server_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forking, "ANSWER_SECONDS", 0.5)
    process, about = child({"stop": True})
    started = time.monotonic()
    assert process.end() == -signal.SIGKILL
    again, other = child({})
    with again:
        assert other["parent"] != about["parent"]
    assert time.monotonic() - started < 30


def test_a_signal_for_the_server_changes_nothing() -> None:
    process, about = child({"interrupt": True})
    again, other = child({})
    with process, again:
        assert other["parent"] == about["parent"]


def test_a_folder_may_have_any_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(25):  # more than the 4,096 characters that a path may have
        os.mkdir("x" * 200)
        os.chdir("x" * 200)
    process, about = child({"long": True})
    with process:
        assert about["process"] == process.process.pid


@pytest.mark.parametrize("missing", [OSError(38, "Function not implemented"), AttributeError("pidfd_open")])
def test_a_system_without_process_descriptors_starts_processes(
    missing: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(process: int) -> int:
        raise missing

    monkeypatch.setattr(os, "pidfd_open", fail)
    forking.can_fork.cache_clear()
    try:
        process, about = child({})
        with process:
            assert about["parent"] == os.getpid()
    finally:
        forking.can_fork.cache_clear()


def test_a_process_is_started_without_a_server_where_a_request_is_too_long() -> None:
    process, about = child({}, environment={"LONG": "x" * 100_000, "LONGER": "y" * 100_000})
    with process:
        assert about["parent"] == os.getpid()
        assert len(about["environment"]["LONGER"]) == 100_000


def test_variables_that_libraries_read_need_another_server() -> None:
    first, about = child({}, environment={"OMP_NUM_THREADS": "1"})
    second, other = child({}, environment={"OMP_NUM_THREADS": "2"})
    with first, second:
        assert about["parent"] != other["parent"]
