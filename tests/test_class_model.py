"""markov-class: clustering against its criterion computed from scratch, and the chain over the classes."""

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov.class_model import Exchange, MarkovClass, cluster_words

from genbench.errors import SpecError
from genbench.generator import Text, TrainContext
from genbench.registry import create

STREAM = np.random.default_rng(3).integers(0, 12, 400) ** 2 // 12  # twelve tokens, small ones more often


def criterion(class_of: np.ndarray, classes: int) -> float:
    """Return the sum of N log N over pairs of classes, minus twice that over classes."""
    pairs, sizes = np.zeros((classes, classes)), np.zeros(classes)
    for left, right in zip(class_of[STREAM[:-1]], class_of[STREAM[1:]], strict=True):
        pairs[left, right] += 1
    for word_class in class_of[STREAM]:
        sizes[word_class] += 1
    return float(sum(n * np.log(n) for n in pairs.ravel() if n) - 2 * sum(n * np.log(n) for n in sizes if n))


def test_each_move_maximizes_the_criterion() -> None:
    classes, counts = 5, np.bincount(STREAM, minlength=12)
    class_of = np.random.default_rng(5).integers(0, classes - 1, 12)
    exchange = Exchange(STREAM, counts, class_of, classes)
    for token in np.unique(STREAM).tolist():
        exchange.move(np.array([token]))
        chosen = class_of.copy()
        values = []
        for other in range(classes - 1):
            class_of[token] = other
            values.append(criterion(class_of, classes))
        class_of[:] = chosen
        assert criterion(class_of, classes) == pytest.approx(max(values))


def test_more_rounds_of_exchange_do_not_decrease_the_criterion() -> None:
    values = [criterion(cluster_words(STREAM, 12, 5, rounds), 5) for rounds in range(4)]
    assert values == sorted(values)
    assert values[-1] > values[0]


def test_words_in_similar_contexts_share_a_class() -> None:
    text = (
        "".join(
            f"the {noun} was {adjective}. " for noun in ("cat", "dog", "hen") for adjective in ("old", "red", "wet")
        )
        * 3
    )
    chain = MarkovClass(classes=7)
    chain.fit(Text(text), Text(text), TrainContext())
    token = {word: int(chain.tokenizer.encode(word)[0]) for word in ("cat", "dog", "hen", "old", "red", "wet", "the")}
    class_of = {word: int(chain._class_of[number]) for word, number in token.items()}
    assert class_of["cat"] == class_of["dog"] == class_of["hen"] != class_of["old"]
    assert class_of["old"] == class_of["red"] == class_of["wet"] != class_of["the"]


def test_probability_of_a_word_is_its_share_of_its_class() -> None:
    chain = MarkovClass(classes=12)
    chain.fit(Text(PROSE * 3), Text(PROSE), TrainContext())
    state = chain.advance(chain.start(), int(chain.tokenizer.encode("the")[0]))
    probabilities, classes = np.exp(chain.log_probs(state)), np.exp(chain._chain.log_probs(state))
    assert np.bincount(chain._class_of, probabilities) == pytest.approx(classes)
    counts = np.bincount(chain.tokenizer.encode("\n" + PROSE * 3), minlength=chain.tokenizer.size)
    for row in range(int(chain._class_of.max())):
        mine = np.flatnonzero((chain._class_of == row) & (counts > 0))
        assert probabilities[mine] / probabilities[mine].sum() == pytest.approx(counts[mine] / counts[mine].sum())


@pytest.mark.parametrize("spec", ["markov-class:classes=1", "markov-class:order=0", "markov:classes=5"])
def test_options_out_of_range_are_refused(spec: str) -> None:
    with pytest.raises(SpecError):
        create(spec)
