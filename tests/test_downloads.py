"""Downloads that fail in every way a network knows: tried again where it helps, never taken for a book, told."""

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
from servers import Answer, book, chunked, cut_off, dripping, redirected, resuming, says, serving, silent
from test_cli import run

import genbench
from genbench.corpus import corpus as corpora
from genbench.corpus import gutenberg, sources
from genbench.corpus.http import CHUNK, FetchError, Patience, fetch
from genbench.errors import CorpusError
from genbench.storage import files as store

PRIDE = book()
LARGE = book(size=2000)
QUICK = Patience(silence=0.3, pauses=(0.0, 0.0))
HTML = b"<!DOCTYPE html><html><body>Log in to the network of this hotel</body></html>"


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Set when the test is over, so that slow answers end."""
    event = threading.Event()
    yield event
    event.set()


def had(monkeypatch: pytest.MonkeyPatch, *answers: Answer, number: int = 1342, patience: Patience = QUICK) -> bytes:
    """A book from a server that answers so."""
    with serving(*answers) as (address, _):
        monkeypatch.setenv(gutenberg.ADDRESS, address)
        return gutenberg.book(number, patience=patience)


def refused(monkeypatch: pytest.MonkeyPatch, *answers: Answer, number: int = 1342) -> str:
    """The one sentence that is said instead; no file is left, whole or half."""
    with pytest.raises(CorpusError) as caught:
        had(monkeypatch, *answers, number=number)
    assert not list(store.home().glob("texts/*"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


# what helps


@pytest.mark.parametrize("answers", [
    (says(200, PRIDE),),
    (says(503), says(200, PRIDE)),
    (says(500), says(429, Retry_After="0"), says(200, PRIDE)),
    (cut_off(PRIDE, 0), says(200, PRIDE)),
    (cut_off(PRIDE, 1000), cut_off(PRIDE, 2000), says(200, PRIDE)),
    (redirected("/elsewhere"), says(200, PRIDE)),
    (chunked([PRIDE[:700], PRIDE[700:]]),),
    (chunked([PRIDE[:700]], whole=False), says(200, PRIDE)),
])  # fmt: skip
def test_a_fault_that_passes_costs_another_try(answers: tuple[Answer, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert had(monkeypatch, *answers) == PRIDE


def test_what_was_cut_off_goes_on_from_there() -> None:
    with serving(cut_off(LARGE, 2 * CHUNK + 5, ETag='"v1"'), resuming(LARGE, ETag='"v1"')) as (address, asked):
        assert fetch(address, lambda share: None, QUICK) == LARGE
    assert asked[1]["range"] == f"bytes={2 * CHUNK + 5}-"
    assert asked[1]["if-range"] == '"v1"'


def test_a_part_of_another_file_is_never_joined() -> None:
    other = LARGE.replace(b"eggs", b"hens.")
    with serving(cut_off(LARGE, 3 * CHUNK), resuming(other), says(200, other)) as (address, _):
        assert fetch(address, lambda share: None, QUICK) == other
    with serving(cut_off(LARGE, 3 * CHUNK), says(416), says(200, PRIDE)) as (address, _):  # a shorter one
        assert fetch(address, lambda share: None, QUICK) == PRIDE
    with serving(cut_off(LARGE, 3 * CHUNK), says(200, other)) as (address, _):  # it cannot resume
        assert fetch(address, lambda share: None, QUICK) == other


def test_the_pauses_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with serving(says(503), says(503, Retry_After="9"), says(200, PRIDE)) as (address, _):
        fetch(address, lambda share: None, Patience(1.0, (1.0, 4.0)))
    assert slept == [1.0, 9.0]


def test_progress_rises_to_the_whole() -> None:
    seen: list[float] = []
    with serving(says(200, LARGE)) as (address, _):
        fetch(address, seen.append, QUICK)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    assert len(seen) > 5


# what does not


@pytest.mark.parametrize(("answers", "reason"), [
    ((says(403),), r"the server says 403 Forbidden\): try again later, set GENBENCH_GUTENBERG to another mirror"),
    ((says(404),), r"the server says 404 Not Found\): look the number up at www\.gutenberg\.org"),
    ((says(500),), "the server says 500"),
    ((says(503),), "the server says 503"),
    ((says(503, Retry_After="86400"), says(200, PRIDE)), "the server says 503"),
    ((says(200, HTML, Content_Type="text/html"),), "a web page came instead"),
    ((says(200, HTML),), "has not the two marks"),
    ((says(200, b""),), "has not the two marks"),
    ((says(200, PRIDE[:3000]),), "has not the two marks"),
    ((says(200, book(84)),), "what came is book 84"),
    ((says(200, PRIDE.replace(b"truth", b"tr\xfcth")),), "what came is not UTF-8"),
    ((says(200, PRIDE.decode().encode("utf-16")),), "what came is UTF-16"),
    ((says(200, b"\x1f\x8b" + bytes(5000)),), "what came is binary"),
    ((says(200, PRIDE, Content_Encoding="gzip"),), "it came packed"),
    ((cut_off(PRIDE, 1000),), "cut off after 1,000 of"),
    ((chunked([PRIDE[:700]], whole=False),), "the connection was cut off"),
    ((redirected("/1"),), "redirects in a circle"),
    ((redirected("file:///etc/passwd"),), "redirects in a circle, or to what is no web address"),
    ((redirected("ftp://127.0.0.1/x"),), "no web address|unknown url type"),
])  # fmt: skip
def test_what_is_no_book_is_never_taken_for_one(
    answers: tuple[Answer, ...], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    assert re.search(reason, refused(monkeypatch, *answers))


def test_what_does_not_pass_is_asked_once() -> None:
    for answer in (says(403), says(404), says(200, HTML, Content_Type="text/html")):
        with serving(answer) as (address, asked), pytest.raises(FetchError):
            fetch(address, lambda share: None, QUICK)
        assert len(asked) == 1


def test_a_byte_a_second_and_silence_are_given_up(over: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    for answer in (dripping(PRIDE, 0.1, over), silent(over)):
        assert "silent or too slow: less than 16 kB in 0.3 s" in refused(monkeypatch, answer)
    assert time.monotonic() - began < 6


def test_what_never_ends_is_no_book(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.corpus.http.LARGEST", 100_000)
    assert "that is no book" in refused(monkeypatch, says(200, bytes(200_000)))


def test_no_network_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, said in [
        (socket.gaierror(-3, "Temporary failure in name resolution"), "the name of the server is not known"),
        (ConnectionRefusedError(111, "refused"), "refuses connections"),
        (OSError(101, "Network is unreachable"), "Network is unreachable"),
    ]:

        def fail(*_: object, why: OSError = error, **__: object) -> None:
            raise URLError(why)

        monkeypatch.setattr("genbench.corpus.http._read", fail)
        with pytest.raises(CorpusError, match=said):
            gutenberg.book(1342, patience=Patience(1.0, (60.0,)))


def test_a_name_that_is_not_resolved_for_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv(gutenberg.ADDRESS, "http://no-such-host.invalid")
    with pytest.raises(CorpusError, match=r"name of the server is not known|silent or too slow"):
        gutenberg.book(1342, patience=Patience(3.0, ()))


@pytest.mark.parametrize("address", ["ftp://x", "file:///etc", "/etc", "http:// x"])
def test_an_address_that_is_none_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gutenberg.ADDRESS, address)
    with pytest.raises(CorpusError, match="must be a web address"):
        gutenberg.book(1342)


# kept once


def test_a_book_is_fetched_once_and_then_read_with_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert had(monkeypatch, says(200, PRIDE)) == PRIDE
    monkeypatch.setenv(gutenberg.ADDRESS, "http://127.0.0.1:9")
    assert gutenberg.book(1342) == PRIDE
    folder = store.home() / "texts"
    assert (folder / "pg1342.txt.sha256").read_text() == f"{sha256(PRIDE).hexdigest()}  pg1342.txt\n"
    assert sorted(path.name for path in folder.iterdir()) == ["pg1342.txt", "pg1342.txt.sha256"]


def test_a_copy_with_a_wrong_checksum_is_fetched_anew_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    had(monkeypatch, says(200, PRIDE))
    path = store.home() / "texts" / "pg1342.txt"
    path.write_bytes(PRIDE[:-1])
    monkeypatch.setenv(gutenberg.ADDRESS, "http://127.0.0.1:9")
    with pytest.raises(CorpusError, match=r"1342 was damaged since it was fetched and cannot be had from .* refuses"):
        gutenberg.book(1342)
    assert had(monkeypatch, says(200, PRIDE)) == PRIDE
    assert path.read_bytes() == PRIDE


def test_a_folder_that_cannot_be_written_costs_the_copy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    (store.home() / "texts").write_text("a file is in the way")
    assert had(monkeypatch, says(200, PRIDE)) == PRIDE


# gutenberg:NUMBER as an author


def test_numbers_are_an_author_wherever_one_can_stand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    emma = book(158, "Emma,\n    A Novel", "Jane Austen")
    with serving(says(200, PRIDE), says(200, emma)) as (address, asked):
        monkeypatch.setenv(gutenberg.ADDRESS, address + "/")
        assert run(monkeypatch, "corpora", "show", "gutenberg:1342+158") == 0
    assert [each["path"] for each in asked] == ["/cache/epub/1342/pg1342.txt", "/cache/epub/158/pg158.txt"]
    said = " ".join(capsys.readouterr().out.split())
    assert "Pride and Prejudice by Jane Austen; Emma, A Novel by Jane Austen" in said
    assert "Gutenberg eBook" not in said
    found = genbench.corpus("Gutenberg:1342+158", held_out=["emma"])
    assert found.author == "gutenberg:1342+158"
    assert "General Terms" not in found.train + found.valid + found.test
    assert found.train.startswith("It is a truth universally acknowledged, that the eggs of 0 were")
    (tmp_path / "two.toml").write_text('authors = ["gutenberg:1342"]\ngenerators = ["markov-char"]\nlength = 20\n')
    assert run(monkeypatch, "compare", str(tmp_path / "two.toml")) == 0
    assert "gutenberg:1342: Pride and Prejudice by Jane Austen," in capsys.readouterr().out
    assert run(monkeypatch, "generate", "gutenberg:1342", "-g", "markov-char", "--length", "20") == 0
    assert "no kept model" not in capsys.readouterr().err
    assert run(monkeypatch, "corpora", "export", "gutenberg:158", str(tmp_path / "out")) == 0
    assert run(monkeypatch, "corpora", "fetch", "gutenberg:158", "gutenberg:1342") == 0


@pytest.mark.parametrize("author", [
    "gutenberg:", "gutenberg:0", "gutenberg:-1", "gutenberg:1342+", "gutenberg:1342+1342", "gutenberg:emma",
    "gutenberg:99999999999", "gutenberg:١٢", "gutenberg:1/../../2", "gutenberg:1 2",
])  # fmt: skip
def test_numbers_that_are_none_are_refused(author: str) -> None:
    with pytest.raises(CorpusError, match="no list of Project Gutenberg's books; give their numbers"):
        genbench.corpus(author)


def test_a_header_without_title_is_named_by_its_number() -> None:
    assert gutenberg.described(PRIDE, 1342) == "Pride and Prejudice by Jane Austen"
    assert gutenberg.described(b"no header at all", 7) == "Project Gutenberg 7"
    assert gutenberg.described(PRIDE.replace(b"Author:", b"By:"), 1342) == "Pride and Prejudice"


# the catalogue's second source


@pytest.fixture
def no_corpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """NLTK's search path is one empty folder, private as NLTK wants it."""
    tmp_path.chmod(0o755)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    return tmp_path


