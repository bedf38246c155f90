"""Open-set answers, rolling attribution, Burrows's Delta and telling words: by hand, and on spliced texts."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_cli import run

from genbench import UserError, api
from genbench.analysis.attribution import Attribution, attribute_each, attribute_with
from genbench.analysis.author_models import train_authors
from genbench.analysis.calibration import calibrate_models
from genbench.analysis.delta import burrows_delta
from genbench.analysis.held_out_books import evaluate_held_out_books
from genbench.analysis.open_set import NONE_OF_THESE, NOT_CLEAR, OpenSetRule, VerificationScores, c_at_1, calibrate
from genbench.analysis.rolling import Rolling, Segment, change_penalty, find_segments, largest_sum, roll
from genbench.analysis.telling import TellingWord, telling_passages, telling_words
from genbench.corpus.loading import load_corpus
from genbench.report.terminal.attribution import change_sentences, known_sentence
from genbench.training import ProgressListener, TrainSettings

AUTHORS = ["thorne", "pell", "marrow"]
GERMAN = "Der alte Müller stand am Fenster und sah hinaus auf die Straße, wo niemand ging. " * 15


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Attribution]:
    """Attribute pell's test text, a German one, and 4,000 characters of pell followed by thorne, and by German."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENBENCH_HOME", str(tmp_path_factory.mktemp("home")))
        pell, thorne = (str(load_corpus(name).test) for name in ("pell", "thorne"))
        return attribute_each([pell, GERMAN, pell[:4000] + thorne[:4000], pell[:4000] + GERMAN], AUTHORS, rolling=1000)


# none of these


def test_measures_by_hand() -> None:
    probabilities, labels = np.array([0.9, 0.8, 0.7, 0.2, 0.1]), np.array([True, True, False, True, False])
    scores = VerificationScores.of(probabilities, labels, np.array([False, False, False, False, True]))
    assert scores.c_at_1 == pytest.approx((2 + 1 * 2 / 5) / 5)
    assert scores.f_05_u == pytest.approx(1.25 * 2 / (1.25 * 2 + 0.25 * (1 + 1) + 1))  # 1 false negative, 1 unanswered
    assert scores.brier == pytest.approx((0.01 + 0.04 + 0.49 + 0.64 + 0.25) / 5)
    assert c_at_1(probabilities, labels, 0.2) == pytest.approx((3 + 1 * 3 / 5) / 5)  # only 0.7 is within 0.2 of 0.5


def test_the_rule_tells_passages_of_the_authors_from_those_of_strangers() -> None:
    rng = np.random.default_rng(0)
    authors = np.repeat([0, 1, 2], 30)
    bits = 2.5 + rng.normal(0, 0.05, (90, 3))
    bits[np.arange(90), authors] -= 0.4
    rule = calibrate(bits, authors)
    assert rule is not None
    assert rule.own == pytest.approx(2.1, abs=0.03)
    names = ["a", "b", "c"]
    assert rule.answer(np.array([2.5, 2.1, 2.5]), names)[0] == "b"
    assert rule.answer(np.array([2.5, 2.45, 2.5]), names)[0] == NONE_OF_THESE
    assert rule.answer(np.array([5.1, 4.8, 5.0]), names)[0] == NONE_OF_THESE
    assert calibrate(bits[:60], authors[:60]) is None  # an author without passages
    assert OpenSetRule(rule.own, np.zeros(3), 0.0).answer(bits[0], names) == (NOT_CLEAR, 0.5)


def test_a_foreign_text_is_by_none_of_these_and_a_known_one_is_not(results: list[Attribution]) -> None:
    own, german, spliced, _ = results
    assert (own.best, own.answer) == ("pell", "pell")
    assert german.answer == NONE_OF_THESE
    assert (german.probability or 0) < 0.01 < 0.9 < (own.probability or 0)
    assert (spliced.probability or 1) < (own.probability or 0)
    assert own.known == german.known == {}


def test_no_fold_of_an_author_is_in_the_rest() -> None:
    for name, parts in (("marrow", 2), ("pell", 3)):
        corpus = load_corpus(name)
        folds = list(corpus.folds(3))
        assert len(folds) == parts  # the books, or parts of the only one
        assert sum(len(text) for _, text in folds) == pytest.approx(len(corpus.train), abs=10)
        for rest, text in folds:
            assert rest.sha256 != corpus.sha256
            assert text[:200].strip() not in str(rest.train)


