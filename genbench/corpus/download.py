"""NLTK's own downloader, given up when it does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from genbench.corpus.timeouts import answers

WAIT = 10.0  # seconds without an answer


def download(package: str, on_progress: Callable[[float], None], wait: float = WAIT) -> str:
    """Why the package could not be downloaded to NLTK's folder, in a few words; "" if it could.

    NLTK's errors carry `message`, its progress is in per cent.
    """
    try:
        for message in answers(lambda: _messages(package), wait):
            failure = getattr(message, "message", None)
            if failure is not None:
                return " ".join(str(failure).split())
            if hasattr(message, "progress"):
                on_progress(message.progress / 100)
    except Exception as error:  # whatever fails in there, the user gets one sentence
        return " ".join(str(error).split()) or type(error).__name__
    return ""


def _messages(package: str) -> Iterator[Any]:
    from nltk.downloader import Downloader

    yield from Downloader().incr_download(package)
