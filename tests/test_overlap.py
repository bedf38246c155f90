"""max_overlap: what is drawn copies no longer run of words than is asked for, whatever the generator."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from conftest import PROSE
from doubles import Fixed

import genbench
from genbench import Sampling, TrainContext, UserError, make
from genbench.experiments.job import Job, run_job
from genbench.sampling.loop import generate
from genbench.sampling.overlap import TrainingWords, Watch
from genbench.storage import files as store

TEXT = PROSE * 3


def longest_run(text: str, train: str) -> int:
    """Words of the longest run that stands in the training text, by looking for every run."""
    words, there = text.split(), f" {' '.join(train.split())} "
    runs = itertools.combinations(range(len(words) + 1), 2)
    return max((stop - start for start, stop in runs if f" {' '.join(words[start:stop])} " in there), default=0)


def trained(spec: str) -> genbench.Generator:
    generator = make(spec)
    generator.fit(TEXT, PROSE, TrainContext())
    generator.training_words = TrainingWords.of(TEXT)
    return generator


@pytest.mark.parametrize("spec", ["markov-char:order=6", "markov-word", "nltk-lm", "markovify"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_longer_run_of_words_is_copied(spec: str, limit: int) -> None:
    how = Sampling(length=200, temperature=1.5, max_overlap=limit)
    for seed in range(3):
        drawn = generate(trained(spec), "", how, np.random.default_rng(seed))
        assert len(drawn) == 200
        assert longest_run(drawn[: drawn.rindex(" ")], TEXT) <= limit


def test_a_share_is_one_of_the_words_that_the_length_has() -> None:
    words = TrainingWords.of("abc " * 100)  # four characters a word
    assert words.limit(0.25, 80) == 5
    assert words.limit(7, 80) == 7


def test_without_the_limit_the_same_text_is_drawn_as_before() -> None:
    generator = trained("markov-word")
    free = generate(generator, "", Sampling(length=80, temperature=2), np.random.default_rng(1))
    loose = generate(generator, "", Sampling(length=80, temperature=2, max_overlap=500), np.random.default_rng(1))
    assert free == loose


def test_a_watch_counts_words_in_a_row() -> None:
    watch = Watch(TrainingWords.of("the cat sat on the mat"), 2)
    assert watch.read("the cat") == (1, False)
    assert watch.read(" s") == (1, False)
    assert watch.read("at ") == (1, True)  # the cat sat
    assert watch.read("dogs ") == (1, False)


def test_where_nothing_new_can_be_drawn_it_says_so() -> None:
    with pytest.raises(UserError, match=r"copies at most 1 words in a row .* raise max-overlap or the temperature"):
        generate(trained("markov-word"), "", Sampling(temperature=0, max_overlap=1), np.random.default_rng(0))


def test_a_generator_that_does_not_know_its_text_says_so() -> None:
    with pytest.raises(UserError, match="does not know its training text"):
        generate(Fixed(), "", Sampling(max_overlap=3), np.random.default_rng(0))


@pytest.mark.parametrize("value", [0, -1, 1.5, 5000])
def test_a_limit_that_means_nothing_is_refused(value: float) -> None:
    with pytest.raises(UserError, match="max-overlap is"):
        Sampling(max_overlap=value)


def test_a_kept_model_still_knows_what_it_may_not_copy(tmp_path: Path) -> None:
    generator, loaded = trained("markov-word"), make("markov-word")
    store.save(generator, tmp_path)
    store.load(loaded, tmp_path)
    how = Sampling(length=100, temperature=1.5, max_overlap=2)
    one, two = (generate(each, "", how, np.random.default_rng(3)) for each in (generator, loaded))
    assert one == two


def test_a_job_trains_a_generator_that_knows() -> None:
    sampling = {"length": 60, "temperature": 1.5, "max_overlap": 2}
    row = run_job(Job("a", TEXT, PROSE, PROSE, "markov-word", samplings=[sampling]), lambda _: None)
    assert row["status"] == "ok"
    assert longest_run(row["samples"][0]["text"].rpartition(" ")[0], TEXT) <= 2
