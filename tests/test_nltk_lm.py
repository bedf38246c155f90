"""nltk-lm: predictions equal nltk's own scores, and one case worked by hand."""

from itertools import pairwise

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.nltk_lm import NltkLM
from nltk.lm import AbsoluteDiscountingInterpolated, WittenBellInterpolated
from nltk.util import everygrams

from genbench.errors import SpecError
from genbench.generator import Text, TrainContext
from genbench.spec import create_generator
from genbench.testing import CHECKS, Subject

NLTKS = {"witten-bell": WittenBellInterpolated, "absolute-discounting": AbsoluteDiscountingInterpolated}
READ = ("", "The", "zzz", "e f", "\n\n", "the eggs were promised for zebras.\u00e9", "\x00 egg")


def fitted(text: str, valid: str = "", context: TrainContext | None = None, **values: object) -> NltkLM:
    generator = NltkLM(**values)  # type: ignore[arg-type]
    generator.fit(Text(text), Text(valid), context or TrainContext())
    return generator


def after(generator: NltkLM, text: str) -> tuple[str, ...]:
    state = generator.start()
    for token in generator.tokenizer.encode(text).tolist():
        state = generator.advance(state, token)
    return state


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("unit", ["characters", "words"])
@pytest.mark.parametrize("model", NLTKS)
def test_predictions_equal_the_scores_of_nltk(model: str, unit: str, order: int) -> None:
    context = TrainContext()
    generator = fitted(PROSE * 2, PROSE[:200], context, model=model, unit=unit, order=order)
    base_weight = context.stats.details["base"]
    tokenizer = generator.tokenizer
    stream = [chr(i) for text in ("\n", PROSE * 2) for i in tokenizer.encode(text)]
    peer = NLTKS[model](order)
    peer.fit([everygrams(stream, max_len=order)], map(chr, range(tokenizer.size)))
    base = base_weight * tokenizer.base_distribution()
    for text in READ:
        history = tuple(chr(i) for part in ("\n", text) for i in tokenizer.encode(part))
        scores = [peer.score(chr(token), history) for token in range(tokenizer.size)]
        assert sum(scores) == pytest.approx(1)
        expected = base + (1 - base_weight) * np.array(scores)
        assert np.exp(generator.log_probs(after(generator, text))) == pytest.approx(expected, rel=1e-12)


def test_witten_bell_worked_by_hand() -> None:
    # \n a b a b; unigrams: \n 1/5, a 2/5, b 2/5. After a: b twice, one kind, so 1/(1+2) goes to the unigrams; after
    # b: a once, so 1/2. With no validation text the base has half: 1/3 for a, for b, and for all bytes together.
    generator = fitted("abab", order=2)
    after_a, after_b = (np.exp(generator.log_probs(after(generator, text))) for text in ("a", "b"))
    assert after_a[256:] == pytest.approx([(1 / 3 + 1 / 3 * 2 / 5) / 2, (1 / 3 + 2 / 3 + 1 / 3 * 2 / 5) / 2])
    assert after_b[256:] == pytest.approx([(1 / 3 + 1 / 2 + 1 / 2 * 2 / 5) / 2, (1 / 3 + 1 / 2 * 2 / 5) / 2])


def test_state_is_the_longest_context_that_was_seen() -> None:
    generator = fitted(PROSE, order=4)
    letters = generator.tokenizer.letters
    assert [letters[ord(token) - 256] for token in after(generator, "the")] == ["t", "h", "e"]
    assert [letters[ord(token) - 256] for token in after(generator, "zThe eggsw")] == ["w"]
    assert after(generator, "the\u00e9") == ()


def test_weight_of_the_base_grows_with_unseen_validation_text() -> None:
    contexts = [TrainContext() for _ in range(3)]
    for context, unseen in zip(contexts, (0, 3, 50), strict=True):
        fitted(PROSE, PROSE[:100] + "\u00e9" * unseen, context)
    weights = [context.stats.details["base"] for context in contexts]
    assert all(lower < higher for lower, higher in pairwise(weights))
    assert weights[0] < 0.05
    assert weights[2] > 0.3


def test_restored_model_has_the_same_counts() -> None:
    generator, other = fitted(PROSE, PROSE, unit="words", order=3), NltkLM(unit="words", order=3)
    other.restore(generator.dump())
    for length in (2, 3):
        assert other._counts[length] == generator._counts[length]
    assert np.array_equal(other.log_probs(other.start()), generator.log_probs(generator.start()))


def test_reading_does_not_change_the_counts() -> None:
    generator = fitted(PROSE, order=4)
    before = [len(generator._counts[length]) for length in (2, 3, 4)]
    for text in READ:
        generator.log_probs(after(generator, text))
    assert [len(generator._counts[length]) for length in (2, 3, 4)] == before


@pytest.mark.parametrize("text", ["", "a", "aaaa"])
@pytest.mark.parametrize("unit", ["characters", "words"])
def test_texts_shorter_than_the_order_work(text: str, unit: str) -> None:
    generator = fitted(text, unit=unit)
    assert np.exp(generator.log_probs(after(generator, "a"))).sum() == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
def test_word_models_pass_the_conformance_checks(check: str) -> None:
    CHECKS[check](Subject(lambda: NltkLM(unit="words")))


def test_order_zero_is_refused() -> None:
    with pytest.raises(SpecError, match="order is 0"):
        create_generator(NltkLM, "nltk-lm", {"order": "0"})
