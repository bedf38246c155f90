"""What is copied and what is new: by hand, beside slow searches and nltk's BLEU, for texts whose answer is known."""

import json
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from test_cli import run

import genbench
from genbench import UserError
from genbench.analysis.diversity import WINDOW, distinct, self_bleu, windows
from genbench.analysis.novelty import Known, stretches
from genbench.analysis.suffix_array import Suffixes
from genbench.corpus import Corpus

TRAIN = "The dog sat. So the cat sat on the mat."
SAMPLE = "the cat sat on a mat."
symbols = st.lists(st.integers(0, 3), max_size=40)


@pytest.fixture(scope="module")
def thorne() -> Corpus:
    return genbench.corpus("thorne")


@pytest.fixture(scope="module")
def known(thorne: Corpus) -> Known:
    return Known(thorne.train, thorne.begins)


@given(sequence=symbols, query=st.lists(st.integers(-1, 5), max_size=20), wide=st.sampled_from([1, 1000, 2**30]))
@example(sequence=[0] * 40, query=[0] * 20, wide=1)
@example(sequence=[0, 1] * 20, query=[1, 0] * 10 + [4], wide=2**30)
@settings(deadline=None)
def test_suffixes_are_sorted_and_matches_are_the_longest(sequence: list[int], query: list[int], wide: int) -> None:
    sequence, query = [symbol * wide for symbol in sequence], [symbol * wide for symbol in query]
    found = Suffixes(np.array(sequence, dtype=np.int64))
    assert found.order.tolist() == sorted(range(len(sequence)), key=lambda start: sequence[start:])
    lengths, places = found.matches(np.array(query, dtype=np.int64))
    runs = {tuple(sequence[a:b]) for a in range(len(sequence)) for b in range(a, len(sequence) + 1)} | {()}
    for start, (length, place) in enumerate(zip(lengths.tolist(), places.tolist(), strict=True)):
        assert query[start : start + length] == sequence[place : place + length]
        assert length == max(n for n in range(len(query) - start + 1) if tuple(query[start : start + n]) in runs)


def test_a_book_that_says_one_thing_is_sorted_too() -> None:
    found = Suffixes(np.zeros(5000, np.int64))
    assert found.order.tolist() == list(range(4999, -1, -1))
    assert found.matches(np.zeros(6000, np.int64))[0].tolist()[:1002] == [5000] * 1001 + [4999]


def test_the_figures_of_one_text_by_hand() -> None:
    # words: the cat sat on | a | mat.   "a" was never seen; pairs: on-a, a-mat. of five; threes: 2 of 4; fours: 2 of 3
    known = Known(TRAIN, [(0, "One"), (13, "Two")])
    found = known.find(SAMPLE)
    said = known.about(found, fewest=4)
    assert said["longest_copy"] == len("the cat sat on ")
    assert said["copied_from"] == {"book": "Two", "character": 3, "text": "the cat sat on "}
    assert said["copied_share"] == pytest.approx(4 / 6)
    assert said["unseen"][:6] == pytest.approx([1 / 6, 2 / 5, 2 / 4, 2 / 3, 1, 1])
    assert said["unseen"][6:] == [None] * 4
    assert known.about(found, fewest=5)["copied_share"] == 0


def test_a_text_without_words_has_no_shares() -> None:
    for text in ("", " ", "\u4e2d"):
        said = Known(TRAIN).about(Known(TRAIN).find(text))
        assert said["copied_share"] is None
        assert said["unseen"] == [None] * 10
    assert Known(TRAIN).about(Known(TRAIN).find(""))["copied_from"] is None


@given(text=st.text("ab\u00e9 ", max_size=12), train=st.text("ab\u00e9 ", max_size=30))
@example(text="", train="ab")
@example(text="ab", train="")
@example(text="bab", train="ababab")
@settings(deadline=None)
def test_the_longest_copy_is_the_longest_of_all_runs(text: str, train: str) -> None:
    found = Known(train).find(text)
    runs = [text[start:end] for start in range(len(text)) for end in range(start + 1, len(text) + 1)]
    assert found.longest == max((len(run) for run in runs if run in train), default=0)
    assert train[found.place : found.place + found.longest] in text


def test_a_copier_is_caught_and_told_where_it_copies(thorne: Corpus, known: Known) -> None:
    said = known.about(known.find(thorne.train[3000:6000]))
    assert (said["longest_copy"], said["copied_from"]["character"]) == (3000, 3000)
    assert said["copied_share"] > 0.99  # the first word may be cut
    assert all(share < 0.01 for share in said["unseen"])


def test_uniform_letters_copy_nothing(thorne: Corpus, known: Known) -> None:
    letters = random.Random(0).choices(sorted(set(thorne.train)), k=3000)
    said = known.over_all(["".join(letters)])
    assert said["longest_copy"] < 7
    assert said["copied_share"] == 0
    assert said["unseen"][0] > 0.9
    assert said["unseen"][2:] == [1.0] * 8


