"""explain: the numbers are those of the chain, and the places are where the text says so."""

import numpy as np
import pytest
from doubles import Fixed
from typer.testing import CliRunner

import genbench
from genbench import TrainContext, make
from genbench.analysis.explanations import explain
from genbench.cli.main import app
from genbench.corpus import load


def test_the_probabilities_are_those_of_the_formula_by_hand() -> None:
    # "abab" after a newline, order 2, discounts 0.5, 1, 1.5 (see test_markov): after a, b came twice, one is taken
    chain = make("markov-char:order=2")
    chain.fit("abab", "", TrainContext())
    chain.facts = {}
    found = explain(chain, load("thorne"), "a")
    longest = found.contexts[0]
    assert (longest.text, longest.tokens, longest.followers) == ("a", 1, 1)
    assert longest.leftover == pytest.approx(1 / 2)
    (b,) = longest.continuations
    assert (b.text, b.count, b.discount) == ("b", 2, 1)
    assert b.probability == pytest.approx(1 / 2 + 1 / 2 * ((1 - 0.5) / 4 + 1 / 2 / 3))
    assert found.likeliest[0].text == "b"
    assert found.likeliest[0].probability == pytest.approx(b.probability)


@pytest.mark.parametrize(
    "spec", ["markov-word", "markov-char:order=5", "markov-char:smoothing=witten-bell", "markov-word:smoothing=fitted"]
)
def test_the_longest_context_gives_the_probabilities_of_predict(spec: str) -> None:
    corpus, chain = load("thorne"), make(spec)
    chain.fit(corpus.train[:20_000], corpus.valid[:2_000], TrainContext())
    text = corpus.train[300:340]
    found = explain(chain, corpus, text)
    said = {each.text: each.probability for each in found.likeliest}
    shared = [each for each in found.contexts[0].continuations if each.text in said]
    assert shared
    assert all(each.probability == pytest.approx(said[each.text]) for each in shared)


def test_the_places_are_where_the_book_says_so() -> None:
    corpus, chain = load("thorne"), make("markov-word")
    chain.fit(corpus.train, corpus.valid, TrainContext())
    found = explain(chain, corpus, "the sea")
    lines = corpus.train.split("\n")
    for context in found.contexts[:-1]:
        for each in context.continuations:
            if each.text.strip() and "(" not in each.text:
                assert each.places
                assert all(title == corpus.books[0] for title, _ in each.places)
                first = (context.text + each.text).split("\n")[0]
                assert all(first in lines[line - 1] for _, line in each.places)


def test_lines_are_counted_in_each_book() -> None:
    corpus = load("thorne")
    two = genbench.Corpus(
        "x", "one\ntwo\n\nthree\nfour\n", "", "", ("A", "B"), "keep", "", 20, "", ((0, "A"), (9, "B"))
    )
    assert [two.place(two.train.index(word)) for word in ("one", "two", "three", "four")] == [
        ("A", 1),
        ("A", 2),
        ("B", 1),
        ("B", 2),
    ]
    assert corpus.place(0) == (corpus.books[0], 1)


def test_a_generator_without_counts_shows_its_likeliest() -> None:
    found = explain(Fixed(), load("thorne"), "ab", most=2)
    assert [each.text for each in found.likeliest] == ["a", "b"]
    assert found.contexts == ()
    assert np.isclose(found.likeliest[0].probability, 0.4)


def test_the_command_shows_a_table_for_each_length() -> None:
    said = CliRunner().invoke(app, ["explain", "thorne", "-g", "markov-word", "the sea", "--top", "3"])
    assert said.exit_code == 0, said.output
    assert "2 tokens of context, 'the sea'" in said.output
    assert "no context" in said.output
    assert "line" in said.output
