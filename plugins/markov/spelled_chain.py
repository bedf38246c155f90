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
from typing import Any, NamedTuple

import numpy as np
from genbench_plugins.markov.large_vocabulary import LargeVocabularyChain
from genbench_plugins.markov.spelling import Spelling, SpellingModel, spelled_text

from genbench.capabilities import BackoffLevel
from genbench.generator import Learned, LogProbs, ProgressCallback, Text, TrainContext, ignore
from genbench.tokenization.tokenizer import Ids, Tokenizer

PIECES_SHARE = 1e-9  # of all words together where a word is being spelled: no encoding has them there


class WordState(NamedTuple):
    """The state of the word chain, and the word that is being spelled after it."""

    node: int  # of the tree, and the length of the context in tokens
    length: int
    before: str  # the last characters of the token before
    spelling: Spelling | None = None


class SpelledChain(LargeVocabularyChain):
    """A word chain with a `SpellingModel`; it is the base class of chains whose tokenizer spells unknown words."""

    _spells = False  # whether the training under way learns to spell by characters
    _speller: SpellingModel | None = None

    @property
    @abstractmethod
    def spells_by_characters(self) -> bool:
        """Whether unknown words are spelled by a character chain."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self._spells = self.spells_by_characters
        try:
            super().fit(train, valid, context)
        finally:
            self._spells = False

    def fit_ids(self, tokenizer: Tokenizer, stream: Ids, validation: Ids, context: TrainContext) -> None:
        """Learn from tokens, (tokens,) each: alone, not as a part of `fit`, it counts letters as tokens.

        So does a network with the option `base`, which has the same tokens.
        """
        self._speller = None
        if self._spells:
            self._speller = SpellingModel.train(tokenizer, stream)

            # END stands for a whole word
            stream, validation = stream[stream >= tokenizer.end_id], validation[validation >= tokenizer.end_id]
        super().fit_ids(tokenizer, stream, validation, context)

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
            probabilities = np.full(self.tokenizer.size, PIECES_SHARE / max(self.tokenizer.size - stop, 1))
            share = 1 - PIECES_SHARE if self.tokenizer.size > stop else 1.0
            probabilities[:stop] = share * self._speller.probabilities(state.spelling)
        else:
            probabilities = np.exp(super().static_log_probs(state[:2]))
            spelled = self._speller.probabilities(self._speller.start(state.before))
            probabilities[:stop] = probabilities[:stop].sum() * spelled
        return np.asarray(np.log(probabilities))

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

    # Many tokens at once

    def static_token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        if self._speller is None:
            return super().static_token_log_probs(ids, progress)
        return self._read_spelled(self._valid_ids(ids))[0]

    def context_lengths(self, ids: Ids) -> Ids:
        return super().context_lengths(ids) if self._speller is None else self._read_spelled(self._valid_ids(ids))[1]

    def _unknown(self, nodes: Ids, lengths: Ids) -> LogProbs:
        """Return the probability that the next word is spelled, after states of the word chain, (states,)."""
        from genbench_plugins.markov import kernels

        probabilities, shares = np.empty((1, self.tokenizer.end_id + 1)), np.empty(len(nodes))
        for place in range(len(nodes)):
            kernels.fill_distributions(self._model, nodes[[place]], lengths[[place]], probabilities)
            shares[place] = probabilities.sum()
        return shares

    def _read_spelled(self, ids: Ids) -> tuple[LogProbs, Ids]:
        """Return log-probability and context length of each token of a stream, (tokens,) each."""
        end = self.tokenizer.end_id

        # a spelled word that the stream does not end has its END before the next word
        missing = np.flatnonzero((ids[1:] > end) & (ids[:-1] < end)) + 1
        stream = np.insert(ids, missing, end)
        own = np.insert(np.ones(len(ids), bool), missing, False)

        # the words by the chain, END for each spelled one; then one state more, for letters at the end
        counted = np.flatnonzero(stream >= end)
        words = np.append(stream[counted], end)
        nodes, lengths, word_log_probs = self._read_words(words)
        places = np.concatenate([[0], np.cumsum(stream >= end)])[: len(stream)]  # of each token among the words
        log_probs, context = np.empty(len(stream)), lengths[places]
        log_probs[counted] = word_log_probs[:-1]

        # the letters, and words where a spelled one has no END
        self._read_letters(stream, nodes[places], lengths[places], log_probs, context)
        unended = missing + np.arange(len(missing)) + 1
        log_probs[unended] = np.log(PIECES_SHARE / max(self.tokenizer.size - end - 1, 1))
        context[unended] = context[unended - 1]
        return log_probs[own], context[own]

    def _read_letters(self, stream: Ids, nodes: Ids, lengths: Ids, log_probs: LogProbs, context: Ids) -> None:
        """Set log-probability and context length of the letters of a stream and of END, (tokens,) each.

        `nodes` and `lengths` are the states of the word chain before each token.
        """
        assert self._speller is not None
        end, inside = (
            self.tokenizer.end_id,
            np.log1p(-PIECES_SHARE if self.tokenizer.size > self.tokenizer.end_id + 1 else 0),
        )
        starts = np.flatnonzero((stream <= end) & (np.concatenate([[end], stream[:-1]]) >= end))
        unknown = np.log(self._unknown(nodes[starts], lengths[starts]))
        before, place = self.static_start().before, 0
        for start, share in zip(starts.tolist(), unknown.tolist(), strict=True):
            if start > place:  # a piece stands between two spelled words
                before = self.tokenizer.piece(int(stream[start - 1]))
            state, place, token = self._speller.start(before), start, -1

            # up to END, or to the end of the stream
            while place < len(stream) and token != end:
                token = int(stream[place])
                log_probs[place] = np.log(self._speller.probabilities(state)[token]) + (
                    share if place == start else inside
                )
                if place > start:
                    context[place] = state.length
                place += 1
                state = state if token == end else self._speller.advance(state, token)
            before = spelled_text(self.tokenizer, stream[start : place - 1])

    def _read_words(self, words: Ids) -> tuple[Ids, Ids, LogProbs]:
        """Return nodes, lengths and log-probabilities of the word chain's tokens, (tokens,) each."""
        from genbench_plugins.markov import kernels

        nodes, lengths, probabilities = (
            np.empty(len(words), np.int64),
            np.empty(len(words), np.int64),
            np.empty(len(words)),
        )
        node, length = self.static_start()[:2]
        kernels.read_states(self._model, node, length, words, nodes, lengths)
        kernels.score(self._model, node, length, words, probabilities)
        return nodes, lengths, np.asarray(np.log(probabilities))

    def dump_counts(self) -> Learned:
        counts = super().dump_counts()
        return counts if self._speller is None else counts | {"spelling": self._speller.dump()}

    def restore_counts(self, learned: Learned) -> None:
        spelling = learned.get("spelling")
        self._speller = SpellingModel.restore(self.tokenizer, spelling) if spelling else None
        super().restore_counts(learned)


def _without(level: BackoffLevel, excluded: Any) -> BackoffLevel:
    """Return a level without some of its tokens, (tokens,)."""
    arrays = {name: getattr(level, name)[~excluded] for name in ("tokens", "counts", "discounts", "probabilities")}
    return replace_fields(level, **arrays)
