"""The environment of a comparison: the machine and the versions that its figures depend on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from genbench.experiments.idle_cores import available_cores

PACKAGES = ("genbench", "torch", "numpy", "nltk", "markovify")


def describe_environment() -> dict[str, str]:
    """Return system, processor, cores and versions by name; no name of the machine or its user."""
    machine = {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": str(available_cores()),
        "python": platform.python_version(),
    }
    return machine | {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "-"


def _processor() -> str:
    """Return the processor's model as Linux reports it, else as Python does."""
    # Linux; elsewhere Python knows the name
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
