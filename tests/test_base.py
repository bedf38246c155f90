"""Networks interpolated with a chain (`base`): groups of tokens, cross-fitting, one distribution, storage, refusals."""

from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from genbench.capabilities import step_through
from genbench.corpus.loading import load_corpus
from genbench.corpus.split import join_weighted
from genbench.errors import SpecError
from genbench.generator import Text, TrainContext
from genbench.neural import RecurrentGenerator
from genbench.neural.base_model import BaseBatches, BaseModel, BaseStream, CrossFit, Layout, PredictedAhead
from genbench.neural.batches import Batch, StatefulBatches, WindowBatches
from genbench.neural.embeddings import WordEmbedding
from genbench.neural.heads import AdaptiveSoftmaxHead, ByteEscapeHead, Head, SoftmaxHead, TiedHead, frequency_order
from genbench.neural.interpolation import CHAIN_SHARE, Interpolation, Prediction
from genbench.neural.repeated_stream import read_stream
from genbench.registry import create
from genbench.registry.lookup import file_spans
from genbench.spec import Spec
from genbench.tokenization.tokenizer import BYTES

TRAIN = "The old ferry went over at six, and again at seven, if the tide would let it. Nobody hurried.\n" * 30
OTHER = "Quartz, jackdaws and sphinxes: vexing boxes at seven! The tide would let the ferry over, ñ. " * 8
CHAINS = [
    "markov-char:order=1",
    "markov-char:order=5",
    "markov-char:order=4,smoothing=fitted",
    "markov-char:order=5,smoothing=witten-bell",
    "markov-char:order=unbounded",
    "markov-word:order=3,min_count=1",
]
NETWORKS = ["lstm-char:hidden=16,base=markov-char", "gru-word:hidden=16,min_count=1,base=markov-word", "lstm:hidden=16"]


@cache
def trained(spec: str, steps: int = 30) -> Any:
    generator = create(spec)
    generator.fit(Text(TRAIN), Text(OTHER), TrainContext(steps=steps))
    return generator


@pytest.mark.parametrize("spec", CHAINS)
def test_rows_of_states_agree_with_the_six_methods(spec: str) -> None:
    chain = trained(spec)
    ids = np.concatenate([chain.tokenizer.encode(text) for text in ("\n", OTHER[:150], TRAIN[:60])])
    rows = chain.read_rows(ids)
    state = chain.start()  # after the newline
    log_probs = []
    for row, token in zip(rows[1:], ids[1:].tolist(), strict=False):
        assert row.tolist() == list(state)
        log_probs.append(chain.log_probs(state))
        state = chain.advance(state, token)
    assert chain.read_rows(ids[40:], rows[40]).tolist() == rows[40:].tolist()

    # groups of random tokens, and single tokens
    size, inner = chain.tokenizer.size, rows[1 : len(ids)]
    groups = np.concatenate([np.arange(9), np.random.default_rng(0).integers(0, 9, size - 9)])
    expected = [[np.exp(row[groups == group]).sum() for group in range(9)] for row in log_probs]
    assert np.exp(chain.group_log_probs(inner, groups)) == pytest.approx(np.array(expected), rel=1e-5, abs=1e-9)
    tokens = np.arange(0, size, 3)
    assert chain.selected_log_probs(inner, tokens) == pytest.approx(np.array(log_probs)[:, tokens], rel=1e-5)

    # what is known of the contexts
    lengths, followers, occurrences = chain.evidence_rows(rows[:-1]).T
    assert lengths[1:].tolist() == chain.context_lengths(ids[1:]).tolist()
    assert [level.counts.size for level in chain.backoff_levels(tuple(rows[60].tolist()))][-1] == followers[60]
    assert occurrences.max() <= len(TRAIN) + 1