def test_a_text_that_the_models_have_seen_one_in_another_form_and_a_short_one() -> None:
    corpora = [load_corpus(name) for name in AUTHORS]
    models = train_authors(corpora, "markov-char", None, TrainSettings())
    calibration = calibrate_models(models)
    seen = attribute_with(models, str(corpora[1].train)[500:3500], calibration=calibration)
    assert seen.known == {"pell": 1.0}
    assert "the models have seen this text, word for word (100 % of it by pell)" in (known_sentence(seen))

    # an author's text with a line break after each few words
    lines = str(corpora[0].test).replace(", ", ",\n").replace(". ", ".\n").replace(" and ", "\nand ")
    verse = attribute_with(models, lines, calibration=calibration)
    assert verse.best == "thorne"
    assert verse.answer != NONE_OF_THESE
    assert verse.form.startswith("another form: ")
    assert attribute_with(models, "cat", calibration=calibration).answer == ""
    assert attribute_with(models, "The lamp on the rock was lit each evening before the dark.").probability is None


def test_two_candidates_with_the_same_text_differ_in_nothing() -> None:
    text = "the cat sat on the mat and the dog lay by the door " * 300
    distances = burrows_delta([text, text], text)
    assert distances is None or max(distances) < 1e-6
    bits = np.repeat(np.random.default_rng(2).normal(2.0, 0.1, (40, 1)), 2, axis=1)
    rule = calibrate(bits, np.repeat([0, 1], 20))
    assert rule is not None
    assert rule.probability(np.array([2.0, 2.0])) == pytest.approx(0.5, abs=0.2)
    pell, messages = load_corpus("pell"), []
    listener = ProgressListener()
    listener.message = messages.append  # type: ignore[method-assign]
    train_authors([pell, replace(pell, author="copy")], "markov-char", 2_000, TrainSettings(), listener=listener)
    assert "pell and copy are the same text: nothing tells them apart" in messages


# rolling attribution


def test_changes_are_found_where_they_pay_by_hand() -> None:
    sums = np.array([[1.0, 1.0, 9.0, 9.0, 1.0], [5.0, 5.0, 2.0, 2.0, 2.0]])
    assert find_segments(sums, ["a", "b"], 100.0, 520) == [Segment(0, 520, "b")]  # 16 and 21 bits
    assert find_segments(sums, ["a", "b"], 2.0, 520) == [Segment(0, 200, "a"), Segment(200, 520, "b")]
    assert find_segments(sums, ["a", "b"], 0.5, 520)[-1] == Segment(400, 520, "a")
    assert largest_sum(np.array([-1.0, 2.0, -1.0, 2.0, -5.0])) == 3.0


def test_no_authors_own_validation_text_shows_a_change() -> None:
    rng = np.random.default_rng(1)
    texts = [rng.normal(2.2, 1.0, (3, 6000)) for _ in range(3)]
    for author, bits in enumerate(texts):
        bits[author] -= 0.1
    penalty = change_penalty(texts)
    for author, bits in enumerate(texts):
        window = roll(bits, ["x", "y", "z"], 2000, penalty)
        assert [segment.author for segment in window.segments] == ["xyz"[author]]
    with pytest.raises(UserError, match="999 characters, but must have 1,000 or more"):
        roll(texts[0], ["x", "y", "z"], 999, penalty)


def test_the_place_of_a_splice_is_found(results: list[Attribution]) -> None:
    for result in results[:2]:
        assert result.rolling is not None
        assert len(result.rolling.segments) == 1
    curve = results[2].rolling
    assert curve is not None
    first, second = curve.segments
    assert (first.author, second.author) == ("pell", "thorne")
    assert abs(second.start - 4000) <= 200
    assert {window.author for window in curve.windows if window.end <= 4000} == {"pell"}
    assert {window.author for window in curve.windows if window.start >= 4000} == {"thorne"}
    assert all(window.interval for window in curve.windows)


def test_parts_by_none_of_the_authors_are_named(results: list[Attribution]) -> None:
    own, german, spliced, foreign = (result.rolling for result in results if result.rolling)
    assert [part.answer for part in own.segments + spliced.segments] == ["pell", "pell", "thorne"]
    (sentence,) = change_sentences(german)
    assert sentence == f"the text is not by one of these: {german.segments[0].author} is only the nearest throughout"

    # one change, to a stranger
    assert [part.answer for part in foreign.segments] == ["pell", NONE_OF_THESE]
    change, _ = change_sentences(foreign)
    assert change.startswith("change at character 4,000: pell, then ")
    assert change.endswith(" (none of these)")


