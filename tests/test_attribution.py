"""Attribution and confusion: by hand, on copied and shuffled text, and on the authors' own text."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from doubles import Fixed
from test_cli import run

import genbench
from genbench import UserError, api, scoring
from genbench.analysis.attribution import Accuracy, attribute_with
from genbench.analysis.author_models import AuthorModels, Passages, passage_bits
from genbench.analysis.confusion import bits_matrix
from genbench.analysis.style_judge import remove_small_word, sentences_with_small_words
from genbench.corpus.corpus import Corpus
from genbench.generator import Generator, TrainContext
from genbench.registry import create

AUTHORS = ["thorne", "pell", "marrow"]


@pytest.fixture(scope="module")
def corpora() -> list[Corpus]:
    return [genbench.corpus(author) for author in AUTHORS]


@pytest.fixture(scope="module")
def chains(corpora: list[Corpus]) -> list[Generator]:
    chains = [create("markov-char:order=5") for _ in corpora]
    for chain, corpus in zip(chains, corpora, strict=True):
        chain.fit(corpus.train, corpus.valid, TrainContext())
    return chains


def test_a_text_belongs_to_the_model_with_the_fewest_bits_by_hand(corpora: list[Corpus]) -> None:
    often_a, often_b = Fixed("ab", (0.75, 0.25)), Fixed("ab", (0.25, 0.75))
    bits = passage_bits([often_a, often_b], ["aab", "bbb"])
    assert bits == pytest.approx(np.array([[2 * 0.415 + 2, 4 + 0.415], [6, 3 * 0.415]]), abs=0.001)

    models = AuthorModels("fixed", corpora[:2], [often_b, often_a], 0.0)  # thorne writes b often, pell a
    attribution = attribute_with(models, "aab" * 400)
    assert [author.author for author in attribution.authors] == ["pell", "thorne"]
    assert attribution.best == "pell"
    assert attribution.margin == pytest.approx((2 - 0.415) / 3, abs=0.001)
    assert attribution.clear
    assert attribute_with(models, "aab").interval is None


def test_accuracy_by_hand() -> None:
    accuracy = Accuracy.count(np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1]), ["x", "y"])
    assert (accuracy.passages, accuracy.correct, accuracy.accuracy) == (5, 4, 0.8)
    assert accuracy.mean == pytest.approx((2 / 3 + 1) / 2)
    assert accuracy.attributed_to == {"x": {"x": 2, "y": 1}, "y": {"x": 0, "y": 2}}
    assert Accuracy.count(np.array([], int), np.array([], int), ["x"]).accuracy is None


def test_scores_of_many_texts_equal_those_of_each_text(chains: list[Generator], corpora: list[Corpus]) -> None:
    texts = [corpora[1].test[:80], "", "\u4e2d", corpora[0].test[:300]]
    for bits, text in zip(scoring.score_each(chains[0], texts), texts, strict=True):
        assert len(bits) == len(text)
        assert bits == pytest.approx(scoring.score(chains[0], text).character_bits)


def test_every_author_is_nearest_to_their_own_model(chains: list[Generator], corpora: list[Corpus]) -> None:
    bits = bits_matrix(chains, [str(corpus.test) for corpus in corpora])
    assert bits.argmin(axis=1).tolist() == [0, 1, 2]


def test_copied_text_is_attributed_best_and_shuffled_letters_by_chance(
    chains: list[Generator], corpora: list[Corpus]
) -> None:
    def accuracy(texts: list[str]) -> float:
        passages = Passages.spread(texts, 200, 20)
        return float((passage_bits(chains, passages.texts).argmin(axis=1) == passages.authors).mean())

    assert accuracy([str(corpus.train) for corpus in corpora]) == 1
    tests = [str(corpus.test) for corpus in corpora]
    human = accuracy(tests)
    assert human > 0.8
    assert accuracy(["".join(random.Random(0).sample(test, len(test))) for test in tests]) < human


def test_passages_have_one_length_and_are_by_their_author(corpora: list[Corpus]) -> None:
    tests = [str(corpus.test) for corpus in corpora]
    passages = Passages.spread(tests, 150, 7)
    assert {len(text) for text in passages.texts} == {150}
    assert all(text in tests[author] for text, author in zip(passages.texts, passages.authors, strict=True))
    assert np.bincount(passages.authors).max() <= 7
    assert Passages.spread(["short"], 150, 7).texts == ()


def test_truncated_training_text_has_the_beginning_of_every_book(corpora: list[Corpus]) -> None:
    marrow = corpora[2]
    short = marrow.truncate_training(4000)
    assert 3990 <= len(short.train) <= 4000
    assert short.sha256 != marrow.sha256
    assert (short.valid, short.test) == (marrow.valid, marrow.test)
    assert [title for _, title in short.book_starts] == [title for _, title in marrow.book_starts]
    for (start, _), (old, _) in zip(short.book_starts, marrow.book_starts, strict=True):
        assert short.train[start : start + 500] == marrow.train[old : old + 500]
    assert marrow.truncate_training(10**9) is marrow


def test_text_set_aside_is_not_in_the_training_text(corpora: list[Corpus]) -> None:
    for corpus in corpora:
        remaining, aside = corpus.set_aside(0.25)
        assert remaining.sha256 != corpus.sha256
        assert len(aside) / len(corpus.train) == pytest.approx(0.25, abs=0.05)
        letters = lambda text: sorted(text.replace("\n", ""))  # noqa: E731
        assert letters(str(remaining.train) + aside) == letters(str(corpus.train))
        assert aside[:80] not in str(remaining.train)
        for start, _ in remaining.book_starts:
            assert remaining.train[start : start + 60] in str(corpus.train)


def test_a_negation_is_the_first_word_to_be_removed() -> None:
    rng = np.random.default_rng(0)
    assert remove_small_word("It was not the end of it.", rng) == "It was the end of it."
    assert remove_small_word("We went by the river.", rng) in ("We went the river.", "We went by river.")
    text = "He did not come to the house again. Short. They waited for him all the long night."
    sentences = ["He did not come to the house again.", "They waited for him all the long night."]
    assert sentences_with_small_words(text, 5) == sentences
    assert sentences_with_small_words("", 5) == []


@pytest.mark.slow
def test_the_commands_print_tables_and_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ["confusion", *AUTHORS, "--length", "100", "--length", "300", "--passages", "5"]
    assert run(monkeypatch, *command, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [line["length"] for line in report["attribution"]] == [100, 300]
    assert len({corpus["train"] for corpus in report["authors"].values()}) <= 3
    assert np.argmin(report["bits"], axis=1).tolist() == [0, 1, 2]
    assert np.allclose(np.array(report["distances"]), np.array(report["distances"]).T)
    assert run(monkeypatch, *command) == 0
    assert "95 % interval" in capsys.readouterr().out

    page = tmp_path / "page.txt"
    page.write_text(genbench.corpus("pell").test[:4000], encoding="utf-8")
    assert run(monkeypatch, "attribute", str(page), "--among", *AUTHORS, "--json") == 0
    attribution = json.loads(capsys.readouterr().out)
    assert (attribution["best"], attribution["clear"], len(attribution["authors"])) == ("pell", True, 3)
    assert run(monkeypatch, "attribute", str(page), "--among", *AUTHORS) == 0
    assert "pell ahead of" in capsys.readouterr().out


@pytest.mark.slow
def test_invalid_arguments_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], prose_file: Path
) -> None:
    for words, message in (
        (["confusion", "thorne"], "two or more"),
        (["confusion", "thorne", "pell", "--held-out", "nonsense"], "'nonsense'; the books are"),
        (["confusion", "thorne", "pell", "--length", "0"], "1 or more"),
        (["confusion", "thorne", "pell", "--characters", "0"], "characters is 0"),
        (["confusion", "thorne", "pell", "-g", "nothing"], "nothing"),
        (["attribute", str(prose_file), "--among", "thorne"], "two or more"),
        (["compare", "thorne", "--style"], "two authors or more"),
    ):
        assert run(monkeypatch, *words) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(UserError, match="no text"):
        genbench.attribute("", AUTHORS)


@pytest.mark.slow
def test_a_held_out_book_is_the_test_text(corpora: list[Corpus]) -> None:
    titles = corpora[2].books
    assert len(titles) > 1
    report = api.confusion(["thorne", "marrow"], held_out=[titles[0]], lengths=[200], passages=3)
    assert report.authors["marrow"].held_out == titles[0]
    assert report.authors["thorne"].held_out == ""


@pytest.mark.slow
def test_models_of_the_same_training_are_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    first = genbench.attribute("The lamp was lit.", AUTHORS[:2])
    monkeypatch.setattr("genbench.training.train._fit", None)
    assert genbench.attribute("The lamp was lit.", AUTHORS[:2]) == first


@pytest.mark.slow
@pytest.mark.usefixtures("gutenberg")
def test_passages_of_seven_authors_are_attributed_correctly() -> None:
    names = ["austen", "carroll", "chesterton", "melville", "milton", "shakespeare", "whitman"]
    report = api.confusion(names, characters=100_000, lengths=[1000], passages=20)
    assert (report.attribution[1000].accuracy or 0) >= 0.98
    assert report.whole_correct == 7
