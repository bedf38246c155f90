"""Start processes through a fork server (fork_server.py), which imports for all of them what they need.

Linux only: elsewhere a process that has imported numerical libraries must not fork.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

from genbench.processes.clock import tell
from genbench.processes.fork_server import MAX_PACKET, VARIABLE

AT_IMPORT = ("PYTHON", "LD_", "OMP_", "MKL_", "OPENBLAS_", "NUMBA_", "TORCH", "CUDA_", "PATH")  # read by libraries
MODULE = "genbench.processes.fork_server"
START_SECONDS, ANSWER_SECONDS = (
    120.0,
    10.0,
)  # for the first answer of a server, which imports modules before, and another one
EXIT_SECONDS = 0.5  # that a server may take to end what it has started
LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")] if resource else []


class ForkedProcess:
    """A process that a fork server has started, with the part of the interface of `subprocess.Popen` that is used."""

    def __init__(self, server: _Connection, pid: int, stdin: BinaryIO, stdout: BinaryIO, stderr: BinaryIO | None):
        self.pid, self.stdin, self.stdout, self.stderr = pid, stdin, stdout, stderr
        self.returncode: int | None = None
        self._server, self._lock = server, threading.Lock()
        self._descriptor = os.pidfd_open(pid)  # readable once the process has ended

    def poll(self) -> int | None:
        """Return the exit code; None while the process runs."""
        with self._lock:
            if self.returncode is None and self._has_ended(0.0):
                os.close(self._descriptor)
                try:
                    self.returncode = self._server.ask({"poll": self.pid})["code"]
                except OSError:  # the server has ended, and with it what it has started
                    self.returncode = -signal.SIGKILL
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once the process has ended. Raises subprocess.TimeoutExpired."""
        if self.poll() is None:
            with contextlib.suppress(OSError, ValueError):  # another thread has polled it
                self._has_ended(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(MODULE, timeout or 0.0)
        return code

    def _has_ended(self, timeout: float | None) -> bool:
        waiting = select.poll()  # `select.select` takes no descriptor above 1023
        waiting.register(self._descriptor, select.POLLIN)
        return bool(waiting.poll(None if timeout is None else 1000 * timeout))


@cache
def can_fork() -> bool:
    """Return whether processes can be started through a fork server."""
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))  # from kernel 5.3 on, unless a filter forbids it
    except (OSError, AttributeError):
        return False
    return True


def end_orphans() -> None:
    """End what has left the trees of the processes of this one's fork server, if it has been started by one."""
    if VARIABLE in os.environ:
        _connection("", {}).ask({"orphans": 1})


def fork_process(
    module: str,
    kinds: str,
    *,
    environment: Mapping[str, str],
    folder: Path | None,
    show_output: bool,
    client: bool,
) -> ForkedProcess:
    """Start the `main` of a module in a process and a session of its own, from a fork server.

    `kinds` says what the server has imported: names in fork_server.PRELOADED, separated by spaces. A `client` can start
    processes through the same server. Raises OSError where that is not possible.
    """
    request = {
        "start": module,
        "environment": {name: value for name, value in environment.items() if name != VARIABLE},
        "client": client,
        "limits": {number: resource.getrlimit(number) for number in LIMITS},
    }
    connection = _connection(kinds, environment)
    stdin, stdout, stderr = os.pipe(), os.pipe(), (os.dup(2), os.dup(2)) if show_output else os.pipe()[::-1]
    place = os.open(folder or ".", os.O_PATH | os.O_DIRECTORY)  # its path may be too long, or gone
    theirs, ours = [stdin[0], stdout[1], stderr[0], place], [stdin[1], stdout[0], stderr[1]]
    try:
        pid = connection.ask(request, theirs)["process"]
    except OSError:
        for descriptor in ours:
            os.close(descriptor)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    if show_output:
        os.close(stderr[1])
    return ForkedProcess(
        connection,
        pid,
        cast(BinaryIO, os.fdopen(stdin[1], "wb")),
        cast(BinaryIO, os.fdopen(stdout[0], "rb")),
        None if show_output else cast(BinaryIO, os.fdopen(stderr[1], "rb")),
    )


class _Connection:
    """A socket to a fork server."""

    def __init__(self, end: socket.socket, server: subprocess.Popen[bytes] | None = None) -> None:
        self._socket, self._server, self._lock = end, server, threading.Lock()
        self._patience = START_SECONDS

    @property
    def has_ended(self) -> bool:
        """Whether the server, which this process has started, has ended."""
        return self._server is not None and self._server.poll() is not None

    def ask(self, request: Mapping[str, Any], descriptors: list[int] | None = None) -> Any:
        """Return the answer to a request. Raises OSError where the server has ended, or cannot do it.

        A server that gives no answer for a while, as one that a plugin has stopped, is ended.
        """
        packet = json.dumps(request).encode()
        if len(packet) > MAX_PACKET:
            raise OSError(errno.EMSGSIZE, "the environment is too long for a packet")
        with self._lock:
            socket.send_fds(self._socket, [packet], descriptors or [])
            self._socket.settimeout(self._patience)
            try:
                answer = self._receive()
                while "uncounted" in answer:
                    tell(begins=answer["uncounted"])
                    answer = self._receive()
            except TimeoutError:
                self.close()
                raise
            self._patience = ANSWER_SECONDS
        if "error" in answer:
            raise OSError(answer["error"])
        return answer

    def _receive(self) -> Any:
        return json.loads(self._socket.recv(MAX_PACKET) or '{"error": "the fork server has ended"}')

    def close(self) -> None:
        """End the server, and whatever it has started."""
        self._socket.close()
        if self._server is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(EXIT_SECONDS)
            self._server.kill()  # it is importing, or stopped
            self._server.wait()


_connections: dict[object, _Connection] = {}
_starting = threading.Lock()


def _connection(kinds: str, environment: Mapping[str, str]) -> _Connection:
    """Return the connection to a fork server of some kinds, which is started where there is none."""
    if VARIABLE in os.environ:  # this process is a client of the server that has started it
        with _starting:
            if VARIABLE not in _connections:
                _connections[VARIABLE] = _Connection(socket.socket(fileno=int(os.environ[VARIABLE])))
            return _connections[VARIABLE]

    # libraries read some variables when they are imported
    read = {name: value for name, value in environment.items() if name.startswith(AT_IMPORT)}
    key = (kinds, tuple(sorted(read.items())))
    with _starting:
        if key not in _connections or _connections[key].has_ended:
            _connections[key] = _start_server(kinds, environment)
            atexit.register(_connections[key].close)
        return _connections[key]


def _start_server(kinds: str, environment: Mapping[str, str]) -> _Connection:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE, kinds, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C does not reach it
            env=dict(environment),
        )
    return _Connection(ours, server)
