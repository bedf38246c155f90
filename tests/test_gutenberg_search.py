"""Project Gutenberg's books by name: the table, the catalogue in its real format from a server, and wrong books."""

import csv
import json
from collections.abc import Iterator
from importlib.resources import files

import pytest
from servers import book, respond, respond_by_path, serve
from test_cli import run

from genbench.corpus import gutenberg, gutenberg_catalogue
from genbench.corpus.gutenberg_catalogue import CATALOGUE, fetch_catalogue, has_catalogue, known_books, table
from genbench.corpus.gutenberg_search import books_of, find_creator, find_remarks, search
from genbench.corpus.loading import load_corpus
from genbench.corpus.text_cache import cache_path
from genbench.errors import CorpusError
from genbench.storage import files as storage

CATALOGUE_TEXT = """\
Text#,Type,Issued,Title,Language,Authors,Subjects,LoCC,Bookshelves
46,Text,2004-08-11,A Christmas Carol in Prose; Being a Ghost Story of Christmas,en,"Dickens, Charles, 1812-1870; \
Leech, John, 1817-1864 [Illustrator]","Christmas stories; London (England) -- Fiction",PR,Christmas
1069,Text,1997-10-01,Nana,en,"Zola, Émile, 1840-1902; Vizetelly, Ernest [Translator]",Paris (France) -- Fiction,PQ,
1145,Text,1997-12-01,"Rupert of Hentzau
From The Memoirs of Fritz Von Tarlenheim",en,"Hope, Anthony, 1863-1933",Adventure stories,PR,
5711,Text,2004-05-01,Germinal,fr,"Zola, Émile, 1840-1902",Coal miners -- Fiction,PQ,
6497,Text,2004-09-01,L'Assommoir,fr,"Zola, Émile, 1840-1902",Paris (France) -- Fiction,PQ,
9999,Sound,2004-09-01,Germinal,fr,"Zola, Émile, 1840-1902",Coal miners -- Fiction,PQ,
17831,Text,2006-02-23,Thérèse Raquin,fr,"Zola, Émile, 1840-1902",Paris (France) -- Fiction,PQ,
20001,Text,2006-12-01,"Germinal: roman",fr,"Zola, Émile, 1840-1902",Coal miners -- Fiction,PQ,
30001,Text,2009-01-01,Suuria odotuksia,fi,"Dickens, Charles, 1812-1870",Orphans -- Fiction,PR,
30002,Text,2009-01-01,The Haunted House,en,"Dickens, Charles, 1812-1870",Ghost stories,PR,
30003,Text,2009-01-01,Great Expectations,en,"Dickens, Charles, 1812-1870",Orphans -- Fiction,PR,
30004,Text,2009-01-01,Poèmes,fr,"Zola, Victor",French poetry -- 19th century,PQ,
""".encode()
CATALOGUE_PATH = "/cache/epub/feeds/pg_catalog.csv"


def text_path(number: int) -> str:
    return f"/cache/epub/{number}/pg{number}.txt"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, str]]]:
    """Serve the catalogue and three of its books; yield the requests."""
    zola = {5711: "Germinal", 6497: "L'Assommoir", 17831: "Thérèse Raquin"}
    dickens = {1400: "Great Expectations", 98: "A Tale of Two Cities", 766: "A Treatise on Eggs"}
    pages = {text_path(number): book(number, title, "Émile Zola") for number, title in zola.items()}
    pages |= {text_path(number): book(number, title, "Charles Dickens") for number, title in dickens.items()}
    with serve(respond_by_path({CATALOGUE_PATH: CATALOGUE_TEXT, **pages})) as (address, requests):
        monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, address)
        yield requests


# the table


def test_the_table_has_sixty_authors_and_each_number_once_with_its_source() -> None:
    rows = list(csv.DictReader(files("genbench_corpora").joinpath("gutenberg.csv").read_text("utf-8").splitlines()))
    assert len({book.creator for book in table()}) >= 60
    assert len({book.number for book in table()}) == len(table()) == len(rows)
    assert {row["Confirmed"] for row in rows} == {"index", "catalogue", "list"}
    assert {book.form for book in table()} == {"prose", "verse", "drama"}
    assert all(book.published is None or 1400 < book.published < 1930 for book in table())
    assert find_remarks(table()) == {}


def test_the_table_is_searched_without_a_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gutenberg_catalogue, "download", None)
    assert run(monkeypatch, "corpora", "search", "dickens", "expect") == 0
    output, notes = capsys.readouterr()
    assert output.splitlines()[1] == "Charles Dickens\t1400\tGreat Expectations\ten\tprose\t1861"
    assert "--fetch" in notes
    assert run(monkeypatch, "corpora", "search", "wilde", "--json") == 0
    assert {book["form"] for book in json.loads(capsys.readouterr().out)} == {"prose", "verse", "drama"}
    capsys.readouterr()
    assert run(monkeypatch, "corpora", "search", "nobody", "here") == 1
    output, notes = capsys.readouterr()
    (note,) = notes.splitlines()
    assert output == ""
    assert note.startswith("genbench: no book is found in the table of ")
    assert "genbench corpora search nobody here --fetch" in note
    for words in ("", "..."):
        assert run(monkeypatch, "corpora", "search", words) == 2
        assert "has no words; name words of an author" in capsys.readouterr().err


