"""A server on loopback that answers as a test says: whole, cut off, slowly, wrongly."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


def book(number: int = 1342, title: str = "Pride and Prejudice", author: str = "Jane Austen", size: int = 60) -> bytes:
    """A book as Project Gutenberg's generated collection has it, CRLF and all."""
    paragraph = "It is a truth universally acknowledged, that the eggs of {n} were promised for six.\n\n"
    body = "".join(paragraph.format(n=n) for n in range(size))
    head = f"The Project Gutenberg eBook of {title}\n\nTitle: {title}\n\nAuthor: {author}\n\n"
    head += f"Release date: June 1, 1998 [eBook #{number}]\n\nLanguage: English\n\n\n"
    marks = [f"*** {edge} OF THE PROJECT GUTENBERG EBOOK {title.upper()} ***\n" for edge in ("START", "END")]
    text = "\ufeff" + head + marks[0] + "\n" + body + marks[1] + "\nSection 1. General Terms of Use\n" * 20
    return text.replace("\n", "\r\n").encode()


@contextlib.contextmanager
def serving(*answers: Answer) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """The address of a server, and the requests it got: path and headers. The last answer is given again and again."""
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
            with contextlib.suppress(ConnectionError):  # the client has given up
                answers[min(len(asked), len(answers)) - 1](self)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def says(status: int = 200, body: bytes = b"", **headers: str) -> Answer:
    """A whole answer; names of headers have _ for -."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _head(handler, status, {"Content_Length": str(len(body)), **headers})
        handler.wfile.write(body)

    return answer


def cut_off(body: bytes, after: int, **headers: str) -> Answer:
    """Promises the whole body, sends so many bytes of it, and hangs up."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _head(handler, 200, {"Content_Length": str(len(body)), **headers})
        handler.wfile.write(body[:after])

    return answer


def resuming(body: bytes, **headers: str) -> Answer:
    """The rest of a body from where the request's Range says."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        start = int((handler.headers["Range"] or "bytes=0-")[len("bytes=") : -1])
        span = f"bytes {start}-{len(body) - 1}/{len(body)}"
        _head(handler, 206, {"Content_Length": str(len(body) - start), "Content_Range": span, **headers})
        handler.wfile.write(body[start:])

    return answer


def dripping(body: bytes, pause: float, until: threading.Event) -> Answer:
    """A byte, a pause, a byte, until the test is over."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _head(handler, 200, {"Content_Length": str(len(body))})
        for byte in body:
            if until.wait(pause):
                return
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()

    return answer


def silent(until: threading.Event) -> Answer:
    """Nothing at all, until the test is over."""
    return lambda handler: until.wait(30) and None


def redirected(place: str, status: int = 302) -> Answer:
    """Elsewhere."""
    return says(status, Location=place)


def chunked(pieces: Sequence[bytes], whole: bool = True) -> Answer:
    """In chunks; without `whole`, the last one never comes."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.protocol_version = "HTTP/1.1"
        _head(handler, 200, {"Transfer_Encoding": "chunked", "Connection": "close"})
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n" if whole else b"ff\r\nhalf")
        handler.close_connection = True

    return answer


def _head(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in {"Content_Type": "text/plain; charset=utf-8", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
