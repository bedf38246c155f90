"""The mixture: weights by hand, parts at tokens and at characters, budgets, and refusals."""

import numpy as np
import pytest
from genbench_plugins.mixture import Mixture, fitted, split
from genbench_plugins.online_weights import begun, best_rate, read

import genbench
from genbench import SpecError, TrainContext, score
from genbench.generator import Progress

CHARACTERS = "(markov-char:order=2)+(markov-char:order=5)"


@pytest.fixture(scope="module")
def thorne() -> genbench.Corpus:
    return genbench.corpus("thorne")


def fit(parts: str, corpus: genbench.Corpus, context: TrainContext | None = None) -> Mixture:
    mixture = Mixture(parts)
    mixture.fit(corpus.train, corpus.valid, context or TrainContext(steps=20))
    return mixture


def test_the_weights_are_those_of_greatest_likelihood() -> None:
    one, two = np.array([0.9, 0.9, 0.9, 0.1]), np.array([0.2, 0.2, 0.2, 0.8])
    found = fitted(np.log([one, two]), np.array([0.5, 0.5]), 0.0)
    grid = np.linspace(0.001, 0.999, 999)
    best = grid[np.argmax([np.log(w * one + (1 - w) * two).sum() for w in grid])]
    assert found[0] == pytest.approx(best, abs=0.02)
    assert found.sum() == pytest.approx(1)


def test_rare_contexts_lean_on_the_weights_of_all() -> None:
    start = np.array([0.7, 0.3])
    once = fitted(np.log([[0.9], [0.1]]), start, 30.0)
    assert abs(once[0] - 0.7) < 0.05


def test_a_mixture_is_the_weighted_mean_of_its_parts(thorne: genbench.Corpus) -> None:
    mixture = fit(CHARACTERS, thorne)
    ids = mixture.tokenizer.encode(thorne.test[:300])
    parts = np.exp([part.token_log_probs(ids) for part in mixture._generators])
    mixed = np.exp(mixture.token_log_probs(ids))
    assert (mixed <= parts.max(axis=0) + 1e-12).all()
    assert (mixed >= parts.min(axis=0) - 1e-12).all()


def test_it_predicts_better_than_each_part(thorne: genbench.Corpus) -> None:
    for parts in ("(markov-char:order=4)+markov-char", "markov-char+markov-word"):
        mixture = fit(parts, thorne)
        alone = [score(part, thorne.test).bits_per_character for part in mixture._generators]
        assert score(mixture, thorne.test).bits_per_character < min(alone)


def test_parts_that_cut_alike_are_mixed_at_their_tokens(thorne: genbench.Corpus) -> None:
    assert fit("markov-word+(markov-word:order=2)", thorne).tokenizer.kind == "words"
    assert fit("markov-word+(markov-word:min_count=3)", thorne).tokenizer.kind == "characters"
    assert fit("markov-char+markov-word", thorne).tokenizer.kind == "characters"


def test_parts_have_shares_of_the_budget_and_seeds_of_their_own(
    thorne: genbench.Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[TrainContext] = []

    def part(self: TrainContext, name: str, share: float) -> TrainContext:
        runs.append(given(self, name, share))
        return runs[-1]

    given = TrainContext.part
    monkeypatch.setattr(TrainContext, "part", part)
    said: list[Progress] = []
    fit(CHARACTERS, thorne, TrainContext(seed=3, budget=20.0, on_progress=said.append))
    budgets = [context.budget for context in runs]
    assert budgets[0] is not None
    assert budgets[1] is not None
    assert budgets[0] <= 10 < budgets[1] < 20  # a chain leaves most of its share to the part after it
    assert len({context.seed for context in runs} | {3}) == 3
    assert any("2 markov-char:order=5" in progress.note for progress in said)


def test_steps_are_shared_out(thorne: genbench.Corpus) -> None:
    mixture = fit("(gru-char:hidden=8)+(lstm-char:hidden=8)", thorne, TrainContext(steps=40))
    assert [part["steps"] for part in mixture.facts["parts"].values()] == [17, 17]


def test_shares_split_the_budget(thorne: genbench.Corpus) -> None:
    mixture = Mixture("(gru-char:hidden=8)+(lstm-char:hidden=8)", shares="1+3")
    mixture.fit(thorne.train, thorne.valid, TrainContext(steps=40))
    steps = [part["steps"] for part in mixture.facts["parts"].values()]
    assert steps == [8, 26]  # of the 34 that the weights leave


@pytest.mark.parametrize("shares", ["1", "1+2+3", "1+0", "1+x", "-1+2"])
def test_shares_that_do_not_fit_the_parts_are_refused(shares: str) -> None:
    with pytest.raises(SpecError, match="2 numbers above 0"):
        genbench.make(f"mixture:parts=markov-char+markov-word,shares={shares}")


@pytest.mark.parametrize("parts", [CHARACTERS, "markov-char+markov-word", "markov-word+(markov-word:order=2)"])
def test_weights_that_follow_the_text(thorne: genbench.Corpus, parts: str) -> None:
    mixture = Mixture(parts, adaptive=True)
    mixture.fit(thorne.train, thorne.valid, TrainContext())
    mixture._rate = 0.05
    assert mixture.facts["adaptive"]
    ids, state = mixture.tokenizer.encode(thorne.test[:150]), mixture.start()
    for token, right in zip(ids.tolist(), mixture.token_log_probs(ids), strict=True):
        predicted = mixture.log_probs(state)
        assert np.exp(predicted).sum() == pytest.approx(1)
        assert predicted[token] == pytest.approx(right, abs=1e-9)
        mixture.advance(mixture.advance(state, int(ids[0])), int(ids[1]))  # a branch, which must not disturb it
        state = mixture.advance(state, token)


def test_weights_move_to_the_part_that_is_right() -> None:
    # one part says .9 of each token, the other .1; both kinds of context lean on the wrong one at first
    logits, said = begun(np.log([[0.1, 0.9], [0.2, 0.8]])), np.log(np.full((2, 400), [[0.9], [0.1]]))
    kinds = np.arange(400) % 2
    still, following = (read(logits, kinds, said, rate) for rate in (0.0, 0.05))
    assert np.exp(still[:2]).tolist() == pytest.approx([0.18, 0.26])  # by hand: .1 * .9 + .9 * .1
    assert np.exp(following[:1]).tolist() == pytest.approx([0.18])
    assert np.exp(following[-1]) > 0.85
    assert best_rate(logits, kinds, said) > 0


@pytest.mark.parametrize(
    "parts", ["markov-char", "", "markov-char+", "markov-char+nothing", "markov-char+(markov-char:order=x)"]
)
def test_parts_that_cannot_be_had_are_refused_before_any_work(parts: str) -> None:
    with pytest.raises(SpecError, match=r"parts|nothing|order|names no generator|SPEC"):
        genbench.make(f"mixture:parts=({parts})" if parts else "mixture:parts=()")


def test_mixtures_nest() -> None:
    assert split("(mixture:parts=(a)+(b:c=1))+d") == ["mixture:parts=(a)+(b:c=1)", "d"]


def test_a_part_may_be_a_file(thorne: genbench.Corpus, tmp_path: object) -> None:
    from pathlib import Path

    from test_readme import README, python_blocks

    path = Path(str(tmp_path)) / "unigram.py"
    path.write_text(python_blocks(README)[0], encoding="utf-8")
    mixture = genbench.make(f"mixture:parts=({path}:smoothing=0.1)+markov-char")
    mixture.fit(thorne.train, thorne.valid, TrainContext())
    assert set(mixture.facts["weights"]) == {f"{path}:smoothing=0.1", "markov-char"}
