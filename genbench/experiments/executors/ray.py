"""The executor on a Ray cluster: each job a task, its texts by content, what it says through one mailbox.

A task runs its job as the local executor does, in a fresh process (visiting.py), so that what a generator does wrong
costs its row on any machine. A job whose machine dies is sent again, with the newest checkpoint that came home.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from genbench import __version__
from genbench.errors import GenbenchError, format_error
from genbench.experiments.executors import job_bundle as luggage
from genbench.experiments.executors import ray_cluster as clusters
from genbench.experiments.executors.base import STOPPED, Event, Events
from genbench.experiments.executors.job_bundle import Files, Luggage
from genbench.experiments.executors.ray_task import Letter, visit
from genbench.experiments.job import Job, Row, blank, failed
from genbench.generator import Progress

WAITING = 1000  # jobs at once with Ray; more wait here
TRIES = 4  # of a job; each but the last ended with its machine
WAKE = 0.1  # seconds between two looks whether a new mailbox is there
LEAVING = 2.0  # seconds that jobs have to end when nobody waits for them any more
SHARED = ("train", "valid", "test", "others", "places")  # of a job: the same for all of an author, and large
MB = 1 << 20
Home = tuple[Row, Files]


def resources(job: Job) -> dict[str, float]:
    """What a job asks Ray for: one core, a GPU for `--device cuda`, and memory in bytes.

    Memory is drawn on from peaks that were measured: networks 500 MB; chains 130 MB, and a character of training text
    75 bytes (markov-char of order 8) to 220 (markov). A budget in seconds wants a GPU alone; of steps, four share one.
    """
    share = 1.0 if job.budget is not None else 0.25
    memory = max(500 * MB, 130 * MB + 220 * len(job.train))
    return {"num_cpus": 1, "num_gpus": share if job.device == "cuda" else 0, "memory": memory}


class Mailbox:
    """Where running jobs leave what they have to say, and the driver waits for it: an actor of Ray."""

    def __init__(self) -> None:
        self.letters: list[tuple[int, Letter]] = []
        self.there = asyncio.Event()

    async def put(self, place: int, letter: Letter) -> None:
        """Leave a letter."""
        self.letters.append((place, letter))
        self.there.set()

    async def take(self) -> list[tuple[int, Letter]]:
        """All letters, as soon as there is one."""
        await self.there.wait()
        taken, self.letters = self.letters, []
        self.there.clear()
        return taken


def work(place: int, version: str, small: dict[str, Any], shared: dict[str, Any], taken: Luggage, mailbox: Any) -> Home:
    """What a task does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a node that a shell started behind itself ignores it
    job = Job(**small, **shared)
    if version != __version__:
        return failed(blank(job), f"its node has genbench {__version__}, and here is {version}: install the same"), {}
    return visit(job, taken, lambda letter: mailbox.put.remote(place, letter))


@dataclass
class RayExecutor:
    """Runs jobs on the cluster at an address; "": the one that is found, else one that is started on this machine."""

    address: str
    at_once: int | None = None
    here: bool = False
    _grid: _Grid | None = None

    def __post_init__(self) -> None:
        clusters.require()

    def run(self, jobs: Sequence[Job]) -> Events:
        """Events as they come, in the end one row for each job; leaving early ends what runs."""
        with clusters.connected(self.address):
            self._grid = _Grid(jobs, self.at_once or WAITING)
            try:
                yield from self._grid.events()
            finally:
                self._grid.leave()

    def stop(self, place: int) -> None:
        """End this job; its row fails."""
        if self._grid is not None:
            self._grid.stop(place)


