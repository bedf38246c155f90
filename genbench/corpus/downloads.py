"""HTTP downloads of single files: complete or not at all, retried where that may help, limited in time and size.

The `requests` library speaks HTTP: proxies, certificates, redirects, chunks, lengths, compression. A try that fails
starts again from the first byte, so that parts of different files are never joined: a book is a few megabytes.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.client import responses as status_words
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from requests import Response, Session

CHUNK_BYTES = 1 << 14  # fewer bytes than these within the timeout count as silence
MAX_BYTES = 1 << 26  # after decompression; the longest books have a tenth of this
MAX_REDIRECTS = 5
MAX_RETRY_AFTER = 30  # seconds that a server may ask to wait
RETRYABLE_STATUSES = {408, 425, 429, 500, 502, 503, 504}
USER_AGENT = "genbench (downloads one book at a time and caches it)"

Item = TypeVar("Item")


@dataclass(frozen=True)
class RetryPolicy:
    """Time limits of a download, in seconds: without data, before each retry, and for all tries together."""

    timeout: float = 10.0
    delays: tuple[float, ...] = (1.0, 4.0)
    total: float = 300.0


class DownloadError(Exception):
    """A failed download: the reason, the HTTP status, whether a retry may help, and the delay the server asks for."""

    def __init__(self, reason: str, status: int = 0, retryable: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.status, self.retryable, self.retry_after = status, retryable, retry_after


def download(url: str, on_progress: Callable[[float], None], retries: RetryPolicy) -> bytes:
    """Return the whole file at an address. `on_progress` receives the share received, 0 to 1, anew with each try.

    Raises DownloadError when the last try fails, or one that cannot succeed later.
    """
    deadline = time.monotonic() + retries.total
    for delay in retries.delays:
        try:
            return _try_download(url, on_progress, retries.timeout, deadline)
        except DownloadError as error:
            pause = max(delay, error.retry_after)
            if not error.retryable or time.monotonic() + pause >= deadline:
                raise
            time.sleep(pause)
    return _try_download(url, on_progress, retries.timeout, deadline)


def _try_download(url: str, on_progress: Callable[[float], None], timeout: float, deadline: float) -> bytes:
    data = bytearray()
    parts = partial(_stream, _new_session(), url, timeout)
    try:
        for share, chunk in iterate_with_timeout(parts, timeout, deadline):
            data += chunk
            if len(data) > MAX_BYTES:
                raise DownloadError(f"the file is larger than {MAX_BYTES >> 20} MB, so it is not a book")
            on_progress(share)
    except TimeoutError as error:
        raise DownloadError(f"the server is silent or too slow: {error}", retryable=True) from error
    return bytes(data)


def _new_session() -> Session:
    import requests  # imported late: most commands need no network

    session = requests.Session()
    session.max_redirects = MAX_REDIRECTS
    session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
    session.hooks["response"].append(_close_redirect)
    return session


def _stream(session: Session, url: str, timeout: float) -> Iterator[tuple[float, bytes]]:
    """Yield the parts of a file, each with the share received so far; the first is empty and follows the head.

    Raises DownloadError for any failure of the network, the server or the library.
    """
    try:
        with session, session.get(url, timeout=timeout, stream=True) as response:
            _require_file(response)
            total = response.raw.length_remaining  # None where the server does not state it
            yield 0.0, b""

            # the library checks the length, and decompresses what a server compresses without being asked
            for chunk in response.iter_content(CHUNK_BYTES):
                yield min(response.raw.tell() / total, 1.0) if total else 0.0, chunk
    except DownloadError:
        raise
    except Exception as error:  # hostile responses raise more than the library's own exceptions
        raise _describe_failure(error, timeout) from error


def _close_redirect(response: Response, *_: Any, **__: Any) -> None:
    """Close a redirecting response: the library would read its body to the end, and it may have none."""
    if response.is_redirect:
        response.close()


def _require_file(response: Response) -> None:
    """Check the status and the type of a response. Raises DownloadError where it is not a whole plain file."""
    status = response.status_code

    # a server may ask for a pause; one that is too long, or not in seconds, is not waited for
    if status != 200:
        header = response.headers.get("Retry-After", "0")
        pause = float(header) if re.fullmatch("[0-9]{1,3}", header) else float("inf")
        retryable = status in RETRYABLE_STATUSES and pause <= MAX_RETRY_AFTER
        message = f"the server answered {status} {status_words.get(status, '')}".rstrip()
        raise DownloadError(message, status, retryable, pause)

    # log-in pages of networks, and errors that are sent with status 200
    content_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if content_type in ("text/html", "application/xhtml+xml"):
        raise DownloadError("the server sent a web page instead, perhaps the log-in page of this network")


def _describe_failure(error: Exception, timeout: float) -> DownloadError:
    """Convert an exception of the network library into a DownloadError that says in words what failed."""
    from requests import exceptions
    from urllib3.exceptions import LocationValueError

    invalid_address = (exceptions.InvalidURL, exceptions.InvalidSchema, exceptions.MissingSchema, LocationValueError)

    # failures that another try does not mend, named by the library
    if isinstance(error, exceptions.TooManyRedirects):
        return DownloadError(f"the server redirects more than {MAX_REDIRECTS} times")
    if isinstance(error, invalid_address):
        return DownloadError("the address, a redirect of the server, or the proxy is not a usable web address")
    if isinstance(error, exceptions.ProxyError):
        return DownloadError("the proxy that http_proxy or https_proxy names cannot be used")

    # and by the operating system
    cause = _first_cause(error)
    if isinstance(cause, socket.gaierror):
        return DownloadError("the server's name cannot be resolved: there is no network, or the address is wrong")
    if isinstance(cause, ConnectionRefusedError):
        return DownloadError("the server refuses connections")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return DownloadError(
            f"the server's certificate is not valid ({cause.verify_message}); "
            "if this network has certificates of its own, set REQUESTS_CA_BUNDLE to their file"
        )

    # failures that may pass
    if isinstance(cause, TimeoutError):
        return DownloadError(f"the server is silent or too slow: {_silence(timeout)}", retryable=True)
    passing = (exceptions.RequestException, ConnectionError, ssl.SSLError)
    if isinstance(cause, OSError) and not isinstance(cause, passing):
        return DownloadError(" ".join((cause.strerror or str(cause)).split()))
    return DownloadError("the connection was closed too early, or the response is not valid", retryable=True)


def _first_cause(error: BaseException) -> BaseException:
    """Return the exception that an exception goes back to."""
    while cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = cause
    return error


def _silence(timeout: float) -> str:
    return f"too little data in {timeout:g} s"


_DONE = object()


def iterate_with_timeout(source: Callable[[], Iterator[Item]], timeout: float, deadline: float) -> Iterator[Item]:
    """Yield the items of an iterator that is created and run in a thread; its exceptions are raised here.

    Raises TimeoutError after `timeout` seconds without an item, and at the time `deadline` of `time.monotonic`. A
    thread is needed because no socket timeout covers name resolution, or a server that sends a byte a second. A thread
    that is given up ends with its next item.

    >>> list(iterate_with_timeout(lambda: iter("ab"), 1.0, time.monotonic() + 1.0))
    ['a', 'b']
    """
    # start the thread
    messages: SimpleQueue[Any] = SimpleQueue()
    abandoned = Event()
    Thread(target=_send_items, args=(source, messages, abandoned), daemon=True).start()

    # pass on what it sends, until it ends, is silent for too long, or takes too long
    try:
        while True:
            remaining = deadline - time.monotonic()
            try:
                kind, value = messages.get(timeout=max(min(timeout, remaining), 0.0))
            except Empty:
                over = "the time limit of the whole download is reached"
                raise TimeoutError(_silence(timeout) if timeout < remaining else over) from None
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
