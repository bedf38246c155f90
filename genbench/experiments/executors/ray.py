"""The Ray executor: each job is a task on a cluster; its texts go to the object store, its messages to one mailbox.

A task runs its job as the local executor does, in a new process, so that a generator that fails costs only its row on
any machine. A job whose node dies is sent again, with the newest checkpoint that arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from genbench import __version__
from genbench.errors import ContractError, GenbenchError, format_error
from genbench.experiments.executors import ray_cluster
from genbench.experiments.executors.base import STOPPED, Event, Events, starting_order
from genbench.experiments.executors.job_bundle import (
    FileContents,
    JobBundle,
    job_checkpoint,
    pack_job,
    unpack_result,
)
from genbench.experiments.executors.messages import format_message
from genbench.experiments.executors.ray_task import (
    TaskMessage,
    TaskResult,
    parse_result,
    parse_task_message,
    run_in_folder,
)
from genbench.experiments.job import Job
from genbench.experiments.row import Row
from genbench.generator import Progress
from genbench.storage.records import JsonObject

MAX_SUBMITTED = 1000  # jobs that Ray has at the same time; the others wait here
MAX_TRIES = 4  # of a job whose node dies
MAILBOX_RETRY_SECONDS = 0.1  # between two attempts to reach a restarted mailbox
CANCEL_SECONDS = 2.0  # that tasks may take to end when they are cancelled
NODE_FIELDS = ("cluster",)  # of a job: known to its node
SHARED_FIELDS = ("train", "valid", "test", "other_tests", "strata")  # of a job: large, the same for all of an author
MB = 1 << 20


def resources(job: Job) -> dict[str, float]:
    """Return what a job requests from Ray: one core, a GPU for the device "cuda", and memory in bytes.

    The memory follows measured peaks: 500 MB for networks; 130 MB for chains, and 75 (markov-char of order 8) to 220
    (markov-word) bytes per character of training text. A budget in seconds needs a GPU alone; by steps, four share one.
    """
    gpu_share = 1.0 if job.budget is not None else 0.25
    memory = max(500 * MB, 130 * MB + 220 * len(job.train))
    return {"num_cpus": 1, "num_gpus": gpu_share if job.device == "cuda" else 0, "memory": memory}


class Mailbox:
    """A Ray actor that collects the messages of running jobs until the driver takes them."""

    def __init__(self) -> None:
        self.messages: list[tuple[int, TaskMessage]] = []
        self.arrived = asyncio.Event()

    async def put(self, index: int, message: TaskMessage) -> None:
        """Add a message of a job."""
        self.messages.append((index, message))
        self.arrived.set()

    async def take(self) -> list[tuple[int, TaskMessage]]:
        """Return all messages, as soon as there is one."""
        await self.arrived.wait()
        messages, self.messages = self.messages, []
        self.arrived.clear()
        return messages


def run_task(
    index: int, version: str, fields: JsonObject, shared: JsonObject, bundle: JobBundle, mailbox: Any
) -> TaskResult:
    """Run a job on a node: the function of the Ray task."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a node started in the background of a shell ignores it
    job = Job(**fields, **shared, cluster=ray_cluster.address_of_node())
    if version != __version__:
        reason = f"its node has genbench {__version__}, and this machine {version}: install the same version"
        return format_message(Row.blank(job).failed(reason)), {}
    row, files = run_in_folder(job, bundle, lambda message: mailbox.put.remote(index, message))
    return format_message(row), files


@dataclass
class RayExecutor:
    """Runs jobs on the cluster at an address; "" means a running one, else one that is started on this machine."""

    address: str
    max_jobs: int | None = None
    local: bool = False
    _tasks: _Tasks | None = None

    def __post_init__(self) -> None:
        ray_cluster.require_ray()

    def run(self, jobs: Sequence[Job]) -> Events:
        """Yield events as they arrive; the last one of each job is its row. Closing the generator ends all jobs."""
        with ray_cluster.connect(self.address):
            self._tasks = _Tasks(jobs, self.max_jobs or MAX_SUBMITTED)
            try:
                yield from self._tasks.events()
            finally:
                self._tasks.cancel_all()

    def stop(self, index: int) -> None:
        """Stop a job; its row fails."""
        if self._tasks is not None:
            self._tasks.stop(index)


