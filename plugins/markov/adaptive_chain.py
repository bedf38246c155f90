"""What the chains share of `adaptive=true`: the trained chain's steps, with what was read since put over them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from genbench_plugins.markov.cache_model import Adaptive, fitted

from genbench.generator import Generator, LogProbs, ProgressCallback, Text, ignore
from genbench.tokenization.tokenizer import Ids

FOR_FITTING = 100_000  # characters of valid text
NOTE = "it also counts what it reads, the test text too: ranked apart"


class Adapting(Generator):
    """A chain that may also count what it reads; a state is then the trained chain's and the text so far."""

    _adaptive: Adaptive | None = None
    adaptive: bool

    @property
    def adapts(self) -> bool:
        """Whether the chain counts what it reads: its option `adaptive`."""
        return self.adaptive

    @abstractmethod
    def context_length(self, state: Any) -> int:
        """Return how many tokens of the context were seen together in training."""

    @abstractmethod
    def context_lengths(self, ids: Ids) -> Ids:
        """Return the context length before each token of a stream, (tokens,)."""

    @abstractmethod
    def trained_start(self) -> Any:
        """`start` of the trained chain alone."""

    @abstractmethod
    def trained_advance(self, state: Any, token: int) -> Any:
        """`advance` of the trained chain alone."""

    @abstractmethod
    def trained_log_probs(self, state: Any) -> LogProbs:
        """`log_probs` of the trained chain alone."""

    @abstractmethod
    def trained_token_log_probs(self, ids: Ids) -> LogProbs:
        """`token_log_probs` of the trained chain alone."""

    def adapt(self, valid: str | Text, lengths: tuple[int, ...]) -> None:
        """Fit the shares of what is read, for these lengths of context, for these lengths of context."""
        ids = self.tokenizer.encode(valid[:FOR_FITTING])
        self._adaptive = fitted(
            lengths, self._letters(), ids, self.trained_token_log_probs(ids), self.context_lengths(ids)
        )

    def _letters(self) -> frozenset[int]:
        """The ids of letters that words are made of."""
        tokenizer = self.tokenizer
        return frozenset(int(tokenizer.encode(each)[0]) for each in tokenizer.letters if each.isalpha())

    def trained(self, state: Any) -> Any:
        """The trained chain's part of a state."""
        return state if self._adaptive is None else state[0]

    def start(self) -> Any:
        state = self.trained_start()
        return state if self._adaptive is None else (state, self._adaptive.start())

    def advance(self, state: Any, token: int) -> Any:
        if self._adaptive is None:
            return self.trained_advance(state, token)
        return self.trained_advance(state[0], token), self._adaptive.advance(state[1], token)

    def log_probs(self, state: Any) -> LogProbs:
        if self._adaptive is None:
            return self.trained_log_probs(state)
        return self._adaptive.log_probs(state[1], self.trained_log_probs(state[0]), self.context_length(state))

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        found = self.trained_token_log_probs(ids)
        return (
            found if self._adaptive is None else self._adaptive.token_log_probs(ids, found, self.context_lengths(ids))
        )

    def dump_adaptive(self) -> dict[str, Any] | None:
        """What `restore_adaptive` takes back."""
        known = self._adaptive
        return None if known is None else {"lengths": list(known.lengths), "shares": known.shares}

    def restore_adaptive(self, learned: dict[str, Any] | None) -> None:
        """Take back what `dump_adaptive` gave."""
        self._adaptive = None
        if learned:
            self._adaptive = Adaptive(tuple(learned["lengths"]), self._letters(), learned["shares"])
