"""Novelty and diversity: by hand, against slow searches and nltk's BLEU, and on texts whose figures are known."""

import json
import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from test_cli import run

import genbench
from genbench import UserError
from genbench.analysis import common_runs
from genbench.analysis.common_runs import character_matches, locate_run, word_matches
from genbench.analysis.diversity import WINDOW, distinct, self_bleu, split_windows
from genbench.analysis.novelty import CopiedRun, TrainingIndex, spaced_passages
from genbench.corpus.corpus import Corpus

pytestmark = pytest.mark.usefixtures("in_process")  # the tests are not about processes

TRAIN = "The dog sat. So the cat sat on the mat."
SAMPLE = "the cat sat on a mat."


@pytest.fixture(scope="module")
def thorne() -> Corpus:
    return genbench.corpus("thorne")


@pytest.fixture(scope="module")
def index(thorne: Corpus) -> TrainingIndex:
    return TrainingIndex(str(thorne.train), thorne.book_starts)


texts = st.text("ab\u00e9 \U0001f600", max_size=40)


@given(train=texts, queries=st.lists(texts, max_size=3), part=st.sampled_from([1, 5, 1000]))
@example(train="a" * 100, queries=["a" * 70, "a" * 30 + "b"], part=1000)
@example(train="ab" * 20, queries=["ba" * 30, "", "c"], part=7)
@settings(deadline=None)
def test_matches_are_the_longest(train: str, queries: list[str], part: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(common_runs, "PART", part)
        matches, limited = character_matches(train, queries), character_matches(train, queries, limit=2)
        in_words = word_matches(train, [query.split() for query in queries])
    for query, lengths, short, words in zip(queries, matches, limited, in_words, strict=True):
        assert lengths.tolist() == slow_matches(train, query)
        assert np.minimum(short, 2).tolist() == np.minimum(lengths, 2).tolist()
        assert words.tolist() == slow_matches(train.split(), query.split())


def slow_matches(train: Sequence[str], query: Sequence[str]) -> list[int]:
    """Return for each position of the query the length of its longest match, by comparing all runs."""
    runs = {tuple(train[a:b]) for a in range(len(train)) for b in range(a, len(train) + 1)} | {()}
    sizes = [[n for n in range(len(query) - i + 1) if tuple(query[i : i + n]) in runs] for i in range(len(query))]
    return [max(lengths) for lengths in sizes]


def test_of_several_occurrences_the_nearest_in_order_is_reported() -> None:
    train = "cat a. cat b. cat d. cat b! cat"
    assert locate_run(train, "cat c", 0, 4) == train.find("cat b.")  # "cat b! ..." sorts before "cat b. ..."
    assert locate_run(train, "cat", 0, 3) == train.find("cat d")  # the end of a text sorts after all that follows
    assert locate_run(train, "cat A", 0, 4) == train.find("cat d")  # and so does a letter that is not in the text
    assert locate_run(train, "cat  ", 0, 4) == train.find("cat a")  # nothing sorts before it


def test_occurrences_that_cannot_be_told_apart_in_time_are_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert locate_run("x" + "a" * 300, "ab", 0, 1) == 1
    monkeypatch.setattr(common_runs, "MAX_COMPARED", 0)
    assert locate_run("cat b, cat a", "cat ", 0, 4) == 0


def test_texts_are_read_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    index = TrainingIndex(TRAIN)
    index.read([SAMPLE, "the dog", SAMPLE])
    monkeypatch.setattr("genbench.analysis.novelty.character_matches", None)
    assert index.statistics([SAMPLE, "the dog"]).texts == 2
    assert index.text_novelty("the dog").longest_copy == len("he dog")


def test_a_pass_over_a_long_text_reports_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common_runs, "PART", 4)
    shares: list[float] = []
    TrainingIndex(TRAIN).read(["the", "a"], shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 5
    assert shares[-1] == pytest.approx(1)


def test_novelty_of_one_text_by_hand() -> None:
    # words: the cat sat on | a | mat.   "a" was never seen; pairs: on-a, a-mat. of five; threes: 2 of 4; fours: 2 of 3
    index = TrainingIndex(TRAIN, [(0, "One"), (13, "Two")])
    novelty = index.text_novelty(SAMPLE, min_words=4)
    assert novelty.longest_copy == len("the cat sat on ")
    assert novelty.copied_from == CopiedRun("Two", 3, "the cat sat on ")
    assert novelty.copied_share == pytest.approx(4 / 6)
    assert novelty.unseen[:6] == pytest.approx([1 / 6, 2 / 5, 2 / 4, 2 / 3, 1, 1])
    assert novelty.unseen[6:] == [None] * 4
    assert index.text_novelty(SAMPLE, min_words=5).copied_share == 0


def test_a_text_without_words_has_no_shares() -> None:
    for text in ("", " ", "\u4e2d"):
        novelty = TrainingIndex(TRAIN).text_novelty(text)
        assert novelty.copied_share is None
        assert novelty.unseen == [None] * 10
    assert TrainingIndex(TRAIN).text_novelty("").copied_from is None


@given(text=st.text("ab\u00e9 ", max_size=12), train=st.text("ab\u00e9 ", max_size=30))
@example(text="", train="ab")
@example(text="ab", train="")
@example(text="bab", train="ababab")
@settings(deadline=None)
def test_longest_copy_is_the_longest_common_run(text: str, train: str) -> None:
    matches = TrainingIndex(train).match(text)
    runs = [text[start:end] for start in range(len(text)) for end in range(start + 1, len(text) + 1)]
    assert matches.longest == max((len(run) for run in runs if run in train), default=0)
    assert text[matches.start : matches.start + matches.longest] in train


def test_copied_text_is_found_with_its_place(thorne: Corpus, index: TrainingIndex) -> None:
    novelty = index.text_novelty(thorne.train[3000:6000])
    assert novelty.copied_from is not None
    assert (novelty.longest_copy, novelty.copied_from.character) == (3000, 3000)
    assert (novelty.copied_share or 0) > 0.99  # the first word may be truncated
    assert all(share is not None and share < 0.01 for share in novelty.unseen)


def test_uniform_letters_copy_nothing(thorne: Corpus, index: TrainingIndex) -> None:
    letters = random.Random(0).choices(sorted(set(str(thorne.train))), k=3000)
    statistics = index.statistics(["".join(letters)])
    assert (statistics.longest_copy or 0) < 7
    assert statistics.copied_share == 0
    assert (statistics.unseen[0] or 0) > 0.9
    assert statistics.unseen[2:] == [1.0] * 8


def test_shuffled_text_has_known_words_and_new_pairs(thorne: Corpus, index: TrainingIndex) -> None:
    words = str(thorne.train).split()[:2000]
    human = index.statistics([str(thorne.valid)]).unseen
    shuffled = index.statistics([" ".join(random.Random(0).sample(words, len(words)))])
    assert shuffled.unseen[0] == 0 < (human[0] or 0)
    assert (shuffled.unseen[1] or 0) > (human[1] or 0) + 0.1
    assert shuffled.copied_share is not None
    assert shuffled.copied_share < 0.01


def test_human_text_lies_between_copied_and_shuffled_text(thorne: Corpus, index: TrainingIndex) -> None:
    curve = [share or 0 for share in index.statistics([str(thorne.valid)]).unseen]
    assert 0.01 < curve[0] < curve[1] < curve[2] <= curve[3] <= 1
    assert all(after >= before - 0.001 for before, after in pairwise(curve))


def test_distinct_n_by_hand() -> None:
    two = "a b " * (WINDOW // 2)
    assert distinct([two]) == pytest.approx([2 / 50, 2 / 49, 2 / 48])
    assert distinct([" ".join(map(str, range(120))) + "."]) == [1, 1, 1]
    assert distinct([two, " ".join(map(str, range(50))) + "."])[0] == pytest.approx((2 / 50 + 1) / 2)
    assert distinct(["too short"]) == [None] * 3


def test_distinct_n_does_not_fall_with_length(thorne: Corpus) -> None:
    short, long = (distinct(spaced_passages(str(thorne.train), n, 40))[0] or 0 for n in (400, 4000))
    assert short == pytest.approx(long, abs=0.05)


def test_self_bleu_equals_that_of_nltk(thorne: Corpus) -> None:
    windows = split_windows([str(thorne.train)])[:10]
    text = " ".join(word for words in windows for word in words) + " "
    smooth = SmoothingFunction(epsilon=0.1).method1
    scores = []
    for index, words in enumerate(windows):
        scores.append(sentence_bleu(windows[:index] + windows[index + 1 :], words, smoothing_function=smooth))
    assert self_bleu([text]) == pytest.approx(float(np.mean(scores)), rel=1e-9)
    assert 0 < (self_bleu([text]) or 0) < 0.3


def test_self_bleu_of_repeated_text_is_one_and_of_short_text_none() -> None:
    phrase = " ".join(map(str, range(WINDOW))) + " "
    assert self_bleu([phrase] * 12) == pytest.approx(1)
    assert self_bleu([phrase] * 9) is None


def test_spaced_passages_have_one_length_and_begin_with_a_word(thorne: Corpus) -> None:
    passages = spaced_passages(str(thorne.valid), 200)
    assert {len(passage) for passage in passages} == {200}
    assert all(passage in str(thorne.valid) and not passage[0].isspace() for passage in passages)
    assert spaced_passages("short", 100) == ["short"]
    assert spaced_passages("", 100) == []


@pytest.mark.parametrize("held_out", [(), ("emma",)])
@pytest.mark.usefixtures("gutenberg")
def test_book_starts_are_where_the_books_begin(held_out: tuple[str, ...]) -> None:
    corpus = genbench.corpus("austen", held_out=held_out)
    beginnings = {"Emma": "VOLUME I", "Persuasion": "Chapter 1", "Sense and Sensibility": "CHAPTER 1"}
    assert [title for _, title in corpus.book_starts] == [title for title in beginnings if title != corpus.held_out]
    for start, title in corpus.book_starts:
        assert corpus.train[start:].startswith(beginnings[title])


def test_invalid_arguments_are_refused(thorne: Corpus) -> None:
    for texts in ([], [""]):
        with pytest.raises(UserError, match="no text"):
            genbench.novelty(texts, thorne)
    with pytest.raises(UserError, match="words is 0"):
        genbench.novelty(["a"], thorne, words=0)


@pytest.mark.slow
def test_the_command_prints_lists_and_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["novelty", "thorne", "-g", "markov-char:order=3", "--length", "200", "--count", "2"]
    assert run(monkeypatch, *command, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"min_words", "texts", "generated", "held_out"}
    assert [set(text) for text in report["texts"]] == [
        {"longest_copy", "copied_from", "copied_share", "copies", "unseen"}
    ] * 2
    assert run(monkeypatch, *command) == 0
    out = capsys.readouterr().out
    texts, curve, figures = ([line.split("\t") for line in part.splitlines()] for part in out.strip().split("\n\n"))
    assert [len(line) for line in (*texts, *curve, *figures)] == [4] * 3 + [3] * len(curve) + [3] * 6
    assert len(curve) > 1
    assert texts[1][1] == str(report["texts"][0]["longest_copy"])
    assert run(monkeypatch, *command, "--length", "0") == 2
    assert "--length 1000" in capsys.readouterr().err


@pytest.mark.slow
def test_a_comparison_reports_what_samples_and_held_out_text_copy() -> None:
    comparison = genbench.compare(["pell"], ["markov-char", "markov-word"], samplings=[genbench.Sampling(length=400)])
    for row in comparison.results:
        (sample,), (statistics,) = row.samples, row.novelty
        assert statistics.texts == 20  # of which one is shown
        assert statistics.longest_copy
        assert sample.copied_from is not None
        assert sample.copied_from.text in sample.text
    held_out = comparison.held_out_text["pell"]
    assert held_out is not None
    assert held_out.texts > 1
    assert genbench.compare(["pell"], ["markov-char"], samplings=[]).held_out_text["pell"] is None


def test_a_training_text_without_spaces_has_no_figures_of_words() -> None:
    index = TrainingIndex("老师在桥上修好了地图。" * 20)
    statistics = index.statistics(["在桥上修好了", "陌生人 忘了 地图"])
    assert (statistics.words, statistics.copied_share, statistics.self_bleu) == (0, None, None)
    assert {*statistics.unseen, *statistics.distinct} == {None}
    assert statistics.longest_copy == (6 + 2) / 2  # characters
    novelty = index.text_novelty("在桥上修好了")
    assert (novelty.copies, novelty.copied_share, novelty.longest_copy) == ([], None, 6)
