"""The fork server: a process that has imported what the processes of a job need, and forks them.

Importing genbench takes 0.4 seconds of a core, and torch almost two; a fork takes a hundredth of that. The server
imports no plugin and is given no text, so what it forks knows no more than a process that was started anew.

Its requests are packets on a socket, a JSON object each:

    {"start": module, "environment": {...}, "client": ..., "limits": {...}}
                     start a process, whose three standard streams and folder come with the packet; answered
                     by {"process": id}
    {"poll": id}     answered by {"code": exit code, or null while it runs}
    {"orphans": 1}   end what has left the trees of the processes that were started; answered by {}

or all by {"error": ...}. Before its first answer, it sends {"uncounted": true} and {"uncounted": false} when it begins
and ends to compile loops, which takes some seconds once after installation.

What a client has started ends with the client, and what such a process leaves behind ends once its end is known. A
process that starts others, such as the auditor, is a client itself: where `client` is true, it gets a socket too, whose
number is in the variable GENBENCH_FORK_SERVER.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from genbench.processes.clock import announced
from genbench.processes.descendants import children
from genbench.processes.tree import become_subreaper, end_with_parent, kill_tree, set_process_name

VARIABLE = "GENBENCH_FORK_SERVER"
STREAMS = 3  # standard input, output and error
MAX_PACKET = 1 << 17  # bytes; the environment is the longest part
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else ()
ALWAYS = ("genbench.experiments.executors.worker", "genbench.experiments.audit.auditor")
PRELOADED = {  # by kind
    "chains": ("genbench_plugins.markov.preload",),  # and with them numba
    "networks": ("genbench.neural.recurrent", "genbench.neural.word_network"),  # and with them torch
}


def main() -> None:
    """Import modules, call `preload` in those that have it, and answer requests until the first client has gone."""
    kinds, descriptor = sys.argv[1:]
    for number in IGNORED:  # it ends with the process that has started it, and not because of one that it has started
        signal.signal(number, signal.SIG_IGN)
    become_subreaper()
    client = socket.socket(fileno=int(descriptor))
    with announced(partial(_tell, client)):
        for module in [*ALWAYS, *(module for kind in kinds.split() for module in PRELOADED[kind])]:
            getattr(importlib.import_module(module), "preload", lambda: None)()
    gc.freeze()  # what is there is not looked at again, which would copy its memory in each process
    ForkServer(client).run()


def _tell(client: socket.socket, begins: bool) -> None:
    """Let the client say why the server has not answered yet."""
    with contextlib.suppress(OSError):
        client.send(json.dumps({"uncounted": begins}).encode(), socket.MSG_DONTWAIT)


class ForkServer:
    """Forks processes for its clients; each client is known by its socket."""

    def __init__(self, first: socket.socket) -> None:
        self.first = first
        self.selector = selectors.DefaultSelector()
        self.started: dict[socket.socket, set[int]] = {}
        self._add(first)

    def run(self) -> None:
        """Answer requests until the first client has gone."""
        while self.first in self.started:
            for key, _ in self.selector.select():
                assert isinstance(key.fileobj, socket.socket)
                self._answer(key.fileobj)

    def _add(self, client: socket.socket) -> None:
        self.started[client] = set()
        self.selector.register(client, selectors.EVENT_READ)

    def _answer(self, client: socket.socket) -> None:
        """Answer the request of a client; without one, it has gone."""
        data, descriptors = b"", list[int]()
        with contextlib.suppress(OSError):
            data, descriptors, _, _ = socket.recv_fds(client, MAX_PACKET, STREAMS + 1)
        if not data:
            self._remove(client)
            return
        request = json.loads(data)
        answer: dict[str, Any] = {}
        try:
            if "start" in request:
                answer = self._start(client, request, descriptors)
            elif "poll" in request:
                answer = self._poll(request["poll"])
            else:
                self._end_orphans()
        except OSError as error:  # such as a system that starts no more processes
            answer = {"error": str(error)}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        with contextlib.suppress(OSError):
            client.send(json.dumps(answer).encode())

    def _remove(self, client: socket.socket) -> None:
        """End what a client has started."""
        self.selector.unregister(client)
        for process in list(self.started[client]):
            kill_tree(process)
            os.waitpid(process, 0)
        del self.started[client]
        self._end_orphans()
        client.close()

    def _start(self, client: socket.socket, request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) if request["client"] else (None, None)
        process = os.fork()
        if process == 0:
            *streams, folder = descriptors
            _run(request, [*streams, *([theirs.fileno()] if theirs else [])], folder)
        self.started[client].add(process)
        if ours and theirs:
            theirs.close()
            self._add(ours)
        return {"process": process}

    def _poll(self, process: int) -> dict[str, Any]:
        """Return the exit code of a process; once it has ended, its id may be that of another one."""
        try:
            ended, status = os.waitpid(process, os.WNOHANG)
        except ChildProcessError:
            return {"code": -signal.SIGKILL}
        if not ended:
            return {"code": None}
        for processes in self.started.values():
            processes.discard(process)
        self._end_orphans()
        return {"code": os.waitstatus_to_exitcode(status)}

    def _end_orphans(self) -> None:
        """End what processes have left behind, or moved out of their tree: the system makes it children of this one."""
        started = {process for processes in self.started.values() for process in processes}
        for process in children(os.getpid()):
            if process not in started:
                kill_tree(process)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process, 0)


def _run(request: dict[str, Any], descriptors: Sequence[int], folder: int) -> None:
    """Become the process of a request: run its module, and exit."""
    code = 1
    try:
        for number in IGNORED:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.fchdir(folder)
        set_process_name(request["start"].rpartition(".")[2])
        end_with_parent()  # the server ends what it has started, unless it is killed
        os.setsid()

        import resource  # Unix only, as all of this

        for number, limits in request["limits"].items():
            with contextlib.suppress(OSError, ValueError):  # lower than the server's
                resource.setrlimit(int(number), tuple(limits))

        # the descriptors become 0, 1, 2, and 3 for a client; all others are closed
        copies = [os.dup(descriptor) for descriptor in descriptors]
        for target, descriptor in enumerate(copies):
            os.dup2(descriptor, target)
        os.closerange(len(copies), 1 << 16)

        os.environ.clear()
        os.environ.update(request["environment"])
        if len(copies) > STREAMS:
            os.environ[VARIABLE] = str(STREAMS)
            os.set_inheritable(STREAMS, False)
        sys.argv = [request["start"]]
        sys.stdin, sys.stdout, sys.stderr = (
            open(number, mode, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - the standard streams
            for number, mode in ((0, "r"), (1, "w"), (2, "w"))
        )
        np.random.seed()  # a plugin may use it, and it would be the same in all processes
        importlib.import_module(request["start"]).main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
