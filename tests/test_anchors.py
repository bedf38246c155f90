"""Standard texts and the results that others have published on them: fetched, recognized, shown beside our rows."""

import io
import zipfile
from dataclasses import replace
from hashlib import md5, sha256
from pathlib import Path

import pytest
from conftest import PROSE
from servers import respond, serve
from test_cli import run

from genbench.corpus import anchors
from genbench.corpus.anchors import Anchor, Published, load_anchors, read_anchor
from genbench.corpus.downloads import RetryPolicy
from genbench.corpus.loading import load_corpus
from genbench.errors import CorpusError
from genbench.experiments.comparison import Comparison, CorpusInfo
from genbench.report.anchors import published_lines
from genbench.report.export.files import as_markdown
from genbench.storage.records import from_json

TEXT = PROSE * 10
RESULT = Published("a network", 1.4697, "nats per character", "Somebody 2022, A paper", "https://example.org")
FAKE = Anchor(
    "tiny",
    "Tiny Text",
    "its last part",
    "the same characters",
    (RESULT,),
    file="tiny.txt",
    url="https://example.org/data/tiny.txt",
    whole_sha256=sha256(TEXT.encode()).hexdigest(),
    parts=(len(TEXT) - 300, 300),
)
QUICK = RetryPolicy(timeout=3.0, delays=())


def use(monkeypatch: pytest.MonkeyPatch, *texts: Anchor) -> None:
    """Replace the anchors of the catalogue."""
    monkeypatch.setattr(anchors, "_read_anchors", lambda: {anchor.name: anchor for anchor in texts})


def test_units_are_converted_to_bits_per_character() -> None:
    # by hand: 1.4697 / ln 2; log2(57.3) bits for each of 82,430 words and line ends in 449,945 characters
    assert RESULT.bits_per_character(100, 0) == pytest.approx(2.12033, abs=1e-5)
    perplexity = replace(RESULT, value=57.3, unit="word perplexity")
    assert perplexity.bits_per_character(449_945, 82_430) == pytest.approx(1.0700, abs=1e-4)
    assert replace(RESULT, value=1.13, unit="bits per character").bits_per_character(7, 0) == 1.13
    assert replace(RESULT, value=50.0, unit="bytes").bits_per_character(200, 0) == 2.0


def test_the_catalogue_names_a_source_for_each_result_and_splits_as_published() -> None:
    texts = load_anchors()
    assert texts["tiny-shakespeare"].parts == (int(1_115_394 * 0.9), 1_115_394 - int(1_115_394 * 0.9))
    assert sum(texts["text8"].parts) == 100_000_000
    for anchor in texts.values():
        assert any((anchor.whole_sha256, anchor.whole_md5, anchor.test_md5, anchor.test_sha256, anchor.test_tokens))
        for result in anchor.published:
            assert result.unit in ("nats per character", "bits per character", "word perplexity", "bytes")
            assert result.url.startswith(("https://", "http://"))
            assert any(character.isdigit() for character in result.source)  # a year


def test_a_text_is_downloaded_once_and_split_as_published(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FAKE)
    with serve(respond(body=TEXT.encode())) as (address, requests):
        monkeypatch.setenv(anchors.MIRROR_VARIABLE, address)
        corpus = load_corpus("Tiny")
        assert [request["path"] for request in requests] == ["/tiny.txt"]
    again = load_corpus("tiny")  # the server is gone
    assert again.sha256 == corpus.sha256
    assert str(corpus.train) + str(corpus.valid) + str(corpus.test) == TEXT
    assert len(corpus.test) == 300
    assert corpus.anchor == "tiny"
    assert "split as published" in corpus.notes[0]


