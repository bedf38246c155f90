"""Corpora: from a name or a path to three parts of cleaned text."""

import hashlib

import pytest

from genbench.corpus import sources
from genbench.corpus.corpus import default_authors, is_path, load
from genbench.errors import CorpusError

PARAGRAPH = "A paragraph of {}, which is long enough to make a text of forty such.\n\n"


def book(word: str, paragraphs: int = 40) -> str:
    return "".join(PARAGRAPH.format(f"{word} number {number}") for number in range(paragraphs))


@pytest.fixture
def no_download(monkeypatch):
    """NLTK's corpus is not there and a download fails at once."""
    monkeypatch.setattr(sources, "_find", lambda name: None)
    monkeypatch.setattr(sources, "download", lambda package, on_progress, wait: "no network")


def test_a_file_becomes_a_corpus(tmp_path):
    path = tmp_path / "my.novel.txt"
    path.write_bytes(b"\xef\xbb\xbf" + book("stone").replace("\n", "\r\n").encode())
    corpus = load(str(path))
    text = book("stone").rstrip("\n") + "\n"
    assert corpus.author == "my.novel"
    assert corpus.books == ("my.novel",)
    assert corpus.train + corpus.valid + corpus.test == text
    assert corpus.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert corpus.characters == len(text)


def test_a_folder_is_split_within_each_book(tmp_path):
    for word in ("glass", "stone"):
        (tmp_path / f"{word}.txt").write_text(book(word))
    corpus = load(str(tmp_path))
    assert corpus.author == tmp_path.name
    assert corpus.books == ("glass", "stone")
    for part in (corpus.train, corpus.valid, corpus.test):
        assert "glass" in part
        assert "stone" in part
        assert part.endswith("\n")
        assert all(line.endswith("such.") for line in part.split("\n\n") if line.strip() and line[-1] != "\n")
    assert len(corpus.train) + len(corpus.valid) + len(corpus.test) == corpus.characters


def test_books_without_paragraphs_are_kept_apart_by_a_blank_line(tmp_path):
    for word in ("glass", "stone"):
        (tmp_path / f"{word}.txt").write_text((word * 200)[:-1])
    corpus = load(str(tmp_path))
    assert corpus.train == "glass" * 160 + "\n\n" + "stone" * 160 + "\n"


def test_describe_says_what_a_result_says(tmp_path):
    (tmp_path / "b.txt").write_text(book("stone"))
    corpus = load(str(tmp_path / "b.txt"), lines="keep")
    said = corpus.describe()
    assert list(said) == ["sha256", "characters", "train", "valid", "test", "books", "lines", "held_out"]
    assert said["books"] == ["b"]
    assert said["lines"] == "keep"
    assert said["train"] == len(corpus.train)


def test_a_corpus_prints_its_sizes_and_not_its_text(tmp_path):
    (tmp_path / "b.txt").write_text("x" * 1999)
    corpus = load(str(tmp_path / "b.txt"))
    assert str(corpus) == repr(corpus) == "<Corpus b: b: 2,000 characters (train 1,601, valid 201, test 200)>"


@pytest.mark.parametrize("name", ["thorne", "Pell", "MARROW"])
def test_embedded_authors_load_without_a_network(no_download, name):
    corpus = load(name)
    assert corpus.author == name.lower()
    assert corpus.characters >= 20_000
    assert 0.77 < len(corpus.train) / corpus.characters < 0.83


def test_the_river_book_is_verse_and_looks_it(no_download):
    from genbench.corpus.catalogue import find_author
    from genbench.corpus.wrapping import looks_like_verse

    for one in find_author("marrow").books:
        assert looks_like_verse(sources.read_book(one).decode()) == (one.form == "verse")


