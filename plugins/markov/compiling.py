"""Compile functions with numba, once per installation: the machine code is kept on disk, as Python's bytecode is.

Differs from `numba.njit(cache=True)` in two points. The cache belongs to all files of this package, because a function
compiled from one file contains those that it calls in others. And a process that may read the cache but not write it,
as one that is isolated, uses it; without any folder for a cache, a function is compiled in every process.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import caching, event

from genbench.processes.clock import uncounted

if "NUMBA_OPT" not in os.environ:
    numba.config.OPT = type(numba.config.OPT)(2)  # of 3: compiles in four fifths of the time, and the code is as fast

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function, **options: bool) -> Function:
    """Return a function that is compiled when it is first called with arguments of some types.

    It may not create arrays: without numba's reference counts (`_nrt`), which it would need for them, the loops over
    arrays in a tuple take a third of the time. Other threads run meanwhile, such as one that shows progress.
    """
    fixed: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "nogil": True, "no_cfunc_wrapper": True}
    compiled = numba.njit(**fixed, **options)(function)
    compiled.get_call_template = partial(_call_template, compiled.get_call_template)
    with contextlib.suppress(RuntimeError):  # no folder for a cache
        compiled._cache = _Cache(function)
    return cast(Function, compiled)


def inner(function: Function) -> Function:
    """Return a function that only kernels call: it is compiled in less time, because Python cannot call it."""
    return kernel(function, no_cpython_wrapper=True)


def _call_template(get: Callable[..., Any], arguments: Any, keywords: Any) -> Any:
    """Return what numba needs for a call from another kernel: compile one function for all constants and integers."""
    types = [numba.types.unliteral(argument) for argument in arguments]
    return get([numba.int64 if isinstance(kind, numba.types.Integer) else kind for kind in types], keywords)


def is_compiled(function: Callable[..., Any]) -> bool:
    """Return whether the machine code of a kernel is in memory or on disk, for arguments of any types."""
    compiled = cast(Any, function)
    return bool(compiled.signatures) or (isinstance(compiled._cache, _Cache) and compiled._cache.is_filled())


@cache
def _package_stamp() -> str:
    """Return a checksum of all files of this package."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


class _CompileListener(event.Listener):  # type: ignore[misc]
    """Leaves the time in which functions are compiled out of all figures."""

    def __init__(self) -> None:
        self._blocks: list[contextlib.AbstractContextManager[None]] = []

    def on_start(self, event: Any) -> None:
        """Begin to compile a function."""
        self._blocks.append(uncounted())
        self._blocks[-1].__enter__()

    def on_end(self, event: Any) -> None:
        """Return to the function that calls it, or to the figures."""
        if self._blocks:
            self._blocks.pop().__exit__(None, None, None)


event.register("numba:compile", _CompileListener())


class _Folder:
    """A folder with compiled functions: numba's rule for it, but one that cannot be written is used if it exists."""

    def ensure_cache_path(self: Any) -> None:
        """Raise OSError for a folder that cannot be used."""
        with contextlib.suppress(OSError):
            super().ensure_cache_path()  # type: ignore[misc]
            return
        if not any(Path(self.get_cache_path()).glob("*.nbi")):
            raise OSError("no folder for compiled functions")

    def get_source_stamp(self: Any) -> str:
        """Return what changes with the code, and makes what was compiled from it invalid."""
        return _package_stamp()


class _ChosenFolder(_Folder, caching.UserProvidedCacheLocator):  # type: ignore[misc]
    """The folder that the environment variable NUMBA_CACHE_DIR names."""


class _FolderBeside(_Folder, caching.InTreeCacheLocator):  # type: ignore[misc]
    """The folder __pycache__ beside the file."""


class _FolderOfUser(_Folder, caching.UserWideCacheLocator):  # type: ignore[misc]
    """The user's cache folder, for a package that is installed where the user cannot write."""


class _Implementation(caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (_ChosenFolder, _FolderBeside, _FolderOfUser)


class _IndexFile(caching.IndexDataCacheFile):  # type: ignore[misc]
    """The file that lists the compiled code of a function."""

    def _load_index(self) -> Any:
        try:
            return super()._load_index()
        except (AttributeError, ImportError):  # of earlier code, with types that are gone
            return {}


class _Cache(caching.FunctionCache):  # type: ignore[misc]
    """The cache of one function."""

    _impl_class = _Implementation

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file.__class__ = _IndexFile

    def save_overload(self, signature: Any, data: Any) -> None:
        """Save compiled code if the folder can be written."""
        with contextlib.suppress(OSError):
            super().save_overload(signature, data)

    def is_filled(self) -> bool:
        """Return whether the cache has code that was compiled from the current files."""
        with contextlib.suppress(OSError):
            return bool(self._cache_file._load_index())
        return False
