"""Each check of the conformance kit catches a generator broken for it, and passes the good one."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from doubles import Unigram

from genbench import ContractError, Ids, LogProbs, Tokenizer, TrainContext
from genbench.testing import CHECKS, Subject, parametrize_with_checks, results


class Untaught(Unigram):
    """Has no tokenizer after fit."""

    def fit(self, train: str, valid: str, context: TrainContext) -> None: ...


class Lossy(Unigram):
    def fit(self, train: str, valid: str, context: TrainContext) -> None:
        super().fit(train, valid, context)
        self.tokenizer.spans = lambda text: Tokenizer.spans(self.tokenizer, text.lower())  # type: ignore[method-assign]


class TooMuch(Unigram):
    def log_probs(self, state: Any) -> LogProbs:
        return self.table + np.log(1.3)


class Infinite(Unigram):
    """Gives what it never saw no probability."""

    def token_log_probs(self, ids: Ids) -> LogProbs:
        return np.where(ids < 256, -np.inf, self.table[ids])


class Disagrees(Unigram):
    def token_log_probs(self, ids: Ids) -> LogProbs:
        return self.table[ids] - 0.01


class CountsTwice(Unigram):
    """Reports the probability of half of the text."""

    def token_log_probs(self, ids: Ids) -> LogProbs:
        return self.table[ids] / 2


class Mutable(Unigram):
    """Changes its state in place."""

    def start(self) -> Any:
        return Counter()

    def advance(self, state: Any, token: int) -> Any:
        state[token] += 1
        return state

    def log_probs(self, state: Any) -> LogProbs:
        weights = np.exp(self.table)
        for token, number in state.items():
            weights[token] += number
        return np.log(weights / weights.sum())


class Global(Unigram):
    """Draws with a random generator of its own."""

    def token_log_probs(self, ids: Ids) -> LogProbs:
        return self.table[ids]

    def log_probs(self, state: Any) -> LogProbs:
        noise = self.table + np.random.default_rng().normal(size=len(self.table))
        return noise - np.logaddexp.reduce(noise)


class Unseeded(Unigram):
    """Stirs the global random state while it learns."""

    def fit(self, train: str, valid: str, context: TrainContext) -> None:
        super().fit(train, valid, context)
        np.random.seed(0)


class Rounded(Unigram):
    def dump(self) -> dict[str, Any]:
        return {"table": self.table.astype(np.float16)}


class Remembers(Unigram):
    """Adds up the texts of all its fits."""

    def fit(self, train: str, valid: str, context: TrainContext) -> None:
        self.read = getattr(self, "read", "") + train
        super().fit(self.read, valid, context)


class Peeks(Unigram):
    """Counts the valid text too."""

    def fit(self, train: str, valid: str, context: TrainContext) -> None:
        super().fit(train + valid * 50, valid, context)


class DrawsOtherwise(Unigram):
    """Draws all tokens alike, whatever it predicts."""

    def quantile_tokens(self, states: Sequence[Any], uniforms: LogProbs, temperature: float) -> Ids:
        return np.asarray((uniforms * len(self.table)).astype(np.int64))


class DrawsAsItPredicts(Unigram):
    """Tokens side by side in their order."""

    def quantile_tokens(self, states: Sequence[Any], uniforms: LogProbs, temperature: float) -> Ids:
        ladder = np.cumsum(np.exp(self.table / temperature))
        return np.searchsorted(ladder, uniforms * ladder[-1], side="right")


class Useless(Unigram):
    def fit(self, train: str, valid: str, context: TrainContext) -> None:
        super().fit(train, valid, context)
        weights = 1 / np.exp(self.table)
        self.table = np.log(weights / weights.sum())


BROKEN = {
    "learns": Untaught,
    "lossless_round_trip": Lossy,
    "sums_to_one": TooMuch,
    "finite_bits_for_any_text": Infinite,
    "batch_equals_steps": Disagrees,
    "no_text_counted_twice": CountsTwice,
    "states_are_values": Mutable,
    "same_seed_same_text": Global,
    "drawn_as_predicted": DrawsOtherwise,
    "fit_is_reproducible": Unseeded,
    "save_load_keeps_every_bit": Rounded,
    "refit_forgets": Remembers,
    "counts_ignore_valid": Peeks,
    "beats_uniform": Useless,
}


def test_every_check_has_its_broken_generator() -> None:
    assert set(BROKEN) == set(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_a_good_generator_passes(check: str) -> None:
    CHECKS[check](Subject(Unigram))


def test_a_generator_that_draws_by_itself_as_it_predicts_passes() -> None:
    CHECKS["drawn_as_predicted"](Subject(DrawsAsItPredicts))


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_catches_what_it_is_for(check: str) -> None:
    with pytest.raises(AssertionError) as caught:
        CHECKS[check](Subject(BROKEN[check]))
    assert str(caught.value)


class WrongAfterE(Unigram):
    """Its batch is wrong at one token in one context."""

    def token_log_probs(self, ids: Ids) -> LogProbs:
        h, e = self.tokenizer.encode("he").tolist()
        wrong = (ids == e) & (np.roll(ids, 1) == h) & (np.arange(len(ids)) > 0)
        return np.where(wrong, -1.0, self.table[ids])


def test_an_example_is_the_smallest_and_says_context_token_expected_and_got() -> None:
    subject = Subject(WrongAfterE)
    with pytest.raises(AssertionError) as caught:
        CHECKS["batch_equals_steps"](subject)
    token = int(subject.fitted.tokenizer.encode("e")[0])
    expected = subject.fitted.log_probs[token]  # type: ignore[attr-defined]
    assert str(caught.value) == f"after 'h', token {token} ('e'): {expected:.7g} nats expected, -1 got"


def test_two_generators_are_told_apart_at_the_first_token_that_differs() -> None:
    with pytest.raises(AssertionError, match=r"after '', token \d+ \('.'\): -\S+ nats expected, -\S+ got"):
        CHECKS["save_load_keeps_every_bit"](Subject(Rounded))


class Crashes(Unigram):
    def fit(self, train: str, valid: str, context: TrainContext) -> None:
        raise KeyError("counts")


def test_what_cannot_learn_is_checked_no_further_and_says_the_line() -> None:
    (found,) = results(Subject(Crashes))
    assert (found.check, found.outcome) == ("learns", "fails")
    assert found.example.startswith("KeyError: 'counts' (test_testing.py, line ")


class Declares(Unseeded):
    expected_failures: ClassVar = {"fit_is_reproducible": "the library that it calls has a global state"}


class DeclaresTooMuch(Unigram):
    expected_failures: ClassVar = {"sums_to_one": "it was so once"}


def test_a_declared_failure_is_expected_and_one_that_is_none_fails() -> None:
    found = {each.check: each for each in results(Subject(Declares))}
    assert (found["fit_is_reproducible"].outcome, found["fit_is_reproducible"].do) == (
        "expected",
        "the library that it calls has a global state",
    )
    assert {each.outcome for name, each in found.items() if name != "fit_is_reproducible"} == {"holds"}
    failing = [each for each in results(Subject(DeclaresTooMuch)) if each.outcome == "fails"]
    assert [each.check for each in failing] == ["sums_to_one"]


@pytest.mark.parametrize(
    ("declared", "says"), [({"sums_to_on": "x"}, "did you mean sums_to_one"), ({"learns": " "}, "no reason")]
)
def test_a_declaration_names_a_check_and_a_reason(
    declared: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unigram, "expected_failures", declared)
    with pytest.raises(ContractError, match=says):
        list(results(Subject(Unigram)))


@parametrize_with_checks(Declares)
def test_parametrize_marks_what_is_declared(subject: Subject, check: Any) -> None:
    check(subject)


def test_every_check_says_what_to_do() -> None:
    for check in CHECKS.values():
        says, _, do = (check.__doc__ or "").partition("\n\n")
        assert says
        assert do.strip()