def test_an_unknown_author_of_the_catalogue_is_named_with_its_prefix(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("dickens", "Dickins"):
        assert run(monkeypatch, "compare", name) == 2
        assert "gutenberg:dickens is Charles Dickens" in capsys.readouterr().err


def test_names_are_surnames_or_several_words() -> None:
    assert find_creator("Dickens", table()) == "Dickens, Charles"
    assert find_creator("charlotte-bronte", table()) == find_creator("Charlotte Brontë", table()) == "Brontë, Charlotte"
    assert find_creator("zola", table()) == ""
    with pytest.raises(CorpusError, match="anne-bronte, charlotte-bronte, emily-bronte"):
        find_creator("brontë", table())


# the catalogue


def test_the_catalogue_is_downloaded_once_checked_and_searched_offline(
    server: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "corpora", "search", "germinal", "--fetch") == 0
    assert run(monkeypatch, "corpora", "search", "zola", "germinal") == 0
    assert [request["path"] for request in server] == [CATALOGUE_PATH]
    output, notes = capsys.readouterr()
    assert output.splitlines()[-1] == "Émile Zola\t5711\tGerminal\tfr\tprose\treleased 2004"
    assert "translations left out: 0, other editions: 1; --all" in notes

    # a copy that was changed is not used
    assert has_catalogue()
    cache_path(CATALOGUE).write_bytes(CATALOGUE_TEXT + b"1,Text,2000-01-01,More,en,Nobody,,,\n")
    assert not has_catalogue()
    assert known_books() == list(table())


def test_rows_of_the_catalogue(server: list[dict[str, str]]) -> None:
    fetch_catalogue()
    books = {book.number: book for book in known_books()}
    assert len(books) == len(table()) + 9  # 46 and 1145 are in the table, 9999 is no text
    assert books[46].creators == ("Dickens, Charles, 1812-1870",)  # without the illustrator
    assert (books[46].published, books[46].issued) == (1843, "2004-08-11")
    assert (books[30004].form, books[30004].authors) == ("verse", "Victor Zola")
    remarks = find_remarks(books.values())
    assert remarks == {1069: "translation", 20001: "edition", 30001: "translation", 30003: "edition"}
    found = search("zola")
    assert ([book.number for book in found.books], found.translations) == ([5711, 6497, 17831, 30004], 1)
    assert 1069 in [book.number for book in search("zola", everything=True).books]


@pytest.mark.parametrize("page", [b"", b"<html>log in</html>", b"a,b\n1,2\n", b"\xff\xfe" * 50, CATALOGUE_TEXT[:900]])
def test_what_is_no_catalogue_is_refused_and_not_stored(page: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(respond(200, page)) as (address, _):
        monkeypatch.setenv(gutenberg.MIRROR_VARIABLE, address)
        with pytest.raises(CorpusError, match="catalogue"):
            fetch_catalogue()
    assert not has_catalogue()


def test_what_cannot_be_stored_is_said(server: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_atomic", refuse)
    with pytest.raises(CorpusError, match=r"cannot be stored: .* cannot be written: No space left on device; set GENB"):
        fetch_catalogue()
    assert "each run downloads it again" in " ".join(load_corpus("gutenberg:98").notes)


# authors by name


def test_an_author_of_the_catalogue_is_read_by_name(server: list[dict[str, str]]) -> None:
    corpus = load_corpus("gutenberg:emile-zola:2")
    assert corpus.author == "gutenberg:emile-zola:2"
    assert corpus.books == ("Germinal by Émile Zola", "L'Assommoir by Émile Zola")
    assert len(load_corpus("gutenberg:emile-zola").books) == 3
    assert [request["path"] for request in server].count(CATALOGUE_PATH) == 1
    with pytest.raises(CorpusError, match=r"3 books of Émile Zola .* --all"):
        load_corpus("gutenberg:emile-zola:4")
    with pytest.raises(CorpusError, match="no author 'verne'"):
        load_corpus("gutenberg:verne")


def test_an_author_of_the_table_needs_no_catalogue(server: list[dict[str, str]]) -> None:
    assert len(load_corpus("gutenberg:dickens:2").books) == 2
    assert CATALOGUE_PATH not in [request["path"] for request in server]
    assert [book.number for book in books_of("gutenberg:dickens")] == [1400, 98, 766]
    assert len(books_of("gutenberg:dickens:17")) == 17  # with one of the catalogue
    with pytest.raises(CorpusError, match="gutenberg:NAME:3"):
        load_corpus("gutenberg:dickens:0")


def test_the_option_for_the_number_of_books(
    server: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "corpora", "show", "gutenberg:dickens", "--books", "1") == 0
    assert "books\tGreat Expectations by Charles Dickens\n" in capsys.readouterr().out
    assert run(monkeypatch, "corpora", "show", "pell", "--books", "1") == 2
    assert "none is given" in capsys.readouterr().err


def test_a_book_with_another_title_or_author_is_refused(server: list[dict[str, str]]) -> None:
    with pytest.raises(CorpusError, match=r"766 is 'A Treatise on Eggs' by Charles Dickens, not 'David Copperfield'"):
        load_corpus("gutenberg:dickens")
    assert load_corpus("gutenberg:766").books == ("A Treatise on Eggs by Charles Dickens",)
