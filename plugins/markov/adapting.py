"""What the chains share of `adaptive=true`: the trained chain's steps, with what was read since put over them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from genbench_plugins.markov.adaptive import Adaptive, fitted

from genbench import Generator, Ids, LogProbs

FOR_FITTING = 100_000  # characters of valid text
NOTE = "it also counts what it reads, the test text too: ranked apart"


class Adapting(Generator):
    """A chain that may also count what it reads; a state is then the trained chain's and the text so far."""

    _adaptive: Adaptive | None = None

    @abstractmethod
    def trained_begin(self) -> Any:
        """`begin` of the trained chain alone."""

    @abstractmethod
    def trained_advance(self, state: Any, token: int) -> Any:
        """`advance` of the trained chain alone."""

    @abstractmethod
    def trained_predict(self, state: Any) -> LogProbs:
        """`predict` of the trained chain alone."""

    @abstractmethod
    def trained_log_probs(self, ids: Ids) -> LogProbs:
        """`token_log_probs` of the trained chain alone."""

    def adapt(self, valid: str, lengths: tuple[int, ...]) -> None:
        """Fit the shares of what is read, for these lengths of context, and say so."""
        ids = self.tokenizer.encode(valid[:FOR_FITTING])
        self._adaptive = fitted(lengths, self._letters(), ids, self.trained_log_probs(ids), self.depths(ids))
        self.facts = {**self.facts, "adaptive": True, "notes": [*self.facts.get("notes", []), NOTE]}

    def _letters(self) -> frozenset[int]:
        """The ids of letters that words are made of."""
        tokenizer = self.tokenizer
        return frozenset(int(tokenizer.encode(each)[0]) for each in tokenizer.letters if each.isalpha())

    def trained(self, state: Any) -> Any:
        """The trained chain's part of a state."""
        return state if self._adaptive is None else state[0]

    def begin(self) -> Any:
        state = self.trained_begin()
        return state if self._adaptive is None else (state, self._adaptive.begin())

    def advance(self, state: Any, token: int) -> Any:
        if self._adaptive is None:
            return self.trained_advance(state, token)
        return self.trained_advance(state[0], token), self._adaptive.advance(state[1], token)

    def predict(self, state: Any) -> LogProbs:
        if self._adaptive is None:
            return self.trained_predict(state)
        return self._adaptive.predict(state[1], self.trained_predict(state[0]), self.depth(state))

    def token_log_probs(self, ids: Ids) -> LogProbs:
        found = self.trained_log_probs(ids)
        return found if self._adaptive is None else self._adaptive.token_log_probs(ids, found, self.depths(ids))

    def dump_adaptive(self) -> dict[str, Any] | None:
        """What `restore_adaptive` takes back."""
        known = self._adaptive
        return None if known is None else {"lengths": list(known.lengths), "shares": known.shares}

    def restore_adaptive(self, learned: dict[str, Any] | None) -> None:
        """Take back what `dump_adaptive` gave."""
        self._adaptive = None
        if learned:
            self._adaptive = Adaptive(tuple(learned["lengths"]), self._letters(), learned["shares"])
