"""Failing downloads: retried where that helps, never stored as a book, and reported in one sentence."""

import gc
import gzip
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import nltk.data
import nltk.downloader
import nltk.pathsec
import pytest
from servers import Responder, book, cut_short, drip, redirect, respond, respond_chunked, send_raw, serve, stay_silent
from test_cli import run

import genbench
from genbench.corpus import downloads, gutenberg, sources
from genbench.corpus.catalogue import find_author
from genbench.corpus.downloads import DownloadError, RetryPolicy, download
from genbench.corpus.loading import load_corpus
from genbench.errors import CorpusError
from genbench.storage import files as store

PRIDE = book()
LARGE = book(size=2000)
HEAD = b"HTTP/1.0 200 OK\r\n"
QUICK = RetryPolicy(timeout=3.0, delays=(0.0, 0.0))
IMPATIENT = RetryPolicy(timeout=0.3, delays=(0.0, 0.0))
HTML = b"<!DOCTYPE html><html><body>Log in to the network of this hotel</body></html>"


@pytest.fixture
def end_of_test() -> Iterator[threading.Event]:
    """Return an event that is set when the test ends, so that slow responses end."""
    event = threading.Event()
    yield event
    event.set()


def get_book(
    monkeypatch: pytest.MonkeyPatch, *responders: Responder, number: int = 1342, retries: RetryPolicy = QUICK
) -> bytes:
    """Return a book from a server with these responses."""
    with serve(*responders) as (address, _):
        monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, address)
        return gutenberg.get_book(number, retries=retries)


