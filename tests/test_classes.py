"""Word classes by exchange, against the criterion worked out from scratch; the chain over them."""

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov.class_model import MarkovClass
from genbench_plugins.markov.clustering import _Exchange, exchanged

import genbench
from genbench import TrainContext

STREAM = np.random.default_rng(3).integers(0, 12, 400) ** 2 // 12  # twelve tokens, small ones more often


def criterion(found: np.ndarray, classes: int) -> float:
    """The sum of N log N over pairs of classes, minus twice that over classes."""
    pairs, sizes = np.zeros((classes, classes)), np.zeros(classes)
    for one, other in zip(found[STREAM[:-1]], found[STREAM[1:]], strict=True):
        pairs[one, other] += 1
    for one in found[STREAM]:
        sizes[one] += 1
    return float(sum(n * np.log(n) for n in pairs.ravel() if n) - 2 * sum(n * np.log(n) for n in sizes if n))


def test_each_move_is_the_best_one() -> None:
    classes, counts = 5, np.bincount(STREAM, minlength=12)
    found = np.random.default_rng(5).integers(0, classes - 1, 12)
    exchange = _Exchange(STREAM, counts, found, classes)
    for token in np.unique(STREAM).tolist():
        exchange.move(token)
        chosen = found.copy()
        others = []
        for other in range(classes - 1):
            found[token] = other
            others.append(criterion(found, classes))
        found[:] = chosen
        assert criterion(found, classes) == pytest.approx(max(others))


def test_rounds_of_exchange_do_no_harm() -> None:
    found = [criterion(exchanged(STREAM, 12, 5, rounds), 5) for rounds in range(4)]
    assert found == sorted(found)
    assert found[-1] > found[0]


def test_words_that_stand_alike_come_together() -> None:
    text = "".join(f"the {noun} was {how}. " for noun in ("cat", "dog", "hen") for how in ("old", "red", "wet")) * 3
    chain = MarkovClass(classes=7)
    chain.fit(text, text, TrainContext())
    token = {word: int(chain.tokenizer.encode(word)[0]) for word in ("cat", "dog", "hen", "old", "red", "wet", "the")}
    of = {word: int(chain._classes[number]) for word, number in token.items()}
    assert of["cat"] == of["dog"] == of["hen"] != of["old"] == of["red"] == of["wet"] != of["the"]


def test_a_word_has_its_share_of_its_class() -> None:
    chain = MarkovClass(classes=12)
    chain.fit(PROSE * 3, PROSE, TrainContext())
    state = chain.advance(chain.start(), int(chain.tokenizer.encode("the")[0]))
    probabilities, classes = np.exp(chain.log_probs(state)), np.exp(chain._chain.log_probs(state))
    assert np.bincount(chain._classes, probabilities) == pytest.approx(classes)
    counts = np.bincount(chain.tokenizer.encode("\n" + PROSE * 3), minlength=chain.tokenizer.size)
    for row in range(int(chain._classes.max())):
        mine = np.flatnonzero((chain._classes == row) & (counts > 0))
        assert probabilities[mine] / probabilities[mine].sum() == pytest.approx(counts[mine] / counts[mine].sum())


@pytest.mark.parametrize("spec", ["markov-class:classes=1", "markov-class:order=0", "markov:classes=5"])
def test_options_that_cannot_be_are_refused(spec: str) -> None:
    with pytest.raises(genbench.SpecError):
        genbench.make(spec)
