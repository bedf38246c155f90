"""Loading corpora: from a name or a path to three parts of cleaned text."""

import hashlib

import pytest

from genbench.corpus import sources
from genbench.corpus.loading import default_authors, is_path, load_corpus
from genbench.errors import CorpusError

PARAGRAPH = "A paragraph of {}, which is long enough to make a text of forty such.\n\n"


def book(word: str, paragraphs: int = 40) -> str:
    return "".join(PARAGRAPH.format(f"{word} number {number}") for number in range(paragraphs))


@pytest.fixture
def no_download(monkeypatch):
    """Hide NLTK's corpus and let its download fail at once."""
    monkeypatch.setattr(sources, "_find_nltk_file", lambda name: None)
    monkeypatch.setattr(sources, "download_nltk", lambda package, on_progress, limits: "no network")


def test_load_a_file(tmp_path):
    path = tmp_path / "my.novel.txt"
    path.write_bytes(b"\xef\xbb\xbf" + book("stone").replace("\n", "\r\n").encode())
    corpus = load_corpus(str(path))
    text = book("stone").rstrip("\n") + "\n"
    assert corpus.author == "my.novel"
    assert corpus.books == ("my.novel",)
    assert str(corpus.train) + str(corpus.valid) + str(corpus.test) == text
    assert corpus.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert corpus.characters == len(text)


def test_load_a_folder_splits_within_each_book(tmp_path):
    for word in ("glass", "stone"):
        (tmp_path / f"{word}.txt").write_text(book(word))
    corpus = load_corpus(str(tmp_path))
    assert corpus.author == tmp_path.name
    assert corpus.books == ("glass", "stone")
    for part in map(str, (corpus.train, corpus.valid, corpus.test)):
        assert "glass" in part
        assert "stone" in part
        assert part.endswith("\n")
        assert all(line.endswith("such.") for line in part.split("\n\n") if line.strip() and line[-1] != "\n")
    assert len(corpus.train) + len(corpus.valid) + len(corpus.test) == corpus.characters


def test_books_without_paragraphs_are_separated_by_a_blank_line(tmp_path):
    for word in ("glass", "stone"):
        (tmp_path / f"{word}.txt").write_text((word * 200)[:-1])
    corpus = load_corpus(str(tmp_path))
    assert corpus.train == "glass" * 160 + "\n\n" + "stone" * 160 + "\n"


def test_describe_returns_the_entries_of_results(tmp_path):
    (tmp_path / "b.txt").write_text(book("stone"))
    corpus = load_corpus(str(tmp_path / "b.txt"), lines="keep")
    message = corpus.describe()
    assert list(message) == [
        *("sha256", "characters", "train", "valid", "test", "books", "lines", "held_out"),
        *("own_split", "anchor", "test_tokens", "part_sha256", "notes"),
    ]
    assert message["part_sha256"]["test"] == hashlib.sha256(str(corpus.test).encode()).hexdigest()
    assert message["books"] == ["b"]
    assert message["lines"] == "keep"
    assert message["train"] == len(corpus.train)


def test_repr_shows_sizes_and_the_beginning_of_the_text(tmp_path):
    (tmp_path / "b.txt").write_text("x" * 1999)
    corpus = load_corpus(str(tmp_path / "b.txt"))
    sizes = "2,000 characters (train 1,601, valid 201, test 200)"
    assert str(corpus) == repr(corpus) == f"<Corpus b: b: {sizes}, begins '{'x' * 60}'>"


@pytest.mark.parametrize("name", ["thorne", "Pell", "MARROW"])
def test_embedded_authors_load_without_a_network(no_download, name):
    corpus = load_corpus(name)
    assert corpus.author == name.lower()
    assert corpus.characters >= 20_000
    assert 0.77 < len(corpus.train) / corpus.characters < 0.83


def test_embedded_verse_is_detected(no_download):
    from genbench.corpus.catalogue import find_author
    from genbench.corpus.line_wraps import looks_like_verse

    for entry in find_author("marrow").books:
        assert looks_like_verse(sources.read_book(entry).decode()) == (entry.form == "verse")


