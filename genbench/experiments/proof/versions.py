"""Pinned versions: the distributions that genbench needs, as they are installed."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution

NAME = re.compile(r"[\w.-]+")
EXTRA = re.compile(r";.*\bextra\s*==")  # of a requirement that only an extra has


def pinned_versions(roots: Iterable[str]) -> dict[str, str]:
    """Return the versions of these distributions and of all that they need, as far as they are installed, by name."""
    versions: dict[str, str] = {}
    waiting = [_normalized(name) for name in roots]
    while waiting:
        name = waiting.pop()
        if name in versions:
            continue
        try:
            installed = distribution(name)
        except PackageNotFoundError:  # needed on other systems only
            continue
        versions[name] = installed.version
        waiting += [_required_name(line) for line in installed.requires or () if not EXTRA.search(line)]
    return dict(sorted(versions.items()))


def requirements(versions: dict[str, str], wheel: str) -> str:
    """Return requirements.txt for pip: the wheel, and the exact version of everything else.

    The local part of a version, such as +cpu, names a build that the package index does not have; it is a comment.

    >>> requirements({"genbench": "1.0", "torch": "2.9.0+cpu"}, "genbench.whl").splitlines()[1:]
    ['./genbench.whl', 'torch==2.9.0  # 2.9.0+cpu']
    """
    lines = [f"# Python {platform.python_version()}", f"./{wheel}"]
    for name, version in versions.items():
        public, mark, _ = version.partition("+")
        if name != "genbench":
            lines.append(f"{name}=={public}" + (f"  # {version}" if mark else ""))
    return "\n".join(lines) + "\n"


def _required_name(requirement: str) -> str:
    match = NAME.match(requirement)
    return _normalized(match[0]) if match else ""


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
