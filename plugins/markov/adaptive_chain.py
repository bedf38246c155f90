"""AdaptiveChain: base class of the chains with the option `adaptive`, which adds a cache model to a trained chain."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from genbench_plugins.markov.cache_model import CacheModel, fit_cache

from genbench.generator import Generator, Learned, LogProbs, ProgressCallback, Text, ignore
from genbench.tokenization.segmentation import is_mark
from genbench.tokenization.tokenizer import Ids

VALIDATION_CHARACTERS = 100_000  # of validation text used to fit the shares
ADAPTIVE_NOTE = "adaptive: it also learns from the test text while reading it, and is ranked apart"


class AdaptiveChain(Generator):
    """A chain that can also count the text it reads (Kuhn & De Mori 1990).

    A subclass implements the `static_` methods, which are the contract's methods for the trained chain alone. With
    `adaptive`, a state is a pair: the static state and the state of the cache model. Without it, a state is the static
    state.
    """

    adaptive: bool
    _cache: CacheModel | None = None

    @property
    def adapts(self) -> bool:
        """Whether the chain learns from the text it reads, which is its option `adaptive` (`capabilities.Adaptive`)."""
        return self.adaptive

    @property
    def learns_by_counting(self) -> bool:
        """Whether the chain follows from its text alone, which it does (`capabilities.Counting`)."""
        return True

    @abstractmethod
    def context_length(self, state: Any) -> int:
        """Return the number of tokens at the end of the context that occurred together in the training text."""

    @abstractmethod
    def context_lengths(self, ids: Ids) -> Ids:
        """Return the context length before every token of a stream, (tokens,)."""

    @abstractmethod
    def static_start(self) -> Any:
        """Return `start` of the trained chain."""

    @abstractmethod
    def static_advance(self, state: Any, token: int) -> Any:
        """Return `advance` of the trained chain."""

    @abstractmethod
    def static_log_probs(self, state: Any) -> LogProbs:
        """Return `log_probs` of the trained chain, (vocabulary,)."""

    @abstractmethod
    def static_token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        """Return `token_log_probs` of the trained chain, (tokens,)."""

    def add_cache(self, valid: str | Text, lengths: tuple[int, ...]) -> None:
        """Fit a cache model with these context lengths, in tokens, on validation text."""
        # score the text with the trained chain alone, and fit the shares to its predictions
        ids = self.tokenizer.encode(valid[:VALIDATION_CHARACTERS])
        static, known_lengths = self.static_token_log_probs(ids), self.context_lengths(ids)
        self._cache = fit_cache(lengths, self._letters(), ids, static, known_lengths)

    def _letters(self) -> frozenset[int]:
        """Return the token ids of letters, which form the words of the context length CURRENT_WORD."""
        tokenizer = self.tokenizer
        return frozenset(
            int(tokenizer.encode(letter)[0]) for letter in tokenizer.letters if letter.isalpha() or is_mark(letter)
        )

    def static_state(self, state: Any) -> Any:
        """Return the part of a state that belongs to the trained chain."""
        return state if self._cache is None else state[0]

    def start(self) -> Any:
        state = self.static_start()
        return state if self._cache is None else (state, self._cache.start())

    def advance(self, state: Any, token: int) -> Any:
        if self._cache is None:
            return self.static_advance(state, token)
        return self.static_advance(state[0], token), self._cache.advance(state[1], token)

    def log_probs(self, state: Any) -> LogProbs:
        if self._cache is None:
            return self.static_log_probs(state)
        return self._cache.log_probs(state[1], self.static_log_probs(state[0]), self.context_length(state))

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        static = self.static_token_log_probs(ids, progress)
        if self._cache is None:
            return static
        return self._cache.token_log_probs(ids, static, self.context_lengths(ids))

    def dump_cache(self) -> Learned | None:
        """Return the cache model for `restore_cache`, or None."""
        cache = self._cache
        return None if cache is None else {"lengths": list(cache.lengths), "shares": cache.shares}

    def restore_cache(self, learned: Learned | None) -> None:
        """Restore the cache model from the value of `dump_cache`; the tokenizer must be set."""
        self._cache = None
        if learned:
            self._cache = CacheModel(tuple(learned["lengths"]), self._letters(), learned["shares"])