def test_another_file_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FAKE)
    with serve(respond(body=TEXT.encode() + b"x")) as (address, _):
        monkeypatch.setenv(anchors.MIRROR_VARIABLE, address)
        with pytest.raises(CorpusError, match=r"tiny is not on this machine .*its checksum is wrong.*put its file at"):
            read_anchor(FAKE, retries=QUICK)
    assert not FAKE.path.exists()

    # a file that the user puts there is used, one that was changed is not
    FAKE.path.parent.mkdir(parents=True)
    FAKE.path.write_text(TEXT)
    assert read_anchor(FAKE, retries=QUICK) == TEXT
    FAKE.path.write_text(TEXT[1:])
    monkeypatch.setenv(anchors.MIRROR_VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(CorpusError, match="cannot be downloaded"):
        read_anchor(FAKE, retries=QUICK)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [("tiny.txt", TEXT, ""), ("other", TEXT, "no zip file with tiny.txt"), ("tiny.txt", TEXT + "x", "another size")],
)
def test_a_text_in_a_zip_file(monkeypatch: pytest.MonkeyPatch, name: str, data: str, reason: str) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, data)
    zipped = replace(FAKE, url="https://example.org/tiny.zip")
    with serve(respond(body=archive.getvalue())) as (address, _):
        monkeypatch.setenv(anchors.MIRROR_VARIABLE, address)
        if not reason:
            assert read_anchor(zipped, retries=QUICK) == TEXT
        else:
            with pytest.raises(CorpusError, match=reason):
                read_anchor(zipped, retries=QUICK)


def test_folders_of_the_user_are_recognized(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    train, test = " no it was n't \n <unk> \n" * 60, " it was <unk> \n" * 5
    for name, text in (("ptb.train.txt", train), ("ptb.valid.txt", test * 2), ("ptb.test.txt", test)):
        (tmp_path / name).write_text(text)
    unknown = replace(FAKE, name="a", parts=(1, 2))
    by_md5 = replace(FAKE, name="b", parts=(), test_md5=md5(test.encode()).hexdigest())
    by_tokens = replace(FAKE, name="c", parts=(), train_tokens=7 * 60, test_tokens=4 * 5)  # counted by hand
    whole = train + test * 2 + test
    by_whole = replace(
        FAKE, name="d", whole_sha256=sha256(whole.encode()).hexdigest(), parts=(len(whole) - len(test), len(test))
    )
    for anchor in (by_md5, by_tokens, by_whole):
        use(monkeypatch, unknown, anchor)
        corpus = load_corpus(str(tmp_path))
        assert (corpus.anchor, corpus.test_tokens) == (anchor.name, 20)
        assert str(corpus.test) == test
    use(monkeypatch, unknown)
    assert load_corpus(str(tmp_path)).anchor == ""


def test_published_results_stand_below_the_rows_with_their_source(monkeypatch: pytest.MonkeyPatch) -> None:
    better = replace(RESULT, model="a cache", value=0.5, adaptive=True)
    use(monkeypatch, replace(FAKE, published=(better, RESULT)))
    FAKE.path.parent.mkdir(parents=True)
    FAKE.path.write_text(TEXT)
    corpora = {name: from_json(CorpusInfo, load_corpus(name).describe()) for name in ("tiny", "pell")}
    comparison = Comparison("0", corpora, [])
    assert published_lines(comparison, "tiny") == [
        "Others on the test text of Tiny Text, in bits per character; not computed here:",
        "  2.120  a network: 1.4697 nats per character (Somebody 2022, A paper)",
        "  0.721  a cache, adaptive: 0.5 nats per character (Somebody 2022, A paper)",
        "  Comparable: the same characters.",
    ]
    assert published_lines(comparison, "pell") == []
    assert "2.120  a network" in as_markdown(comparison)


def test_names_of_texts_that_are_not_downloaded_and_held_out_books() -> None:
    with pytest.raises(CorpusError, match="ptb is not downloaded: instead of its name, use a folder with"):
        load_corpus("ptb")
    with pytest.raises(CorpusError, match="tiny-shakespeare has its own split"):
        load_corpus("tiny-shakespeare", held_out=["hamlet"])


def test_the_command_lists_texts_and_results(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "anchors") == 0
    printed = capsys.readouterr().out
    for part in ("1.4697 nats per character", "57.3 word perplexity", "genbench compare text8", "ptb.train.txt"):
        assert part in printed


def test_real_raw_texts_have_reference_results(gutenberg: None) -> None:
    for author in ("austen", "carroll"):
        assert load_corpus(author, lines="keep").anchor == f"{author}-raw"
        assert load_corpus(author).anchor == ""
