"""Known figures of the real books are reproduced."""

import pytest
from genbench_plugins.markov.ngram import MarkovChar, MarkovWord

import genbench
from genbench import Sampling, Tokenizer
from genbench.corpus.loading import load_corpus
from genbench.generator import TrainContext
from genbench.scoring import score

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("gutenberg")]


@pytest.mark.parametrize(("author", "kenlm"), [("austen", 1.7170), ("carroll", 2.1340), ("melville", 2.1326)])
def test_character_chains_agree_with_kenlm(author: str, kenlm: float) -> None:
    # KenLM, modified Kneser-Ney, order 8, on the characters of the raw text, split at the exact character instead of
    # the nearest paragraph
    corpus = load_corpus(author, lines="keep")
    chain = MarkovChar(order=8)
    chain.fit(corpus.train, corpus.valid, TrainContext())
    assert score(chain, corpus.test).bits_per_character == pytest.approx(kenlm, abs=0.03)


def test_a_word_trigram_predicts_austen_better_than_characters() -> None:
    corpus = load_corpus("austen")
    chain = MarkovWord()
    chain.fit(corpus.train, corpus.valid, TrainContext())
    assert 1.5 < score(chain, corpus.test).bits_per_character < 1.63


@pytest.mark.parametrize("author", ["austen", "carroll", "chesterton", "melville", "milton", "shakespeare", "whitman"])
def test_tokenizers_are_lossless_on_real_texts(author: str) -> None:
    for lines in ("join", "keep"):
        text = load_corpus(author, lines=lines).test
        for tokenizer in (Tokenizer.words(text[: len(text) // 2]), Tokenizer.characters(text[:1000])):
            assert tokenizer.decode(tokenizer.encode(text)) == text


def test_intervals_of_a_comparison_contain_the_figure() -> None:
    comparison = genbench.compare(["carroll"], ["markov-char", "markov-word"], samplings=[Sampling(length=100)])
    for row in comparison.results:
        assert row.interval is not None
        low, high = row.interval
        assert low < row.bits_per_character < high
        assert row.bits_per_character < comparison.baselines["carroll"]["xz"]
