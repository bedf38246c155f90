"""create_executor: choose an executor by name. Nothing else depends on where jobs run.

local               processes on this machine (local.py)
ray                 a running Ray cluster, else one that is started on this machine (ray.py)
HOST:PORT           the Ray cluster at this address; ray://HOST:PORT through its client port
"""

from __future__ import annotations

import re

from genbench.errors import UserError
from genbench.experiments.executors.base import Executor
from genbench.experiments.idle_cores import idle_cores

CLUSTER_ADDRESS = re.compile(r"(ray://)?[\w.-]+:\d+|(ray://)?\[[\da-fA-F:]+\]:\d+")


def create_executor(name: str, max_jobs: int | None = None) -> Executor:
    """Return the executor of this name, which runs at most `max_jobs` jobs side by side (None: one per idle core).

    Raises UserError for an unknown name, and where Ray is not installed.
    """
    require_executor(name)
    if name == "local":
        from genbench.experiments.executors.local import LocalExecutor

        return LocalExecutor(max_jobs or idle_cores())
    from genbench.experiments.executors.ray import RayExecutor

    return RayExecutor("" if name == "ray" else name, max_jobs)


def require_executor(name: str) -> None:
    """Raise UserError for a name that is none of an executor."""
    if name not in ("local", "ray") and not CLUSTER_ADDRESS.fullmatch(name):
        raise UserError(f"executor is {name!r}; choose local, ray, or a Ray cluster: HOST:PORT or ray://HOST:PORT")
