"""max_overlap: generated text copies no run of words over the limit, for every generator."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from conftest import PROSE
from doubles import Fixed, run_job

import genbench
from genbench import Sampling, UserError
from genbench.experiments.job import Job
from genbench.generator import TrainContext, ignore
from genbench.registry import create
from genbench.sampling import generate, overlap
from genbench.sampling.overlap import OverlapDetector, TrainingWords
from genbench.sampling.step import DecodingState
from genbench.spec import Spec
from genbench.storage.files import load_generator, save_generator
from genbench.tokenization import Text

TEXT = PROSE * 3
WORDS = TrainingWords.from_text(TEXT)


def longest_run(text: str, train: str) -> int:
    """Return the length in words of the longest run that is in the training text, by a search for every run."""
    words, known = text.split(), f" {' '.join(train.split())} "
    runs = itertools.combinations(range(len(words) + 1), 2)
    return max((stop - start for start, stop in runs if f" {' '.join(words[start:stop])} " in known), default=0)


def trained(spec: str) -> genbench.Generator:
    generator = create(spec)
    generator.fit(Text(TEXT), Text(PROSE), TrainContext())
    return generator


@pytest.mark.parametrize("spec", ["markov-char:order=6", "markov-word", "nltk-lm", "markovify"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_run_of_words_over_the_limit_is_copied(spec: str, limit: int) -> None:
    parameters = Sampling(length=200, temperature=1.5, max_overlap=limit)
    for seed in range(3):
        text = generate(trained(spec), "", parameters, np.random.default_rng(seed), WORDS)
        assert len(text) == 200
        assert longest_run(text[: text.rindex(" ")], TEXT) <= limit


def test_a_share_is_relative_to_the_words_in_the_requested_length() -> None:
    words = TrainingWords.from_text("abc " * 100)  # four characters a word
    assert words.max_run(0.25, 80) == 5
    assert words.max_run(7, 80) == 7


@pytest.mark.slow
def test_a_limit_that_is_never_reached_changes_nothing() -> None:
    generator = trained("markov-word")
    free = generate(generator, "", Sampling(length=80, temperature=2), np.random.default_rng(1))
    loose = generate(
        generator, "", Sampling(length=80, temperature=2, max_overlap=500), np.random.default_rng(1), WORDS
    )
    assert free == loose


def test_the_detector_counts_words_in_a_row() -> None:
    detector = OverlapDetector(TrainingWords.from_text("the cat sat on the mat"), 2)
    assert [detector.read(text) for text in ("the cat", " s", "at ", "dogs ")] == [None, None, 2, None]
    assert (detector.words, detector.open) == (4, "")
    detector.go_back(2, "s")  # the cat s
    assert [detector.read("ad cats"), detector.words, detector.open] == [None, 3, "cats"]


@pytest.mark.parametrize("size", [1, 3, 8])
def test_runs_are_hashed_a_chunk_at_a_time(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text, shares = "the cat sat on the mat and the cat sat down again", list[float]()
    expected = TrainingWords.from_text(text).hash_runs(size)
    monkeypatch.setattr(overlap, "CHUNK", 2)
    assert TrainingWords.from_text(text).hash_runs(size, shares.append) == expected
    assert shares == sorted(shares)
    assert 0 < shares[-1] < 1
    assert isinstance(expected, frozenset)
    words = text.split()
    assert len(expected) == len({tuple(words[place : place + size]) for place in range(len(words) - size + 1)})


def test_the_runs_of_a_long_text_are_found_in_sorted_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    words = TrainingWords.from_text(" ".join(map(str, rng.integers(50, size=3000))))
    expected = words.hash_runs(2)
    monkeypatch.setattr(overlap, "MAX_SET", 0)
    hashes = TrainingWords(words.hashes, words.numbers, words.characters).hash_runs(2)
    assert isinstance(expected, frozenset)
    assert not isinstance(hashes, frozenset)
    others = [*rng.integers(2**63, size=5000).tolist(), 0, 2**64 - 1, *(value ^ 1 for value in expected)]
    assert all(value in hashes for value in expected)
    assert [value in hashes for value in others] == [value in expected for value in others]


def test_no_run_is_longer_than_the_text() -> None:
    assert TrainingWords.from_text("one two").hash_runs(3) == frozenset()


@pytest.mark.parametrize("spec", ["markov-char:order=4", "markov-word"])
def test_a_draft_goes_on_from_any_of_its_tokens(spec: str) -> None:
    generator = trained(spec)
    state = DecodingState.after_prompt(generator, "", Sampling(temperature=1.5), np.random.default_rng(2))
    draft = state.sample_ahead(60)
    assert draft is not None
    assert len(draft.ids) == len(draft.texts) > 3
    for count in range(len(draft.ids) + 1):
        part, expected = draft.first(count).end(), draft.start.copy()
        for token in draft.ids[:count]:
            expected.accept(token, [generator.advance(expected.state, token)], 0)
        assert np.array_equal(generator.log_probs(part.state), generator.log_probs(expected.state))
        assert vars(part.decoder) == vars(expected.decoder)
        assert (part.tokens, part.characters) == (expected.tokens, expected.characters)


def test_greedy_sampling_that_copies_is_refused() -> None:
    with pytest.raises(UserError, match=r"copies at most 1 words in a row .* raise max-overlap or the temperature"):
        generate(trained("markov-word"), "", Sampling(temperature=0, max_overlap=1), np.random.default_rng(0), WORDS)


def test_without_training_words_max_overlap_is_refused() -> None:
    with pytest.raises(UserError, match="max-overlap needs the words of the training text"):
        generate(Fixed(), "", Sampling(max_overlap=3), np.random.default_rng(0))


@pytest.mark.parametrize("value", [0, -1, 1.5, 5000])
def test_an_invalid_limit_is_refused(value: float) -> None:
    with pytest.raises(UserError, match="max-overlap is"):
        Sampling(max_overlap=value)


def test_a_stored_model_keeps_its_training_words(tmp_path: Path) -> None:
    generator, loaded = trained("markov-word"), create("markov-word")
    save_generator(generator, tmp_path, WORDS)
    words = load_generator(loaded, tmp_path)
    sampling = Sampling(length=100, temperature=1.5, max_overlap=2)
    expected = generate(generator, "", sampling, np.random.default_rng(3), WORDS)
    assert generate(loaded, "", sampling, np.random.default_rng(3), words) == expected


def test_a_job_keeps_the_limit() -> None:
    sampling = Sampling(length=60, temperature=1.5, max_overlap=2)
    row = run_job(Job("a", TEXT, PROSE, PROSE, Spec.parse("markov-word"), samplings=[sampling]), ignore)
    assert row.status == "ok"
    assert longest_run(row.samples[0].text.rpartition(" ")[0], TEXT) <= 2
