"""Texts without a prompt begin as paragraphs do, and without a length end as sentences do."""

from pathlib import Path

import numpy as np
import pytest
import regex
from doubles import Fixed

import genbench
from genbench import api
from genbench.errors import CorpusError
from genbench.model import Model
from genbench.sampling import Sampling, generate, generate_many
from genbench.sampling.beginnings import Beginnings
from genbench.sampling.limits import SentenceLimit, TextLimit


def begins_in_lower_case(text: str) -> bool:
    first = regex.search(r"\p{L}", text)
    return bool(first and first.group().islower())


@pytest.fixture(scope="module")
def models() -> list[Model]:
    return [api.train("thorne", spec, keep=False) for spec in ("markov-char", "markov-word")]


def test_unprompted_texts_begin_and_end_as_the_author_does(models: list[Model]) -> None:
    for model in models:
        # a third as many as from the state after a line break, at most: a small text leaves much to smoothing
        plain = [Sampling(length=20)] * 200, [np.random.default_rng(seed) for seed in range(200)]
        from_start = generate_many(model.generator, [""] * 200, *plain)
        texts = model.generate(count=200)
        lower, lower_from_start = (sum(map(begins_in_lower_case, each)) for each in (texts, from_start))
        assert 3 * lower < lower_from_start
        assert not any(text.startswith("\n") for text in texts)
        assert np.mean([bool(regex.search(r"[.!?][\"'_*)]*$", text)) for text in texts]) >= 0.9
        assert min(map(len, texts)) >= 298  # 300 with the white space at the end, which is left out


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["markov-char", "markov-word", "markovify"])
def test_texts_after_austen_rarely_begin_in_lower_case(spec: str) -> None:
    try:
        corpus = api.corpus("austen")
    except CorpusError:
        pytest.skip("needs the gutenberg corpus of NLTK")
    texts = api.train(corpus, spec, keep=False).generate(count=200)
    assert sum(map(begins_in_lower_case, texts)) <= 6


def test_streams_and_batches_begin_alike(models: list[Model]) -> None:
    for model in models:
        texts = model.generate(count=5, seed=3)
        assert ["".join(model.stream(seed=3 + index)) for index in range(5)] == texts
        assert [len(text) for text in model.generate(count=3, length=80)] == [80] * 3


def test_a_card_keeps_the_beginnings(tmp_path: Path, models: list[Model]) -> None:
    loaded = genbench.load(models[0].save(tmp_path / "model"))
    assert loaded.beginnings == models[0].beginnings == Beginnings.from_text(api.corpus("thorne").train)
    assert loaded.generate(seed=1) == models[0].generate(seed=1)


def test_breaks_are_drawn_as_often_as_the_text_has_them() -> None:
    breaks = Beginnings({".\n\n": 300, "!\n\n": 100})
    rng = np.random.default_rng(0)
    assert np.mean([breaks.draw(rng) == ".\n\n" for _ in range(4000)]) == pytest.approx(0.75, abs=0.03)
    assert Beginnings({}).draw(rng) == ""


LETTERS = Fixed('"Ba', (0.2, 0.35, 0.45))  # a small letter, a large one, and a mark before either


@pytest.mark.parametrize("sampling", [Sampling(20), Sampling(20, 1.0, top_p=0.99), Sampling(20, 1.0, stop="?")])
def test_the_first_letter_is_a_small_one_as_often_as_in_the_text(sampling: Sampling) -> None:
    lower: dict[float, float] = {}
    for small in (0.0, 0.25, 1.0):
        beginnings = Beginnings({}, small)
        texts = generate_many(
            LETTERS, [""] * 400, [sampling] * 400, list(map(np.random.default_rng, range(400))), beginnings=beginnings
        )
        lower[small] = np.mean(list(map(begins_in_lower_case, texts)))
        assert all(len(text) == 20 for text in texts)
        streamed = generate(LETTERS, "", sampling, np.random.default_rng(7), beginnings=beginnings)
        assert streamed == texts[7]

    # of those that may begin small, as many do as the generator writes; 4 standard errors are 0.1
    assert lower[0.0] == 0
    assert lower[1.0] == pytest.approx(0.57, abs=0.1)
    assert lower[0.25] == pytest.approx(0.25 * lower[1.0], abs=0.1)

    # a prompt has begun already, and greedy text would begin the same again
    rng = np.random.default_rng(0)
    assert generate(LETTERS, "", Sampling(3, 0), rng, beginnings=Beginnings({}, 0.0)) == "aaa"


def test_the_share_of_small_first_letters_is_counted() -> None:
    assert Beginnings.from_text(15 * '"no."\n\nIt is.\n\n').small == pytest.approx(14 / 30)
    assert Beginnings.from_text(12 * "bread\n").small == pytest.approx(11 / 12)
    assert Beginnings.from_text("ACGT").small == 1


def test_each_line_is_a_paragraph_where_blank_lines_are_rare() -> None:
    poem = 40 * "Of man's first disobedience\nand the fruit;\n" + "\n"
    assert set(Beginnings.from_text(poem + "Book II\n" + poem).breaks) == {"e\n", ";\n"}
    assert set(Beginnings.from_text(20 * "A wrapped\nparagraph.\n\n").breaks) == {".\n\n"}


def test_a_text_that_begins_has_no_blank_lines() -> None:
    for pieces in (["\n", "\n  ", "It", " is"], ["\n\n  It is"]):
        limit = TextLimit(100, begins=True)
        assert "".join(map(limit.read, pieces)) == "  It is"


def test_a_generator_of_blank_lines_ends(rng: np.random.Generator) -> None:
    blank = Fixed("\n", (1.0,))
    text = generate(blank, "", Sampling(length=20), rng, beginnings=Beginnings({}))
    assert set(text) <= {"\n"}
    assert len(generate(blank, "", Sampling(), rng)) <= 1500


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("text", "end"),
    [
        ('It was. "Oh, Mr. Dee!" he cried. No', 'It was. "Oh, Mr. Dee!"'),
        ("one two three\n\nfour", "one two three"),
        ("it is 3.14 or so. No", "it is 3.14 or so."),
        ("一二三四五六七八。」九十。", "一二三四五六七八。」"),
        ("It was so, said I. Then", "It was so, said I."),
    ],
)
def test_a_text_ends_with_the_sentence_that_makes_it_long_enough(text: str, end: str, size: int) -> None:
    limit = SentenceLimit(8)
    assert "".join(limit.read(text[start : start + size]) for start in range(0, len(text), size)) == end
    assert limit.done


def test_a_text_without_sentences_ends_with_a_word() -> None:
    limit = SentenceLimit(10)
    assert limit.read(20 * "abc ") == ("abc " * 11).rstrip()  # ten have 39 characters
    assert SentenceLimit(10).read(80 * "A") == 50 * "A"
