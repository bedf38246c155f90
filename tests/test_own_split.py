"""Folders with train.txt, valid.txt and test.txt: used exactly as they are split."""

import hashlib

import pytest
from typer.testing import CliRunner

from genbench.cli.main import app
from genbench.corpus.corpus import write_parts
from genbench.corpus.loading import load_corpus
from genbench.corpus.own_split import find_own_split
from genbench.corpus.reading import Reading
from genbench.errors import CorpusError

# what cleaning would change: licence, CR, white space at line ends, hard wraps, a missing newline at the end
TRAIN = "*** START OF THE PROJECT GUTENBERG EBOOK 1 ***\r\n" + " the cat <unk> sat on \n the mat \n" * 60
VALID = "\n\n a dog \r\n" * 20
TEST = " the dog  sat on \n" * 20 + " no newline"


def folder(path, **files):
    for name, text in files.items():
        (path / f"{name}.txt").write_bytes(text.encode())
    return str(path)


def parts(corpus):
    return [str(corpus.train), str(corpus.valid), str(corpus.test)]


def test_the_three_files_are_used_byte_for_byte(tmp_path):
    corpus = load_corpus(folder(tmp_path, train=TRAIN, valid=VALID, test=TEST))
    assert parts(corpus) == [TRAIN, VALID, TEST]
    assert corpus.own_split
    assert corpus.characters == len(TRAIN + VALID + TEST)
    assert corpus.books == ("train.txt", "valid.txt", "test.txt")
    assert corpus.part_sha256["test"] == hashlib.sha256((tmp_path / "test.txt").read_bytes()).hexdigest()
    assert "train.txt, valid.txt and test.txt), without any cleaning" in corpus.notes[0]


def test_what_export_writes_is_read_as_the_same_three_parts(tmp_path):
    corpus = load_corpus("pell")
    write_parts(corpus, tmp_path)
    assert parts(load_corpus(str(tmp_path))) == parts(corpus)
    assert load_corpus(str(tmp_path)).part_sha256 == corpus.part_sha256


def test_without_a_validation_file_the_last_tenth_of_the_training_text_validates(tmp_path):
    paragraph = "x" * 18 + "\n\n"
    corpus = load_corpus(folder(tmp_path, train=paragraph * 100, test=TEST))
    assert [len(corpus.train), len(corpus.valid)] == [1800, 200]
    assert parts(corpus)[2] == TEST
    assert "the last 200 characters of train.txt are the validation text" in corpus.notes[0]


def test_the_checksum_depends_on_where_the_parts_end(tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    one = load_corpus(folder(tmp_path / "a", train=TRAIN, valid=VALID, test=TEST))
    other = load_corpus(folder(tmp_path / "b", train=TRAIN + VALID[:10], valid=VALID[10:], test=TEST))
    assert one.sha256 != other.sha256
    # by hand: sha256sum of the three checksums, one in each line
    lines = "".join(hashlib.sha256(text.encode()).hexdigest() + "\n" for text in (TRAIN, VALID, TEST))
    assert one.sha256 == hashlib.sha256(lines.encode()).hexdigest()


@pytest.mark.parametrize(
    "names",
    [
        ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt"),
        ("wiki.train.tokens", "wiki.valid.tokens", "wiki.test.tokens"),
        ("wiki.train.raw", "wiki.valid.raw", "wiki.test.raw"),
        ("Train.TXT", "VAL.txt", "test.txt"),
        ("train.txt", "validation.txt", "test.txt"),
        ("train.txt", "dev.txt", "test.txt"),
    ],
)
def test_names_of_benchmarks(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("text")
    (tmp_path / "README.md").write_text("about it")
    found = find_own_split(tmp_path, Reading())
    assert [found[part].name for part in ("train", "valid", "test")] == list(names)


def test_other_files_are_left_out_and_named(tmp_path):
    path = folder(tmp_path, train=TRAIN, test=TEST, notes="more text")
    (tmp_path / "old").mkdir()
    folder(tmp_path / "old", train="older")
    corpus = load_corpus(path)
    assert "notes.txt, old/train.txt left out (only the files of the split are read)" in corpus.notes[1]
    assert "more text" not in "".join(parts(corpus))


def test_one_part_alone_and_parts_of_different_names_are_books(tmp_path):
    path = folder(tmp_path, train=TRAIN, glass="a glass\n" * 200)
    (tmp_path / "ptb.test.txt").write_text("another book\n" * 100)
    assert load_corpus(path).books == ("glass", "ptb.test", "train")


@pytest.mark.parametrize(
    ("files", "options", "reason"),
    [
        ({"train": TRAIN, "valid": VALID}, {}, "has train.txt and valid.txt but no test file; add it"),
        ({"valid": TRAIN, "test": VALID}, {}, "has valid.txt and test.txt|has test.txt and valid.txt"),
        ({"train": TRAIN, "val": VALID, "dev": VALID, "test": TEST}, {}, "dev.txt and val.txt for the same part"),
        ({"train": TRAIN, "test": TEST, "ptb.train": TRAIN, "ptb.test": TEST}, {}, r"several splits \(ptb\.\*\.txt, "),
        ({"train": TRAIN, "test": " \n"}, {}, "test.txt is empty"),
        ({"train": TRAIN, "valid": "", "test": TEST}, {}, "valid.txt is empty"),
        ({"train": "a", "test": TEST * 9}, {}, "train.txt has 1 character"),
        ({"train": "few", "test": "less"}, {}, "has 7 characters, fewer than 1,000"),
        ({"train": TRAIN, "test": TEST}, {"held_out": ["test"]}, "has its own split, so no book"),
    ],
)
def test_folders_that_cannot_be_used_are_refused_in_one_sentence(tmp_path, files, options, reason):
    with pytest.raises(CorpusError, match=reason) as caught:
        load_corpus(folder(tmp_path, **files), **options)
    assert "\n" not in str(caught.value)


def test_records_are_split_by_files_too(tmp_path):
    for part, text in (("train", "one cat "), ("test", "two dogs ")):
        (tmp_path / f"{part}.csv").write_text(f"id,text\n1,{text * 99}\n2,\n")
    corpus = load_corpus(str(tmp_path), column="text")
    assert str(corpus.test) == "two dogs " * 99
    assert str(corpus.train) + str(corpus.valid) == "one cat " * 99
    assert any("1 records have no text in text" in note for note in corpus.notes)


@pytest.mark.slow
def test_a_row_of_an_own_split_is_scored_on_the_test_file_and_says_so(tmp_path):
    text8 = "anarchism originated as a term of abuse first used against early working class radicals "
    path = folder(tmp_path, train=text8 * 30, test=text8[:40] * 3)  # no newline anywhere
    result = CliRunner().invoke(app, ["compare", path, "-g", "markov-char:order=3", "--length", "0"])
    assert result.exit_code == 0
    assert "own split (train.txt, test.txt)" in result.stdout
    assert "without any cleaning" in " ".join(result.stdout.split())
    shown = CliRunner().invoke(app, ["corpora", "show", path]).stdout
    assert hashlib.sha256((tmp_path / "test.txt").read_bytes()).hexdigest() in shown
