"""The side of a process that another one starts: it reads requests and writes events, each a line of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

from genbench.processes.tree import become_subreaper, kill_descendants

Receive = Callable[[], Any]  # returns the next request
Send = Callable[[Any], None]  # sends an event


def json_line(event: Any) -> str:
    """Return a JSON value as a line."""
    return json.dumps(event) + "\n"


def serve(
    answer: Callable[[Receive, Send], None],
    *,
    format_event: Callable[[Any], str] = json_line,
    clean_up: Callable[[], None] = lambda: None,
) -> None:
    """Call `answer` with a function that returns the next request on standard input, and one that sends events.

    What else is printed goes to standard error. The process ends when its standard input closes, since then the process
    that waits for the events is gone; `clean_up` is called before. Whatever it has started ends with it; where it
    ends itself, as in `os._exit`, the fork server ends that.
    """
    become_subreaper()
    events = redirect_stdout()

    def send(event: Any) -> None:
        events.write(format_event(event))
        events.flush()

    # the end of standard input means that the parent is gone
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(sys.stdin, requests, clean_up), daemon=True).start()
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - the user's code has nothing to read
    try:
        answer(lambda: json.loads(requests.get()), send)
    finally:
        kill_descendants(os.getpid())


def redirect_stdout() -> TextIO:
    """Redirect standard output to standard error; return a stream to the original one."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _read_requests(stdin: TextIO, requests: queue.SimpleQueue[str], clean_up: Callable[[], None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        for line in stdin:
            requests.put(line)
    clean_up()
    kill_descendants(os.getpid())
    os._exit(1)
