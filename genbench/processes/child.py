"""The side of a worker process: it reads a request as a line of JSON, and writes events as lines of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

Send = Callable[[Any], None]  # sends an event


def json_line(event: Any) -> str:
    """Return a JSON value as a line."""
    return json.dumps(event) + "\n"


def serve(
    answer: Callable[[Any, Send], None],
    *,
    format_event: Callable[[Any], str] = json_line,
    on_orphaned: Callable[[], None] = lambda: None,
) -> None:
    """Call `answer` with the request on standard input and the function that sends events, formatted as lines.

    What else is printed goes to standard error. The process ends when its standard input closes, since then the process
    that waits for the events is gone; `on_orphaned` is called first.
    """
    events = _redirect_stdout()

    def send(event: Any) -> None:
        events.write(format_event(event))
        events.flush()

    # read the request; from here on, the end of standard input means that the parent is gone
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_exit_when_closed, args=(sys.stdin, on_orphaned), daemon=True).start()
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - the user's code has nothing to read
    answer(request, send)


def _redirect_stdout() -> TextIO:
    """Redirect standard output to standard error; return a stream to the original one."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _exit_when_closed(stdin: TextIO, on_orphaned: Callable[[], None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        stdin.read()
    on_orphaned()
    os._exit(1)
