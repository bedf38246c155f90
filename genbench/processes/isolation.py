"""Isolate a process: it reads only the files that a generator needs, writes only to its folder, and has no network.

Linux only: Landlock (linux/landlock.h, kernel 5.13) for files, an empty network namespace or Landlock (kernel 6.7) for
the network. A process that is isolated cannot read the memory of another one either. What a system does not offer is
reported, not required.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import site
import struct
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on all architectures
RULESET_VERSION, RULE_PATH_BENEATH = 1, 1
PR_SET_NO_NEW_PRIVS = 38  # linux/prctl.h
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x08000000, 0x10000000, 0x40000000  # linux/sched.h
NAMESPACES = CLONE_NEWNET | CLONE_NEWIPC

EXECUTE, READ_FILE, READ_DIRECTORY = 1 << 0, 1 << 2, 1 << 3
READ = EXECUTE | READ_FILE | READ_DIRECTORY
FILE_RIGHTS = EXECUTE | READ_FILE | 1 << 1 | 1 << 14  # those that apply to a file itself: write and truncate too
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # by version of Landlock
NETWORK_RIGHTS = 3  # bind and connect over TCP, from version 4 on
SCOPES = 3  # abstract sockets and signals, from version 6 on

SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime")
KERNEL = ("/proc", "/sys/devices", "/dev/urandom", "/dev/null", "/dev/zero")
LEFT_OUT = {"nltk_data", "genbench_corpora", "site-packages", "dist-packages"}  # texts, or listed on their own
CODE = {".py", ".so", ".pth", ".pyd"}


def isolate(code: Iterable[Path], folder: Path) -> list[str]:
    """Isolate this process, for good; return what was limited: "files", "network", both, or nothing.

    It may then read Python, its packages and `code`, and use `folder`. Call it before another thread is started.
    """
    limited = []
    if _leave_network():
        limited.append("network")
    tempfile.tempdir = str(folder)  # else a package that asks for one when it is imported, such as dill, finds none
    version = _landlock_version()
    if version and _restrict(version, [*_python_code(), *map(Path, KERNEL), *code], folder):
        limited += ["files"] + ["network"] * (version >= 4 and not limited)
    return sorted(limited)


def code_beside(file: Path) -> list[Path]:
    """Return the files of code that a plugin file may import from its own folder, packages included."""
    folder = file.resolve().parent
    paths = [path for path in folder.iterdir() if path.suffix in CODE]
    packages = [path.parent for path in folder.glob("*/__init__.py")]
    return paths + [path for package in packages for path in package.rglob("*") if path.suffix in CODE]


def _leave_network() -> bool:
    """Move this process into empty namespaces of networks and of System V memory; return whether that was possible."""
    if not sys.platform.startswith("linux"):
        return False
    unshare = getattr(_library(), "unshare", None)
    return unshare is not None and any(unshare(flags) == 0 for flags in (NAMESPACES, NAMESPACES | CLONE_NEWUSER))


def _landlock_version() -> int:
    """Return the version of Landlock that the kernel has; 0 without it."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(int(_library().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(RULESET_VERSION))), 0)


def _restrict(version: int, readable: Iterable[Path], folder: Path) -> bool:
    """Restrict this process by Landlock; return whether that was possible."""
    library = _library()
    rights = RIGHTS[max(known for known in RIGHTS if known <= version)]

    # everything that is handled is forbidden, except by the rules
    attributes = struct.pack("=Q", rights)
    attributes += struct.pack("=Q", NETWORK_RIGHTS) if version >= 4 else b""
    attributes += struct.pack("=Q", SCOPES) if version >= 6 else b""
    ruleset = library.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    if ruleset < 0:
        return False

    # rules, then no way back
    try:
        for path in _python_folders():
            _allow(library, ruleset, path, READ_DIRECTORY)
        for path in readable:
            _allow(library, ruleset, path, READ)
        _allow(library, ruleset, Path("/dev/null"), FILE_RIGHTS & rights)
        _allow(library, ruleset, folder, rights)
        if library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            return False
        return bool(library.syscall(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0)
    finally:
        os.close(ruleset)


def _allow(library: Any, ruleset: int, path: Path, rights: int) -> None:
    """Allow these rights below a path; one that does not exist needs none."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            allowed = rights if path.is_dir() else rights & FILE_RIGHTS
            rule = struct.pack("=Qi", allowed, descriptor)
            library.syscall(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(RULE_PATH_BENEATH), rule, ctypes.c_uint32(0))
        finally:
            os.close(descriptor)


def _library() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _python_folders() -> list[Path]:
    """Return the folders in which Python and the system look for code; their contents are listed, and no more."""
    names = [*SYSTEM, os.path.join(sys.base_prefix, "lib"), *sys.path, *site.getsitepackages()]
    names += [site.getusersitepackages(), *map(sysconfig.get_path, ("stdlib", "platstdlib"))]
    return [Path(name) for name in dict.fromkeys(filter(None, names))]


def _python_code() -> Iterator[Path]:
    """Yield the code of Python, of its packages and of the system's libraries, without the texts beside them."""
    for folder in _python_folders():
        yield from _code_in(folder)
    yield from (Path(sys.prefix) / "pyvenv.cfg", Path(sys.executable), Path(sys.executable).resolve())
    yield Path(os.environ.get("NUMBA_CACHE_DIR") or user_cache_path("numba"))  # code compiled in earlier runs

    # packages that are installed in editable form
    for name in ("genbench", "genbench_plugins"):
        spec = find_spec(name)
        yield from map(Path, (spec and spec.submodule_search_locations) or ())


def _code_in(folder: Path) -> Iterator[Path]:
    """Yield the folders and the files of code in a folder, except folders of texts; a file is yielded itself."""
    if not folder.is_dir():
        yield folder
        return
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            wanted = path.name not in LEFT_OUT and not path.name.startswith("python3")
            if wanted and (path.is_dir() or path.suffix in CODE or ".so" in path.suffixes):
                yield path
