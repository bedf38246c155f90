"""Word models are ranked by the character where they compute it exactly; the canonical figure stands beside it."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_report import comparison, row

import genbench
from genbench import Model, UserError, scoring
from genbench.analysis.compression import encode_text
from genbench.analysis.scores import score_figures
from genbench.charlevel import CharacterView, ranking
from genbench.charlevel.ranking import CharacterModel, ranked_model
from genbench.corpus.corpus import Corpus
from genbench.experiments.comparison import Comparison
from genbench.report.comparison_tables import tokenization_sentences

CHARACTERS = 1_500  # of test text


@pytest.fixture(scope="module")
def pell() -> Corpus:
    return genbench.corpus("pell")


@pytest.fixture(scope="module")
def words(pell: Corpus) -> Model:
    return genbench.train(pell, "markov-word", keep=False)


@pytest.fixture(scope="module")
def passage(pell: Corpus) -> str:
    return pell.test[:CHARACTERS] + " Œuvre, zyzzyva."


def test_the_bits_are_those_of_the_slow_view_step_by_step(words: Model, passage: str) -> None:
    view, bits = CharacterView(words.generator), 0.0
    state = view.start()
    for symbol in view.tokenizer.encode(passage).tolist():
        bits -= float(view.log_probs(state)[symbol]) / math.log(2)
        state = view.advance(state, symbol)
    assert words.score(passage).bits == pytest.approx(bits, rel=1e-9)


def test_both_figures_and_the_counts_of_the_canonical_tokens(words: Model, passage: str) -> None:
    score, canonical = words.score(passage), scoring.score(words.generator, passage)
    assert score.canonical_bits == canonical.bits
    assert score.bits < canonical.bits
    assert score.bits == pytest.approx(score.character_bits.sum())
    for name in ("characters", "bytes", "words", "tokens", "spelled", "spelled_share", "token_perplexity"):
        assert getattr(score, name) == getattr(canonical, name), name
    assert score.word_perplexity < canonical.word_perplexity  # type: ignore[operator]
    assert score.canonical_bits_per_character == canonical.bits_per_character
    assert canonical.canonical_bits_per_character is None


@pytest.mark.parametrize("spec", ["markov-class:classes=20", "mixture:parts=markov-word+(markov-class:classes=20)"])
def test_class_models_and_mixtures_of_words_are_ranked_by_the_character(pell: Corpus, passage: str, spec: str) -> None:
    model = genbench.train(pell, spec, keep=False)
    assert isinstance(model.ranked, CharacterModel)
    score = model.score(passage)
    assert score.canonical_bits is not None
    assert score.bits < score.canonical_bits


@pytest.mark.parametrize(
    "spec",
    [
        "markov-char:order=3",
        "markov-subword:vocabulary=300",
        "markov-word:adaptive=true",
        "markov-word:spelling=characters",
    ],
)
def test_what_has_no_exact_view_of_its_own_is_ranked_by_its_tokens(pell: Corpus, spec: str) -> None:
    """No estimate ranks, and none is made: the figure stays an upper bound."""
    model = genbench.train(pell, spec, keep=False)
    assert model.ranked is model.generator
    assert model.score("It was late.").canonical_bits is None


class Unsure(CharacterView):
    """A view that claims more than there is."""

    def log_probs(self, state: Any) -> Any:
        return super().log_probs(state) + 0.1


def test_a_view_must_give_distributions(words: Model) -> None:
    with pytest.raises(genbench.errors.ContractError, match=r"log_probs returns sum to 1\.1"):
        ranking.score(words.generator, CharacterModel(Unsure(words.generator)), "It was late.")


def test_an_untrained_word_model_has_no_view() -> None:
    with pytest.raises(UserError, match="is not trained"):
        ranked_model(genbench.api.registry.create("markov-word"))


@pytest.mark.slow
def test_a_row_is_ranked_by_the_character_and_audited_there(pell: Corpus) -> None:
    result = genbench.compare([pell], ["markov-word", "markov-char:order=3"], samplings=[])
    first, second = result.results
    score = genbench.train(pell, "markov-word").score(pell.test)
    assert first.bits == pytest.approx(score.bits, rel=1e-9)
    assert first.canonical_bits == pytest.approx(score.canonical_bits)
    assert (first.tokens, first.spelled_share) == (score.tokens, score.spelled_share)
    assert sum(first.block_bits) == pytest.approx(score.bits, abs=0.01)
    assert first.audit is not None
    assert first.audit.share == 1.0
    assert (first.upper_bound, second.upper_bound, second.canonical_bits) == (False, False, None)

    # the validation text is measured in the same way
    validation = words_by_character(pell)
    assert first.validation_bits_per_character == pytest.approx(validation, abs=1e-4)

    # a stored comparison whose figures do not fit is refused
    values = result.to_dict()
    values["results"][0]["canonical_bits_per_character"] = 1.0
    with pytest.raises(UserError, match="canonical_bits_per_character does not follow from its bits"):
        Comparison.from_dict(values)


def words_by_character(pell: Corpus) -> float:
    """Return bits per character of the second half of the validation text."""
    from genbench.corpus.split import split_validation

    return genbench.train(pell, "markov-word").score(split_validation(str(pell.valid))[1]).bits_per_character


def test_tables_show_both_figures() -> None:
    rows = [row("markov-word", 1.6), row("lstm-word", 1.5, upper_bound=True), row("markov-char", 1.7)]
    rows[0] = replace(rows[0], canonical_bits_per_character=1.625)
    assert tokenization_sentences(rows) == [
        "lstm-word: bits of one of several tokenizations, an upper bound.",
        "Ranked by the character; bits/char of the canonical tokens alone: markov-word 1.625.",
    ]
    assert tokenization_sentences(rows[2:]) == []
    assert comparison(*rows).results[0].canonical_bits_per_character == 1.625


def test_the_command_score_shows_both_figures(words: Model, passage: str) -> None:
    figures = score_figures(words, passage)
    score = words.score(passage)
    assert figures["bits_per_character"] == score.bits_per_character
    assert figures["canonical_bits_per_character"] == score.canonical_bits_per_character


def test_a_word_model_compresses_by_the_character(words: Model, passage: str) -> None:
    data = passage.encode()
    compressed = genbench.compress(words, data)
    assert compressed[:4] == b"gbz2"
    assert genbench.decompress(compressed, words) == data
    assert 0 <= 8 * len(compressed) - words.score(passage).bits < 8 * 64

    # a text that was compressed by tokens is still decompressed
    by_tokens = encode_text(words.generator, data, words.fingerprint)
    assert by_tokens[:4] == b"gbz1"
    assert genbench.decompress(by_tokens, words) == data


def test_the_steps_of_the_model_are_its_stream(words: Model, passage: str) -> None:
    model = words.ranked
    ids = model.tokenizer.encode(passage[:200])
    fast = scoring.token_log_probs(model, ids)
    assert np.allclose(genbench.capabilities.step_through(model, ids), fast, atol=1e-9)