def refusal(
    monkeypatch: pytest.MonkeyPatch, *responders: Responder, number: int = 1342, retries: RetryPolicy = QUICK
) -> str:
    """Return the one sentence of the error; check that no file, complete or partial, is left."""
    with pytest.raises(CorpusError) as caught:
        get_book(monkeypatch, *responders, number=number, retries=retries)
    assert not list(store.home().glob("texts/*"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# failures that retries overcome


@pytest.mark.parametrize("responders", [
    (respond(200, PRIDE),),
    (respond(503), respond(200, PRIDE)),
    (respond(500), respond(429, Retry_After="0"), respond(200, PRIDE)),
    (cut_short(PRIDE, 0), respond(200, PRIDE)),
    (cut_short(PRIDE, 1000), cut_short(PRIDE, 2000), respond(200, PRIDE)),
    (redirect("/elsewhere"), respond(200, PRIDE)),
    (respond_chunked([PRIDE[:700], PRIDE[700:]]),),
    (respond_chunked([PRIDE[:700]], whole=False), respond(200, PRIDE)),
    (send_raw(b"SSH-2.0-OpenSSH_9.9\r\n"), respond(200, PRIDE)),
    (send_raw(b""), respond(200, PRIDE)),
])  # fmt: skip
def test_temporary_failures_are_retried(responders: tuple[Responder, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_book(monkeypatch, *responders) == PRIDE


@pytest.mark.parametrize("responder", [
    respond(200, gzip.compress(PRIDE), Content_Encoding="gzip"),
    respond(200, gzip.compress(gzip.compress(PRIDE)), Content_Encoding="gzip, gzip"),
    send_raw(HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + PRIDE),
    send_raw(HEAD + b"Content-Length: -1\r\n\r\n" + PRIDE),
    send_raw(HEAD + b"Content-Type: text/plain; charset=nonsense\r\n\r\n" + PRIDE),
])  # fmt: skip
def test_a_book_in_an_unusual_response_is_read(responder: Responder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_book(monkeypatch, responder) == PRIDE


def test_parts_of_different_files_are_never_joined() -> None:
    other = LARGE.replace(b"eggs", b"hens.")
    rest = respond(206, other[50_000:], Content_Range=f"bytes 50000-{len(other) - 1}/{len(other)}")
    for version in ({}, {"ETag": '"v1"'}):
        # the second try starts from the first byte, whatever the first has received
        with serve(cut_short(LARGE, 50_000, **version), respond(200, other, ETag='"v2"')) as (address, requests):
            assert download(address, lambda share: None, QUICK) == other
        assert "range" not in requests[1]

        # a part that was not requested is no book
        refused = pytest.raises(DownloadError, match="the server answered 206 Partial Content")
        with serve(cut_short(LARGE, 50_000, **version), rest) as (address, _), refused:
            download(address, lambda share: None, QUICK)


def test_delays_before_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []
    monkeypatch.setattr(time, "sleep", delays.append)
    with serve(respond(503), respond(503, Retry_After="9"), respond(200, PRIDE)) as (address, _):
        download(address, lambda share: None, RetryPolicy(1.0, (1.0, 4.0)))
    assert delays == [1.0, 9.0]


def test_delays_end_with_the_total_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited past the total time"))
    with serve(respond(503, Retry_After="20")) as (address, requests), pytest.raises(DownloadError, match="503"):
        download(address, lambda share: None, RetryPolicy(total=15.0))
    assert len(requests) == 1


@pytest.mark.parametrize("status", [416, 429, 503])
@pytest.mark.parametrize(
    "pause", ["31", "86400", "9" * 400, "9" * 5000, "-1", "soon", "\xb2", "Wed, 21 Oct 2099 07:28:00 GMT"]
)
def test_long_and_invalid_pauses_are_not_waited_for(status: int, pause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waited"))
    refused = pytest.raises(DownloadError, match=f"the server answered {status}")
    with serve(respond(status, Retry_After=pause), respond(200, PRIDE)) as (address, requests), refused:
        download(address, lambda share: None, QUICK)
    assert len(requests) == 1


def test_progress_rises_to_one() -> None:
    for responder in (respond(200, LARGE), respond(200, gzip.compress(LARGE, 0), Content_Encoding="gzip")):
        shares: list[float] = []
        with serve(responder) as (address, _):
            download(address, shares.append, QUICK)
        assert shares == sorted(shares)
        assert (shares[0], shares[-1]) == (0.0, 1.0)
        assert len(shares) > 5


# failures that are final

NOT_A_BOOK = "lacks Project Gutenberg's start and end markers"
NOT_VALID = "the connection was closed too early, or the response is not valid"


@pytest.mark.parametrize(("responders", "reason"), [
    ((respond(403),), r"answered 403 Forbidden\): try again later, set GENBENCH_GUTENBERG to another mirror"),
    ((respond(404),), r"the server answered 404 Not Found\): look the number up at www\.gutenberg\.org"),
    ((respond(500),), "the server answered 500"),
    ((respond(503),), "the server answered 503"),
    ((respond(204),), "the server answered 204 No Content"),
    ((respond(304),), "the server answered 304 Not Modified"),
    ((respond(302),), "the server answered 302 Found"),  # and does not say to where
    ((send_raw(b"HTTP/1.0 999 \x1b[31mred\r\n\r\n"),), r"the server answered 999\)"),
    ((respond(200, HTML, Content_Type="text/html"),), "the server sent a web page instead"),
    ((respond(200, HTML, Content_Type="Text/HTML; charset=x"),), "the server sent a web page instead"),
    ((respond(200, HTML),), NOT_A_BOOK),
    ((respond(200, b""),), NOT_A_BOOK),
    ((respond(200, PRIDE[:3000]),), NOT_A_BOOK),
    ((send_raw(HEAD + b"Content-Length: 3000\r\n\r\n" + PRIDE),), NOT_A_BOOK),
    ((respond(200, book(84)),), "the server sent book 84 instead"),
    ((respond(200, PRIDE.replace(b"truth", b"tr\xfcth")),), "the file is not utf-8"),
    ((respond(200, b"\x1f\x8b" + bytes(5000)),), "the file is binary"),
    ((respond(200, PRIDE, Content_Encoding="gzip"),), NOT_VALID),
    ((respond(200, gzip.compress(PRIDE)[:-4] + b"xxxx", Content_Encoding="gzip"),), NOT_VALID),
    ((respond(200, PRIDE, Content_Encoding=", ".join(["gzip"] * 99)),), NOT_VALID),
    ((cut_short(PRIDE, 1000),), NOT_VALID),
    ((respond_chunked([PRIDE[:700]], whole=False),), NOT_VALID),
    ((redirect("/1"),), "redirects more than 5 times"),
])  # fmt: skip
def test_a_download_that_is_not_the_book_is_refused(
    responders: tuple[Responder, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert re.search(reason, refusal(monkeypatch, *responders))


@pytest.mark.parametrize("target", [
    "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/", "data:,book", "javascript:alert(1)", "http://[",
    "http://[::1", "http://:80:80/", "http://127.0.0.1:99999/", "http://127.0.0.1:" + "9" * 5000, "http://.../",
    "http://" + "a" * 5000, "http://a..b/", "http://\xff\xfe/", "http://\x00/",
])  # fmt: skip
def test_a_redirect_to_something_else_than_a_web_address_is_refused(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = refusal(monkeypatch, redirect(target))
    assert re.search(f"is not a usable web address|{NOT_VALID}", message)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("data", [
    b"", bytes(100), b"\n" * 100, b"HTTP/1.1", b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/1.1 99999999 OK\r\n\r\n",
    b"HTTP/1.1 " + b"2" * 100_000, HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n", HEAD + b"X: x\r\n" * 200 + b"\r\n",
    HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + PRIDE,
    CHUNKED, CHUNKED + b"-5\r\nhello\r\n", CHUNKED + b"zz\r\nhello\r\n", CHUNKED + b"f" * 100_000 + b"\r\n",
    CHUNKED + b"f" * 5000 + b"\r\nhello\r\n", CHUNKED + b"\r\n\r\n", CHUNKED + b"5\r\nhello6\r\nworld\r\n0\r\n\r\n",
    HEAD, HEAD + b"no colon\r\n\r\n", HEAD + b"\xff\xfe: \x00\r\n\r\n",
])  # fmt: skip
def test_a_response_that_is_not_http_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    message = refusal(monkeypatch, send_raw(data))
    assert re.search(f"{NOT_VALID}|{NOT_A_BOOK}", message)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # urllib3 leaves the socket open
def test_two_different_lengths_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert NOT_VALID in refusal(monkeypatch, send_raw(HEAD + b"Content-Length: 10, 20\r\n\r\n" + PRIDE))
    gc.collect()


def test_permanent_failures_are_not_retried() -> None:
    for responder in (respond(403), respond(404), respond(200, HTML, Content_Type="text/html")):
        with serve(responder) as (address, requests), pytest.raises(DownloadError):
            download(address, lambda share: None, QUICK)
        assert len(requests) == 1


@pytest.mark.parametrize("kind", ["body", "head", "silence", "status 100"])
def test_slow_and_silent_servers_time_out(
    kind: str, end_of_test: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    responder = {
        "body": drip(PRIDE, 0.1, end_of_test),
        "head": send_raw(HEAD, b"X: x\r\n", pause=0.1, until=end_of_test),
        "silence": stay_silent(end_of_test),
        "status 100": send_raw(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.1, until=end_of_test),
    }[kind]
    assert "silent or too slow: too little data in 0.3 s" in refusal(monkeypatch, responder, retries=IMPATIENT)


def test_small_chunks_are_limited_by_the_total_time(end_of_test: threading.Event) -> None:
    responder = send_raw(CHUNKED, b"1\r\nx\r\n", pause=0.05, until=end_of_test)
    with (
        serve(responder) as (address, requests),
        pytest.raises(DownloadError, match="time limit of the whole download"),
    ):
        download(address, lambda share: None, RetryPolicy(5.0, (0.0, 0.0), total=0.4))
    assert len(requests) == 1


@pytest.mark.parametrize("kind", ["long", "endless", "chunked", "gzip", "gzip twice"])
def test_a_file_that_is_too_large_is_refused(
    kind: str, end_of_test: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_BYTES", 100_000)
    once = gzip.compress(bytes(10_000_000))
    responder = {
        "long": respond(200, bytes(200_000)),
        "endless": send_raw(HEAD + b"\r\n", bytes(10_000), until=end_of_test),
        "chunked": send_raw(CHUNKED, b"2710\r\n" + bytes(10_000) + b"\r\n", until=end_of_test),
        "gzip": respond(200, once, Content_Encoding="gzip"),
        "gzip twice": respond(200, gzip.compress(once), Content_Encoding="gzip, gzip"),
    }[kind]
    assert "so it is not a book" in refusal(monkeypatch, responder)


def test_the_body_of_a_redirect_is_not_read(end_of_test: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = send_raw(b"x" * 10_000, until=end_of_test)
    assert get_book(monkeypatch, redirect("/elsewhere", body=endless), respond(200, PRIDE)) == PRIDE


# networks that are not there


def test_missing_network_is_reported_without_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, reason in [
        (socket.gaierror(-3, "Temporary failure in name resolution"), "the server's name cannot be resolved"),
        (ConnectionRefusedError(111, "refused"), "refuses connections"),
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
    ]:

        def fail(*_: object, error: OSError = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(socket, "getaddrinfo", fail)
        with pytest.raises(CorpusError, match=reason):
            gutenberg.get_book(1342, retries=RetryPolicy(1.0, (60.0,)))


def test_an_unknown_host_name_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, "http://no-such-host.invalid")
    with pytest.raises(CorpusError, match=r"name cannot be resolved|silent or too slow"):
        gutenberg.get_book(1342, retries=RetryPolicy(3.0, ()))


@pytest.mark.parametrize("address", ["ftp://x", "file:///etc", "/etc", "http:// x"])
def test_an_invalid_mirror_address_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, address)
    with pytest.raises(CorpusError, match="set it to a web address"):
        gutenberg.get_book(1342)


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(respond(200, PRIDE)) as (address, requests):
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, "http://books.invalid")
        assert gutenberg.get_book(1342, retries=QUICK) == PRIDE
    assert requests[0]["path"] == "http://books.invalid/cache/epub/1342/pg1342.txt"


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "http://", "http://[", "nonsense://x", "http://a:b:c"])
def test_a_proxy_that_cannot_be_used_is_reported(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, "http://books.invalid")
    with pytest.raises(CorpusError, match=r"proxy .*: try again later, set GENBENCH_GUTENBERG"):
        gutenberg.get_book(1342, retries=QUICK)


def test_a_certificate_that_is_not_valid_is_reported_without_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = ssl.SSLCertVerificationError(1, "failed")
    failure.verify_message = "self-signed certificate"
    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", lambda *_, **__: (_ for _ in ()).throw(failure))
    with serve(stay_silent(threading.Event())) as (address, _):
        monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, address.replace("http:", "https:"))
        with pytest.raises(CorpusError, match=r"not valid \(self-signed certificate\); .* set REQUESTS_CA_BUNDLE"):
            gutenberg.get_book(1342, retries=RetryPolicy(1.0, (60.0,)))


# the cache


def test_a_book_is_downloaded_once_and_then_read_from_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_book(monkeypatch, respond(200, PRIDE)) == PRIDE
    monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, "http://127.0.0.1:9")
    assert gutenberg.get_book(1342) == PRIDE
    folder = store.home() / "texts"
    assert (folder / "pg1342.txt.sha256").read_text() == f"{sha256(PRIDE).hexdigest()}  pg1342.txt\n"
    assert sorted(path.name for path in folder.iterdir()) == ["pg1342.txt", "pg1342.txt.sha256"]


def test_a_cached_book_with_a_wrong_checksum_is_downloaded_again_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    get_book(monkeypatch, respond(200, PRIDE))
    path = store.home() / "texts" / "pg1342.txt"
    path.write_bytes(PRIDE[:-1])
    monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(CorpusError, match=r"1342 is damaged on this machine and cannot be downloaded from .* refuses"):
        gutenberg.get_book(1342)
    assert get_book(monkeypatch, respond(200, PRIDE)) == PRIDE
    assert path.read_bytes() == PRIDE


def test_a_cache_that_cannot_be_written_does_not_fail_the_download(monkeypatch: pytest.MonkeyPatch) -> None:
    (store.home() / "texts").write_text("a file is in the way")
    assert get_book(monkeypatch, respond(200, PRIDE)) == PRIDE


# gutenberg:NUMBER as an author


@pytest.mark.slow
def test_book_numbers_work_wherever_an_author_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    emma = book(158, "Emma,\n    A Novel", "Jane Austen")
    with serve(respond(200, PRIDE), respond(200, emma)) as (address, requests):
        monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, address + "/")
        assert run(monkeypatch, "corpora", "show", "gutenberg:1342+158") == 0

    # both books, without headers and footers
    assert [request["path"] for request in requests] == ["/cache/epub/1342/pg1342.txt", "/cache/epub/158/pg158.txt"]
    output = " ".join(capsys.readouterr().out.split())
    assert "Pride and Prejudice by Jane Austen; Emma, A Novel by Jane Austen" in output
    assert "Gutenberg eBook" not in output
    corpus = genbench.corpus("Gutenberg:1342+158", held_out=["emma"])
    assert corpus.author == "gutenberg:1342+158"
    assert "General Terms" not in str(corpus.train) + str(corpus.valid) + str(corpus.test)
    assert str(corpus.train).startswith("It is a truth universally acknowledged, that the eggs of 0 were")

    # from the cache, in a comparison file and in other commands
    (tmp_path / "two.toml").write_text('authors = ["gutenberg:1342"]\ngenerators = ["markov-char"]\nlength = 20\n')
    assert run(monkeypatch, "compare", str(tmp_path / "two.toml")) == 0
    assert "gutenberg:1342: Pride and Prejudice by Jane Austen," in capsys.readouterr().out
    assert run(monkeypatch, "generate", "gutenberg:1342", "-g", "markov-char", "--length", "20") == 0
    assert "no stored model" not in capsys.readouterr().err
    assert run(monkeypatch, "corpora", "export", "gutenberg:158", str(tmp_path / "out")) == 0
    assert run(monkeypatch, "corpora", "fetch", "gutenberg:158", "gutenberg:1342") == 0


@pytest.mark.parametrize("author", [
    "gutenberg:", "gutenberg:0", "gutenberg:-1", "gutenberg:1342+", "gutenberg:1342+1342", "gutenberg:13a",
    "gutenberg:99999999999", "gutenberg:١٢", "gutenberg:1/../../2", "gutenberg:1 2",
])  # fmt: skip
def test_invalid_book_numbers_are_refused(author: str) -> None:
    with pytest.raises(CorpusError, match="not a list of Project Gutenberg book numbers; give each number once"):
        genbench.corpus(author)


def test_a_book_without_a_title_is_named_by_its_number() -> None:
    assert gutenberg.book_title(PRIDE, 1342) == "Pride and Prejudice by Jane Austen"
    assert gutenberg.book_title(b"no header at all", 7) == "Project Gutenberg 7"
    assert gutenberg.book_title(PRIDE.replace(b"Author:", b"By:"), 1342) == "Pride and Prejudice"


# the catalogue's second source


@pytest.fixture
def no_corpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Set NLTK's search path to one empty folder, with the permissions that NLTK requires."""
    tmp_path.chmod(0o755)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    return tmp_path


def test_a_book_missing_from_nltk_is_downloaded_from_project_gutenberg(
    no_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "download_nltk", lambda package, on_progress, limits: "no index")
    names: list[str] = []
    with serve(respond(200, book(11, "Alice's Adventures in Wonderland", "Lewis Carroll"))) as (address, requests):
        monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, address)
        corpus = load_corpus("carroll", on_progress=lambda what, share: names.append(what), retries=QUICK)
        assert load_corpus("carroll", retries=QUICK) == corpus
    assert corpus.books == ("Alice's Adventures in Wonderland",)
    assert len(requests) == 1
    assert set(names) == {"downloading Project Gutenberg book 11"}
    assert sources.location(find_author("carroll")) == "on this machine"


def test_the_error_names_the_failures_of_both_sources(no_corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "download_nltk", lambda package, on_progress, limits: "no index")
    with pytest.raises(
        CorpusError, match=r"\(no index; nor from Project Gutenberg: the server refuses connections\): set NLTK_DATA"
    ):
        load_corpus("carroll", retries=QUICK)


# NLTK's own downloader, with a server on loopback


def index(address: str, checksum: str, size: int) -> bytes:
    package = f'<package id="gutenberg" name="G" subdir="corpora" unzip="0" url="{address}/g.zip" size="{size}" '
    package += f'unzipped_size="{size}" checksum="{checksum}" />'
    return f"<?xml version='1.0'?><nltk_data><packages>{package}</packages><collections/></nltk_data>".encode()


@pytest.mark.parametrize(
    "spoil", [lambda data: data[: len(data) // 2], lambda data: HTML, lambda data: bytes([*data[:-9], 1, *data[-8:]])]
)
@pytest.mark.filterwarnings("ignore:.*pathsec")  # NLTK refuses servers on loopback by default
def test_damaged_nltk_downloads_are_refused(
    spoil: Callable[[bytes], bytes], no_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import zipfile
    from hashlib import md5

    monkeypatch.setattr(nltk.pathsec, "ENFORCE", False)
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("gutenberg/carroll-alice.txt", "[Alice]\n\n" + "She was late again.\n" * 200)
    good = memory.getvalue()
    responders: list[Responder] = []
    with serve(lambda handler: responders[0](handler), lambda handler: responders[1](handler)) as (address, requests):
        responders += [respond(200, index(address, md5(good).hexdigest(), len(good))), respond(200, spoil(good))]
        monkeypatch.setattr(nltk.downloader.Downloader, "DEFAULT_URL", f"{address}/index.xml")
        monkeypatch.setattr(nltk.downloader.Downloader, "default_download_dir", lambda self: str(no_corpus))
        with pytest.raises(CorpusError, match=r"carroll-alice\.txt of NLTK's gutenberg corpus"):
            load_corpus("carroll", retries=RetryPolicy(5.0, ()))
        requests.clear()
        responders[1] = respond(200, good)
        assert load_corpus("carroll", retries=RetryPolicy(5.0)).author == "carroll"