def test_a_book_that_nltk_cannot_give_comes_from_project_gutenberg(
    no_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "download", lambda package, on_progress, wait: "no index")
    told: list[str] = []
    with serving(says(200, book(11, "Alice"))) as (address, asked):
        monkeypatch.setenv(gutenberg.ADDRESS, address)
        found = corpora.load("carroll", on_progress=lambda what, share: told.append(what), patience=QUICK)
        assert corpora.load("carroll", patience=QUICK) == found
    assert found.books == ("Alice's Adventures in Wonderland",)
    assert len(asked) == 1
    assert set(told) == {"fetching Project Gutenberg's 11"}
    assert sources.where(genbench.text.find_author("carroll")) == "here"  # type: ignore[attr-defined]


def test_where_neither_has_it_both_are_told(no_corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "download", lambda package, on_progress, wait: "no index")
    with pytest.raises(
        CorpusError, match=r"\(no index; nor from Project Gutenberg: the server refuses connections\): set NLTK_DATA"
    ):
        corpora.load("carroll", patience=QUICK)


# NLTK's own downloader, on a server of ours


def index(address: str, checksum: str, size: int) -> bytes:
    package = f'<package id="gutenberg" name="G" subdir="corpora" unzip="0" url="{address}/g.zip" size="{size}" '
    package += f'unzipped_size="{size}" checksum="{checksum}" />'
    return f"<?xml version='1.0'?><nltk_data><packages>{package}</packages><collections/></nltk_data>".encode()


@pytest.mark.parametrize(
    "spoil", [lambda data: data[: len(data) // 2], lambda data: HTML, lambda data: bytes([*data[:-9], 1, *data[-8:]])]
)
@pytest.mark.filterwarnings("ignore:.*pathsec")  # NLTK asks no server on loopback unless told to
def test_nltks_downloader_with_wrong_bytes_gives_no_book(
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
    answers: list[Answer] = []
    with serving(lambda handler: answers[0](handler), lambda handler: answers[1](handler)) as (address, asked):
        answers += [says(200, index(address, md5(good).hexdigest(), len(good))), says(200, spoil(good))]
        monkeypatch.setattr(nltk.downloader.Downloader, "DEFAULT_URL", f"{address}/index.xml")
        monkeypatch.setattr(nltk.downloader.Downloader, "default_download_dir", lambda self: str(no_corpus))
        with pytest.raises(CorpusError, match=r"carroll-alice\.txt of NLTK's gutenberg corpus"):
            corpora.load("carroll", patience=Patience(5.0, ()))
        asked.clear()
        answers[1] = says(200, good)
        assert corpora.load("carroll", patience=Patience(5.0)).author == "carroll"