def test_verse_in_a_file_keeps_its_lines_and_prose_is_joined(tmp_path):
    stanza = "The moon was {},\nand under it\nthe water lay as if it had been told to.\nHush.\n\n"
    (tmp_path / "verse.txt").write_text("".join(stanza.format(number) for number in range(30)))
    prose = "He had been told to wait for\nthe others and so he waited\nall day.\n\n"
    (tmp_path / "prose.txt").write_text(prose * 30)
    corpus = load_corpus(str(tmp_path))
    assert "The moon was 1,\nand under it\nthe water lay" in str(corpus.train)
    assert "He had been told to wait for the others and so he waited all day.\n" in str(corpus.train)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "there is no file or folder"),
        (b"", "is empty"),
        (bytes(range(256)) * 8, "is binary"),
        (b"caf\xe9 " * 400, "is not UTF-8 at byte 3"),
        (b"short\n" * 100, "the text of bad has 600 characters after cleaning, fewer than 1,000"),
        (b"a", "contains no text"),
    ],
)
def test_bad_files_are_refused_in_one_sentence_with_their_name(tmp_path, data, message):
    path = tmp_path / "bad.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CorpusError, match=message) as caught:
        load_corpus(str(path))
    assert "bad" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_file_in_a_folder_is_refused_with_its_name(tmp_path):
    (tmp_path / "good.txt").write_text(book("stone"))
    (tmp_path / "worse.txt").write_bytes(b"caf\xe9")
    with pytest.raises(CorpusError, match=r"worse\.txt is not UTF-8"):
        load_corpus(str(tmp_path))


@pytest.mark.parametrize("name", ["", "a" * 5_000, "~nobody-of-this-name", "a\0b"])
def test_a_name_that_is_no_path_is_an_unknown_author(name):
    with pytest.raises(CorpusError, match="there is no author"):
        load_corpus(name)


def test_is_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "austen").mkdir()
    (tmp_path / "mine").mkdir()
    assert [is_path(word) for word in ("a/b", "book.txt", "mine", ".")] == [True] * 4
    assert [is_path(word) for word in ("austen", "Carroll", "nobody")] == [False] * 3


def test_unknown_lines_and_authors_are_refused():
    with pytest.raises(CorpusError, match="choose join"):
        load_corpus("thorne", lines="both")
    with pytest.raises(CorpusError, match="did you mean carroll"):
        load_corpus("caroll")


def test_an_author_that_cannot_be_downloaded_is_refused(no_download):
    with pytest.raises(CorpusError, match=r"cannot be downloaded \(no network; nor from Project"):
        load_corpus("melville")


def test_default_authors_without_corpus_and_network_are_embedded(no_download):
    names, note = default_authors()
    assert names == ["thorne", "pell", "marrow"]
    assert "NLTK_DATA" in note
    assert "\n" not in note


def test_default_authors_with_the_corpus_are_austen_and_carroll(monkeypatch):
    monkeypatch.setattr(sources, "_find_nltk_file", lambda name: object())
    assert default_authors() == (["austen", "carroll"], "")


def test_real_default_authors(gutenberg):
    assert default_authors() == (["austen", "carroll"], "")


def test_real_austen_is_three_novels(gutenberg):
    corpus = load_corpus("austen")
    assert corpus.books == ("Emma", "Persuasion", "Sense and Sensibility")
    assert 2_000_000 < corpus.characters < 2_030_000
    assert str(corpus.train).startswith("VOLUME I\n\nCHAPTER I\n\n\nEmma Woodhouse")
    assert str(corpus.test).endswith("\n\nTHE END\n")
    assert corpus.characters == len(corpus.train) + len(corpus.valid) + len(corpus.test)


def test_a_held_out_book_is_the_whole_test_text():
    book = load_corpus("marrow", held_out=["river"])
    split_up = load_corpus("marrow")
    assert book.held_out == "The River Book"
    assert str(book.test) not in str(book.train)
    assert len(book.train) + len(book.valid) + len(book.test) == pytest.approx(split_up.characters, abs=4)
    assert book.sha256 == split_up.sha256
    assert load_corpus("marrow", held_out=["RIVER"], lines="keep").test[:8] == "BOOK ONE"


@pytest.mark.parametrize(
    ("author", "words", "reason"),
    [("marrow", ["moon"], "River Book"), ("marrow", ["the"], "matches 2 books"), ("pell", ["the"], "one book")],
)
def test_a_book_that_cannot_be_held_out_is_refused(author, words, reason):
    with pytest.raises(CorpusError, match=reason):
        load_corpus(author, held_out=words)
