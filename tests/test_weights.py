"""Texts with weights, as `2*austen+carroll`: repeated for all who read them, and counted once by chains."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.counting_by_parts import count_ngrams
from genbench_plugins.markov.smoothing import modified_discounts
from genbench_plugins.markov.suffix_tree import SuffixTree
from genbench_plugins.markov.tree_building import build_tree
from hypothesis import given
from hypothesis import strategies as st

import genbench
from genbench.corpus.split import join_texts, join_weighted
from genbench.experiments.job import Job
from genbench.generator import Generator, Text, TrainContext
from genbench.spec import Spec
from genbench.testing.counterexamples import require_same
from genbench.tokenization import SubwordTokenizer, Tokenizer

PELL, MARROW = genbench.corpus("pell"), genbench.corpus("marrow")


def trained(spec: str, *pieces: tuple[Text, int]) -> Generator:
    generator: Generator = genbench.api.registry.create(Spec.parse(spec))
    generator.fit(join_weighted(pieces), Text(str(PELL.valid)), TrainContext())
    return generator


def nats(generator: Generator, text: str) -> float:
    ids = generator.tokenizer.encode(text)
    return -float(np.sum(generator.token_log_probs(ids)))  # type: ignore[attr-defined]


@given(st.lists(st.tuples(st.text("ab\n", max_size=8), st.integers(1, 3)), min_size=1, max_size=4))
def test_the_pieces_of_a_text_are_those_that_it_was_joined_from(pieces: list[tuple[str, int]]) -> None:
    text = join_weighted((Text(piece), weight) for piece, weight in pieces)
    assert str(text) == str(join_texts([piece for piece, weight in pieces for _ in range(weight)]))
    once = "".join(str(piece) for piece, _ in text.pieces())
    assert once == join_texts([piece for piece, _ in pieces])
    if text.weights:
        assert [weight for _, weight in text.pieces()] == [weight for _, weight in pieces]


def test_weights_of_weights_are_multiplied() -> None:
    text = join_weighted([(Text("one\n"), 2), (Text("two\n"), 1)])
    again = join_weighted([(text, 3), (Text("six\n"), 1)])
    assert [(str(piece), weight) for piece, weight in again.pieces()] == [("one\n\n", 6), ("two\n\n", 3), ("six\n", 1)]


@pytest.mark.parametrize(
    "spec",
    [
        "markov-char:order=5",
        "markov-char:smoothing=fitted",
        "markov-char:order=unbounded,smoothing=kneser-ney",
        "markov-char:smoothing=absolute",
        "markov-word:spelling=characters",
        "markov-subword:vocabulary=300",
        "markov-class:classes=8",
    ],
)
def test_texts_of_equal_weights_are_texts_without_weights(spec: str) -> None:
    once, twice = (trained(spec, (PELL.train, weight), (MARROW.train, weight)) for weight in (1, 2))
    require_same(once, twice, str(MARROW.test)[:300] + " zebras", "one and two")


@pytest.mark.parametrize("spec", ["markov-char", "markov-word", "markov-char:smoothing=kneser-ney"])
def test_a_weight_helps_its_author(spec: str) -> None:
    """A text that was counted twice had 2.1 bits where its author alone had 1.65: no discount saw a singleton."""
    alone = trained(spec, (PELL.train, 1))
    light, heavy = (trained(spec, (PELL.train, weight), (MARROW.train, 1)) for weight in (1, 4))
    text = str(PELL.test)
    assert nats(heavy, text) < nats(light, text)
    assert nats(heavy, text) < 1.01 * nats(alone, text)


def test_discounts_of_weighted_counts_by_hand() -> None:
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("abcdefgh"), 400, p=rng.dirichlet(np.full(8, 0.3)))) + "\n" for _ in range(2)]
    chain = trained("markov-char:order=2", (Text(texts[0]), 3), (Text(texts[1]), 1))
    assert isinstance(chain, MarkovChain)

    # counts of pairs, and the weight of the piece that has the second character
    stream = "\n" + texts[0] + "\n" + texts[1]
    weights = [1] * (len(stream) - len(texts[1])) + [0] * len(texts[1])
    weights = [1 + 2 * heavy for heavy in weights]
    counts = Counter(pairwise(stream))
    sums: Counter[tuple[str, str]] = Counter()
    for pair, weight in zip(pairwise(stream), weights[1:], strict=True):
        sums[pair] += weight

    # the discount of a weighted count: the mean of D(c) times its weight
    of_counts = [sum(count == number for count in counts.values()) for number in (1, 2, 3, 4)]
    discounts, valid = modified_discounts((of_counts[0], of_counts[1], of_counts[2], of_counts[3]))
    assert valid
    products: dict[int, list[float]] = {}
    for pair, count in counts.items():
        place = min(sums[pair], 9)  # three times the heaviest weight
        products.setdefault(place, []).append(discounts[min(count, 3) - 1] * sums[pair] / count)
    letter_of = dict(enumerate(chain.tokenizer.letters, start=256))
    for letter in "abc":
        level = chain.backoff_levels(chain.advance(chain.start(), int(chain.tokenizer.encode(letter)[0])))[-1]
        pairs = [(letter, letter_of[token]) for token in level.tokens.tolist()]
        assert level.counts.tolist() == [sums[pair] for pair in pairs]
        expected = [float(np.mean(products[min(sums[pair], 9)])) for pair in pairs]
        assert level.discounts == pytest.approx(expected)


@given(st.lists(st.integers(0, 3), min_size=6, max_size=60), st.integers(0, 3), st.integers(2, 9))
def test_weighted_counts_by_parts_are_those_at_once(ids: list[int], longest: int, part: int) -> None:
    stream, weights = np.array(ids), np.arange(len(ids), dtype=np.int32) % 3 + 1
    whole = build_tree(stream, longest, 4, weights=weights)
    parts = count_ngrams(stream, longest, 4, part=part, weights=weights)
    for name in ("starts", "tokens", "counts", "continuations"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name

    # a text in which each token stands as often as its weight says has as many of each
    root = slice(*whole.starts[-2:].tolist())
    assert whole.counts[root].tolist() == np.bincount(stream, weights)[whole.tokens[root]].tolist()
    assert isinstance(whole, SuffixTree)


def test_a_rare_word_of_a_repeated_text_is_rare() -> None:
    text = join_weighted([(Text("so so rare\n"), 3)])
    assert Tokenizer.words(text).dump() == Tokenizer.words("so so rare\n").dump()
    assert SubwordTokenizer.train(text, 300).dump() == SubwordTokenizer.train("so so rare\n", 300).dump()


def test_a_row_is_trained_with_the_weights_of_its_text() -> None:
    corpus = genbench.corpus("2*pell+marrow")
    job = Job("x", str(corpus.train), "", "", Spec.parse("markov-char"), weights=[[5, 2], [3, 1]])
    again = Job.from_dict(job.to_dict())
    assert Text(again.text.train).weights == ((5, 2), (3, 1))
    assert replace(job) == again

    row = genbench.compare(["2*pell+marrow"], ["markov-char:order=5"], samplings=[]).results[0]
    expected = trained("markov-char:order=5", (PELL.train, 2), (MARROW.train, 1))
    bits = nats(expected, str(corpus.test)) / np.log(2) / len(corpus.test)
    assert row.bits_per_character == pytest.approx(bits, abs=1e-9)
