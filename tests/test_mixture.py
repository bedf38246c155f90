"""The mixture: weights by hand, parts over tokens and over characters, budgets, and refusals."""

from pathlib import Path

import numpy as np
import pytest
from genbench_plugins.mixture import Mixture, fit_weights
from genbench_plugins.online_weights import best_rate, initial_logits, score_stream
from test_readme import README, python_blocks

import genbench
from genbench.capabilities import is_adaptive
from genbench.corpus.corpus import Corpus
from genbench.errors import SpecError
from genbench.generator import Progress, TrainContext
from genbench.registry import create, file_spans
from genbench.scoring import score
from genbench.spec import Spec, split_specs

CHARACTERS = "(markov-char:order=2)+(markov-char:order=5)"


@pytest.fixture(scope="module")
def thorne() -> Corpus:
    return genbench.corpus("thorne")


def fit(parts: str, corpus: Corpus, context: TrainContext | None = None) -> Mixture:
    mixture = Mixture(parts)
    mixture.fit(corpus.train, corpus.valid, context or TrainContext(steps=20))
    return mixture


def test_weights_maximize_the_likelihood() -> None:
    first, second = np.array([0.9, 0.9, 0.9, 0.1]), np.array([0.2, 0.2, 0.2, 0.8])
    weights = fit_weights(np.log([first, second]), np.array([0.5, 0.5]), 0.0)
    grid = np.linspace(0.001, 0.999, 999)
    best = grid[np.argmax([np.log(w * first + (1 - w) * second).sum() for w in grid])]
    assert weights[0] == pytest.approx(best, abs=0.02)
    assert weights.sum() == pytest.approx(1)


def test_weights_of_rare_contexts_stay_near_the_prior() -> None:
    start = np.array([0.7, 0.3])
    weights = fit_weights(np.log([[0.9], [0.1]]), start, 30.0)
    assert abs(weights[0] - 0.7) < 0.05


def test_a_mixture_is_the_weighted_mean_of_its_parts(thorne: Corpus) -> None:
    mixture = fit(CHARACTERS, thorne)
    ids = mixture.tokenizer.encode(thorne.test[:300])
    parts = np.exp([part.token_log_probs(ids) for part in mixture._generators])
    mixed = np.exp(mixture.token_log_probs(ids))
    assert (mixed <= parts.max(axis=0) + 1e-12).all()
    assert (mixed >= parts.min(axis=0) - 1e-12).all()


@pytest.mark.slow
def test_mixture_predicts_better_than_each_part(thorne: Corpus) -> None:
    for parts in ("(markov-char:order=4)+markov-char", "markov-char+markov-word"):
        mixture = fit(parts, thorne)
        parts_alone = [score(part, thorne.test).bits_per_character for part in mixture._generators]
        assert score(mixture, thorne.test).bits_per_character < min(parts_alone)


@pytest.mark.slow
def test_parts_with_equal_tokenizers_are_mixed_at_their_tokens(thorne: Corpus) -> None:
    assert fit("markov-word+(markov-word:order=2)", thorne).tokenizer.kind == "words"
    assert fit("markov-word+(markov-word:min_count=3)", thorne).tokenizer.kind == "characters"
    assert fit("markov-char+markov-word", thorne).tokenizer.kind == "characters"


