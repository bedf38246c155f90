"""The overhead of executors: small chains one after another in this process, in local processes, and on Ray.

    python benchmarks/executors.py [JOBS]       # 20 jobs; three rounds of each executor; median milliseconds per job

Every job has the same 50,000 characters and generates nothing. Ray is one node on this machine, started beforehand.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import time
from collections.abc import Callable

from genbench.corpus.loading import load_corpus
from genbench.experiments.executors.create import create_executor
from genbench.experiments.executors.ray_cluster import ENVIRONMENT
from genbench.experiments.job import Job, measure_job, train_job
from genbench.experiments.plan import CompareSettings, make_jobs
from genbench.generator import Progress, ignore

ROUNDS = 3


def run_in_process(jobs: list[Job]) -> None:
    """Run jobs without an executor."""
    for job in jobs:
        row, model = train_job(job, ignore)
        assert model is not None, row.error
        row, preview = measure_job(job, row, model, ignore)
        assert preview is not None, row.error


def run_with(executor: str) -> Callable[[list[Job]], None]:
    """Return a function that runs jobs with an executor, one at a time."""

    def run(jobs: list[Job]) -> None:
        events = create_executor(executor, 1).run(jobs)
        rows = [event for _, event in events if not isinstance(event, Progress)]
        assert [row.status for row in rows] == ["ok"] * len(jobs)

    return run


def main(job_count: int) -> None:
    """Print the table."""
    os.environ.update(ENVIRONMENT)
    import ray

    settings = CompareSettings(generators=["markov-char:order=1"], seeds=job_count, samplings=[])
    jobs = make_jobs(settings, [load_corpus("pell")], settings.validate())
    executors = {"in this process": run_in_process, "local": run_with("local"), "ray": run_with("ray")}
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)

    # imports and Ray's first worker are not timed
    for run in executors.values():
        run(jobs[:1])

    # measure
    milliseconds: dict[str, list[float]] = {name: [] for name in executors}
    for _ in range(ROUNDS):
        for name, run in executors.items():
            start = time.perf_counter()
            run(jobs)
            milliseconds[name].append((time.perf_counter() - start) / job_count * 1e3)
    ray.shutdown()

    baseline = statistics.median(milliseconds["in this process"])
    print("| executor | ms per job | overhead |\n| --- | ---: | ---: |")
    for name, times in milliseconds.items():
        print(f"| {name} | {statistics.median(times):.0f} | {statistics.median(times) - baseline:.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
