"""HTTP downloads of single files: complete or not at all, retried and resumed where that may help.

Built on urllib, which uses the system's proxies and certificates. What it lacks no other HTTP library has either:
retries that resume a body, and a time limit on servers that send a byte at a time.
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
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, TypeVar
from urllib import request
from urllib.error import HTTPError, URLError

CHUNK_BYTES = 1 << 14  # fewer bytes than these within the timeout count as silence
MAX_BYTES = 1 << 26  # the longest books have a tenth of this
MAX_RETRY_AFTER = 30.0  # seconds that a server may ask to wait
RETRYABLE_STATUSES = {408, 425, 429, 500, 502, 503, 504}
USER_AGENT = "genbench (downloads one book at a time and caches it)"

Item = TypeVar("Item")


@dataclass(frozen=True)
class RetryPolicy:
    """Seconds without data after which a server is given up, and the delays in seconds before each retry."""

    timeout: float = 10.0
    delays: tuple[float, ...] = (1.0, 4.0)


class DownloadError(Exception):
    """A failed download: the reason, the HTTP status, whether a retry may help, and the delay the server asks for."""

    def __init__(self, reason: str, status: int = 0, retryable: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.status, self.retryable, self.retry_after = status, retryable, retry_after


@dataclass
class _PartialFile:
    """The bytes received so far, and what identifies the file that they belong to."""

    data: bytearray = field(default_factory=bytearray)
    total: int | None = None  # bytes of the whole file, where the server states them
    version: str = ""  # the server's ETag or Last-Modified


def download(url: str, on_progress: Callable[[float], None], retries: RetryPolicy) -> bytes:
    """Return the whole file at an address. `on_progress` receives the share received, 0 to 1.

    Raises DownloadError when the last try fails, or one that cannot succeed later.
    """
    partial = _PartialFile()

    # a partial download is resumed by the next try
    for delay in retries.delays:
        try:
            return _try_download(url, partial, on_progress, retries.timeout)
        except DownloadError as error:
            if not error.retryable:
                raise
            time.sleep(max(delay, error.retry_after))
    return _try_download(url, partial, on_progress, retries.timeout)


def _try_download(url: str, partial: _PartialFile, on_progress: Callable[[float], None], timeout: float) -> bytes:
    offset, version, total = len(partial.data), partial.version, partial.total

    # receive the rest of the file
    try:
        for head, chunk in iterate_with_timeout(lambda: _request(url, offset, version, timeout), timeout):
            if head is not None:
                _check_head(partial, head, total)
            partial.data += chunk
            if len(partial.data) > MAX_BYTES:
                raise DownloadError(f"the file is larger than {MAX_BYTES >> 20} MB, so it is not a book")
            on_progress(min(len(partial.data) / partial.total, 1.0) if partial.total else 0.0)
    except (OSError, HTTPException) as error:
        failure = _describe_failure(error, timeout)
        if failure.status == 416:  # the file is shorter than the part received: it is another one
            partial.data.clear()
        raise failure from error

    # check that it is complete
    if partial.total is not None and len(partial.data) != partial.total:
        raise DownloadError(
            f"the connection closed after {len(partial.data):,} of {partial.total:,} bytes", retryable=True
        )
    return bytes(partial.data)


ResponseHead = tuple[int, HTTPMessage]  # status and headers


def _request(url: str, offset: int, version: str, timeout: float) -> Iterator[tuple[ResponseHead | None, bytes]]:
    """Yield the response head, then the bytes from `offset` on, or from the start where the server cannot resume."""
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}

    # If-Range: the rest of the same version, or the whole of a new one
    if offset:
        headers |= {"Range": f"bytes={offset}-"} | ({"If-Range": version} if version else {})
    with _opener().open(request.Request(url, headers=headers), timeout=timeout) as response:
        yield (response.status, response.headers), b""
        while chunk := response.read(CHUNK_BYTES):
            yield None, chunk


@cache
def _opener() -> request.OpenerDirector:
    """Return an opener for HTTP and HTTPS only, so that a redirect cannot lead to a file or another protocol."""
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


def _check_head(partial: _PartialFile, head: ResponseHead, expected_total: int | None) -> None:
    """Check a response head; drop the bytes received so far unless the rest of the very same file follows."""
    status, headers = head

    # refuse what is not a plain file
    if headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise DownloadError("the server sent a web page instead, perhaps the log-in page of this network")
    encoding = headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise DownloadError(f"the server sent a compressed file ({encoding}), which was not requested")

    # a partial response must start where the bytes received so far end
    partial.version = headers.get("ETag", "") or headers.get("Last-Modified", "")
    if status == 206:
        span = re.fullmatch(r"bytes (\d{1,15})-\d{1,15}/(\d{1,15})", headers.get("Content-Range", ""))
        if span and int(span[1]) == len(partial.data) and expected_total in (None, int(span[2])):
            partial.total = int(span[2])
            return
        partial.data.clear()
        raise DownloadError("the server sent another part of the file than requested", retryable=True)

    # anything else is the whole file
    length = headers.get("Content-Length", "")
    partial.data.clear()
    partial.total = int(length) if length.isascii() and length.isdigit() else None


def _describe_failure(error: Exception, timeout: float) -> DownloadError:
    """Convert a network error into a DownloadError that says in words what failed."""
    # an answer with an error status
    if isinstance(error, HTTPError):
        return _describe_status(error)

    # failures that another try does not mend
    reason: Any = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, socket.gaierror):
        return DownloadError("the server's name cannot be resolved: there is no network, or the address is wrong")
    if isinstance(reason, ConnectionRefusedError):
        return DownloadError("the server refuses connections")
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(f"the server's certificate is not valid ({reason.verify_message})")

    # failures that may pass
    if isinstance(reason, TimeoutError):
        speed = f"less than {CHUNK_BYTES >> 10} kB in {timeout:g} s"
        return DownloadError(f"the server is silent or too slow: {speed}", retryable=True)
    if isinstance(reason, ConnectionError | HTTPException | ssl.SSLError):
        return DownloadError("the connection was closed too early", retryable=True)
    return DownloadError(" ".join(str(getattr(reason, "strerror", None) or reason).split()))


def _describe_status(error: HTTPError) -> DownloadError:
    """Convert an HTTP error status into a DownloadError."""
    with error:
        if 300 <= error.code < 400:
            return DownloadError("the server redirects in a loop, or to an address that is not http", error.code)

        # the server may ask for a pause; one that is too long is not waited for
        header = error.headers.get("Retry-After", "")
        retry_after = float(header) if header.isascii() and header.isdigit() else 0.0
        retryable = error.code == 416 or (error.code in RETRYABLE_STATUSES and retry_after <= MAX_RETRY_AFTER)
        reason = " ".join(str(error.reason).split())[:60]
        message = f"the server answered {error.code} {reason}".rstrip()
        return DownloadError(message, error.code, retryable, retry_after)


_DONE = object()


def iterate_with_timeout(source: Callable[[], Iterator[Item]], timeout: float) -> Iterator[Item]:
    """Yield the items of an iterator that is created and run in a thread; its exceptions are raised here.

    Raises TimeoutError after `timeout` seconds without an item. A thread is needed because no socket timeout covers
    name resolution, or a server that sends a byte a second. A thread that is given up ends with its next item.

    >>> list(iterate_with_timeout(lambda: iter("ab"), 1.0))
    ['a', 'b']
    """
    # start the thread
    messages: SimpleQueue[Any] = SimpleQueue()
    abandoned = Event()
    Thread(target=_send_items, args=(source, messages, abandoned), daemon=True).start()

    # pass on what it sends, until it ends or is silent for too long
    try:
        while True:
            try:
                kind, value = messages.get(timeout=timeout)
            except Empty:
                raise TimeoutError(f"no answer for {timeout:g} s") from None
            if kind is _DONE:
                return
            if kind is Exception:
                raise value
            yield value
    finally:
        abandoned.set()


def _send_items(source: Callable[[], Iterator[Any]], messages: SimpleQueue[Any], abandoned: Event) -> None:
    try:
        for item in source():
            if abandoned.is_set():
                return
            messages.put((None, item))
        messages.put((_DONE, None))
    except Exception as error:  # raised again where the items are read
        messages.put((Exception, error))