class _Grid:
    """The jobs of one run: those that wait, and the tasks of the others."""

    def __init__(self, jobs: Sequence[Job], at_once: int) -> None:
        import ray

        self.ray: Any = ray
        self.jobs, self.at_once = jobs, at_once
        self.waiting = deque(range(len(jobs)))
        self.running: dict[Any, int] = {}  # the place of each task's job
        self.tries = Counter[int]()
        self.stopped: set[int] = set()
        self.task = self.ray.remote(max_retries=0)(work)  # who died is sent again from here, with its checkpoint
        self.mailbox = self.ray.remote(num_cpus=0, max_restarts=-1)(Mailbox).remote()
        self.letters = self.mailbox.take.remote()
        self.texts: tuple[dict[str, Any], Any] = ({}, None)  # of the author that was sent last

    def events(self) -> Iterator[Event]:
        """What the jobs have to say, until each has its row."""
        for job in self.jobs:
            kept = luggage.checkpoint(job) if job.fresh else None
            if kept is not None:
                kept.remove()
        while self.waiting or self.running:
            yield from self._send()
            if not self.running:
                continue
            ready, _ = self.ray.wait([self.letters, *self.running])
            for ref in ready:
                yield from self._read() if ref == self.letters else self._ended(ref)

    def stop(self, place: int) -> None:
        """End the job at this place."""
        self.stopped.add(place)
        for ref, at in self.running.items():
            if at == place:
                self.ray.cancel(ref)

    def leave(self) -> None:
        """End all that runs, and wait a moment for it."""
        for ref in self.running:
            self.ray.cancel(ref)
        if self.running:
            _, left = self.ray.wait(list(self.running), num_returns=len(self.running), timeout=LEAVING)
            for ref in left:
                self.ray.cancel(ref, force=True)
        self.ray.kill(self.mailbox)

    def _send(self) -> Iterator[Event]:
        """Hand jobs to Ray, as many as may be there at once."""
        while self.waiting and len(self.running) < self.at_once:
            place = self.waiting.popleft()
            job = self.jobs[place]
            if place in self.stopped:
                yield place, failed(blank(job), STOPPED)
                continue
            try:
                taken = luggage.packed(job)
            except (GenbenchError, OSError) as error:
                yield place, failed(blank(job), str(error))
                continue
            self.tries[place] += 1
            small = {name: value for name, value in vars(job).items() if name not in SHARED}
            wanted = resources(job)
            if not self._there(wanted):
                gpu = " and a GPU" if wanted["num_gpus"] else ""
                yield place, Progress(0, note=f"waits for a node with {wanted['memory'] / MB:,.0f} MB{gpu}")
            ask = self.task.options(**wanted)
            self.running[ask.remote(place, __version__, small, self._shared(job), taken, self.mailbox)] = place

    def _there(self, wanted: dict[str, float]) -> bool:
        """Whether a node has, busy or not, what a job asks for."""
        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        return any(all(node.get(names[name], 0) >= most for name, most in wanted.items()) for node in nodes)

    def _shared(self, job: Job) -> Any:
        """The texts of a job in Ray's object store; the next job of the same author shares them."""
        texts = {name: getattr(job, name) for name in SHARED}
        if texts != self.texts[0]:
            self.texts = (texts, self.ray.put(texts))
        return self.texts[1]

    def _read(self) -> Iterator[Event]:
        """What has been said on the way; checkpoints are kept here."""
        from ray.exceptions import RayError

        letters: list[tuple[int, Letter]] = []
        try:
            letters = self.ray.get(self.letters)
        except RayError:  # it died with its node: Ray starts another, and what was in it is lost
            time.sleep(WAKE)
        self.letters = self.mailbox.take.remote()
        newest = {}
        for place, letter in letters:
            if place not in self.running.values():
                continue
            if isinstance(letter, Progress):
                yield place, letter
            else:
                newest[place] = letter
        for place, state in newest.items():
            kept = luggage.checkpoint(self.jobs[place])
            if kept is not None:
                kept.keep(state)

    def _ended(self, ref: Any) -> Iterator[Event]:
        """The row of a task that is over; or its job waits again, if its machine died."""
        from ray.exceptions import RayError, RayTaskError, TaskCancelledError

        place = self.running.pop(ref)
        job = self.jobs[place]
        try:
            row, files = self.ray.get(ref)
        except TaskCancelledError:
            row, files = failed(blank(job), STOPPED), {}
        except RayTaskError as error:
            row, files = failed(blank(job), f"its node could not run it: {_said(error.cause)}"), {}
        except RayError as error:
            if self.tries[place] < TRIES and place not in self.stopped:
                self.waiting.appendleft(place)
                yield place, Progress(0, note="sent again: its node is gone")
                return
            why = f"its node died {self.tries[place]} times: {_said(error)}"
            row, files = failed(blank(job), STOPPED if place in self.stopped else why), {}
        yield place, self._home(job, row, files)

    def _home(self, job: Job, row: Row, files: Files) -> Row:
        """The row, its model kept here and its checkpoint no longer."""
        try:
            if files:
                luggage.arrived(job, files)
        except (GenbenchError, OSError) as error:
            why = getattr(error, "strerror", None) or error
            row = row | {"notes": [*row["notes"], f"the model could not be kept in {job.models}: {why}"]}
        kept = luggage.checkpoint(job) if row["status"] == "ok" else None
        if kept is not None:
            kept.remove()
        return row


def _said(error: BaseException) -> str:
    """What an exception says, in one line that is not too long."""
    return " ".join(format_error(error).split())[:300]
