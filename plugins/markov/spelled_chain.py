"""SpelledChain: a word chain that counts each spelled word as one token, and spells it by a character chain.

Without it, the letters of unknown words are tokens of the chain: they are predicted from the two letters before them,
and the word after such a word from its last letter. With w a word, u an unknown one of the letters l1 l2 ..., and h the
words before, each unknown one as the same token:

    p(w | h)  from the word chain,    p(l1 l2 ... END | h) = p(unknown | h) q(l1) q(l2 | l1) ...,    q a `SpellingModel`
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace as replace_fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from genbench_plugins.markov.large_vocabulary import LargeVocabularyChain
from genbench_plugins.markov.spelling import Spelling, SpellingModel
from genbench_plugins.markov.suffix_tree import MISSING, Singles, Small

from genbench.capabilities import BackoffLevel
from genbench.generator import Learned, LogProbs, ProgressCallback, TrainContext, ignore
from genbench.tokenization.tokenizer import Ids, Tokenizer

if TYPE_CHECKING:
    from genbench_plugins.markov.conditioning import ConditionedChain
    from genbench_plugins.markov.spelled_rows import SpelledRows

    from genbench.sampling.constraints.tokens import TokenAutomaton

ROWS_AT_ONCE = 1 << 13  # of which the letters are predicted together, at most
CELLS_AT_ONCE = 1 << 22  # probabilities of letters after rows
PIECES_SHARE = 1e-9  # of all words together where a word is being spelled: no encoding has them there


class WordState(NamedTuple):
    """The state of the word chain, and the word that is being spelled after it."""

    node: int  # of the tree, and the length of the context in tokens
    length: int
    before: str  # the last characters of the token before
    spelling: Spelling | None = None


class SpelledChain(LargeVocabularyChain):
    """A word chain with a `SpellingModel`; it is the base class of chains whose tokenizer spells unknown words."""

    _speller: SpellingModel | None = None

    @property
    @abstractmethod
    def spells_by_characters(self) -> bool:
        """Whether unknown words are spelled by a character chain."""

    def fit_ids(
        self,
        tokenizer: Tokenizer,
        stream: Ids,
        validation: Ids,
        context: TrainContext,
        weights: Small | None = None,
    ) -> None:
        self._speller = None
        self.__dict__.pop("_rows", None)  # of earlier counts
        if self.spells_by_characters:
            self._speller = SpellingModel.train(tokenizer, stream)

            # END stands for a whole word
            pieces = stream >= tokenizer.end_id
            weights = None if weights is None else weights[pieces]
            stream, validation = stream[pieces], validation[validation >= tokenizer.end_id]
        super().fit_ids(tokenizer, stream, validation, context, weights)

    @property
    def _inside_shares(self) -> tuple[float, float]:
        """The probability of bytes, letters and END together inside a word, and of each piece, which none has there."""
        pieces = self.tokenizer.size - self.tokenizer.end_id - 1
        return (1 - PIECES_SHARE, PIECES_SHARE / pieces) if pieces else (1.0, PIECES_SHARE)

    # Steps

    def static_start(self) -> Any:
        if self._speller is None:
            return super().static_start()
        state = WordState(self._tree.root, 0, "")
        for token in self.tokenizer.encode("\n").tolist():
            state = self.static_advance(state, token)
        return state

    def static_advance(self, state: Any, token: int) -> Any:
        if self._speller is None:
            return super().static_advance(state, token)
        node, length, before, spelling = state
        end = self.tokenizer.end_id

        # a letter; a word ends with END, or else before the next word
        if token < end:
            started = spelling or self._speller.start(before)
            return WordState(node, length, before, self._speller.advance(started, token))
        if spelling is not None or token == end:
            node, length = super().static_advance((node, length), end)
            before = "" if spelling is None else spelling.open
        if token > end:
            node, length = super().static_advance((node, length), token)
            before = self.tokenizer.piece(token)
        return WordState(node, length, before)

    def static_log_probs(self, state: Any) -> LogProbs:
        if self._speller is None:
            return super().static_log_probs(state)
        stop = self.tokenizer.end_id + 1

        # inside a word: letters and END; before a word: the letters share what the chain leaves to unknown words
        if state.spelling is not None:
            share, piece = self._inside_shares
            probabilities = np.full(self.tokenizer.size, piece)
            probabilities[:stop] = share * self._speller.probabilities(state.spelling)
        else:
            probabilities = np.exp(super().static_log_probs(state[:2]))
            spelled = self._speller.probabilities(self._speller.start(state.before))
            probabilities[:stop] = probabilities[:stop].sum() * spelled
        return np.asarray(np.log(probabilities))

    def condition(
        self, state: Any, automaton: TokenAutomaton, temperature: float, progress: ProgressCallback = ignore
    ) -> ConditionedChain | None:
        # what the letters share depends on the speller
        return None if self._speller else super().condition(state, automaton, temperature, progress)

    def log_probs_batch(self, states: Sequence[Any], stop: int | None = None) -> Sequence[LogProbs] | LogProbs:
        if self._speller is None:
            return super().log_probs_batch(states, stop)
        return [self.log_probs(state)[:stop] for state in states]

    def advance_batch(self, states: Sequence[Any], tokens: Sequence[int]) -> Sequence[Any]:
        if self._speller is None:
            return super().advance_batch(states, tokens)
        return [self.advance(state, token) for state, token in zip(states, tokens, strict=True)]

    def sample_stream(
        self, state: Any, rng: np.random.Generator, count: int, temperature: float, first_token: int
    ) -> tuple[Ids, Sequence[Any]]:
        if self._speller is None:
            return super().sample_stream(state, rng, count, temperature, first_token)
        return np.empty(0, np.int64), []  # not supported

    def sample_streams(
        self,
        states: Sequence[Any],
        rngs: Sequence[np.random.Generator],
        counts: Sequence[int],
        temperature: float,
        first_token: int,
    ) -> list[tuple[Ids, Sequence[Any]]]:
        if self._speller is None:
            return super().sample_streams(states, rngs, counts, temperature, first_token)
        return [(np.empty(0, np.int64), []) for _ in states]  # not supported

    def quantile_tokens(self, states: Sequence[Any], uniforms: LogProbs, temperature: float) -> Ids:
        if self._speller is None:
            return super().quantile_tokens(states, uniforms, temperature)
        return np.full(len(states), -1)  # not supported

    def backoff_levels(self, state: Any) -> list[BackoffLevel]:
        if self._speller is None:
            return super().backoff_levels(state)
        word = self.static_state(state)
        if word.spelling is not None:
            return []

        # the counts of words
        levels = super().backoff_levels(word[:2] if self._cache is None else (word[:2], None))
        return [_without(level, level.tokens <= self.tokenizer.end_id) for level in levels]

    def context_length(self, state: Any) -> int:
        word = self.static_state(state)
        if self._speller is None or word.spelling is None:
            return int(word[1])
        return int(word.spelling.length)

    # Rows of states

    @cached_property
    def _rows(self) -> SpelledRows:
        from genbench_plugins.markov.spelled_rows import SpelledRows

        assert self._speller is not None
        return SpelledRows(self.tokenizer, self._model, self._speller)

    @property
    def _rows_at_once(self) -> int:
        """The rows whose letters are predicted together: fewer for a script of many letters."""
        return max(1, min(ROWS_AT_ONCE, CELLS_AT_ONCE // (self.tokenizer.end_id + 1)))

    def read_rows(self, ids: Ids, row: Ids | None = None) -> Ids:
        return super().read_rows(ids, row) if self._speller is None else self._rows.read(self._valid_ids(ids), row)

    def group_log_probs(self, rows: Ids, groups: Ids) -> Singles:
        if self._speller is None:
            return super().group_log_probs(rows, groups)
        if len(rows) > self._rows_at_once:
            parts = np.split(rows, range(self._rows_at_once, len(rows), self._rows_at_once))
            return np.concatenate([self.group_log_probs(part, groups) for part in parts])
        stop, groups = self.tokenizer.end_id + 1, np.asarray(groups)
        count, (share, piece) = int(groups.max()) + 1, self._inside_shares

        # bytes, letters and END are one more group of the word chain, the unknown words
        outer = np.concatenate([np.full(stop, count), groups[stop:]])
        log_probs = super().group_log_probs(rows[:, :2], outer)
        unknown, log_probs = log_probs[:, count].astype(np.float64), log_probs[:, :count]

        # inside a word
        inside = self._rows.inside(rows)
        per_group = np.bincount(groups[stop:][groups[stop:] != MISSING], minlength=count)
        log_probs[inside] = np.log(np.maximum(per_group, PIECES_SHARE) * piece)
        unknown[inside] = np.log(share)

        # what the spelling model gives to the groups of letters
        letters = np.flatnonzero(groups[:stop] != MISSING)
        letters = letters[np.argsort(groups[letters], kind="stable")]
        own, first = np.unique(groups[letters], return_index=True)
        if len(own):
            masses = np.log(np.add.reduceat(self._rows.spelled(rows)[:, letters], first, axis=1)) + unknown[:, None]
            log_probs[:, own] = np.logaddexp(log_probs[:, own], masses)
        return log_probs

    def evidence_rows(self, rows: Ids) -> Ids:
        evidence = super().evidence_rows(rows[:, :2])
        if self._speller is not None:
            self._rows.set_evidence(rows, evidence)
        return evidence

    def _rows_before(self, ids: Ids) -> Ids:
        if self._speller is None:
            return super()._rows_before(ids)
        newline = self.tokenizer.encode("\n")
        return self.read_rows(np.concatenate([newline, ids]))[len(newline) : -1]

    # Many tokens at once

    def static_token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        if self._speller is None:
            return super().static_token_log_probs(ids, progress)
        rows, parts = self._rows_before(ids), [np.empty(0)]
        for begin in range(0, len(ids), self._rows_at_once):
            part = slice(begin, begin + self._rows_at_once)
            parts.append(self._score_rows(rows[part], self._valid_ids(ids[part])))
            progress(min(part.stop, len(ids)) / len(ids))
        return np.concatenate(parts)

    def _score_rows(self, rows: Ids, ids: Ids) -> LogProbs:
        """Return the log-probability of one token after each row, (rows,)."""
        from genbench_plugins.markov import kernels

        # pieces: by the word chain; inside a word, no encoding has them
        stop, (share, piece) = self.tokenizer.end_id + 1, self._inside_shares
        inside, spelled = self._rows.inside(rows), np.flatnonzero(ids < stop)
        probabilities = np.empty(len(ids))
        nodes, lengths = rows[:, :2].T.copy()
        kernels.score_states(self._model, nodes, lengths, ids, probabilities)
        probabilities[inside] = piece

        # letters, bytes and END: by the spelling model, for all words that are spelled
        shares = self._rows.spelled_shares(rows[spelled])
        shares[inside[spelled]] = share
        letters = self._rows.spelled(rows[spelled])[np.arange(len(spelled)), ids[spelled]]
        probabilities[spelled] = shares * letters
        return np.asarray(np.log(probabilities))

    def context_lengths(self, ids: Ids) -> Ids:
        return np.array(self.evidence_rows(self._rows_before(ids))[:, 0])

    def dump_counts(self) -> Learned:
        counts = super().dump_counts()
        return counts if self._speller is None else counts | {"spelling": self._speller.dump()}

    def restore_counts(self, learned: Learned) -> None:
        spelling = learned.get("spelling")
        self.__dict__.pop("_rows", None)
        self._speller = SpellingModel.restore(self.tokenizer, spelling) if spelling else None
        super().restore_counts(learned)


def _without(level: BackoffLevel, excluded: Any) -> BackoffLevel:
    """Return a level without some of its tokens, (tokens,)."""
    arrays = {name: getattr(level, name)[~excluded] for name in ("tokens", "counts", "discounts", "probabilities")}
    return replace_fields(level, **arrays)
