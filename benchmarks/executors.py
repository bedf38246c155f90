"""What an executor costs a job: small chains one after the other, in this process, in local processes, and on Ray.

    python benchmarks/executors.py [JOBS]       # 20 jobs, each way three times in turn; milliseconds a job, the median

Every job has the same 50,000 characters and nothing to draw. Ray is one node on this machine, started before the clock.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import time
from collections.abc import Callable

import genbench
from genbench.experiments import plan
from genbench.experiments.executors import base as executors
from genbench.experiments.executors.ray_cluster import QUIET
from genbench.experiments.job import Job, run_job
from genbench.generator import Progress

TIMES = 3


def in_process(jobs: list[Job]) -> None:
    """With no executor at all."""
    for job in jobs:
        assert run_job(job, lambda progress: None)["status"] == "ok"


def by(name: str) -> Callable[[list[Job]], None]:
    """With the executor of this name, one job at a time."""

    def run(jobs: list[Job]) -> None:
        rows = [said for _, said in executors.named(name, 1).run(jobs) if not isinstance(said, Progress)]
        assert [row["status"] for row in rows] == ["ok"] * len(jobs)

    return run


def main(number: int) -> None:
    """Print the table."""
    os.environ.update(QUIET)
    import ray

    jobs = plan.jobs([genbench.corpus("pell")], ["markov-char:order=1"], plan.Training(seeds=number))
    ways = {"in this process": in_process, "local": by("local"), "ray": by("ray")}
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(jobs[:1])  # what is done once: imports, Ray's first worker
    for _ in range(TIMES):
        for name, way in ways.items():
            began = time.perf_counter()
            way(jobs)
            found[name].append((time.perf_counter() - began) / number * 1e3)
    ray.shutdown()
    alone = statistics.median(found["in this process"])
    print("| executor | ms a job | of it overhead |\n| --- | ---: | ---: |")
    for name, times in found.items():
        print(f"| {name} | {statistics.median(times):.0f} | {statistics.median(times) - alone:.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
