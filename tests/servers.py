"""An HTTP server on loopback with scripted responses: complete, cut short, slow, wrong or not HTTP."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Responder = Callable[[BaseHTTPRequestHandler], None]  # sends one response


def book(number: int = 1342, title: str = "Pride and Prejudice", author: str = "Jane Austen", size: int = 60) -> bytes:
    """Return a book in the format of Project Gutenberg's generated collection, with CRLF."""
    paragraph = "It is a truth universally acknowledged, that the eggs of {n} were promised for six.\n\n"
    body = "".join(paragraph.format(n=n) for n in range(size))
    head = f"The Project Gutenberg eBook of {title}\n\nTitle: {title}\n\nAuthor: {author}\n\n"
    head += f"Release date: June 1, 1998 [eBook #{number}]\n\nLanguage: English\n\n\n"
    marks = [f"*** {edge} OF THE PROJECT GUTENBERG EBOOK {title.upper()} ***\n" for edge in ("START", "END")]
    text = "\ufeff" + head + marks[0] + "\n" + body + marks[1] + "\nSection 1. General Terms of Use\n" * 20
    return text.replace("\n", "\r\n").encode()


@contextlib.contextmanager
def serve(*responders: Responder) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield the address of a server and the list of requests it receives: path and headers.

    Request i is answered by responder i, later requests by the last one.
    """
    requests: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
            with contextlib.suppress(ConnectionError):  # the client has closed the connection
                responders[min(len(requests), len(responders)) - 1](self)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def respond(status: int = 200, body: bytes = b"", **headers: str) -> Responder:
    """Send a complete response; `_` in names of headers stands for `-`."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        _send_head(handler, status, {"Content_Length": str(len(body)), **headers})
        handler.wfile.write(body)

    return send


def respond_by_path(pages: Mapping[str, bytes]) -> Responder:
    """Send the page of each path, and 404 for all others."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        page = pages.get(handler.path)
        respond(404 if page is None else 200, page or b"")(handler)

    return send


def cut_short(body: bytes, after: int, **headers: str) -> Responder:
    """Announce the whole body, send `after` bytes of it, and close the connection."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        _send_head(handler, 200, {"Content_Length": str(len(body)), **headers})
        handler.wfile.write(body[:after])

    return send


def drip(body: bytes, pause: float, until: threading.Event) -> Responder:
    """Send a byte every `pause` seconds, until the event is set."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        _send_head(handler, 200, {"Content_Length": str(len(body))})
        for byte in body:
            if until.wait(pause):
                return
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()

    return send


def stay_silent(until: threading.Event) -> Responder:
    """Send nothing until the event is set."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        until.wait(30)

    return send


def redirect(address: str, status: int = 302, body: Responder | None = None) -> Responder:
    """Redirect to another address, with the body that another responder writes without a head."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        _send_head(handler, status, {"Location": address})
        if body is not None:
            body(handler)

    return send


def send_raw(*pieces: bytes, pause: float = 0.0, until: threading.Event | None = None) -> Responder:
    """Send bytes without adding a head; with `until`, the last piece again and again until the event is set."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        for piece in pieces:
            handler.wfile.write(piece)
            time.sleep(pause)
        while until is not None and not until.wait(pause):
            handler.wfile.write(pieces[-1])

    return send


def respond_chunked(pieces: Sequence[bytes], whole: bool = True) -> Responder:
    """Send a body in chunks; without `whole`, the last chunk is cut short."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        _send_head(handler, 200, {"Transfer_Encoding": "chunked", "Connection": "close"})
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n" if whole else b"ff\r\nhalf")
        handler.close_connection = True

    return send


def _send_head(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content_Type": "text/plain; charset=utf-8", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