def test_what_the_text_excludes_costs_little_more_than_the_chain_needs() -> None:
    """After long training on two letters the network gave others 2 ** -73, where its chain needs 9 bits."""
    network = create("lstm-char:hidden=16,base=(markov-char:order=4)")
    network.fit(Text("ab" * 3000), Text("ab" * 200), TrainContext(steps=300))
    ids = network.tokenizer.encode("abababéaabbz")
    chain = network._base.generator
    together, alone = (model.token_log_probs(ids) / -np.log(2) for model in (network, chain))
    assert (together - alone).max() <= -np.log2(CHAIN_SHARE) + 0.01
    assert step_through(network, ids) / -np.log(2) == pytest.approx(together, abs=1e-3)


def test_a_network_may_have_no_base() -> None:
    for spec in ("lstm:base=none", "lstm-char:base=auto"):
        assert create(spec).base is None
        assert list(file_spans(Spec.parse(spec))) == []


def test_a_node_that_does_not_exist_is_refused() -> None:
    with pytest.raises(IndexError, match="nodes from 0"):
        trained(CHAINS[1]).group_log_probs(np.array([[10**6, 2]]), np.zeros(trained(CHAINS[1]).tokenizer.size))


@pytest.mark.parametrize("spec", ["lstm-char:hidden=8,base=markov-char", "lstm:hidden=8"])
@pytest.mark.parametrize("text", ["a", "aaaaaaaaaaaaaaaaaaaa", "ab ab ab\n"])
def test_a_text_may_be_too_short_for_all_folds(spec: str, text: str) -> None:
    network = create(spec)
    network.fit(Text(text), Text(""), TrainContext(steps=1))
    assert np.exp(network.log_probs(network.start())).sum() == pytest.approx(1)


def make_head(kind: str, vocabulary: int) -> Head:
    torch.manual_seed(0)
    order = frequency_order(torch.randint(0, 100, (vocabulary,)))
    if kind == "tied":
        return TiedHead(8, order, WordEmbedding(vocabulary, 6))
    heads = {"bytes": ByteEscapeHead, "softmax": SoftmaxHead}
    return heads[kind](8, vocabulary) if kind in heads else AdaptiveSoftmaxHead(8, order)


class Oracle:
    """A counting model with random, known distributions: the row of a state is its number."""

    def __init__(self, states: int, vocabulary: int) -> None:
        probabilities = np.random.default_rng(0).dirichlet(np.full(vocabulary, 0.1), states) + 1e-9
        self.table = np.log(probabilities / probabilities.sum(axis=1, keepdims=True))

    def group_log_probs(self, rows: Any, groups: Any) -> Any:
        sums = [np.bincount(groups, np.exp(self.table[row])) for row in rows[:, 0]]
        return np.log(np.array(sums)).astype(np.float32)

    def selected_log_probs(self, rows: Any, tokens: Any) -> Any:
        return self.table[rows[:, 0]][:, tokens].astype(np.float32)

    def evidence_rows(self, rows: Any) -> Any:
        return np.repeat(rows, 3, axis=1)