class _Tasks:
    """The jobs of one comparison: those that wait, and the Ray tasks of the others."""

    def __init__(self, jobs: Sequence[Job], max_jobs: int) -> None:
        import ray

        self.ray: Any = ray
        self.jobs, self.max_jobs = jobs, max_jobs
        self.waiting = deque(starting_order(jobs))
        self.running: dict[Any, int] = {}  # index of the job of each task
        self.tries = Counter[int]()
        self.stopped: set[int] = set()
        self.task = self.ray.remote(max_retries=0)(run_task)  # retries are made here, with the newest checkpoint
        self.mailbox = self.ray.remote(num_cpus=0, max_restarts=-1)(Mailbox).remote()
        self.messages = self.mailbox.take.remote()
        self.shared: tuple[JsonObject, Any] = ({}, None)  # the texts that were sent last, and their reference

    def events(self) -> Iterator[Event]:
        """Yield the events of all jobs until each has its row."""
        for job in self.jobs:
            checkpoint = job_checkpoint(job) if job.retrain else None
            if checkpoint is not None:
                checkpoint.remove()

        # submit jobs, and wait for messages and results
        while self.waiting or self.running:
            yield from self._submit()
            if not self.running:
                continue
            ready, _ = self.ray.wait([self.messages, *self.running])
            for reference in ready:
                yield from self._read_mailbox() if reference == self.messages else self._finish(reference)

    def stop(self, index: int) -> None:
        """Stop a job."""
        self.stopped.add(index)
        for reference, running in self.running.items():
            if running == index:
                self.ray.cancel(reference)

    def cancel_all(self) -> None:
        """Cancel all tasks, and wait a moment for them to end."""
        for reference in self.running:
            self.ray.cancel(reference)

        # tasks that do not end by themselves are killed
        if self.running:
            _, left = self.ray.wait(list(self.running), num_returns=len(self.running), timeout=CANCEL_SECONDS)
            for reference in left:
                self.ray.cancel(reference, force=True)
        self.ray.kill(self.mailbox)

    def _submit(self) -> Iterator[Event]:
        """Submit waiting jobs, as many as may run at the same time."""
        while self.waiting and len(self.running) < self.max_jobs:
            index = self.waiting.popleft()
            job = self.jobs[index]
            if index in self.stopped:
                yield index, Row.blank(job).failed(STOPPED)
                continue
            try:
                bundle = pack_job(job)
            except (GenbenchError, OSError) as error:
                yield index, Row.blank(job).failed(str(error))
                continue

            # the texts are sent once for all jobs of an author
            self.tries[index] += 1
            fields = {name: value for name, value in vars(job).items() if name not in SHARED_FIELDS + NODE_FIELDS}
            request = resources(job)
            if not self._has_node(request):
                gpu = " and a GPU" if request["num_gpus"] else ""
                yield index, Progress(0, note=f"waits for a node with {request['memory'] / MB:,.0f} MB{gpu}")
            task = self.task.options(**request)
            reference = task.remote(index, __version__, fields, self._share_texts(job), bundle, self.mailbox)
            self.running[reference] = index

    def _has_node(self, request: dict[str, float]) -> bool:
        """Return whether a node has, busy or not, what a job requests."""
        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        return any(all(node.get(names[name], 0) >= amount for name, amount in request.items()) for node in nodes)

    def _share_texts(self, job: Job) -> Any:
        """Return a reference to the texts of a job in Ray's object store; jobs of the same author share it."""
        texts = {name: getattr(job, name) for name in SHARED_FIELDS}
        if texts != self.shared[0]:
            self.shared = (texts, self.ray.put(texts))
        return self.shared[1]

    def _read_mailbox(self) -> Iterator[Event]:
        """Yield the progress that was reported; store the newest checkpoint of each job."""
        from ray.exceptions import RayError

        # take the messages, and ask for the next ones
        messages: list[tuple[int, TaskMessage]] = []
        try:
            messages = self.ray.get(self.messages)
        except RayError:  # it died with its node: Ray starts another, and the messages in it are lost
            time.sleep(MAILBOX_RETRY_SECONDS)
        self.messages = self.mailbox.take.remote()

        # yield progress; of checkpoints only the newest counts
        newest = {}
        for index, message in messages:
            if index not in self.running.values():
                continue
            with contextlib.suppress(ContractError):  # the row of a job says what is wrong, not its progress
                progress = parse_task_message(message, self.jobs[index])
                if isinstance(progress, Progress):
                    yield index, progress
                else:
                    newest[index] = progress

        # store the checkpoints
        for index, state in newest.items():
            checkpoint = job_checkpoint(self.jobs[index])
            if checkpoint is not None:
                checkpoint.save_packed(state)

    def _finish(self, reference: Any) -> Iterator[Event]:
        """Yield the row of a task that ended; where its node died, put its job back instead."""
        from ray.exceptions import RayError, RayTaskError, TaskCancelledError

        index = self.running.pop(reference)
        job = self.jobs[index]
        files: FileContents = {}
        try:
            row, files = parse_result(self.ray.get(reference), job)
        except ContractError as error:
            row = Row.blank(job).failed(str(error))
        except TaskCancelledError:
            row = Row.blank(job).failed(STOPPED)
        except RayTaskError as error:
            row = Row.blank(job).failed(f"its node could not run it: {_in_one_line(error.cause)}")
        except RayError as error:
            if self.tries[index] < MAX_TRIES and index not in self.stopped:
                self.waiting.appendleft(index)
                yield index, Progress(0, note="sent again: its node died")
                return
            reason = f"its node died {self.tries[index]} times: {_in_one_line(error)}"
            row = Row.blank(job).failed(STOPPED if index in self.stopped else reason)
        yield index, self._store_result(job, row, files)

    def _store_result(self, job: Job, row: Row, files: FileContents) -> Row:
        """Store the model of a row here, and remove its checkpoint; return the row, with a note where that failed."""
        try:
            if files:
                unpack_result(job, files)
        except (GenbenchError, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            note = f"the model could not be stored in {job.models}: {reason}"
            row = replace(row, notes=[*row.notes, note])

        # a complete training needs no checkpoint
        checkpoint = job_checkpoint(job) if row.ok else None
        if checkpoint is not None:
            checkpoint.remove()
        return row


def _in_one_line(error: BaseException) -> str:
    """Return the message of an exception in one line of at most 300 characters."""
    return " ".join(format_error(error).split())[:300]
