"""Each check of the conformance kit catches a generator broken for it, and passes the good one."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from doubles import Unigram

from genbench import Ids, LogProbs, Run, Tokenizer
from genbench.testing import CHECKS, Subject


class Lossy(Unigram):
    def fit(self, train: str, valid: str, run: Run) -> None:
        super().fit(train, valid, run)
        self.tokenizer.spans = lambda text: Tokenizer.spans(self.tokenizer, text.lower())  # type: ignore[method-assign]


class TooMuch(Unigram):
    def predict(self, state: Any) -> LogProbs:
        return self.log_probs + np.log(1.3)


class Infinite(Unigram):
    """Gives what it never saw no probability."""

    def token_log_probs(self, ids: Ids) -> LogProbs:
        return np.where(ids < 256, -np.inf, self.log_probs[ids])


class Disagrees(Unigram):
    def token_log_probs(self, ids: Ids) -> LogProbs:
        return self.log_probs[ids] - 0.01


class CountsTwice(Unigram):
    """Reports the probability of half of the text."""

    def token_log_probs(self, ids: Ids) -> LogProbs:
        return self.log_probs[ids] / 2


class Mutable(Unigram):
    """Changes its state in place."""

    def begin(self) -> Any:
        return Counter()

    def advance(self, state: Any, token: int) -> Any:
        state[token] += 1
        return state

    def predict(self, state: Any) -> LogProbs:
        weights = np.exp(self.log_probs)
        for token, number in state.items():
            weights[token] += number
        return np.log(weights / weights.sum())


class Global(Unigram):
    """Draws with a random generator of its own."""

    def token_log_probs(self, ids: Ids) -> LogProbs:
        return self.log_probs[ids]

    def predict(self, state: Any) -> LogProbs:
        noise = self.log_probs + np.random.default_rng().normal(size=len(self.log_probs))
        return noise - np.logaddexp.reduce(noise)


class Unseeded(Unigram):
    """Stirs the global random state while it learns."""

    def fit(self, train: str, valid: str, run: Run) -> None:
        super().fit(train, valid, run)
        np.random.seed(0)


class Rounded(Unigram):
    def dump(self) -> dict[str, Any]:
        return {"log_probs": self.log_probs.astype(np.float16)}


class Remembers(Unigram):
    """Adds up the texts of all its fits."""

    def fit(self, train: str, valid: str, run: Run) -> None:
        self.read = getattr(self, "read", "") + train
        super().fit(self.read, valid, run)


class Peeks(Unigram):
    """Counts the valid text too."""

    def fit(self, train: str, valid: str, run: Run) -> None:
        super().fit(train + valid * 50, valid, run)


class Useless(Unigram):
    def fit(self, train: str, valid: str, run: Run) -> None:
        super().fit(train, valid, run)
        weights = 1 / np.exp(self.log_probs)
        self.log_probs = np.log(weights / weights.sum())


BROKEN = {
    "lossless_round_trip": Lossy,
    "sums_to_one": TooMuch,
    "finite_bits_for_any_text": Infinite,
    "batch_equals_steps": Disagrees,
    "no_text_counted_twice": CountsTwice,
    "states_are_values": Mutable,
    "same_seed_same_text": Global,
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


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_catches_what_it_is_for(check: str) -> None:
    with pytest.raises(AssertionError) as caught:
        CHECKS[check](Subject(BROKEN[check]))
    assert str(caught.value)
