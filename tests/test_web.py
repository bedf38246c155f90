"""Models in the forms that a page can run: tables of n-grams, pruning, rounding, and what a page refuses."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import genbench
from genbench.corpus.corpus import Corpus
from genbench.generator import Generator, Text, TrainContext
from genbench.registry import create
from genbench.tokenization.tokenizer import BYTES
from genbench.web import BackoffTable, TableLevel
from genbench.web.byte_arrays import compress_arrays, read_arrays
from genbench.web.forms import web_obstacle
from genbench.web.packed_chain import STEP, PackedChain
from genbench.web.packed_network import PackedNetwork
from genbench.web.packing import MAX_COST, pack
from genbench.web.pruning import prune

TEXT = "she sells sea shells by the sea shore, and so the shells that she sells are sea shells. " * 3
NETWORKS = ("lstm-char:hidden=8", "gru-char:hidden=8", "rnn-char:hidden=8", "stacked-lstm-char:hidden=8")


def train(spec: str, text: str = TEXT) -> Any:
    generator = create(spec)
    generator.fit(Text(text), Text(text[:200]), TrainContext(steps=8))
    return generator


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return genbench.corpus("thorne")


def read(packed: Any, generator: Generator, text: str) -> Any:
    """Return the state of a packed model after a newline and a text."""
    state = packed.start()
    for token in generator.tokenizer.encode(f"\n{text}").tolist():
        state = packed.advance(state, token)
    return state


def ngrams(table: BackoffTable) -> dict[tuple[int, ...], float]:
    """Return the probability of each n-gram of a table, by its tokens."""
    found: list[dict[tuple[int, ...], float]] = []
    before: list[tuple[int, ...]] = [()]
    for level in table.levels:
        names = [(*before[c], int(t)) for c, t in zip(level.contexts, level.tokens, strict=True)]
        found.append(dict(zip(names, level.probabilities.tolist(), strict=True)))
        before = names
    return {name: p for level in found for name, p in level.items()}


def distribution(known: dict[tuple[int, ...], float], base: Any, context: tuple[int, ...]) -> Any:
    """Return the probabilities after a context, (vocabulary,), by the definition of a BackoffTable."""
    lower = base if not context else distribution(known, base, context[1:])
    own = {name[-1]: p for name, p in known.items() if name[:-1] == context}
    rest = 1 - sum(lower[token] for token in own)
    result = lower * (1 - sum(own.values())) / rest
    for token, p in own.items():
        result[token] = p
    return result


@pytest.mark.parametrize("smoothing", ["modified-kneser-ney", "witten-bell", "absolute", "mle", "fitted"])
def test_a_table_predicts_what_its_chain_does(smoothing: str) -> None:
    chain = train(f"markov-char:order=4,smoothing={smoothing}")
    table = chain.web_export()
    known = ngrams(table)
    for text in ("", "she", "shells are", "xyz", "sea s"):
        state = chain.start()
        for token in chain.tokenizer.encode(text).tolist():
            state = chain.advance(state, token)
        context = tuple(chain.tokenizer.encode(f"\n{text}").tolist())[-3:]
        expected = np.exp(chain.log_probs(state))
        assert distribution(known, chain.tokenizer.base_distribution(), context) == pytest.approx(expected, abs=1e-9)


def test_a_packed_chain_is_a_rounded_one() -> None:
    chain = train("markov-char:order=5")
    packed = PackedChain.pack(chain.web_export())
    for text in ("", "she sells", "the q", "é"):
        log_probs = packed.log_probs(read(packed, chain, text))
        state = chain.start()
        for token in chain.tokenizer.encode(text).tolist():
            state = chain.advance(state, token)
        assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-9)
        likely = chain.log_probs(state) > math.log(0.01)
        assert log_probs[likely] == pytest.approx(chain.log_probs(state)[likely], abs=3 * STEP)


@pytest.mark.parametrize("spec", ["markov-char:order=4", *NETWORKS])
def test_bits_of_a_text_are_those_of_its_steps(spec: str) -> None:
    generator = train(spec)
    packed = pack(generator, TEXT).model
    ids = generator.tokenizer.encode("she sells é")
    state: Any = read(packed, generator, "")
    steps = []
    for token in ids.tolist():
        steps.append(packed.log_probs(state)[token])  # type: ignore[arg-type]
        state = packed.advance(state, token)  # type: ignore[arg-type]
    assert packed.token_log_probs(ids, read(packed, generator, "")) == pytest.approx(steps, abs=1e-12)


def removals(table: BackoffTable) -> Iterator[tuple[tuple[int, int], BackoffTable]]:
    """Yield the tables that lack one n-gram of the last level, with its level and place."""
    last = len(table.levels) - 1
    level = table.levels[last]
    for place in range(len(level.tokens)):
        kept = np.arange(len(level.tokens)) != place
        columns = (level.contexts, level.tokens, level.probabilities, level.counts)
        yield (last, place), BackoffTable([*table.levels[:-1], TableLevel(*(c[kept] for c in columns))], table.size)


def test_pruning_removes_the_ngrams_that_change_the_model_least() -> None:
    """The divergences are computed from whole distributions, with each n-gram of the last level removed in turn."""
    chain = train("markov-char:order=3", TEXT[:60])
    table, base = chain.web_export(), chain.tokenizer.base_distribution()
    total = int(table.levels[0].counts.sum())
    names = [name for name in ngrams(table) if len(name) == 3]
    counts = table.levels[1].counts[table.levels[2].contexts]
    changes = {}
    for (_, place), without in removals(table):
        context = names[place][:-1]
        before, after = (distribution(ngrams(each), base, context) for each in (table, without))
        changes[names[place]] = counts[place] / total * float((before * np.log(before / after)).sum())

    # with so few removed that none of them is shorter
    size = sum(len(level.tokens) for level in table.levels[1:])
    removed = set(ngrams(table)) - set(ngrams(prune(table, size - 5)))
    assert {len(name) for name in removed} == {3}
    assert max(changes[name] for name in removed) <= min(changes[name] for name in set(changes) - removed) + 1e-12


def test_pruning_keeps_contexts_and_never_more_than_asked() -> None:
    table = train("markov-char:order=6").web_export()
    for most in (0, 10, 100, 300):
        pruned = ngrams(prune(table, most))
        assert sum(len(name) > 1 for name in pruned) <= most
        assert {name[:-1] for name in pruned if len(name) > 1} <= set(pruned)
        assert {name for name in ngrams(table) if len(name) == 1} <= set(pruned)
    assert prune(table, 10**6) is table


def test_fewer_ngrams_cost_more(corpus: Corpus) -> None:
    chain = train("markov-char:order=6", str(corpus.train))
    table, valid = chain.web_export(), chain.tokenizer.encode(str(corpus.valid)[:3000])
    bits = []
    for most in (500, 5_000, 50_000):
        packed = PackedChain.pack(prune(table, most))
        bits.append(-packed.token_log_probs(valid, read(packed, chain, "")).sum() / math.log(2) / 3000)
    assert all(fewer > more for fewer, more in pairwise(bits))


@pytest.mark.parametrize("spec", NETWORKS)
def test_a_packed_network_is_a_rounded_one(spec: str) -> None:
    network = train(spec)
    state = network.start()
    for token in network.tokenizer.encode("she sells").tolist():
        state = network.advance(state, token)
    for bits, tolerance in ((16, 0.01), (8, 0.15)):
        packed = PackedNetwork.pack(network.web_export(), bits)  # type: ignore[arg-type]
        log_probs = packed.log_probs(read(packed, network, "she sells"))
        assert np.exp(log_probs).sum() == pytest.approx(1, abs=1e-9)
        assert log_probs == pytest.approx(network.log_probs(state), abs=tolerance)
        assert packed.parameters == sum(value.size for value in network.dump()["weights"].values())


def test_packing_costs_little_and_measures_it(corpus: Corpus) -> None:
    for spec in ("markov-char", "lstm-char:hidden=16"):
        generator = train(spec, str(corpus.train))
        packed = pack(generator, str(corpus.valid))
        text = str(corpus.valid)[:8000]
        nats = generator.token_log_probs(generator.tokenizer.encode(text)).sum()
        assert packed.bits == pytest.approx(-nats / math.log(2) / len(text))
        assert abs(packed.cost) <= MAX_COST


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("markov-word", "a page runs one chain, or one LSTM"),
        ("mixture", "a page runs one chain, or one LSTM"),
        ("lstm-word", "its tokens are words"),
        ("lstm", "interpolated with those of a chain"),
        ("lstm-window", "reads the last characters again"),
        ("peephole-lstm-char", "its cell is not"),
        ("transformer-char", "its cell is not"),
        ("markov-char:adaptive=true", "learns while it reads"),
        ("lstm-char:adaptive=true", "learns while it reads"),
    ],
)
def test_what_a_page_cannot_run_says_why(spec: str, reason: str) -> None:
    assert reason in web_obstacle(create(spec))


def test_a_network_over_thousands_of_characters_is_refused_after_its_training() -> None:
    text = "".join(chr(0x4E00 + number) for number in range(2100))
    assert "too many different characters" in web_obstacle(train("lstm-char:hidden=8", text * 2))


def test_asking_for_obstacles_leaves_the_random_numbers_of_torch() -> None:
    import torch

    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    assert not web_obstacle(create("gru-char"))
    assert torch.rand(1) == expected


def test_arrays_come_back() -> None:
    arrays = [np.arange(5, dtype=np.uint8), np.array([[1.5, -2]], np.float16), np.array([70_000], np.float32)]
    found = read_arrays(compress_arrays(arrays), [("u1", (5,)), ("f2", (1, 2)), ("f4", (1,))])
    for array, same in zip(arrays, found, strict=True):
        assert np.array_equal(array, same)


def test_a_rare_follower_that_pruning_keeps_alone_has_a_probability() -> None:
    """Its context leaves nearly everything to the shorter one, which must not round to everything."""
    first, rest = np.array([BYTES, BYTES + 1]), np.array([0])
    singles = TableLevel(np.zeros(2, np.int64), first, np.array([0.6, 0.39]), np.array([6, 4]))
    pairs = TableLevel(rest, np.array([BYTES + 1]), np.array([0.001]), np.array([1]))
    packed = PackedChain.pack(BackoffTable([singles, pairs], BYTES + 2))
    log_probs = packed.log_probs(packed.advance(packed.start(), BYTES))
    assert log_probs[BYTES + 1] == pytest.approx(math.log(0.001), abs=0.1)
    assert np.exp(log_probs).sum() == pytest.approx(1)


def test_tokens_in_two_bytes() -> None:
    letters = "".join(chr(0x4E00 + number) for number in range(300))
    chain = train("markov-char:order=2", letters * 2)
    packed = PackedChain.pack(chain.web_export())
    assert packed.levels[0].tokens_type == "u2"
    log_probs = packed.log_probs(read(packed, chain, letters[6]))
    assert int(log_probs.argmax()) == BYTES + 7
