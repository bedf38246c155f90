"""Markov chains: counts and probabilities by hand, and against an independent, slow Kneser-Ney."""

from collections import Counter, defaultdict
from functools import cache
from typing import Any

import numpy as np
import pytest
from conftest import PROSE
from genbench_plugins.markov import discount_fitting, kernels, tree_kernels
from genbench_plugins.markov.backoff_building import build_model
from genbench_plugins.markov.chain import MarkovChain
from genbench_plugins.markov.ngram import MarkovChar, MarkovWord
from genbench_plugins.markov.packed_tree import pack_tree
from genbench_plugins.markov.smoothing import modified_discounts
from genbench_plugins.markov.suffix_tree import MISSING, SuffixTree
from genbench_plugins.markov.tree_building import build_tree

from genbench.errors import SpecError, UserError
from genbench.generator import Text, TrainContext
from genbench.spec import create_generator

TEXT = PROSE * 2 + PROSE.upper() + "The eggs, the eggs! said 12 widows.\n"


def fitted(chain: MarkovChain, text: str) -> MarkovChain:
    chain.fit(Text(text), Text(""), TrainContext())
    return chain


def test_counts_worked_by_hand() -> None:
    # 0 1 0 1 1: 0 is preceded by the beginning and by 1; 1 is preceded by 0, 0, 1. After nothing: 0 twice, 1 three
    # times; after 0: 1 twice; after 1: 0 once, 1 once. Different tokens before 0: two; before 1: two.
    tree = build_tree(np.array([0, 1, 0, 1, 1]), 1, 2)
    assert tree.depth[tree.root] == 0
    by_node = {int(node): pairs(tree, node) for node in range(len(tree.parent))}
    assert by_node[tree.root] == {0: (2, 2), 1: (3, 2)}
    assert sorted(map(sorted, (by_node[node].items() for node in range(tree.root)))) == [
        [(0, (1, 1))],  # the beginning of the stream
        [(0, (1, 1)), (1, (1, 1))],
        [(1, (2, 2))],
    ]


def pairs(tree: SuffixTree, node: int) -> dict[int, tuple[int, int]]:
    """Return the tokens that followed a node: how often, and after how many different tokens."""
    rows = range(tree.starts[node], tree.starts[node + 1])
    return {int(tree.tokens[r]): (int(tree.counts[r]), int(tree.continuations[r])) for r in rows}


@pytest.mark.parametrize("longest", [0, 1, 2, 5, 40, None])
@pytest.mark.parametrize("text", [TEXT[:300], "abab" * 9, "aaaaaaa", "a", "abcdefg"])
def test_counts_of_every_context_equal_a_scan_of_the_text(text: str, longest: int | None) -> None:
    letters = sorted(set(text))
    ids = np.array([letters.index(letter) for letter in text])
    tree = build_tree(ids, longest, len(letters))
    for start in range(0, len(text), 7):
        for length in range(min(9, len(text) - start, 99 if longest is None else longest + 1)):
            context = ids[start : start + length].tolist()
            node = walk(tree, context)
            places = [i for i in range(length, len(ids)) if ids[i - length : i].tolist() == context]
            after = Counter(ids[i] for i in places)
            assert {token: count for token, (count, _) in pairs(tree, node).items()} == after
            if length == tree.depth[node] and (longest is None or length < longest):
                before = {(ids[i - length - 1] if i > length else "beginning", ids[i]) for i in places}
                assert {t: n for t, (_, n) in pairs(tree, node).items()} == Counter(token for _, token in before)


def walk(tree: SuffixTree, context: list[int]) -> int:
    """Return the node of a context that was followed by something, through the links."""
    node = tree.root
    for token in context:
        node = int(tree.links[tree_kernels.find_pair(tree.tokens, tree.starts, node, token)])
        assert node != MISSING
    return node


def test_tree_size_depends_on_the_text_not_on_the_order() -> None:
    # a repeated text has contexts of any length that occur twice
    rng = np.random.default_rng(0)
    once = rng.integers(0, 30, 2_000)
    sizes = [len(build_tree(np.concatenate([once, once]), longest, 30).tokens) for longest in (31, None)]
    assert sizes[1] <= 4 * 4_000
    assert sizes[0] <= 4 * 4_000


