"""Authors told apart: by hand, and on a copier, on shuffled text and on text of the authors themselves."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from doubles import Fixed
from test_cli import run

import genbench
from genbench import UserError, make, scoring
from genbench.analysis.attribution import Passages, accuracy, bits_of, matrix, verdict
from genbench.analysis.perturbation import sentences, without
from genbench.corpus import Corpus
from genbench.corpus.subsample import set_aside, shortened
from genbench.generator import Generator, TrainContext

AUTHORS = ["thorne", "pell", "marrow"]


@pytest.fixture(scope="module")
def corpora() -> list[Corpus]:
    return [genbench.corpus(author) for author in AUTHORS]


@pytest.fixture(scope="module")
def chains(corpora: list[Corpus]) -> list[Generator]:
    made = [make("markov-char:order=5") for _ in corpora]
    for chain, corpus in zip(made, corpora, strict=True):
        chain.fit(corpus.train, corpus.valid, TrainContext())
    return made


def test_a_text_goes_to_the_model_that_needs_fewest_bits_by_hand() -> None:
    often_a, often_b = Fixed("ab", (0.75, 0.25)), Fixed("ab", (0.25, 0.75))
    bits = bits_of([often_a, often_b], ["aab", "bbb"])
    assert bits == pytest.approx(np.array([[2 * 0.415 + 2, 4 + 0.415], [6, 3 * 0.415]]), abs=0.001)
    found = verdict([often_b, often_a], ["b", "a"], "aab" * 400)
    assert [each["author"] for each in found["authors"]] == ["a", "b"]
    assert found["margin"] == pytest.approx((2 - 0.415) / 3, abs=0.001)
    assert found["sure"]
    assert verdict([often_b, often_a], ["b", "a"], "aab")["interval"] is None


def test_accuracy_counts_by_hand() -> None:
    found = accuracy(np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1]), ["x", "y"])
    assert (found["passages"], found["right"], found["accuracy"]) == (5, 4, 0.8)
    assert found["mean"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["given_to"] == {"x": {"x": 2, "y": 1}, "y": {"x": 0, "y": 2}}
    assert accuracy(np.array([], int), np.array([], int), ["x"])["accuracy"] is None


def test_many_texts_alone_have_the_bits_of_each(chains: list[Generator], corpora: list[Corpus]) -> None:
    texts = [corpora[1].test[:80], "", "\u4e2d", corpora[0].test[:300]]
    for found, text in zip(scoring.alone(chains[0], texts), texts, strict=True):
        assert len(found) == len(text)
        assert found == pytest.approx(scoring.score(chains[0], text).character_bits)


def test_every_author_is_nearest_to_their_own_model(chains: list[Generator], corpora: list[Corpus]) -> None:
    bits = matrix(chains, [corpus.test for corpus in corpora])
    assert bits.argmin(axis=1).tolist() == [0, 1, 2]


def test_a_copier_is_attributed_best_and_shuffled_letters_by_chance(
    chains: list[Generator], corpora: list[Corpus]
) -> None:
    def share(texts: list[str]) -> float:
        cut = Passages.of(texts, 200, 20)
        return float((bits_of(chains, cut.texts).argmin(axis=1) == cut.authors).mean())

    assert share([corpus.train for corpus in corpora]) == 1
    human = share([corpus.test for corpus in corpora])
    letters = ["".join(random.Random(0).sample(corpus.test, len(corpus.test))) for corpus in corpora]
    assert human > 0.8
    assert share(letters) < human


def test_passages_are_of_one_length_and_of_their_author(corpora: list[Corpus]) -> None:
    cut = Passages.of([corpus.test for corpus in corpora], 150, 7)
    assert {len(text) for text in cut.texts} == {150}
    assert all(text in corpora[who].test for text, who in zip(cut.texts, cut.authors, strict=True))
    assert np.bincount(cut.authors).max() <= 7
    assert Passages.of(["short"], 150, 7).texts == ()


def test_a_shortened_text_takes_from_every_book(corpora: list[Corpus]) -> None:
    marrow = corpora[2]
    found = shortened(marrow, 4000)
    assert 3990 <= len(found.train) <= 4000
    assert found.sha256 != marrow.sha256
    assert (found.valid, found.test) == (marrow.valid, marrow.test)
    assert [title for _, title in found.begins] == [title for _, title in marrow.begins]
    for (start, _), (old, _) in zip(found.begins, marrow.begins, strict=True):
        assert found.train[start : start + 500] == marrow.train[old : old + 500]
    assert shortened(marrow, 10**9) is marrow


def test_what_is_set_aside_no_generator_sees(corpora: list[Corpus]) -> None:
    for corpus in corpora:
        kept, aside = set_aside(corpus, 0.25)
        assert kept.sha256 != corpus.sha256
        assert len(aside) / len(corpus.train) == pytest.approx(0.25, abs=0.05)
        letters = lambda text: sorted(text.replace("\n", ""))  # noqa: E731
        assert letters(kept.train + aside) == letters(corpus.train)
        assert aside[:80] not in kept.train
        for start, _ in kept.begins:
            assert kept.train[start : start + 60] in corpus.train


def test_a_sentence_loses_a_negation_first() -> None:
    rng = np.random.default_rng(0)
    assert without("It was not the end of it.", rng) == "It was the end of it."
    assert without("We went by the river.", rng) in ("We went the river.", "We went by river.")
    text = "He did not come to the house again. Short. They waited for him all the long night."
    assert sentences(text, 5) == ["He did not come to the house again.", "They waited for him all the long night."]
    assert sentences("", 5) == []


def test_the_commands_print_tables_and_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ["authors", *AUTHORS, "--length", "100", "--length", "300", "--passages", "5"]
    assert run(monkeypatch, *asked, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["length"] for each in found["attribution"]] == [100, 300]
    assert len({about["train"] for about in found["authors"].values()}) <= 3
    assert np.argmin(found["bits"], axis=1).tolist() == [0, 1, 2]
    assert np.allclose(np.array(found["distances"]), np.array(found["distances"]).T)
    assert run(monkeypatch, *asked) == 0
    assert "95 % interval" in capsys.readouterr().out
    page = tmp_path / "page.txt"
    page.write_text(genbench.corpus("pell").test[:1500], encoding="utf-8")
    assert run(monkeypatch, "attribute", str(page), "--among", *AUTHORS, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["best"], said["sure"], len(said["authors"])) == ("pell", True, 3)
    assert run(monkeypatch, "attribute", str(page), "--among", *AUTHORS) == 0
    assert "pell, before" in capsys.readouterr().out


def test_what_cannot_be_told_apart_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], prose_file: Path
) -> None:
    for words, said in (
        (["authors", "thorne"], "two or more"),
        (["authors", "thorne", "pell", "--held-out", "nonsense"], "'nonsense'; the books are"),
        (["authors", "thorne", "pell", "--length", "0"], "1 or more"),
        (["authors", "thorne", "pell", "--characters", "0"], "characters is 0"),
        (["authors", "thorne", "pell", "-g", "nothing"], "nothing"),
        (["attribute", str(prose_file), "--among", "thorne"], "two or more"),
        (["compare", "thorne", "--style"], "two authors or more"),
    ):
        assert run(monkeypatch, *words) == 2
        assert said in capsys.readouterr().err
    with pytest.raises(UserError, match="no text"):
        genbench.attribute("", AUTHORS)


def test_a_held_out_book_is_tested_on(corpora: list[Corpus]) -> None:
    titles = corpora[2].books
    assert len(titles) > 1
    found = genbench.authors(["thorne", "marrow"], held_out=[titles[0]], lengths=[200], passages=3)
    assert found["authors"]["marrow"]["held_out"] == titles[0]
    assert found["authors"]["thorne"]["held_out"] == ""


@pytest.mark.slow
@pytest.mark.usefixtures("gutenberg")
def test_passages_of_seven_authors_find_their_author() -> None:
    names = ["austen", "carroll", "chesterton", "melville", "milton", "shakespeare", "whitman"]
    found = genbench.authors(names, characters=100_000, lengths=[1000], passages=20)
    assert found["attribution"][0]["accuracy"] >= 0.98
    assert found["whole_right"] == 7
