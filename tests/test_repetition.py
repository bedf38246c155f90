"""The repetition penalty: the distribution worked by hand, and loops of greedy text that end."""

import numpy as np
import pytest
from doubles import Fixed

from genbench import registry
from genbench.generator import Generator, Text, TrainContext
from genbench.sampling import Sampling, generate
from genbench.sampling.repetition import Repetitions
from genbench.spec import Spec

PROSE = "the goat ate the hat and the goat sat on the mat so that the hat of the goat is flat\n" * 5


def chain(spec: str) -> Generator:
    generator = registry.create(Spec.parse(spec))
    generator.fit(Text(PROSE), Text(PROSE[:200]), TrainContext())
    return generator


def greedy(generator: Generator, penalty: float, length: int = 1500) -> str:
    sampling = Sampling(length, 0, repetition_penalty=penalty)
    return generate(generator, "", sampling, np.random.default_rng(0))


def period(text: str, longest: int = 300) -> int | None:
    """Return the period of the last 900 characters, None if they have none of at most `longest` characters."""
    tail = text[-900:]
    return next((size for size in range(1, longest + 1) if tail[size:] == tail[:-size]), None)


def test_the_probability_is_divided_for_each_character_of_a_repetition() -> None:
    # .4, .3, .2, .1: after 13 letters a, 12 of them came before an a, which are free; after 14 it is .4 / 2, below .3
    assert greedy(Fixed(), 2, 15) == 14 * "a" + "b"

    # after 15 letters it is .4 / 1.1 ** 2 = .331; after 16, .3005; after 17, .273
    assert greedy(Fixed(), 1.1, 18) == 17 * "a" + "b"


def test_the_longest_run_counts_and_short_ones_are_free() -> None:
    repetitions = Repetitions()
    for token, letter in enumerate("at the mat, on the mat, at the mat"):
        repetitions.add(token, letter)
    assert repetitions.lengths() == {}  # "at the mat" has 10 letters
    for token, letter in enumerate(", on the mat", 100):
        repetitions.add(token, letter)
    assert repetitions.lengths() == {22: 10}  # "at the mat, on the mat" came before the comma in place 22

    # a copy goes on alone
    other = repetitions.copy()
    other.add(200, "!")
    assert other.lengths() == {}
    assert repetitions.lengths() == {22: 10}


@pytest.mark.parametrize("spec", ["markov-char:order=4", "markov-word:order=2"])
def test_greedy_text_loops_without_a_penalty_and_not_with_one(spec: str) -> None:
    generator = chain(spec)
    assert period(greedy(generator, 1)) is not None
    for penalty in (1.05, 1.3):
        text = greedy(generator, penalty)
        assert period(text) is None, text[-300:]


def test_a_single_token_ends_too() -> None:
    assert period(greedy(Fixed(), 1)) == 1
    assert period(greedy(Fixed(), 1.2)) is None
