"""The neural cache: a prediction by hand, passages as token by token, and the best share."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from genbench.errors import SpecError
from genbench.neural.neural_cache import MAX_SCALE, NeuralCache, Part, cached_probabilities, fit_cache
from genbench.registry import create

RNG = np.random.default_rng(0)
HALF = np.log(np.full(2, 0.5))


def make_part(tokens: int) -> Part:
    return Part(RNG.normal(size=(tokens, 3)), RNG.integers(0, 4, tokens))


def test_a_prediction_by_hand() -> None:
    # products with what was read are 2 and 0, times log 3: softmax 9/10 and 1/10; a quarter goes to the cache
    cache = NeuralCache(10, share=0.25, scale=np.log(3))
    read = (Part(np.array([[2, 0], [0, 5]], np.float32), np.array([1, 0])),)
    predicted = np.exp(cache.log_probs(HALF, np.array([1, 0], np.float32), read))
    assert predicted.tolist() == pytest.approx([0.75 * 0.5 + 0.25 * 0.1, 0.75 * 0.5 + 0.25 * 0.9])
    assert cache.log_probs(HALF, np.zeros(2, np.float32), ()) is HALF  # nothing was read


def test_a_passage_is_predicted_as_token_by_token() -> None:
    cache, static = NeuralCache(5, share=0.3, scale=1.5), np.log(np.full(4, 0.25))
    memory: tuple[Part, ...] = ()
    parts = [make_part(3), make_part(4), make_part(3)]
    for part in parts:
        by_passage = cache.target_log_probs(static[part.tokens], part, memory)
        for place, token in enumerate(part.tokens):
            read = (*memory, Part(part.hidden[:place], part.tokens[:place])) if place or memory else ()
            log_probs = cache.log_probs(static, part.hidden[place], read)
            assert np.exp(log_probs).sum() == pytest.approx(1)
            assert by_passage[place] == pytest.approx(log_probs[token])
        memory = cache.remember(memory, part)
    assert memory[0].tokens.tolist() == [*parts[1].tokens[-2:], *parts[2].tokens]  # the last five tokens


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_what_the_cache_does_not_know_gets_nothing_from_it(share: float) -> None:
    # token 2 never occurred, and the network gives it e^-1000: the cache may not raise that by any floor
    cache, hidden = NeuralCache(10, share=share), np.ones((1, 2), np.float32)
    memory, static = (Part(hidden, np.array([1])),), np.array([np.log(0.5), np.log(0.5), -1000.0])
    by_step = cache.log_probs(static, hidden[0], memory)
    by_passage = cache.target_log_probs(static[2:], Part(hidden, np.array([2])), memory)
    assert by_step[2] == pytest.approx(by_passage[0]) == pytest.approx(-1000 + np.log1p(-share))


def test_the_share_and_the_scale_give_the_text_the_highest_probability() -> None:
    # what follows depends on the hidden values, which the network does not know
    centers = np.eye(4, dtype=np.float32) * 2
    tokens = RNG.integers(0, 4, 400)
    parts = [Part(centers[part] + RNG.normal(0, 0.5, (len(part), 4)), part) for part in np.split(tokens, 20)]
    log_probs = np.log(np.full(400, 0.25))
    fitted = fit_cache(NeuralCache(200), parts, log_probs, share=True, scale=True)

    def loss(share: float, scale: float) -> float:
        memory, total = tuple[Part, ...](), 0.0
        for part in parts:
            cached = cached_probabilities(part, memory, [scale])[0]
            total -= float(np.log((1 - share) * 0.25 + share * cached).sum())
            memory = fitted.remember(memory, part)
        return total

    best = minimize_scalar(lambda share: loss(share, fitted.scale), bounds=(0, 1), method="bounded")
    assert fitted.share == pytest.approx(best.x, abs=0.01)
    assert best.fun < min(loss(fitted.share, fitted.scale / 2), loss(fitted.share, fitted.scale * 2))
    assert fit_cache(NeuralCache(200, 0.2, 0.3), parts, log_probs, share=False, scale=False) == NeuralCache(
        200, 0.2, 0.3
    )


def test_a_large_scale_does_not_tell_steps_from_passages() -> None:
    """With products in 32 bits, a step and a passage differed by as much as 0.1 nats."""
    rng, scale = np.random.default_rng(1), float(MAX_SCALE)
    part = Part(np.tanh(rng.normal(size=(64, 400)).astype(np.float32)).astype(np.float64), rng.integers(0, 4, 64))
    cache, static = NeuralCache(100, share=0.9, scale=scale), np.log(np.full(4, 0.25))
    by_passage = cache.target_log_probs(static[part.tokens], part, ())
    for place in range(1, 64):
        read = (Part(part.hidden[:place], part.tokens[:place]),)
        log_probs = cache.log_probs(static, part.hidden[place], read)
        assert by_passage[place] == pytest.approx(log_probs[part.tokens[place]], abs=1e-8)


def test_several_scales_at_once_are_each_alone() -> None:
    part, memory, scales = make_part(5), (make_part(7),), [0.1, 2.0, 30.0]
    together = cached_probabilities(part, memory, scales)
    assert together.shape == (3, 5)
    for row, scale in zip(together, scales, strict=True):
        assert row == pytest.approx(cached_probabilities(part, memory, [scale])[0])


@pytest.mark.parametrize("damage", [{"tokens": 0}, {"share": 1.0}, {"share": float("nan")}, {"scale": -1.0}])
def test_values_out_of_range_are_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        NeuralCache.restore(NeuralCache(5).dump() | damage)


@pytest.mark.parametrize("option", ["cache=-1", "cache=200000", "cache_share=1", "cache_scale=-2"])
def test_options_out_of_range_are_refused(option: str) -> None:
    with pytest.raises(SpecError, match=option.partition("=")[0]):
        create(f"lstm-char:{option}")
