"""How many cores are idle: as many rows run side by side by default, so that each has a core for its time budget."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

MEASURED_SECONDS = 0.5
TOLERANCE = 0.15  # of a core that may be busy; a row with 85 % of a core is comparable


def available_cores() -> int:
    """Return the number of cores that this process may use: those of its affinity, within its control group's quota."""
    allowed = _allowed_cores()
    return max(1, int(min(len(allowed), cgroup_quota() or len(allowed))))


def idle_cores(seconds: float = MEASURED_SECONDS) -> int:
    """Return how many of the available cores are idle, at least 1; a core that is busy up to 15 % counts as idle.

    On Linux the busy time of the cores is measured in /proc/stat over `seconds`. Elsewhere the load average of the last
    minute counts as busy cores.
    """
    allowed = _allowed_cores()
    free = min(len(allowed) - _busy_cores(allowed, seconds), cgroup_quota() or len(allowed))
    return max(1, int(free + TOLERANCE))


def oversubscription_note(jobs: int, idle: int) -> str:
    """Return the note about more rows side by side than idle cores."""
    cores = "core is" if idle == 1 else "cores are"
    return (
        f"{jobs} rows run side by side, and {idle} {cores} idle: rows that get less than 85 % of a "
        f"core take part in no verdict; --jobs {idle}, --steps or --flops avoid that"
    )


def cgroup_quota(root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return the cores that the control group of this process may use; None without a limit."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        quota, period = ((root / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    return None


def _allowed_cores() -> set[int]:
    """Return the numbers of the cores on which this process may run."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _busy_cores(cores: set[int], seconds: float) -> float:
    """Return how many of these cores are busy on average over a time."""
    before = _times(cores)
    if before is None:
        return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    time.sleep(seconds)
    after = _times(cores) or before

    # the share of the time that a core was not idle
    busy = 0.0
    for core in cores & before.keys() & after.keys():
        idle, total = (now - then for now, then in zip(after[core], before[core], strict=True))
        busy += 1 - idle / total if total > 0 else 0.0
    return busy


def _times(cores: set[int], file: Path = Path("/proc/stat")) -> dict[int, tuple[int, int]] | None:
    """Return the idle and total ticks of each core; None where the system does not tell."""
    times = {}
    try:
        for line in file.read_text().splitlines():
            name, *ticks = line.split()
            if name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in cores:
                # user nice system idle iowait irq softirq steal; waiting for a disk leaves a core free
                numbers = [int(tick) for tick in ticks[:8]]
                times[int(name[3:])] = numbers[3] + numbers[4], sum(numbers)
    except (OSError, ValueError, IndexError):
        return None
    return times or None
