"""The chains: counts and probabilities by hand, and against an independent, slow Kneser-Ney."""

from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.char import MarkovChar
from genbench_plugins.markov.counts import count, kneser_ney
from genbench_plugins.markov.smoothing import discounts
from genbench_plugins.markov.word import MarkovWord

from genbench import Run, SpecError, options

TEXT = PROSE * 2 + PROSE.upper() + "The eggs, the eggs! said 12 widows.\n"


def fitted(chain: MarkovChain, text: str) -> MarkovChain:
    chain.fit(text, "", Run())
    return chain


def test_counts_by_hand() -> None:
    # 0 1 0 1 1: unigrams 0 twice, 1 three times; bigrams 01 twice, 10 once, 11 once (keys row * 2 + token)
    unigrams, bigrams = count(np.array([0, 1, 0, 1, 1]), 2, 2)
    assert (unigrams.keys.tolist(), unigrams.counts.tolist()) == ([0, 1], [2, 3])
    assert (bigrams.keys.tolist(), bigrams.counts.tolist()) == ([1, 2, 3], [2, 1, 1])
    assert bigrams.starts.tolist() == [0, 1, 3]


def test_continuation_counts_by_hand() -> None:
    # before 0 stands 1, and the beginning of the stream; before 1 stand 0 and 1
    ids = np.array([0, 1, 0, 1, 1])
    unigrams, bigrams = kneser_ney(count(ids, 2, 2), ids, 2)
    assert unigrams.counts.tolist() == [2, 2]
    assert bigrams.counts.tolist() == [2, 1, 1]


def test_discounts_by_hand() -> None:
    # n1 = 4, n2 = 2, n3 = 1, n4 = 1: Y = 4/8; 1 - 2Y/2 = 0.5, 2 - 3Y/2 = 1.25, 3 - 4Y = 1
    assert discounts(np.array([1, 1, 1, 1, 2, 2, 3, 4])) == ((0.5, 1.25, 1.0), True)


@pytest.mark.parametrize("counts", [[5, 5], [1, 1, 1], [1, 1, 2, 3, 3, 3, 3, 3, 3, 3], []])
def test_discounts_fall_back_where_the_closed_form_fails(counts: list[int]) -> None:
    assert discounts(np.array(counts, dtype=np.int64)) == ((0.5, 1.0, 1.5), False)


def test_a_bigram_worked_by_hand() -> None:
    # "abab" after a newline: stream \n a b a b; the letters known are a, b; the newline is byte 10.
    # bigrams: \n-a 1, a-b 2, b-a 1. unigrams, by what goes before: a: \n, b = 2; b: a = 1; \n: the beginning = 1.
    # No n3: discounts 0.5, 1, 1.5 at both lengths. Base: 1/3 for a, for b, and for all bytes together.
    chain = fitted(MarkovChar(order=2), "abab")
    # unigrams: 4 in all, discounts 1 + 0.5 + 0.5 = 2 taken, so 1/2 goes to the base
    a, b = (2 - 1) / 4 + 1 / 2 / 3, (1 - 0.5) / 4 + 1 / 2 / 3
    # after a: b twice, discount 1 taken of 2; after b: a once, 0.5 taken of 1
    after_a = {"a": 1 / 2 * a, "b": (2 - 1) / 2 + 1 / 2 * b}
    after_b = {"a": 0.5 + 0.5 * a, "b": 0.5 * b}
    state = chain.advance(chain.begin(), 256)
    assert np.exp(chain.predict(state))[256:] == pytest.approx([after_a["a"], after_a["b"]])
    assert np.exp(chain.predict(chain.advance(state, 257)))[256:] == pytest.approx([after_b["a"], after_b["b"]])


class Slow:
    """Interpolated modified Kneser-Ney straight from Chen & Goodman (1999), over dictionaries."""

    def __init__(self, ids: list[int], order: int, base: list[float]) -> None:
        self.order, self.base = order, base
        self.counts: list[Counter[tuple[int, ...]]] = []
        for n in range(1, order + 1):
            grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
            if n == order:
                self.counts.append(Counter(grams))
                continue
            before = defaultdict(set)
            for i, gram in enumerate(grams):
                before[gram].add(ids[i - 1] if i else "beginning")
            self.counts.append(Counter({gram: len(found) for gram, found in before.items()}))
        self.taken = [self.discount(c) for c in self.counts]
        self.after: dict[tuple[int, ...], dict[int, int]] = defaultdict(dict)
        for counts in self.counts:
            for gram, number in counts.items():
                self.after[gram[:-1]][gram[-1]] = number
        self.probability = cache(self._probability)

    @staticmethod
    def discount(counts: Counter[tuple[int, ...]]) -> list[float]:
        n = [sum(1 for c in counts.values() if c == k) for k in range(5)]
        if n[1] and n[2] and n[3]:
            y = n[1] / (n[1] + 2 * n[2])
            found = [k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3)]
            if all(0 < d <= k for k, d in zip((1, 2, 3), found, strict=True)):
                return found
        return [0.5, 1.0, 1.5]

    def _probability(self, context: tuple[int, ...], token: int) -> float:
        lower = self.probability(context[1:], token) if context else self.base[token]
        seen = self.after.get(context)
        if not seen:
            return lower
        taken = self.taken[len(context)]
        total = sum(seen.values())
        left = sum(taken[min(c, 3) - 1] for c in seen.values()) / total
        number = seen.get(token, 0)
        return (number - taken[min(number, 3) - 1] if number else 0) / total + left * lower


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", [MarkovChar, MarkovWord])
def test_it_equals_the_slow_implementation(kind: type[MarkovChain], order: int) -> None:
    chain = fitted(kind(order=order), TEXT)
    tokenizer = chain.tokenizer
    newline = tokenizer.encode("\n").tolist()
    slow = Slow(newline + tokenizer.encode(TEXT).tolist(), order, tokenizer.base().tolist())
    ids = tokenizer.encode("The widow ate 12 eggs, nobody knew; The widow was early: z\u00e9!\n\n").tolist()
    read = newline + ids
    expected = [
        slow.probability(tuple(read[max(0, i - order + 1) : i]), read[i]) for i in range(len(newline), len(read))
    ]
    assert np.exp(chain.token_log_probs(np.array(ids))) == pytest.approx(expected, rel=1e-9)


def test_whole_distributions_equal_the_slow_ones() -> None:
    chain = fitted(MarkovChar(order=4), TEXT)
    slow = Slow([*chain.tokenizer.encode("\n"), *chain.tokenizer.encode(TEXT)], 4, chain.tokenizer.base().tolist())
    for text in ("The", "zzz", "e f", "\n\n"):
        state, ids = chain.begin(), chain.tokenizer.encode(text).tolist()
        for token in ids:
            state = chain.advance(state, token)
        expected = [slow.probability(tuple(ids[-3:]), token) for token in range(chain.tokenizer.size)]
        assert np.exp(chain.predict(state)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("text", ["a", "aaaa", "ab"])
@pytest.mark.parametrize("order", [1, 8, 40])
def test_texts_shorter_than_the_order_work(text: str, order: int) -> None:
    chain = fitted(MarkovChar(order=order), text)
    assert np.exp(chain.predict(chain.begin())).sum() == pytest.approx(1)


def test_a_fallback_is_said() -> None:
    assert any("closed form" in note for note in fitted(MarkovChar(order=2), "abab").facts["notes"])


def test_an_order_of_zero_is_refused() -> None:
    with pytest.raises(SpecError, match="order is 0"):
        options.make(MarkovChar, "markov-char", {"order": "0"})
