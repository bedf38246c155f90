"""genbench as a process beside the tests, its workers, and plugins that do what they should not."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TOY = (Path(__file__).parent / "doubles.py").read_text(encoding="utf-8").split("@dataclass\nclass Unigram")
IMPORTS = "import os, random, subprocess, sys, threading, time\nimport numpy as np\n"
HEAD = IMPORTS + "from dataclasses import dataclass\nfrom typing import Any\nfrom genbench import *\n\n"


def started(folder: Path, *words: str, **more: str) -> subprocess.Popen[str]:
    """A genbench command in a process group of its own."""
    env = {**os.environ, "OMP_NUM_THREADS": "1", **more}
    command = [sys.executable, "-m", "genbench.cli.main", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def workers(of: int) -> list[int]:
    """The worker processes that a process has started."""
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(of)], capture_output=True, text=True, check=False)
    return [
        int(line.split()[0]) for line in listed.stdout.splitlines() if "genbench.experiments.executors.worker" in line
    ]


def until(there: Any, seconds: float = 60) -> Any:
    """What a function gives as soon as it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := there():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def toy(folder: Path, where: str, what: str) -> str:
    """A plugin that does something it should not, at the beginning of a method."""
    head, body = f"    def {where}(self", "@dataclass\nclass Unigram" + TOY[1].split("\n\n\n__all__")[0]
    before, after = body.split(head)
    line, rest = after.split("\n", 1)
    path = folder / "toy.py"
    path.write_text(f"{HEAD}{before}{head}{line}\n        {what}\n{rest}\n", encoding="utf-8")
    return str(path)
