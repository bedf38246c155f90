"""Explanations: their figures equal those of the chain, and their places are in the text."""

import numpy as np
import pytest
from doubles import Fixed
from typer.testing import CliRunner

from genbench import Model
from genbench.analysis.explanations import explain
from genbench.cli.main import app
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus
from genbench.generator import TrainContext
from genbench.registry import create
from genbench.tokenization.text import Text


def test_probabilities_by_hand() -> None:
    # "abab" after a newline, order 2, discounts 0.5, 1, 1.5 (see test_markov): after a, b came twice, one is taken
    chain = create("markov-char:order=2")
    chain.fit("abab", "", TrainContext())
    explanation = explain(Model(chain), load_corpus("thorne"), "a")
    longest = explanation.contexts[0]
    assert (longest.text, longest.tokens, longest.followers) == ("a", 1, 1)
    assert longest.leftover == pytest.approx(1 / 2)
    (b,) = longest.continuations
    assert (b.text, b.count, b.discount) == ("b", 2, 1)
    assert b.probability == pytest.approx(1 / 2 + 1 / 2 * ((1 - 0.5) / 4 + 1 / 2 / 3))
    assert explanation.likeliest[0].text == "b"
    assert explanation.likeliest[0].probability == pytest.approx(b.probability)


@pytest.mark.parametrize(
    "spec", ["markov-word", "markov-char:order=5", "markov-char:smoothing=witten-bell", "markov-word:smoothing=fitted"]
)
def test_the_longest_context_has_the_probabilities_of_log_probs(spec: str) -> None:
    corpus, chain = load_corpus("thorne"), create(spec)
    chain.fit(corpus.train[:20_000], corpus.valid[:2_000], TrainContext())
    text = corpus.train[300:340]
    explanation = explain(Model(chain), corpus, text)
    expected = {likely.text: likely.probability for likely in explanation.likeliest}
    shared = [continuation for continuation in explanation.contexts[0].continuations if continuation.text in expected]
    assert shared
    assert all(continuation.probability == pytest.approx(expected[continuation.text]) for continuation in shared)


def test_places_are_lines_of_the_book_with_that_text() -> None:
    corpus, chain = load_corpus("thorne"), create("markov-word")
    chain.fit(corpus.train, corpus.valid, TrainContext())
    explanation = explain(Model(chain), corpus, "the sea")
    lines = str(corpus.train).split("\n")
    for context in explanation.contexts[:-1]:
        for continuation in context.continuations:
            if continuation.text.strip() and "(" not in continuation.text:
                assert continuation.places
                assert all(title == corpus.books[0] for title, _ in continuation.places)
                first = (context.text + continuation.text).split("\n")[0]
                assert all(first in lines[line - 1] for _, line in continuation.places)


def test_lines_are_counted_in_each_book() -> None:
    corpus = load_corpus("thorne")
    two = Corpus(
        "x", Text("one\ntwo\n\nthree\nfour\n"), Text(""), Text(""), ("A", "B"), "keep", "", 20, "", ((0, "A"), (9, "B"))
    )
    assert [two.locate(str(two.train).index(word)) for word in ("one", "two", "three", "four")] == [
        ("A", 1),
        ("A", 2),
        ("B", 1),
        ("B", 2),
    ]
    assert corpus.locate(0) == (corpus.books[0], 1)


def test_a_generator_without_counts_has_no_contexts() -> None:
    explanation = explain(Model(Fixed()), load_corpus("thorne"), "ab", top=2)
    assert [likely.text for likely in explanation.likeliest] == ["a", "b"]
    assert explanation.contexts == ()
    assert np.isclose(explanation.likeliest[0].probability, 0.4)


def test_the_command_shows_a_table_for_each_length() -> None:
    result = CliRunner().invoke(app, ["explain", "thorne", "-g", "markov-word", "the sea", "--top", "3"])
    assert result.exit_code == 0, result.output
    assert "2 tokens of context, 'the sea'" in result.output
    assert "no context" in result.output
    assert result.output.count("seen in") == 2  # where a context has places
    assert "line" in result.output