def test_parts_have_their_own_share_of_the_budget_and_seed(thorne: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    contexts: list[TrainContext] = []

    def part(self: TrainContext, name: str, share: float) -> TrainContext:
        contexts.append(original(self, name, share))
        return contexts[-1]

    original = TrainContext.part
    monkeypatch.setattr(TrainContext, "part", part)
    reports: list[Progress] = []
    fit(CHARACTERS, thorne, TrainContext(seed=3, budget=20.0, on_progress=reports.append))
    budgets = [context.budget for context in contexts]
    assert budgets[0] is not None
    assert budgets[1] is not None
    assert budgets[0] <= 10 < budgets[1] < 20  # a chain leaves most of its share to the part after it
    assert len({context.seed for context in contexts} | {3}) == 3
    assert any("2 markov-char:order=5" in progress.note for progress in reports)


@pytest.mark.slow
def test_steps_are_split_between_the_parts(thorne: Corpus) -> None:
    context = TrainContext(steps=40)
    fit("(gru-char:hidden=8)+(lstm-char:hidden=8)", thorne, context)
    assert [part["steps"] for part in context.stats.details["parts"].values()] == [17, 17]


@pytest.mark.slow
def test_shares_split_the_budget(thorne: Corpus) -> None:
    mixture = Mixture("(gru-char:hidden=8)+(lstm-char:hidden=8)", shares="1+3")
    context = TrainContext(steps=40)
    mixture.fit(thorne.train, thorne.valid, context)
    steps = [part["steps"] for part in context.stats.details["parts"].values()]
    assert steps == [8, 26]  # of the 34 that the weights leave


@pytest.mark.parametrize("shares", ["1", "1+2+3", "1+0", "1+x", "-1+2"])
def test_shares_that_do_not_match_the_parts_are_refused(shares: str) -> None:
    with pytest.raises(SpecError, match="2 numbers above 0"):
        create(f"mixture:parts=markov-char+markov-word,shares={shares}")


@pytest.mark.slow
@pytest.mark.parametrize("parts", [CHARACTERS, "markov-char+markov-word", "markov-word+(markov-word:order=2)"])
def test_adaptive_scores_equal_steps(thorne: Corpus, parts: str) -> None:
    mixture = Mixture(parts, adaptive=True)
    mixture.fit(thorne.train, thorne.valid[:1_000], TrainContext())
    mixture._rate = 0.05
    assert mixture.adapts
    ids, state = mixture.tokenizer.encode(thorne.test[:150]), mixture.start()
    for token, token_score in zip(ids.tolist(), mixture.token_log_probs(ids), strict=True):
        log_probs = mixture.log_probs(state)
        assert np.exp(log_probs).sum() == pytest.approx(1)
        assert log_probs[token] == pytest.approx(token_score, abs=1e-9)
        mixture.advance(mixture.advance(state, int(ids[0])), int(ids[1]))  # a branch, which must not disturb it
        state = mixture.advance(state, token)


def test_the_parts_of_an_adaptive_mixture_adapt_unless_they_say_otherwise() -> None:
    parts = "markov-char+(markov-char:adaptive=false)+lstm-window+mixture"
    adapting = [is_adaptive(part) for part in Mixture(parts, adaptive=True)._untrained]
    assert adapting == [True, False, False, True]
    assert not Mixture(parts).adapts


def test_the_default_parts_have_shares_of_their_own() -> None:
    assert Mixture()._parse_shares() == [1, 4, 10]
    assert Mixture(shares="equal")._parse_shares() == [1, 1, 1]
    assert Mixture(CHARACTERS)._parse_shares() == [1, 1]


def test_weights_move_to_the_part_that_predicts_well() -> None:
    # one part gives each token .9, the other .1; both kinds of context start with more weight on the second
    logits, log_probs = initial_logits(np.log([[0.1, 0.9], [0.2, 0.8]])), np.log(np.full((2, 400), [[0.9], [0.1]]))
    kinds = np.arange(400) % 2
    static, adaptive = (score_stream(logits, kinds, log_probs, rate) for rate in (0.0, 0.05))
    assert np.exp(static[:2]).tolist() == pytest.approx([0.18, 0.26])  # by hand: .1 * .9 + .9 * .1
    assert np.exp(adaptive[:1]).tolist() == pytest.approx([0.18])
    assert np.exp(adaptive[-1]) > 0.85
    assert best_rate(logits, kinds, log_probs) > 0


@pytest.mark.parametrize(
    "parts", ["markov-char", "", "markov-char+", "markov-char+nothing", "markov-char+(markov-char:order=x)"]
)
def test_invalid_parts_are_refused_before_training(parts: str) -> None:
    with pytest.raises(SpecError, match=r"parts|nothing|order|names no generator|SPEC"):
        create(f"mixture:parts=({parts})" if parts else "mixture:parts=()")


def test_mixtures_nest() -> None:
    specs = [spec for _, spec in split_specs("(mixture:parts=(a)+(b:c=1))+d")]
    assert specs == ["mixture:parts=(a)+(b:c=1)", "d"]


def test_a_part_may_be_a_file(thorne: Corpus, tmp_path: object) -> None:
    path = Path(str(tmp_path)) / "unigram.py"
    path.write_text(next(block for block in python_blocks(README) if "class Unigram" in block), encoding="utf-8")
    mixture = create(f"mixture:parts=({path}:smoothing=0.1)+markov-char")
    context = TrainContext()
    mixture.fit(thorne.train, thorne.valid, context)
    assert set(context.stats.details["weights"]) == {f"{path}:smoothing=0.1", "markov-char"}


@pytest.mark.slow
def test_copies_of_a_part_have_different_seeds(thorne: Corpus) -> None:
    context = TrainContext(steps=20)
    mixture = fit("2*(gru-char:hidden=8)+markov-char", thorne, context)
    first, second, _ = mixture._generators
    assert mixture.specs == ["gru-char:hidden=8", "gru-char:hidden=8", "markov-char"]
    assert not np.allclose(first.log_probs(first.start()), second.log_probs(second.start()))
    assert list(context.stats.details["parts"]) == ["gru-char:hidden=8 #1", "gru-char:hidden=8 #2", "markov-char"]
    again = create(f"mixture:parts={context.stats.chosen['parts']}")
    assert len(again.specs) == 3


def test_the_files_of_copies_are_found_once(tmp_path: Path) -> None:
    path = tmp_path / "part.py"
    path.write_text(next(block for block in python_blocks(README) if "class Unigram" in block), encoding="utf-8")
    spec = Spec.parse(f"mixture:parts=2*{path}+markov-char")
    assert [spec.text[start:stop] for start, stop in file_spans(spec)] == [str(path)]


@pytest.mark.parametrize("copies", [0, 21])
def test_the_number_of_copies_has_limits(copies: int) -> None:
    with pytest.raises(SpecError, match=f"lists a part {copies} times"):
        create(f"mixture:parts={copies}*markov-char+markov-char")
