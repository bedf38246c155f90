"""On the real texts: known figures come out again."""

import pytest
from genbench_plugins.markov.char import MarkovChar
from genbench_plugins.markov.word import MarkovWord

import genbench
from genbench import Sampling, Tokenizer, TrainContext, score
from genbench.corpus import load

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("gutenberg")]


@pytest.mark.parametrize(("author", "kenlm"), [("austen", 1.7170), ("carroll", 2.1340), ("melville", 2.1326)])
def test_character_chains_score_as_kenlm_does(author: str, kenlm: float) -> None:
    # KenLM, modified Kneser-Ney, order 8, characters of the raw text; its cut of the text is at the exact character,
    # ours at the nearest paragraph
    corpus = load(author, lines="keep")
    chain = MarkovChar(order=8)
    chain.fit(corpus.train, corpus.valid, TrainContext())
    assert score(chain, corpus.test).bits_per_character == pytest.approx(kenlm, abs=0.03)


def test_a_word_trigram_predicts_austen_better_than_characters() -> None:
    corpus = load("austen")
    chain = MarkovWord()
    chain.fit(corpus.train, corpus.valid, TrainContext())
    assert 1.5 < score(chain, corpus.test).bits_per_character < 1.63


@pytest.mark.parametrize("author", ["austen", "carroll", "chesterton", "melville", "milton", "shakespeare", "whitman"])
def test_every_real_text_comes_back(author: str) -> None:
    for lines in ("join", "keep"):
        text = load(author, lines=lines).test
        for tokenizer in (Tokenizer.words(text[: len(text) // 2]), Tokenizer.characters(text[:1000])):
            assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_comparison_on_carroll_has_intervals() -> None:
    found = genbench.compare(["carroll"], ["markov-char", "markov-word"], samplings=[Sampling(length=100)])
    for row in found.results:
        low, high = row["interval"]
        assert low < row["bits_per_character"] < high
        assert row["bits_per_character"] < found.floors["carroll"]["xz"]
