"""Failing downloads: retried where that helps, never stored as a book, and reported in one sentence."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from urllib.error import URLError

import nltk.data
import nltk.downloader
import nltk.pathsec
import pytest
from servers import Responder, book, cut_short, drip, redirect, respond, respond_chunked, resume, serve, stay_silent
from test_cli import run

import genbench
from genbench.corpus import downloads, gutenberg, sources
from genbench.corpus.catalogue import find_author
from genbench.corpus.downloads import CHUNK_BYTES, DownloadError, RetryPolicy, download
from genbench.corpus.loading import load_corpus
from genbench.errors import CorpusError
from genbench.storage import files as store

PRIDE = book()
LARGE = book(size=2000)
QUICK = RetryPolicy(timeout=0.3, delays=(0.0, 0.0))
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


def refusal(monkeypatch: pytest.MonkeyPatch, *responders: Responder, number: int = 1342) -> str:
    """Return the one sentence of the error; check that no file, complete or partial, is left."""
    with pytest.raises(CorpusError) as caught:
        get_book(monkeypatch, *responders, number=number)
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
])  # fmt: skip
def test_temporary_failures_are_retried(responders: tuple[Responder, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert get_book(monkeypatch, *responders) == PRIDE


def test_a_partial_download_is_resumed() -> None:
    with serve(cut_short(LARGE, 2 * CHUNK_BYTES + 5, ETag='"v1"'), resume(LARGE, ETag='"v1"')) as (address, requests):
        assert download(address, lambda share: None, QUICK) == LARGE
    assert requests[1]["range"] == f"bytes={2 * CHUNK_BYTES + 5}-"
    assert requests[1]["if-range"] == '"v1"'


def test_parts_of_different_files_are_never_joined() -> None:
    other = LARGE.replace(b"eggs", b"hens.")
    with serve(cut_short(LARGE, 3 * CHUNK_BYTES), resume(other), respond(200, other)) as (address, _):
        assert download(address, lambda share: None, QUICK) == other
    with serve(cut_short(LARGE, 3 * CHUNK_BYTES), respond(416), respond(200, PRIDE)) as (address, _):  # a shorter file
        assert download(address, lambda share: None, QUICK) == PRIDE
    with serve(cut_short(LARGE, 3 * CHUNK_BYTES), respond(200, other)) as (address, _):  # the server cannot resume
        assert download(address, lambda share: None, QUICK) == other


def test_delays_before_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []
    monkeypatch.setattr(time, "sleep", delays.append)
    with serve(respond(503), respond(503, Retry_After="9"), respond(200, PRIDE)) as (address, _):
        download(address, lambda share: None, RetryPolicy(1.0, (1.0, 4.0)))
    assert delays == [1.0, 9.0]


def test_progress_rises_to_one() -> None:
    shares: list[float] = []
    with serve(respond(200, LARGE)) as (address, _):
        download(address, shares.append, QUICK)
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len(shares) > 5


# failures that are final


@pytest.mark.parametrize(("responders", "reason"), [
    ((respond(403),), r"answered 403 Forbidden\): try again later, set GENBENCH_GUTENBERG to another mirror"),
    ((respond(404),), r"the server answered 404 Not Found\): look the number up at www\.gutenberg\.org"),
    ((respond(500),), "the server answered 500"),
    ((respond(503),), "the server answered 503"),
    ((respond(503, Retry_After="86400"), respond(200, PRIDE)), "the server answered 503"),
    ((respond(200, HTML, Content_Type="text/html"),), "the server sent a web page instead"),
    ((respond(200, HTML),), "lacks Project Gutenberg's start and end markers"),
    ((respond(200, b""),), "lacks Project Gutenberg's start and end markers"),
    ((respond(200, PRIDE[:3000]),), "lacks Project Gutenberg's start and end markers"),
    ((respond(200, book(84)),), "the server sent book 84 instead"),
    ((respond(200, PRIDE.replace(b"truth", b"tr\xfcth")),), "the file is not UTF-8"),
    ((respond(200, PRIDE.decode().encode("utf-16")),), "the file is UTF-16"),
    ((respond(200, b"\x1f\x8b" + bytes(5000)),), "the file is binary"),
    ((respond(200, PRIDE, Content_Encoding="gzip"),), "the server sent a compressed file"),
    ((cut_short(PRIDE, 1000),), "the connection closed after 1,000 of"),
    ((respond_chunked([PRIDE[:700]], whole=False),), "the connection was closed too early"),
    ((redirect("/1"),), "redirects in a loop"),
    ((redirect("file:///etc/passwd"),), "redirects in a loop, or to an address that is not http"),
    ((redirect("ftp://127.0.0.1/x"),), "an address that is not http|unknown url type"),
])  # fmt: skip
def test_a_download_that_is_not_the_book_is_refused(
    responders: tuple[Responder, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert re.search(reason, refusal(monkeypatch, *responders))


def test_permanent_failures_are_not_retried() -> None:
    for responder in (respond(403), respond(404), respond(200, HTML, Content_Type="text/html")):
        with serve(responder) as (address, requests), pytest.raises(DownloadError):
            download(address, lambda share: None, QUICK)
        assert len(requests) == 1


def test_slow_and_silent_servers_time_out(end_of_test: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.monotonic()
    for responder in (drip(PRIDE, 0.1, end_of_test), stay_silent(end_of_test)):
        assert "silent or too slow: less than 16 kB in 0.3 s" in refusal(monkeypatch, responder)
    assert time.monotonic() - start < 6


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_BYTES", 100_000)
    assert "so it is not a book" in refusal(monkeypatch, respond(200, bytes(200_000)))


def test_missing_network_is_reported_without_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, reason in [
        (socket.gaierror(-3, "Temporary failure in name resolution"), "the server's name cannot be resolved"),
        (ConnectionRefusedError(111, "refused"), "refuses connections"),
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
    ]:

        def fail(*_: object, error: OSError = error, **__: object) -> None:
            raise URLError(error)

        monkeypatch.setattr(downloads, "_request", fail)
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
    "gutenberg:", "gutenberg:0", "gutenberg:-1", "gutenberg:1342+", "gutenberg:1342+1342", "gutenberg:emma",
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
    monkeypatch.setattr(sources, "download_nltk", lambda package, on_progress, timeout: "no index")
    names: list[str] = []
    with serve(respond(200, book(11, "Alice"))) as (address, requests):
        monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, address)
        corpus = load_corpus("carroll", on_progress=lambda what, share: names.append(what), retries=QUICK)
        assert load_corpus("carroll", retries=QUICK) == corpus
    assert corpus.books == ("Alice's Adventures in Wonderland",)
    assert len(requests) == 1
    assert set(names) == {"downloading Project Gutenberg book 11"}
    assert sources.location(find_author("carroll")) == "on this machine"


def test_the_error_names_the_failures_of_both_sources(no_corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "download_nltk", lambda package, on_progress, timeout: "no index")
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
