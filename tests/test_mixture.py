"""The mixture: weights by hand, parts at tokens and at characters, budgets, and refusals."""

import numpy as np
import pytest
from genbench_plugins.mixture import Mixture, fitted, split

import genbench
from genbench import Run, SpecError, score
from genbench.generator import Progress

CHARACTERS = "(markov-char:order=2)+(markov-char:order=5)"


@pytest.fixture(scope="module")
def thorne() -> genbench.Corpus:
    return genbench.corpus("thorne")


def fit(parts: str, corpus: genbench.Corpus, run: Run | None = None) -> Mixture:
    mixture = Mixture(parts)
    mixture.fit(corpus.train, corpus.valid, run or Run(steps=20))
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
    runs: list[Run] = []

    def part(self: Run, name: str, share: float) -> Run:
        runs.append(given(self, name, share))
        return runs[-1]

    given = Run.part
    monkeypatch.setattr(Run, "part", part)
    said: list[Progress] = []
    fit(CHARACTERS, thorne, Run(seed=3, budget=20.0, reporter=said.append))
    budgets = [run.budget for run in runs]
    assert budgets[0] is not None
    assert budgets[1] is not None
    assert budgets[0] <= 10 < budgets[1] < 20  # a chain leaves most of its share to the part after it
    assert len({run.seed for run in runs} | {3}) == 3
    assert any("2 markov-char:order=5" in progress.note for progress in said)


def test_steps_are_shared_out(thorne: genbench.Corpus) -> None:
    mixture = fit("(gru-char:hidden=8)+(lstm-char:hidden=8)", thorne, Run(steps=40))
    assert [part["steps"] for part in mixture.facts["parts"].values()] == [17, 17]


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
    mixture.fit(thorne.train, thorne.valid, Run())
    assert set(mixture.facts["weights"]) == {f"{path}:smoothing=0.1", "markov-char"}