@pytest.mark.parametrize("kind", ["bytes", "softmax", "adaptive", "tied"])
def test_an_interpolated_head_is_one_distribution(kind: str) -> None:
    vocabulary, states = 4700 if kind in ("adaptive", "tied") else 300, 40
    head = make_head(kind, vocabulary)
    head.interpolation = Interpolation(8)
    base, layout, rows = BaseModel(Oracle(states, vocabulary)), Layout(head), np.arange(states)[:, None]
    hidden, targets = torch.randn(states, 8), torch.randint(0, vocabulary, (states,))
    all_tokens, own = base.predict_all(rows, layout), head.log_probs(hidden)
    log_probs = head.log_probs(hidden, all_tokens)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(states))
    of_targets = head.target_log_probs(hidden, targets, base.predict(rows, targets.numpy(), layout))
    torch.testing.assert_close(of_targets, log_probs[range(states), targets], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(head.folded().log_probs(hidden, all_tokens), log_probs)
    assert not torch.allclose(log_probs, own, atol=0.1)

    # with the weights 0 and 1 it is the counting model, with 1 and 0 the network and a small share of that
    with torch.no_grad():
        head.interpolation.linear.bias.copy_(torch.tensor([0.0, 1.0]))
        expected = torch.from_numpy(base.generator.table).float()
        if kind == "bytes":  # all bytes are equally likely
            expected[:, :BYTES] = expected[:, :BYTES].logsumexp(1, keepdim=True) - np.log(BYTES)
        torch.testing.assert_close(head.log_probs(hidden, all_tokens), expected, atol=1e-3, rtol=1e-3)
        head.interpolation.linear.bias.copy_(torch.tensor([1.0, 0.0]))
        mixed = torch.logaddexp(own + np.log(1 - CHAIN_SHARE), expected + np.log(CHAIN_SHARE))
        torch.testing.assert_close(head.log_probs(hidden, all_tokens), mixed, atol=1e-3, rtol=1e-3)


def test_the_weights_depend_on_the_hidden_values_and_the_evidence() -> None:
    module = Interpolation(2)
    with torch.no_grad():
        module.linear.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 2.0, 0]]))
        module.by_length.weight[3] = torch.tensor([5.0, 7.0])
    weights = module(torch.tensor([[2.0, 9.0]]), torch.tensor([[3, 0, 0]]))
    assert weights[0].tolist() == pytest.approx([0.3 + 2 + 5, 0.9 + 7])
    weights = module(torch.tensor([[0.0, 0.0]]), torch.tensor([[99, 1, 50]]))
    assert weights[0].tolist() == pytest.approx([0.3, 0.9 + np.log(2)])


@pytest.mark.parametrize("sampler", [StatefulBatches(4, 16), WindowBatches(4, 10, 3, 1)])
def test_batches_know_the_positions_of_their_tokens(sampler: Any) -> None:
    class Positions:
        layout = None  # there are no clusters

        def predict(self, positions: Any, targets: Any) -> Prediction:
            assert ids[positions + 1].tolist() == targets.tolist()
            return Prediction(torch.from_numpy(positions), torch.from_numpy(targets))

    ids = torch.randint(0, 90, (700,))
    batches, plain = BaseBatches(sampler, Positions(), Positions()), torch.Generator().manual_seed(3)
    training = batches.training_batches(ids, torch.Generator().manual_seed(3))
    for batch, expected, _ in zip(training, sampler.training_batches(ids, plain), range(150), strict=False):
        assert torch.equal(batch.inputs, expected.inputs)
        assert torch.equal(ids[batch.positions], batch.inputs)
        base = batch.base()
        assert base is not None
        assert base.top.tolist() == batch.positions[:, -batch.scored :].flatten().tolist()
    assert [batch.base() is not None for batch in batches.validation_batches(ids)]


def test_predictions_of_several_batches_at_once_are_those_of_each() -> None:
    vocabulary, states = 4700, 90
    base, layout = BaseModel(Oracle(states, vocabulary)), Layout(make_head("adaptive", vocabulary))
    targets = np.random.default_rng(0).integers(0, vocabulary, states)

    class Stream:
        def __init__(self) -> None:
            self.layout, self.questions = layout, 0

        def predict(self, positions: Any, targets: Any) -> Prediction:
            self.questions += 1
            return base.predict(positions[:, None], targets, layout)

    def batch(ids: Any, positions: Any) -> tuple[Batch, Batch]:
        rows = [torch.from_numpy(values.reshape(3, -1)) for values in (ids, positions)]
        return Batch(rows[0], rows[0], 1), Batch(rows[1], rows[1], 1)

    stream, positions = Stream(), np.random.default_rng(1).permutation(states)
    ahead = PredictedAhead(stream, [batch(targets[part], part) for part in (positions[:60], positions[30:])])
    for part in (positions[:60], positions[30:], positions[5:20]):
        found, expected = ahead.predict(part, targets[part]), base.predict(part[:, None], targets[part], layout)
        for values, right in zip((*found[:2], *found.tails), (*expected[:2], *expected.tails), strict=True):
            assert torch.equal(values, right)
    assert stream.questions == 1


