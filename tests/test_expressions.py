"""AUTHOR expressions: sums of texts with weights, whose splits stay clean."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

import genbench
from genbench.cli import completion
from genbench.corpus.corpus import Corpus
from genbench.corpus.expressions import Term, is_sum, parse_terms, rename_terms
from genbench.corpus.loading import is_path, load_corpora, load_corpus, rename_paths, require_author
from genbench.errors import CorpusError
from genbench.experiments.duplicates import unique_texts


def write_book(path: Path, word: str) -> Path:
    """Write a text of forty paragraphs in which no two are equal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sentence = "Nobody in the whole town had ever seen the {} that was number {}.\n\n"
    path.write_text("".join(sentence.format(word, number) for number in range(40)))
    return path


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for word in ("glass", "stone"):
        write_book(tmp_path / f"{word}.txt", word)
    return tmp_path


@pytest.mark.parametrize(
    ("expression", "terms"),
    [
        ("austen", [(1, "austen")]),
        ("austen+carroll", [(1, "austen"), (1, "carroll")]),
        ("2*austen+10*carroll", [(2, "austen"), (10, "carroll")]),
        ("gutenberg:1+2", [(1, "gutenberg:1+2")]),
        ("Gutenberg:1+2+austen+3", [(1, "Gutenberg:1+2"), (1, "austen"), (1, "3")]),
        ("2*gutenberg:1+2+3*gutenberg:4", [(2, "gutenberg:1+2"), (3, "gutenberg:4")]),
        ("", [(1, "")]),
    ],
)
def test_terms(expression: str, terms: list[tuple[int, str]]) -> None:
    assert parse_terms(expression) == [Term(*term) for term in terms]
    assert is_sum(expression) == (len(terms) > 1 or terms[0][0] != 1)


def test_a_path_that_exists_goes_first(books: Path) -> None:
    for name in ("glass.txt+stone.txt", "2*glass.txt", "C++"):
        write_book(books / name, "paper")
        assert parse_terms(name) == [Term(1, name)]
        assert is_path(name)
    assert parse_terms("3*C+++glass.txt+2*glass.txt") == [Term(3, "C++"), Term(1, "glass.txt"), Term(1, "2*glass.txt")]
    assert "paper" in load_corpus("glass.txt+stone.txt").train[:80]


@pytest.mark.parametrize(
    "expression",
    [
        "austen+",
        "+austen",
        "austen++carroll",
        "C++.txt",
        "0*pell",
        "101*pell",
        "2*",
        "1.5*pell",
        "*pell",
        "2 *pell",
        "9999999999*pell",
        "a*b.txt",
    ],
)
def test_what_is_no_sum_is_refused(expression: str) -> None:
    with pytest.raises(CorpusError, match=r"write (each as AUTHOR or )?NUMBER\*AUTHOR"):
        require_author(expression)


def test_a_term_that_is_nothing_is_named() -> None:
    with pytest.raises(CorpusError, match="there is no author 'pel'; did you mean pell"):
        require_author("2*pel+marrow")


def parts(corpus: Corpus) -> list[str]:
    return [str(corpus.train), str(corpus.valid), str(corpus.test)]


def test_each_part_is_joined_from_the_same_part_of_each_text(books: Path) -> None:
    glass, stone = (load_corpus(f"{word}.txt") for word in ("glass", "stone"))
    corpus = load_corpus("2*glass.txt+stone.txt")
    assert corpus.author == "2*glass+stone"

    # the parts of a book end after a blank line, those of the last one with the text
    (train, valid, test), (train_2, valid_2, test_2) = parts(glass), parts(stone)
    assert parts(corpus) == [train + train + train_2, valid + valid_2, test + "\n" + test_2]
    assert corpus.characters == len("".join(parts(corpus)))
    assert corpus.books == ("glass", "stone")

    # where each book starts, also the repeated one
    assert [title for _, title in corpus.book_starts] == ["glass", "glass", "stone"]
    for start, title in corpus.book_starts:
        assert corpus.train[start:].startswith(train if title == "glass" else train_2)
    assert corpus.test_starts == ((0, "glass"), (len(test) + 1, "stone"))


def test_without_weights_a_sum_is_the_folder_of_its_texts(books: Path) -> None:
    assert parts(load_corpus("glass.txt+stone.txt")) == parts(load_corpus("."))


def test_no_test_text_is_training_text(books: Path) -> None:
    corpus = load_corpus("3*glass.txt+stone.txt")
    sentences = [set(part.split("\n\n")) - {""} for part in parts(corpus)]
    assert not sentences[0] & sentences[1]
    assert not (sentences[0] | sentences[1]) & {sentence.strip() for sentence in sentences[2]}


def test_the_sha256_is_that_of_the_weights_and_texts(books: Path) -> None:
    digests = [load_corpus(f"{word}.txt").sha256 for word in ("glass", "stone")]
    lines = f"2*{digests[0]}\n1*{digests[1]}\n"
    assert load_corpus("2*glass.txt+stone.txt").sha256 == sha256(lines.encode()).hexdigest()
    assert load_corpus("1*glass.txt").sha256 == digests[0]


def test_a_text_that_is_there_twice_is_refused(books: Path) -> None:
    with pytest.raises(CorpusError, match=r"glass is the same text as .*glass; write 2\*AUTHOR"):
        load_corpus("glass.txt+./glass.txt")


def test_no_book_of_a_sum_is_held_out(books: Path) -> None:
    with pytest.raises(CorpusError, match="is a sum of texts, so no book of it can be held out"):
        load_corpus("glass.txt+stone.txt", held_out=["glass"])


def test_files_of_one_name_are_told_apart(books: Path) -> None:
    for folder, word in (("a", "paper"), ("b", "copper")):
        write_book(books / folder / "x.txt", word)
    assert load_corpus("a/x.txt+2*b/x.txt").author == "a/x+2*b/x"
    names = [corpus.author for corpus in load_corpora(["a/x.txt+glass.txt", "b/x.txt+glass.txt", "stone.txt"])]
    assert names == ["a/x.txt+glass.txt", "b/x.txt+glass.txt", "stone"]


def test_paths_in_a_sum_are_renamed(books: Path) -> None:
    absolute = os.path.join(os.getcwd(), "glass.txt")
    assert rename_paths("2*glass.txt+pell", os.path.abspath) == f"2*{absolute}+pell"
    assert rename_terms("gutenberg:1+2", str.upper) == "GUTENBERG:1+2"
    messages: list[str] = []
    assert unique_texts(["2*glass.txt+pell", f"2*{absolute}+PELL"], messages.append) == ["2*glass.txt+pell"]
    assert len(messages) == 1


def test_a_generator_is_trained_on_the_sum(books: Path) -> None:
    model = genbench.train("glass.txt+stone.txt", "markov-char:order=2")
    assert model.card is not None
    assert model.card.author == "glass+stone"
    assert set("glastone") <= set(model.generator.tokenizer.letters)
    assert genbench.train("glass.txt+stone.txt", "markov-char:order=2").reused
    assert not genbench.train("stone.txt+glass.txt", "markov-char:order=2").reused


def test_completion_offers_the_last_text_of_a_sum(books: Path) -> None:
    offered = [item[0] if isinstance(item, tuple) else item for item in completion.author("2*pell+gl")]
    assert "2*pell+marrow" in offered
    assert "2*pell+glass.txt" in offered