def test_verse_in_a_file_keeps_its_lines_and_prose_does_not(tmp_path):
    stanza = "The moon was {},\nand under it\nthe water lay as if it had been told to.\nHush.\n\n"
    (tmp_path / "verse.txt").write_text("".join(stanza.format(number) for number in range(30)))
    prose = "He had been told to wait for\nthe others and so he waited\nall day.\n\n"
    (tmp_path / "prose.txt").write_text(prose * 30)
    corpus = load(str(tmp_path))
    assert "The moon was 1,\nand under it\nthe water lay" in corpus.train
    assert "He had been told to wait for the others and so he waited all day.\n" in corpus.train


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "there is no file or folder"),
        (b"", "is empty"),
        (bytes(range(256)) * 8, "is binary"),
        (b"caf\xe9 " * 400, "is not UTF-8 at byte 3"),
        (b"short\n" * 100, "the text of bad has 600 characters after cleaning, fewer than 1,000"),
        (b"a", "holds no text"),
    ],
)
def test_bad_files_are_refused_in_one_sentence_that_names_them(tmp_path, data, said):
    path = tmp_path / "bad.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CorpusError, match=said) as caught:
        load(str(path))
    assert "bad" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_file_in_a_folder_is_named(tmp_path):
    (tmp_path / "good.txt").write_text(book("stone"))
    (tmp_path / "worse.txt").write_bytes(b"caf\xe9")
    with pytest.raises(CorpusError, match=r"worse\.txt is not UTF-8"):
        load(str(tmp_path))


def test_what_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "austen").mkdir()
    (tmp_path / "mine").mkdir()
    assert [is_path(word) for word in ("a/b", "book.txt", "mine", ".")] == [True] * 4
    assert [is_path(word) for word in ("austen", "Carroll", "nobody")] == [False] * 3


def test_unknown_lines_and_authors_are_refused():
    with pytest.raises(CorpusError, match="choose join"):
        load("thorne", lines="both")
    with pytest.raises(CorpusError, match="did you mean carroll"):
        load("caroll")


def test_a_named_author_that_cannot_be_had_is_an_error(no_download):
    with pytest.raises(CorpusError, match=r"cannot be downloaded \(no network; nor from Project"):
        load("melville")


def test_without_corpus_and_network_the_embedded_authors_stand_in(no_download):
    names, note = default_authors()
    assert names == ["thorne", "pell", "marrow"]
    assert "NLTK_DATA" in note
    assert "\n" not in note


def test_with_the_corpus_there_austen_and_carroll_are_compared(monkeypatch):
    monkeypatch.setattr(sources, "_find", lambda name: object())
    assert default_authors() == (["austen", "carroll"], "")


def test_real_default_authors(gutenberg):
    assert default_authors() == (["austen", "carroll"], "")


def test_real_austen_is_three_novels(gutenberg):
    corpus = load("austen")
    assert corpus.books == ("Emma", "Persuasion", "Sense and Sensibility")
    assert 2_000_000 < corpus.characters < 2_030_000
    assert corpus.train.startswith("VOLUME I\n\nCHAPTER I\n\n\nEmma Woodhouse")
    assert corpus.test.endswith("\n\nTHE END\n")
    assert corpus.characters == len(corpus.train) + len(corpus.valid) + len(corpus.test)


def test_a_held_out_book_is_the_whole_test_text():
    book = load("marrow", held_out=["river"])
    split_up = load("marrow")
    assert book.held_out == "The River Book"
    assert book.test not in book.train
    assert len(book.train) + len(book.valid) + len(book.test) == pytest.approx(split_up.characters, abs=4)
    assert book.sha256 == split_up.sha256
    assert load("marrow", held_out=["RIVER"], lines="keep").test.startswith("BOOK ONE")


@pytest.mark.parametrize(
    ("author", "words", "reason"),
    [("marrow", ["moon"], "River Book"), ("marrow", ["the"], "names 2 books"), ("pell", ["the"], "one book")],
)
def test_a_book_that_cannot_be_held_out_is_refused(author, words, reason):
    with pytest.raises(CorpusError, match=reason):
        load(author, held_out=words)
