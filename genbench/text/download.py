"""NLTK's own downloader, given up when it does not answer."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

WAIT = 10.0  # seconds without an answer

_DONE = object()


def download(package: str, on_progress: Callable[[float], None], wait: float = WAIT) -> str:
    """Why the package could not be downloaded to NLTK's folder, in a few words; "" if it could.

    The downloader runs in a thread of its own, because no socket timeout covers the look-up of a host's name:
    a thread that is silent for `wait` seconds is left to itself.
    """
    messages: SimpleQueue[Any] = SimpleQueue()
    given_up = Event()
    Thread(target=_run, args=(package, messages, given_up), daemon=True).start()
    try:
        return _listen(messages, on_progress, wait)
    finally:
        given_up.set()


def _run(package: str, messages: SimpleQueue[Any], given_up: Event) -> None:
    try:
        from nltk.downloader import Downloader

        for message in Downloader().incr_download(package):
            if given_up.is_set():
                return
            messages.put(message)
        messages.put(_DONE)
    except Exception as error:  # whatever fails in there, the user gets one sentence
        messages.put(error)


def _listen(messages: SimpleQueue[Any], on_progress: Callable[[float], None], wait: float) -> str:
    """The first failure among the messages; NLTK's errors carry `message`, its progress is in per cent."""
    while True:
        try:
            message = messages.get(timeout=wait)
        except Empty:
            return f"no answer for {wait:g} s"
        if message is _DONE:
            return ""
        failure = str(message) if isinstance(message, Exception) else getattr(message, "message", None)
        if failure is not None:
            return " ".join(failure.split())
        if hasattr(message, "progress"):
            on_progress(message.progress / 100)