@pytest.mark.parametrize("ns", [(0, 0, 0, 0), (3, 0, 0, 0), (2, 1, 7, 0)])
def test_discounts_fall_back_where_the_closed_form_fails(ns: tuple[int, int, int, int]) -> None:
    assert modified_discounts(ns) == ((0.5, 1.0, 1.5), False)


def test_discounts_worked_by_hand() -> None:
    # n1 = 4, n2 = 2, n3 = 1, n4 = 1: Y = 4/8; 1 - 2Y/2 = 0.5, 2 - 3Y/2 = 1.25, 3 - 4Y = 1
    assert modified_discounts((4, 2, 1, 1)) == ((0.5, 1.25, 1.0), True)


def test_a_bigram_worked_by_hand() -> None:
    # "abab" after a newline: stream \n a b a b; the letters known are a, b; the newline is byte 10.
    # bigrams: \n-a 1, a-b 2, b-a 1. unigrams, by what precedes: a: \n, b = 2; b: a = 1; \n: the beginning = 1.
    # No n3: discounts 0.5, 1, 1.5 at both lengths. Base: 1/3 for a, for b, and for all bytes together.
    chain = fitted(MarkovChar(order=2), "abab")
    # unigrams: 4 in all, discounts 1 + 0.5 + 0.5 = 2 subtracted, so 1/2 goes to the base
    a, b = (2 - 1) / 4 + 1 / 2 / 3, (1 - 0.5) / 4 + 1 / 2 / 3
    # after a: b twice, discount 1 of 2; after b: a once, discount 0.5 of 1
    after_a = {"a": 1 / 2 * a, "b": (2 - 1) / 2 + 1 / 2 * b}
    after_b = {"a": 0.5 + 0.5 * a, "b": 0.5 * b}
    state = chain.advance(chain.start(), 256)
    assert np.exp(chain.log_probs(state))[256:] == pytest.approx([after_a["a"], after_a["b"]])
    assert np.exp(chain.log_probs(chain.advance(state, 257)))[256:] == pytest.approx([after_b["a"], after_b["b"]])


class SlowKneserNey:
    """Interpolated modified Kneser-Ney straight from Chen & Goodman (1999), over dictionaries."""

    def __init__(self, ids: list[int], order: int, base: list[float]) -> None:
        self.order, self.base = order, base

        # counts of the highest order; below it, the number of different tokens before
        self.counts: list[Counter[tuple[int, ...]]] = []
        for n in range(1, order + 1):
            grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
            if n == order:
                self.counts.append(Counter(grams))
                continue
            before = defaultdict(set)
            for i, gram in enumerate(grams):
                before[gram].add(ids[i - 1] if i else "beginning")
            self.counts.append(Counter({gram: len(tokens) for gram, tokens in before.items()}))

        # discounts, and the tokens that follow each context
        self.discounts = [self.discount(c) for c in self.counts]
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
            discounts = [k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3)]
            if all(0 < d <= k for k, d in zip((1, 2, 3), discounts, strict=True)):
                return discounts
        return [0.5, 1.0, 1.5]

    def _probability(self, context: tuple[int, ...], token: int) -> float:
        lower = self.probability(context[1:], token) if context else self.base[token]
        seen = self.after.get(context)
        if not seen:
            return lower
        discounts = self.discounts[len(context)]
        total = sum(seen.values())
        left = sum(discounts[min(c, 3) - 1] for c in seen.values()) / total
        number = seen.get(token, 0)
        return (number - discounts[min(number, 3) - 1] if number else 0) / total + left * lower