def test_shuffled_text_has_known_words_and_new_pairs(thorne: Corpus, known: Known) -> None:
    words = thorne.train.split()[:2000]
    human = known.over_all([thorne.valid])
    said = known.over_all([" ".join(random.Random(0).sample(words, len(words)))])
    assert said["unseen"][0] == 0 < human["unseen"][0]
    assert said["unseen"][1] > human["unseen"][1] + 0.1
    assert said["copied_share"] < 0.01


def test_human_text_lies_between_the_copier_and_the_shuffled(thorne: Corpus, known: Known) -> None:
    curve = known.over_all([thorne.valid])["unseen"]
    assert 0.01 < curve[0] < curve[1] < curve[2] <= curve[3] <= 1
    assert all(after >= before - 0.001 for before, after in pairwise(curve))


def test_distinct_n_by_hand() -> None:
    two = "a b " * (WINDOW // 2)
    assert distinct([two]) == pytest.approx([2 / 50, 2 / 49, 2 / 48])
    assert distinct([" ".join(map(str, range(120))) + "."]) == [1, 1, 1]
    assert distinct([two, " ".join(map(str, range(50))) + "."])[0] == pytest.approx((2 / 50 + 1) / 2)
    assert distinct(["too short"]) == [None] * 3


def test_distinct_n_does_not_fall_with_length(thorne: Corpus) -> None:
    short, long = (distinct(stretches(thorne.train, n, 40))[0] or 0 for n in (400, 4000))
    assert short == pytest.approx(long, abs=0.05)


def test_self_bleu_is_that_of_nltk(thorne: Corpus) -> None:
    taken = windows([thorne.train])[:10]
    text = " ".join(word for words in taken for word in words) + " "
    smooth = SmoothingFunction(epsilon=0.1).method1
    each = []
    for place, words in enumerate(taken):
        each.append(sentence_bleu(taken[:place] + taken[place + 1 :], words, smoothing_function=smooth))
    assert self_bleu([text]) == pytest.approx(float(np.mean(each)), rel=1e-9)
    assert 0 < (self_bleu([text]) or 0) < 0.3


def test_self_bleu_of_repetition_is_one_and_of_little_text_none() -> None:
    phrase = " ".join(map(str, range(WINDOW))) + " "
    assert self_bleu([phrase] * 12) == pytest.approx(1)
    assert self_bleu([phrase] * 9) is None


def test_stretches_are_alike_in_length_and_begin_with_a_word(thorne: Corpus) -> None:
    found = stretches(thorne.valid, 200)
    assert {len(stretch) for stretch in found} == {200}
    assert all(stretch in thorne.valid and not stretch[0].isspace() for stretch in found)
    assert stretches("short", 100) == ["short"]
    assert stretches("", 100) == []


@pytest.mark.parametrize("held_out", [(), ("emma",)])
@pytest.mark.usefixtures("gutenberg")
def test_books_begin_where_the_corpus_says(held_out: tuple[str, ...]) -> None:
    corpus = genbench.corpus("austen", held_out=held_out)
    beginnings = {"Emma": "VOLUME I", "Persuasion": "Chapter 1", "Sense and Sensibility": "CHAPTER 1"}
    assert [title for _, title in corpus.begins] == [title for title in beginnings if title != corpus.held_out]
    for start, title in corpus.begins:
        assert corpus.train[start:].startswith(beginnings[title])


def test_what_cannot_be_looked_at_is_refused(thorne: Corpus) -> None:
    for texts in ([], [""]):
        with pytest.raises(UserError, match="no text"):
            genbench.novelty(texts, thorne)
    with pytest.raises(UserError, match="words is 0"):
        genbench.novelty(["a"], thorne, words=0)


def test_the_command_prints_lists_and_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["novelty", "thorne", "-g", "markov-char:order=3", "--length", "200", "--count", "2"]
    assert run(monkeypatch, *asked, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"copied_words", "texts", "drawn", "human"}
    assert [set(each) for each in found["texts"]] == [
        {"longest_copy", "copied_from", "copied_share", "copies", "unseen"}
    ] * 2
    assert run(monkeypatch, *asked) == 0
    out = capsys.readouterr().out
    texts, curve, figures = ([line.split("\t") for line in part.splitlines()] for part in out.strip().split("\n\n"))
    assert [len(line) for line in (*texts, *curve, *figures)] == [4] * 3 + [3] * 11 + [3] * 5
    assert texts[1][1] == str(found["texts"][0]["longest_copy"])
    assert run(monkeypatch, *asked, "--length", "0") == 2
    assert "--length 1000" in capsys.readouterr().err


@pytest.mark.slow
def test_a_comparison_says_what_the_samples_copy_beside_human_text() -> None:
    found = genbench.compare(["pell"], ["markov-char", "markov-word"], samplings=[genbench.Sampling(length=400)])
    for row in found.results:
        (sample,), (figures,) = row["samples"], row["novelty"]
        assert sample["longest_copy"] == figures["longest_copy"]
        assert sample["copied_from"]["text"] in sample["text"]
        assert figures["unseen"] == sample["unseen"]
    assert found.human["pell"]["texts"] > 1  # type: ignore[index]
    assert genbench.compare(["pell"], ["markov-char"], samplings=[]).human["pell"] is None
