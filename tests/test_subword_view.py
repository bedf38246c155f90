"""Character view of a subword model: against a sum over all canonical encodings, and steps against whole texts."""

from typing import Any

import numpy as np
import pytest
from alternating import Alternating

from genbench.charlevel import SubwordView, subword_view
from genbench.corpus.loading import load_corpus
from genbench.generator import TrainContext
from genbench.registry import create
from genbench.tokenization import Text
from genbench.tokenization.subwords import SubwordTokenizer
from genbench.tokenization.tokenizer import BYTES

TEXT = "abab baba aa abba bbb aab "


def covered(model: Alternating, text: str, last: int | None, state: Any) -> float:
    """Return the probability that a text begins with `text`, summed over all sequences of tokens that can follow."""
    if not text:
        return 1.0
    mask = np.ones(model.tokenizer.size, bool) if last is None else model.tokenizer.followers(last)
    probabilities, total = np.exp(model.log_probs(state)) * mask, 0.0
    for token in range(BYTES, model.tokenizer.size):
        piece = model.tokenizer.piece(token)
        if mask[token] and piece.startswith(text[: len(piece)]) and text.startswith(piece[: len(text)]):
            rest = covered(model, text[len(piece) :], token, model.advance(state, token))
            total += probabilities[token] / probabilities.sum() * rest
    return total


def test_view_is_the_sum_over_all_encodings() -> None:
    model = Alternating(choice=SubwordTokenizer.train(TEXT * 3, 12))
    view, text = SubwordView(model), "abbab aab bab"
    state, nats = view.start(), 0.0
    for place, token in enumerate(view.tokenizer.encode(text).tolist(), start=1):
        assert np.exp(view.log_probs(state)).sum() == pytest.approx(1, abs=1e-12)
        nats += view.log_probs(state)[token]
        assert np.exp(nats) == pytest.approx(covered(model, text[:place], None, model.start()), rel=1e-6)
        state = view.advance(state, token)


@pytest.mark.parametrize("text", ["abab aab\n\nba\u00e9b bbbbbb \U0001f469 aba", "", "\u00e9", "b" * 70])
@pytest.mark.parametrize("cells", [1, 1 << 20])
def test_steps_and_whole_texts_agree(text: str, cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subword_view, "BLOCK_CELLS", cells)
    require_agreement(SubwordView(Alternating(choice=SubwordTokenizer.train(TEXT * 3, 12))), text, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "off"), [("markov-subword:vocabulary=200", 1e-9), ("lstm-subword:hidden=8,vocabulary=200", 1e-4)]
)
def test_steps_and_whole_texts_of_trained_models_agree(spec: str, off: float) -> None:
    corpus, generator = load_corpus("thorne"), create(spec)
    generator.fit(Text(corpus.train[:20_000]), Text(corpus.valid[:2000]), TrainContext(steps=3))
    require_agreement(SubwordView(generator), corpus.valid[:90] + " \u4e2d\u00e9 again", off)


def require_agreement(view: SubwordView, text: str, off: float) -> None:
    ids = view.tokenizer.encode(text)
    log_probs, lengths = view.score_stream(ids)
    state = view.start()
    for place, token in enumerate(ids.tolist()):
        assert log_probs[place] == pytest.approx(view.log_probs(state)[token], abs=off)
        assert lengths[place] == view.context_length(state)
        state = view.advance(state, token)


@pytest.mark.slow
def test_a_mixture_takes_subword_models() -> None:
    corpus, mixture = (
        load_corpus("thorne"),
        create("mixture:parts=markov-char+(markov-subword:vocabulary=200)+markov-word"),
    )
    mixture.fit(Text(corpus.train[:20_000]), Text(corpus.valid[:2000]), TrainContext())
    assert mixture.tokenizer.kind == "characters"
    ids = mixture.tokenizer.encode(corpus.test[:1000])
    parts = [
        generator.token_log_probs(generator.tokenizer.encode(corpus.test[:1000])).sum()
        for generator in mixture._generators
    ]
    assert mixture.token_log_probs(ids).sum() > max(parts)