@pytest.mark.parametrize("order", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", [MarkovChar, MarkovWord])
def test_scores_equal_the_slow_implementation(kind: type[MarkovChain], order: int) -> None:
    chain = fitted(kind(order=order), TEXT)
    tokenizer = chain.tokenizer
    newline = tokenizer.encode("\n").tolist()
    slow = SlowKneserNey(newline + tokenizer.encode(TEXT).tolist(), order, tokenizer.base_distribution().tolist())
    ids = tokenizer.encode("The widow ate 12 eggs, nobody knew; The widow was early: z\u00e9!\n\n").tolist()
    stream = newline + ids
    expected = [
        slow.probability(tuple(stream[max(0, i - order + 1) : i]), stream[i]) for i in range(len(newline), len(stream))
    ]
    assert np.exp(chain.token_log_probs(np.array(ids))) == pytest.approx(expected, rel=1e-9)


def test_distributions_equal_the_slow_implementation() -> None:
    chain = fitted(MarkovChar(order=4), TEXT)
    slow = SlowKneserNey(
        [*chain.tokenizer.encode("\n"), *chain.tokenizer.encode(TEXT)], 4, chain.tokenizer.base_distribution().tolist()
    )
    for text in ("The", "zzz", "e f", "\n\n"):
        state, ids = chain.start(), chain.tokenizer.encode(text).tolist()
        for token in ids:
            state = chain.advance(state, token)
        expected = [slow.probability(tuple(ids[-3:]), token) for token in range(chain.tokenizer.size)]
        assert np.exp(chain.log_probs(state)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("text", ["a", "aaaa", "ab"])
@pytest.mark.parametrize("order", [1, 8, 32, "unbounded"])
def test_texts_shorter_than_the_order_work(text: str, order: Any) -> None:
    chain = fitted(MarkovChar(order=order), text)
    assert np.exp(chain.log_probs(chain.start())).sum() == pytest.approx(1)


def test_the_lengths_with_fallback_discounts_are_recorded_and_no_note() -> None:
    context = TrainContext()
    MarkovChar(order=2).fit(Text("abab"), Text(""), context)
    assert context.stats.details["fallback_discounts_at"] == [1, 2]
    assert context.stats.notes == []


def test_order_zero_is_refused() -> None:
    with pytest.raises(SpecError, match="order is 0"):
        create_generator(MarkovChar, "markov-char", {"order": "0"})


def plain(ids: list[int], order: int, method: str, base: list[float]) -> Any:
    """Return the probability by raw counts, straight from the formula, given a context of up to order - 1 tokens."""
    after: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for n in range(order):
        for i in range(n, len(ids)):
            after[tuple(ids[i - n : i])][ids[i]] += 1
    discounts = []
    for n in range(order):
        ns = Counter(count for context, seen in after.items() if len(context) == n for count in seen.values())
        discounts.append(ns[1] / (ns[1] + 2 * ns[2]) if ns[1] and ns[2] else 0.5)

    @cache
    def probability(context: tuple[int, ...], token: int) -> float:
        lower = probability(context[1:], token) if context else base[token]
        seen = after.get(context)
        if not seen:
            return lower
        total, types, count = sum(seen.values()), len(seen), seen[token]
        if method == "witten-bell":  # Witten & Bell 1991, method C
            return (count + types * lower) / (total + types)
        if method == "absolute":
            return max(count - discounts[len(context)], 0) / total + discounts[len(context)] * types / total * lower
        if method == "mle":
            return 0.999 * count / total + 0.001 * lower
        if len(context) < order - 1:
            return lower
        return (count + 0.01 * len(base) * base[token]) / (total + 0.01 * len(base))  # add-k, by the base's weights

    return probability


@pytest.mark.parametrize("method", ["witten-bell", "absolute", "mle", "add-k"])
@pytest.mark.parametrize("order", [1, 2, 4, 7])
def test_the_other_methods_equal_their_formulas(method: str, order: int) -> None:
    chain = fitted(create_generator(MarkovChar, "markov-char", {"order": order, "smoothing": method}), TEXT)
    newline = chain.tokenizer.encode("\n").tolist()
    ids = chain.tokenizer.encode("The widow ate 12 eggs, nobody knew; z\u00e9!\n\n").tolist()
    stream = newline + ids
    slow = plain(
        newline + chain.tokenizer.encode(TEXT).tolist(), order, method, chain.tokenizer.base_distribution().tolist()
    )
    expected = [slow(tuple(stream[max(0, i - order + 1) : i]), stream[i]) for i in range(1, len(stream))]
    assert np.exp(chain.token_log_probs(np.array(ids))) == pytest.approx(expected, rel=1e-9)


def test_kneser_ney_with_one_discount_equals_the_slow_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    def single(counts: Counter[tuple[int, ...]]) -> list[float]:
        ns = Counter(counts.values())
        return [ns[1] / (ns[1] + 2 * ns[2]) if ns[1] and ns[2] else 0.5] * 3

    monkeypatch.setattr(SlowKneserNey, "discount", staticmethod(single))
    chain = fitted(MarkovChar(5, "kneser-ney"), TEXT)
    ids = chain.tokenizer.encode("\nThe widow ate 12 eggs").tolist()
    slow = SlowKneserNey(
        [*chain.tokenizer.encode("\n"), *chain.tokenizer.encode(TEXT)], 5, chain.tokenizer.base_distribution().tolist()
    )
    expected = [slow.probability(tuple(ids[max(0, i - 4) : i]), ids[i]) for i in range(1, len(ids))]
    assert np.exp(chain.token_log_probs(np.array(ids[1:]))) == pytest.approx(expected, rel=1e-9)


SMOOTHINGS = ["modified-kneser-ney", "kneser-ney", "absolute", "witten-bell", "add-k", "mle", "fitted"]


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("order", [3, 20, "unbounded"])
def test_every_smoothing_sums_to_one_and_scores_equal_steps(smoothing: Any, order: Any) -> None:
    if (smoothing, order) == ("add-k", "unbounded"):
        with pytest.raises(SpecError, match="one length of context"):
            create_generator(MarkovChar, "markov-char", {"order": "unbounded", "smoothing": "add-k"})
        return
    chain = MarkovChar(order, smoothing)
    chain.fit(Text(TEXT), Text(PROSE.replace("eggs", "ducks")), TrainContext())
    ids = chain.tokenizer.encode(TEXT[100:160] + " nobody\u00e9 zx " + TEXT[:40])
    state = chain.start()
    for token, score in zip(ids.tolist(), chain.token_log_probs(ids), strict=True):
        log_probs = chain.log_probs(state)
        assert np.exp(log_probs).sum() == pytest.approx(1)
        assert log_probs[token] == pytest.approx(score, rel=1e-9)
        state = chain.advance(state, token)


def test_fitted_discounts_predict_validation_text_better_than_the_closed_form() -> None:
    valid = PROSE.replace("eggs", "ducks").replace("ferry", "boat")
    closed_form, fitted_form = MarkovChar(6), MarkovChar(6, "fitted")
    for chain in (closed_form, fitted_form):
        chain.fit(Text(TEXT), Text(valid), TrainContext())
    ids = closed_form.tokenizer.encode(valid)
    assert fitted_form.token_log_probs(ids).sum() > closed_form.token_log_probs(ids).sum()


@pytest.mark.parametrize("longest", [2, None])
def test_gradient_of_the_fit_equals_finite_differences(longest: int | None) -> None:
    letters = sorted(set(TEXT))
    ids = np.array([letters.index(letter) for letter in TEXT])
    tree, stream = pack_tree(build_tree(ids[:400], longest, len(letters))), ids[300:600]
    base = np.full(len(letters), 0.02)
    rng = np.random.default_rng(1)
    weights, direction = rng.normal(size=(2, *discount_fitting.fitted().weights.shape))

    def bits(step: float) -> float:
        model = build_model(tree, discount_fitting.fitted(weights + step * direction), base)
        probabilities = np.empty(len(stream))
        kernels.score(model, tree.root, 0, stream, probabilities)
        return float(-np.log2(probabilities).sum())

    numeric = (bits(1e-5) - bits(-1e-5)) / 2e-5
    data = discount_fitting.read_contexts(tree, stream, base)
    assert float((discount_fitting.gradient(data, weights) * direction).sum()) == pytest.approx(numeric, rel=1e-5)


def test_text_beyond_the_memory_is_refused_before_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench_plugins.markov.tree_building.total_memory", lambda: 30_000)
    with pytest.raises(
        UserError, match=r"201 tokens, but .* enough to count 200 \(150 bytes per token\); use less text"
    ):
        fitted(MarkovChar(3), "ab" * 100)


def test_counting_with_keys_over_32_bits() -> None:
    ids = np.array([3, 1, 2, 1, 3, 1, 2, 2, 1, 3] * 5)
    small, large = build_tree(ids, None, 4), build_tree(ids, None, 1 << 28)
    assert (len(large.parent) - 1) << 28 > 2**31
    for name in ("parent", "depth", "starts", "tokens", "counts", "continuations", "links"):
        assert getattr(large, name).tolist() == getattr(small, name).tolist()