def test_changes_between_parts_by_none_of_the_authors_are_not_listed() -> None:
    parts = [Segment(0, 500, "x", NONE_OF_THESE), Segment(500, 900, "y", NOT_CLEAR), Segment(900, 1200, "x", "y")]
    (sentence,) = change_sentences(Rolling(1000, 9.0, [], parts))
    assert sentence.startswith("no part of the text is clearly by one of these: ")
    assert sentence.endswith("--json has the changes of the nearest (2)")
    known = [*parts, Segment(1200, 1600, "y", "y"), Segment(1600, 1900, "x")]
    first, second, _ = change_sentences(Rolling(1000, 9.0, [], known))
    assert first == "change at character 1,200: x (not clear), then y"
    assert second == "change at character 1,600: y, then x"
    (throughout,) = change_sentences(Rolling(1000, 9.0, [], [Segment(0, 1900, "x", "x")]))
    assert throughout.startswith("no change of the author was found: x throughout")


# Burrows's Delta, and what is telling


def test_delta_by_hand() -> None:
    # two words; samples of each author of half its text; the text has the frequencies of the first author
    one, two = "the cat " * 300, "the the the cat " * 150
    distances = burrows_delta([one, two], one)
    assert distances is not None
    # shares of "the" 0.5 and 0.75 in two samples each: deviation 0.1443; likewise for "cat"
    assert distances == pytest.approx([0.0, 0.25 / np.std([0.5, 0.5, 0.75, 0.75], ddof=1)])
    assert burrows_delta([one, two], "too short") is None
    assert burrows_delta([one, two], "老师修好了地图" * 100) is None


def test_delta_names_the_same_author(results: list[Attribution]) -> None:
    assert min((author.delta or 9, author.author) for author in results[0].authors)[1] == "pell"


def test_telling_words_and_passages_by_hand() -> None:
    text = "Cat, the dog. The cat"
    difference = np.zeros(len(text))
    difference[:3], difference[5:8], difference[14:17], difference[18:] = 1.0, -2.0, -1.0, 0.5
    words = [TellingWord("cat", 2, 4.5), TellingWord("the", 2, -9.0)]
    assert [word for word in telling_words(text, difference) if word.difference] == words

    long = "x" * 650
    difference = np.repeat([0.0, 2.0, -1.0, 9.0], [200, 200, 200, 50])
    passages = telling_passages(long, difference)
    assert [(passage.start, passage.difference) for passage in passages] == [(200, 2.0), (400, -1.0)]


# the commands


@pytest.mark.slow
def test_several_texts_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pell = str(load_corpus("pell").test)
    (tmp_path / "german.txt").write_text(GERMAN, encoding="utf-8")
    (tmp_path / "pell.txt").write_text(pell, encoding="utf-8")
    for words in ([str(tmp_path)], [str(tmp_path / "german.txt"), "--text", str(tmp_path / "pell.txt")]):
        assert run(monkeypatch, "attribute", *words, "--among", *AUTHORS, "--json") == 0
        answers = {Path(result["file"]).name: result["answer"] for result in json.loads(capsys.readouterr().out)}
        assert answers == {"german.txt": "none of these", "pell.txt": "pell"}
    assert run(monkeypatch, "attribute", str(tmp_path / "pell.txt"), "--among", *AUTHORS, "--rolling", "2000") == 0
    output = capsys.readouterr().out
    assert "no change of the author was found: pell throughout" in output
    assert "words for pell: " in output


def test_held_out_books_shorter_than_a_passage_and_without_an_open_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("confusion", "marrow", "pell", "--each-book", "--characters", "300", "--length", "100000")
    assert run(monkeypatch, *words) == 0
    output = capsys.readouterr().out
    assert output.count("1 of 1") + output.count("0 of 1") == 2  # a book is one passage
    assert "no open answers: " in output
    assert "without the author's own model" not in output


@pytest.mark.slow
def test_held_out_books_are_attributed_by_models_that_have_not_seen_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate_held_out_books(["marrow", *AUTHORS[:2]], characters=10_000, passages=5)
    assert [book.author for book in report.books] == ["marrow", "marrow"]
    assert report.accuracy.passages == 10
    assert report.verification is not None
    assert report.verification.problems == 20
    assert sum(report.strangers["marrow"].values()) == 10
    assert report.strangers["marrow"]["marrow"] == 0
    with pytest.raises(UserError, match="two books"):
        api.evaluate_held_out_books(["thorne", "pell"])
    assert run(monkeypatch, "confusion", "marrow", "pell", "--each-book", "--characters", "5000") == 0
    output = capsys.readouterr().out
    assert "whole books nearest to their author" in output
    assert "with two authors there is no open answer without the author's own model" in output