@pytest.mark.parametrize("weight", [1, 2])
def test_a_passage_is_read_by_a_model_that_has_not_counted_it(weight: int) -> None:
    # random digits: only a model that has counted a passage, or its copy, can predict it
    digits = "".join(map(str, np.random.default_rng(0).integers(0, 10, 4000)))
    text = join_weighted([(Text(digits), weight)])
    whole = create("markov-char:order=6")
    whole.fit(text, Text(""), TrainContext())
    tokenizer, stream = whole.tokenizer, read_stream(whole.tokenizer, text)
    ids, layout = stream.ids, Layout(ByteEscapeHead(4, tokenizer.size))
    assert len(ids) == len(stream.places) == len(text) + 1
    crossed = CrossFit.fit(create("markov-char:order=6"), tokenizer, stream, ids[:0], layout, TrainContext())
    positions, places = np.arange(10, 3900), np.arange(3890)
    targets = ids[positions + 1]

    def bits(prediction: Prediction) -> float:
        return -float(prediction.top[places, targets - BYTES + 1].mean()) / np.log(2)

    assert bits(BaseStream(BaseModel(whole), ids, layout).predict(positions, targets)) < 1
    assert bits(crossed.predict(positions, targets)) > np.log2(10) - 0.1


@pytest.mark.slow
@pytest.mark.parametrize("spec", NETWORKS)
def test_steps_equal_the_stream_and_a_stored_model(spec: str) -> None:
    generator = trained(spec)
    ids = generator.tokenizer.encode(OTHER)
    stream = generator.token_log_probs(ids)
    assert step_through(generator, ids) == pytest.approx(stream, abs=1e-4)
    assert np.exp(generator.log_probs(generator.start())).sum() == pytest.approx(1)
    batch = generator.token_log_probs_batch([ids[:50], ids[:7]])
    assert batch[0] == pytest.approx(stream[:50], abs=1e-4)
    assert batch[1] == pytest.approx(stream[:7], abs=1e-4)
    other = create(spec)
    other.restore(generator.dump())
    assert other.token_log_probs(ids) == pytest.approx(stream, abs=1e-5)


@pytest.mark.slow
def test_an_adaptive_network_with_a_base_reads_as_it_steps() -> None:
    generator = trained("lstm-char:hidden=16,base=markov-char,adaptive=true")
    ids = generator.tokenizer.encode(OTHER)[:83]
    assert step_through(generator, ids) == pytest.approx(generator.token_log_probs(ids), abs=1e-4)


@pytest.mark.slow
def test_the_network_and_the_chain_together_predict_better_than_each() -> None:
    corpus = load_corpus("pell")
    bits = {}
    for spec in ("markov-char", "lstm-char:hidden=64", "lstm-char:hidden=64,base=markov-char"):
        generator = create(spec)
        generator.fit(Text(corpus.train), Text(corpus.valid), TrainContext(steps=200))
        bits[spec] = -generator.token_log_probs(generator.tokenizer.encode(corpus.test)).sum()
    assert bits.pop("lstm-char:hidden=64,base=markov-char") < 0.98 * min(bits.values())


def test_an_interrupted_training_ends_with_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.neural.training.SAVE_EVERY", 0.0)
    saved: list[Any] = []
    spec = NETWORKS[0]
    whole = create(spec)
    keep = TrainContext(steps=12, on_checkpoint=lambda state: saved.append(deepcopy(state)))
    whole.fit(Text(TRAIN), Text(OTHER), keep)
    again = create(spec)
    again.fit(Text(TRAIN), Text(OTHER), TrainContext(steps=12, last_checkpoint=lambda: saved[len(saved) // 2]))
    assert isinstance(whole, RecurrentGenerator)
    assert isinstance(again, RecurrentGenerator)
    for one, other in zip(whole._network.parameters(), again._network.parameters(), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("lstm-char", "must be a chain that does not adapt"),
        ("(markov-char:adaptive=true)", "must be a chain that does not adapt"),
        ("markov-word", "which reads words, but this network reads characters"),
        ("no-such-thing", "no-such-thing"),
        ("(markov-char:order=99)", "order is 99"),
    ],
)
def test_an_unfit_base_is_refused(base: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        create(f"lstm-char:base={base}")
