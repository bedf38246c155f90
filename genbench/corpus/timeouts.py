"""Listening to something slow in a thread of its own, and giving it up when it falls silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar

Said = TypeVar("Said")

_DONE = object()


def answers(source: Callable[[], Iterator[Said]], wait: float) -> Iterator[Said]:
    """What an iterator yields that is made and run in a thread; what it raises is raised here.

    Raises TimeoutError after `wait` seconds without an item. A thread is needed because no socket timeout covers the
    look-up of a host's name, or a server that sends a byte a second; one that is given up is left to itself.

    >>> list(answers(lambda: iter("ab"), 1.0))
    ['a', 'b']
    """
    messages: SimpleQueue[Any] = SimpleQueue()
    given_up = Event()
    Thread(target=_run, args=(source, messages, given_up), daemon=True).start()
    try:
        while True:
            try:
                kind, value = messages.get(timeout=wait)
            except Empty:
                raise TimeoutError(f"no answer for {wait:g} s") from None
            if kind is _DONE:
                return
            if kind is Exception:
                raise value
            yield value
    finally:
        given_up.set()


def _run(source: Callable[[], Iterator[Any]], messages: SimpleQueue[Any], given_up: Event) -> None:
    try:
        for said in source():
            if given_up.is_set():
                return
            messages.put((None, said))
        messages.put((_DONE, None))
    except Exception as error:  # whatever fails in there is the listener's to tell
        messages.put((Exception, error))
