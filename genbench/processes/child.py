"""The side of a worker process: it reads a request as a line of JSON, and writes events as lines of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

Send = Callable[[Any], None]  # sends an event, a JSON value


def serve(answer: Callable[[Any, Send], None]) -> None:
    """Call `answer` with the request on standard input and the function that sends events.

    What else is printed goes to standard error. The process ends when its standard input closes, since then the process
    that waits for the events is gone.
    """
    events = _redirect_stdout()

    def send(event: Any) -> None:
        events.write(json.dumps(event) + "\n")
        events.flush()

    # read the request; from here on, the end of standard input means that the parent is gone
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_exit_when_closed, args=(sys.stdin,), daemon=True).start()
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - the user's code has nothing to read
    answer(request, send)


def _redirect_stdout() -> TextIO:
    """Redirect standard output to standard error; return a stream to the original one."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _exit_when_closed(stdin: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        stdin.read()
    os._exit(1)
