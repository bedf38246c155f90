"""How many rows run side by side: idle cores, as the system counts them, and the quota of a control group."""

from pathlib import Path
from typing import Any

import pytest

from genbench.experiments import compare, idle_cores
from genbench.experiments.executors.create import create_executor
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.idle_cores import cgroup_quota, oversubscription_note
from genbench.experiments.plan import CompareSettings
from genbench.training import ProgressListener

STAT = """cpu  0 0 0 0 0 0 0 0 0 0
cpu0 {} 0 0 {} 0 0 0 0 0 0
cpu1 {} 0 0 {} 0 0 0 0 0 0
intr 5
"""


@pytest.mark.parametrize(
    ("busy", "quota", "expected"),
    [
        ((0.0, 0.0), None, 2),
        ((0.1, 0.05), None, 2),  # a busy 15 % of a core leave enough of it
        ((0.2, 0.0), None, 1),
        ((1.0, 0.0), None, 1),
        ((1.0, 1.0), None, 1),  # never none
        ((0.0, 0.0), 1.5, 1),
        ((0.0, 0.0), 0.5, 1),
    ],
)
def test_idle_cores_are_those_that_did_nothing(
    busy: tuple[float, float], quota: float | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = tmp_path / "stat"
    stat.write_text(STAT.format(100, 100, 100, 100))

    def sleep(_: float) -> None:
        first, second = busy
        ticks = (100 + 100 * first, 200 - 100 * first, 100 + 100 * second, 200 - 100 * second)
        stat.write_text(STAT.format(*map(round, ticks)))

    read = idle_cores._times
    monkeypatch.setattr(idle_cores.time, "sleep", sleep)
    monkeypatch.setattr(idle_cores, "_times", lambda cores: read(cores, stat))
    monkeypatch.setattr(idle_cores, "_allowed_cores", lambda: {0, 1})
    monkeypatch.setattr(idle_cores, "cgroup_quota", lambda: quota)
    assert idle_cores.idle_cores() == expected


def test_without_the_times_of_cores_the_load_average_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_cores, "_times", lambda cores: None)
    monkeypatch.setattr(idle_cores, "_allowed_cores", lambda: set(range(8)))
    monkeypatch.setattr(idle_cores, "cgroup_quota", lambda: None)
    monkeypatch.setattr(idle_cores.os, "getloadavg", lambda: (2.6, 0.0, 0.0), raising=False)
    assert idle_cores.idle_cores() == 5


def test_the_quota_of_either_version_of_control_groups_is_read(tmp_path: Path) -> None:
    assert cgroup_quota(tmp_path) is None
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert cgroup_quota(tmp_path) is None
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("250000\n")
    assert cgroup_quota(tmp_path) == 2.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert cgroup_quota(tmp_path) is None
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert cgroup_quota(tmp_path) == 1.5


def test_by_default_as_many_rows_run_as_cores_are_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.experiments.executors.create.idle_cores", lambda: 3)
    executor = create_executor("local")
    assert isinstance(executor, LocalExecutor)
    assert executor.max_jobs == 3


@pytest.mark.parametrize(("jobs", "rows", "notes"), [(None, 9, 0), (1, 9, 0), (2, 9, 0), (4, 2, 0), (4, 3, 1)])
def test_more_rows_than_idle_cores_are_run_with_a_note(
    jobs: int | None, rows: int, notes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genbench.experiments.compare.idle_cores", lambda: 2)
    messages: list[str] = []

    class Listener(ProgressListener):
        def message(self, text: str) -> None:
            messages.append(text)

    executor: Any = compare._create_executor(CompareSettings(jobs=jobs), rows, Listener())
    assert jobs is None or executor.max_jobs == jobs
    assert messages == [oversubscription_note(3, 2)] * notes

    # no budget, nothing that others could take
    compare._create_executor(CompareSettings(jobs=4, steps=10), 3, Listener())
    assert len(messages) == notes
