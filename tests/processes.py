"""Helpers: genbench as a process, its workers, and plugins that misbehave."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

from doubles import unigram_source

from genbench.processes.descendants import descendants

HEADER = """\
import os, random, subprocess, sys, threading, time
import numpy as np
from dataclasses import dataclass
from typing import Any
from genbench import Generator, Tokenizer
from genbench.generator import LogProbs, Progress, TrainContext
from genbench.tokenization import Text

"""
DAEMON = "setsid sleep 10000 > /dev/null 2>&1 & echo $!"  # in a session of its own, and its parent ends
Result = TypeVar("Result")
StartGenbench = Callable[..., subprocess.Popen[str]]


@contextlib.contextmanager
def genbench_process(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a genbench command in a process group of its own, which is killed at the end of the context."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "genbench.cli.main", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def workers_of(parent: int) -> list[int]:
    """Return the ids of the worker processes that a process has started."""
    names = {}
    for process in descendants(parent):
        with contextlib.suppress(OSError):  # it has just ended
            names[process] = Path(f"/proc/{process}/comm").read_text(encoding="utf-8").strip()
    return [process for process, name in names.items() if name == "worker"]


def wait_for(function: Callable[[], Result], seconds: float = 60) -> Result:
    """Return the result of a function as soon as it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := function():
            return result
        time.sleep(0.05)
    raise AssertionError(f"nothing after {seconds} seconds")


def read_until(stream: IO[str] | None, pattern: str) -> str:
    """Read the lines of a process until one contains a regular expression; return it."""
    assert stream is not None
    lines = []
    for line in stream:
        if re.search(pattern, line):
            return line
        lines.append(line)
    raise AssertionError(f"no {pattern!r} in {lines}")


def wait_for_end(process: int) -> None:
    """Return once a process has ended, or only its entry in the process table is left; fail after five seconds."""
    for _ in range(50):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return
        stat = Path(f"/proc/{process}/stat")
        if stat.exists() and stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.1)
    raise AssertionError(f"process {process} is still running")


def write_plugin(folder: Path, method: str, code: str, name: str = "toy.py") -> str:
    """Write a plugin that runs `code` at the beginning of one of its methods; return its path."""
    path = folder / name
    path.write_text(HEADER + insert_code(method, code) + "\n", encoding="utf-8")
    return str(path)


def insert_code(method: str, code: str) -> str:
    """Return the source of the unigram generator with code at the beginning of a method."""
    definition = f"    def {method}(self"
    before, after = unigram_source().split(definition)
    signature, body = after.split("\n", 1)
    return f"{before}{definition}{signature}\n        {code}\n{body}"


def write_distribution(folder: Path, source: str = HEADER + unigram_source(), version: str = "1.0") -> Path:
    """Install a distribution with the generator toy-plugin into a folder, as pip does; return its module."""
    information = folder / f"toy_plugin-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: toy-plugin\nVersion: {version}\n")
    (information / "entry_points.txt").write_text("[genbench.generators]\ntoy-plugin = toy_plugin:Unigram\n")
    module = folder / "toy_plugin.py"
    module.write_text(source, encoding="utf-8")
    return module


def copy_machine_code(site: Path) -> None:
    """Copy the compiled loops of the chains to an installation of the same code: compiling takes half a minute."""
    copies = site / "genbench_plugins" / "markov" / "__pycache__"
    copies.mkdir(exist_ok=True)
    for file in (Path(__file__).parent.parent / "plugins" / "markov" / "__pycache__").glob("*.nb[ic]"):
        shutil.copy(file, copies)
