"""One file over HTTP: whole or not at all, tried again where that may help, and going on where it was cut off.

urllib does: one small file at a time, proxies and certificates as the system has them. What it lacks, retries that
resume a body and an end to bodies that drip, no HTTP library has either.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException, HTTPMessage
from typing import Any
from urllib import request
from urllib.error import HTTPError, URLError

from genbench.corpus.download import WAIT
from genbench.corpus.timeouts import answers

CHUNK = 1 << 14  # bytes; fewer than these in `silence` seconds count as none
LARGEST = 1 << 26  # bytes: the longest books have a tenth of it
LONGEST = 30.0  # seconds that a server may ask to wait
AGAIN = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses that pass
AGENT = "genbench (one book at a time; kept, and not asked for again)"


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server: seconds of silence, and the pauses before it is tried again."""

    silence: float = WAIT
    pauses: tuple[float, ...] = (1.0, 4.0)


class FetchError(Exception):
    """Why a file could not be had; `status` is what the server said, `pause` how long it asks to wait."""

    def __init__(self, reason: str, status: int = 0, passing: bool = False, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.status, self.passing, self.pause = status, passing, pause


@dataclass
class _Part:
    """What has come so far of a file, and what tells that a rest belongs to it."""

    data: bytearray = field(default_factory=bytearray)
    total: int | None = None  # bytes of the whole file, where the server says
    mark: str = ""  # the server's name for this version of the file


def fetch(url: str, on_progress: Callable[[float], None], patience: Patience) -> bytes:
    """The whole file at an address; `on_progress` is told the share that is there, 0 to 1. Raises FetchError."""
    part = _Part()
    for pause in patience.pauses:
        try:
            return _try(url, part, on_progress, patience.silence)
        except FetchError as error:
            if not error.passing:
                raise
            time.sleep(max(pause, error.pause))
    return _try(url, part, on_progress, patience.silence)


def _try(url: str, part: _Part, on_progress: Callable[[float], None], silence: float) -> bytes:
    offset, mark, total = len(part.data), part.mark, part.total
    try:
        for head, chunk in answers(lambda: _read(url, offset, mark, silence), silence):
            if head is not None:
                _begin(part, head, total)
            part.data += chunk
            if len(part.data) > LARGEST:
                raise FetchError(f"more than {LARGEST >> 20} MB came: that is no book")
            on_progress(min(len(part.data) / part.total, 1.0) if part.total else 0.0)
    except (OSError, HTTPException) as error:
        failure = _failure(error, silence)
        if failure.status == 416:  # the file is shorter than what is there: it is another one
            part.data.clear()
        raise failure from error
    if part.total is not None and len(part.data) != part.total:
        raise FetchError(f"cut off after {len(part.data):,} of {part.total:,} bytes", passing=True)
    return bytes(part.data)


Answer = tuple[int, HTTPMessage]


def _read(url: str, offset: int, mark: str, silence: float) -> Iterator[tuple[Answer | None, bytes]]:
    """The status and headers, then the bytes from an offset on, or from the beginning where the server cannot."""
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
    if offset:
        headers |= {"Range": f"bytes={offset}-"} | ({"If-Range": mark} if mark else {})
    with _opener().open(request.Request(url, headers=headers), timeout=silence) as response:
        yield (response.status, response.headers), b""
        while chunk := response.read(CHUNK):
            yield None, chunk


@cache
def _opener() -> request.OpenerDirector:
    """HTTP and HTTPS alone: a redirect leads to no file and to no other protocol."""
    opener = request.OpenerDirector()
    handlers: tuple[type[request.BaseHandler], ...] = (
        request.ProxyHandler,
        request.HTTPHandler,
        request.HTTPSHandler,
        request.HTTPRedirectHandler,
        request.HTTPErrorProcessor,
        request.HTTPDefaultErrorHandler,
        request.UnknownHandler,
    )
    for handler in handlers:
        opener.add_handler(handler())
    return opener


def _begin(part: _Part, head: Answer, expected: int | None) -> None:
    """Take note of an answer: what was there stays only if the rest of the very same file comes."""
    status, headers = head
    kind = headers.get_content_type()
    if kind in ("text/html", "application/xhtml+xml"):
        raise FetchError("a web page came instead, perhaps the log-in page of this network")
    if headers.get("Content-Encoding", "identity") != "identity":
        raise FetchError(f"it came packed ({headers['Content-Encoding']}), which was not asked for")
    part.mark = headers.get("ETag", "") or headers.get("Last-Modified", "")
    length = headers.get("Content-Length", "")
    whole = int(length) if length.isascii() and length.isdigit() else None
    if status == 206:
        span = re.fullmatch(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15})", headers.get("Content-Range", ""))
        if span and int(span[1]) == len(part.data) and expected in (None, int(span[2])):
            part.total = int(span[2])
            return
        part.data.clear()
        raise FetchError("another part came than was asked for", passing=True)
    part.data.clear()
    part.total = whole


def _failure(error: Exception, silence: float) -> FetchError:
    """What went wrong in words, and whether it may pass."""
    if isinstance(error, HTTPError):
        return _refusal(error)
    reason: Any = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, socket.gaierror):
        return FetchError("the name of the server is not known: there is no network, or the address is wrong")
    if isinstance(reason, ConnectionRefusedError):
        return FetchError("the server refuses connections")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return FetchError(f"the server's certificate is not valid ({reason.verify_message})")
    if isinstance(reason, TimeoutError):
        return FetchError(f"silent or too slow: less than {CHUNK >> 10} kB in {silence:g} s", passing=True)
    if isinstance(reason, ConnectionError | HTTPException | ssl.SSLError):
        return FetchError("the connection was cut off", passing=True)
    return FetchError(" ".join(str(getattr(reason, "strerror", None) or reason).split()))


def _refusal(error: HTTPError) -> FetchError:
    with error:
        asked = error.headers.get("Retry-After", "")
        pause = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        if 300 <= error.code < 400:
            return FetchError("the server redirects in a circle, or to what is no web address", error.code)
        passing = error.code == 416 or (error.code in AGAIN and pause <= LONGEST)
        said = " ".join(str(error.reason).split())[:60]
        return FetchError(f"the server says {error.code} {said}".rstrip(), error.code, passing, pause)
