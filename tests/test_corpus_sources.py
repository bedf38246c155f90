"""Sources: the catalogue, embedded texts, the user's files, NLTK's corpus and its download."""

import lzma
import os
import re
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import nltk.data
import nltk.downloader
import pytest

from genbench.corpus.catalogue import Book, embedded_authors, find_author, load_catalogue
from genbench.corpus.downloads import RetryPolicy
from genbench.corpus.sources import has_nltk_corpus, read_book
from genbench.errors import CorpusError

EMMA = Book("Emma", "prose", nltk="austen-emma.txt")


@pytest.fixture
def no_corpus(monkeypatch, tmp_path):
    """Set NLTK's search path to one empty folder, with the permissions that NLTK requires."""
    tmp_path.chmod(0o755)
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    return tmp_path


def replace_nltk_downloader(monkeypatch, *messages, action=lambda: None):
    """Replace NLTK's downloader by one that calls `action`, then yields messages."""

    class Double:
        def incr_download(self, package):
            assert package == "gutenberg"
            action()
            yield from messages

    monkeypatch.setattr(nltk.downloader, "Downloader", Double)


def install(folder: Path) -> None:
    corpus = folder / "corpora" / "gutenberg"
    corpus.mkdir(parents=True)
    for path in (corpus, corpus.parent):
        path.chmod(0o755)
    (corpus / "austen-emma.txt").write_bytes(b"[Emma]\n")
    (corpus / "austen-emma.txt").chmod(0o644)


def zip_corpus(folder: Path) -> None:
    corpora = folder / "corpora"
    corpora.mkdir()
    corpora.chmod(0o755)
    with zipfile.ZipFile(corpora / "gutenberg.zip", "w") as archive:
        archive.writestr("gutenberg/austen-emma.txt", "[Emma]\n")
    (corpora / "gutenberg.zip").chmod(0o644)


# the catalogue


def test_catalogue_has_each_of_nltks_18_files_once():
    files = [book.nltk for author in load_catalogue().values() for book in author.books if book.nltk]
    assert len(files) == len(set(files)) == 18


def test_every_book_has_a_form_and_a_source():
    for author in load_catalogue().values():
        assert author.books
        for book in author.books:
            assert book.form in ("prose", "verse")
            assert book.nltk or book.file
            "".encode(book.encoding)


def test_embedded_authors():
    assert embedded_authors() == ["thorne", "pell", "marrow"]


def test_author_names_ignore_case():
    assert find_author("Austen").full_name == "Jane Austen"


def test_unknown_author_is_refused_with_a_suggestion():
    with pytest.raises(CorpusError, match=r"no author 'austn'; did you mean austen\?.*`genbench corpora"):
        find_author("austn")


def test_the_catalogue_returned_is_a_copy():
    load_catalogue().clear()
    assert load_catalogue()


# the embedded texts


@pytest.mark.parametrize("name", ["thorne", "pell", "marrow"])
def test_embedded_texts_are_long_dense_and_without_repeated_paragraphs(name):
    text = "\n\n".join(read_book(book).decode() for book in find_author(name).books)
    assert len(text) >= 20_000
    bits = 8 * len(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    assert bits / len(text) >= 2.6
    paragraphs = [paragraph for paragraph in re.split(r"\n{2,}", text) if len(paragraph) > 40]
    assert len(paragraphs) == len(set(paragraphs))


# NLTK's corpus


def test_nltk_corpus_is_read_from_a_folder(no_corpus):
    assert not has_nltk_corpus()
    install(no_corpus)
    assert has_nltk_corpus()
    assert read_book(EMMA) == b"[Emma]\n"


@pytest.mark.slow
@pytest.mark.parametrize("zipped", [False, True])
def test_nltk_corpus_is_found_without_importing_nltk(zipped, tmp_path):
    (zip_corpus if zipped else install)(tmp_path)
    code = (
        "import os, sys; from genbench.corpus import sources; path = sources.nltk_search_path()\n"
        "assert sources.has_nltk_corpus() and 'nltk' not in sys.modules\n"
        "print(sources._read_nltk_file(sources._find_nltk_file('austen-emma.txt'), 'x').decode(), end='')\n"
        "import nltk.data; assert path == nltk.data.path, (path, nltk.data.path)"
    )
    (tmp_path / "damaged" / "corpora").mkdir(parents=True)
    (tmp_path / "damaged" / "corpora" / "gutenberg.zip").write_bytes(b"PK")
    environment = os.environ | {"NLTK_DATA": os.pathsep.join(["/none", str(tmp_path / "damaged"), str(tmp_path)])}
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert process.stdout == "[Emma]\n"


def test_nltk_corpus_is_read_from_a_zip_file(no_corpus):
    zip_corpus(no_corpus)
    assert has_nltk_corpus()
    assert read_book(EMMA) == b"[Emma]\n"


def test_missing_nltk_corpus_is_downloaded_with_progress(no_corpus, monkeypatch, capsys):
    progress = [nltk.downloader.ProgressMessage(share) for share in (0, 50, 100)]
    replace_nltk_downloader(monkeypatch, *progress, action=lambda: install(no_corpus))
    shares = []
    assert read_book(EMMA, on_progress=lambda what, share: shares.append(share)) == b"[Emma]\n"
    assert shares == [0.0, 0.5, 1.0]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([nltk.downloader.ErrorMessage(None, "<urlopen error\nno route>")], "<urlopen error no route>"),
        ([], "the download does not contain it"),
    ],
)
def test_failed_download_raises_one_sentence_with_the_choices(no_corpus, monkeypatch, messages, reason):
    replace_nltk_downloader(monkeypatch, *messages)
    with pytest.raises(CorpusError) as caught:
        read_book(EMMA)
    message = str(caught.value)
    assert f"({reason})" in message
    for choice in ("NLTK_DATA", "python -m nltk.downloader gutenberg", "thorne, pell, marrow", "path"):
        assert choice in message
    assert "\n" not in message


def test_exception_in_nltks_downloader_raises_the_same_sentence(no_corpus, monkeypatch):
    def fail():
        raise ValueError("no folder to write to")

    replace_nltk_downloader(monkeypatch, action=fail)
    with pytest.raises(CorpusError, match=r"\(no folder to write to\): set NLTK_DATA"):
        read_book(EMMA)


def test_silent_download_times_out(no_corpus, monkeypatch):
    release = threading.Event()
    replace_nltk_downloader(monkeypatch, action=lambda: release.wait(30))
    with pytest.raises(CorpusError, match=r"too little data in 0\.05 s"):
        read_book(EMMA, retries=RetryPolicy(0.05))
    release.set()


def test_book_without_a_source_is_refused():
    with pytest.raises(CorpusError, match="'Nowhere' is neither embedded"):
        read_book(Book("Nowhere", "prose"))


def test_real_nltk_files_are_all_in_the_catalogue(gutenberg):
    folder = Path(str(nltk.data.find("corpora/gutenberg")))
    files = {book.nltk for author in load_catalogue().values() for book in author.books}
    assert {path.name for path in folder.glob("*.txt")} <= files
