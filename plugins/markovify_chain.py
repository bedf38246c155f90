"""markovify: the chain of the markovify package, extended so that every string has a probability.

The chain is built by the package (J. Singer-Vine, github.com/jsvine/markovify): the words, split at white space, that
followed the last `state_size` words of a sentence, with their counts. By default the package drops sentences with
quotes or brackets. Differs from markov-word in that counts are not smoothed; instead, an unseen word is spelled:

    p(word) = weight * p_chain(word) + (1 - weight) * p_characters(word)

p_characters is a character chain, to which the chain escapes as in PPM (Cleary & Witten 1984). The weights are fitted
on validation text. The mixture is evaluated letter by letter: followers that continue the letters read so far keep
their counts, the weights of both sides are their posteriors, and the character chain predicts white space.

Samples are what the package can write: whole walks of its chain, one sentence after the other. Where the chain has no
next word (after a prompt), it goes on with any of its words. The probabilities are those above, restricted to these
texts. `Sampling(spelling=True)` lifts the restriction, which top-k resembles: it drops what would otherwise be sampled,
and leaves the scores alone.

Raw text does not mark the beginnings of sentences. So a state has several hypotheses, for 0 to `state_size` words since
the sentence began (the last means "or more"). The forward algorithm of hidden Markov models computes their weights.
With `newline=true` (`markovify.NewlineText`) each line is a sentence, whose beginning is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.ngram import MarkovChar
from genbench_plugins.markovify_links import START, UNKNOWN, WORD_END, Links, train_markovify

from genbench.generator import (
    Generator,
    Learned,
    LogProbs,
    Progress,
    ProgressCallback,
    State,
    Text,
    TrainContext,
    TrainStats,
    ignore,
)
from genbench.tokenization.tokenizer import BYTES, Ids

NO_ROW = -1  # row of a state that is not in the chain
SENTENCE_ENDS, CLOSING = ".!?", "\"'\u2019\u201d)]_"  # the end of a sentence, and what may follow it in the same word
OCCURRENCE_EDGES = (2, 4, 16)  # states that occurred once, 2 to 3, 4 to 15, 16 or more times have different weights
VALIDATION_CHARACTERS = 50_000  # of validation text used to fit the weights
EM_ITERATIONS = 30
PROGRESS_EVERY = 256  # tokens
MIN_SPELLED = 1e-100  # keeps the weight of the characters above zero in very long words


class Hypothesis(NamedTuple):
    """One possible beginning of the sentence: the followers of its state, and its weights."""

    row: int  # the state of the chain, or NO_ROW
    start: int  # followers[start:stop] continue the letters of this word read so far
    stop: int
    chain: float  # probability of the hypothesis and that the chain gives the word
    spelled: float  # probability of the hypothesis and that the character chain spells the word


class MarkovifyState(NamedTuple):
    """The state after some text; the weights of the hypotheses sum to one."""

    characters: State  # of the character chain
    depth: int  # letters of this word read so far; 0 between words
    at_end: bool  # they end like a sentence
    known: tuple[int, int]  # range of the chain's words that begin with these letters
    words: tuple[int, ...]  # the last state_size words
    hypotheses: tuple[Hypothesis, ...]  # that the sentence began 0, 1, ... words ago
    walks: tuple[bool, ...]  # by hypothesis: whether a walk of the chain alone leads to it


@dataclass
class Markovify(Generator):
    """The chain of the markovify package over words, with an escape to a character chain for unseen words."""

    default_sampling: ClassVar[Mapping[str, float]] = {"temperature": 1.0}  # benchmarks/defaults.py

    state_size: int = field(default=2, metadata={"help": "words that the next one depends on"})
    well_formed: bool = field(default=True, metadata={"help": "drop sentences with quotes or brackets, as markovify"})
    newline: bool = field(default=False, metadata={"help": "each line is a sentence, as for markovify's NewlineText"})
    escape_order: int = field(default=5, metadata={"help": "order of the character chain that spells other words"})

    def __post_init__(self) -> None:
        if self.state_size < 1:
            raise ValueError(f"state_size is {self.state_size}, but must be 1 or more")
        self._characters = MarkovChar(order=self.escape_order)

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        # train the character chain, which defines the tokenizer
        context.report(Progress(0.1, note="characters"))
        character_context = context.part("characters", 1.0)
        self._characters.fit(train, Text(""), character_context)
        self.tokenizer = self._characters.tokenizer

        # train the chain of the package
        context.report(Progress(0.3, note="markovify"))
        model = train_markovify(str(train), self.state_size, self.well_formed, self.newline)
        links = Links.from_model(model, self.state_size, self.tokenizer)
        self._set_links(links, [0.5] * (len(OCCURRENCE_EDGES) + 1))

        # fit the weights of both sides
        context.report(Progress(0.6, note="weights"))
        answered = self._fit_weights(valid[:VALIDATION_CHARACTERS])
        self._record(len(str(train).split()), answered, character_context.stats, context)

    def _record(self, words: int, answered: float, characters: TrainStats, context: TrainContext) -> None:
        """Record the statistics; `answered` is the share of validation words that the chain alone could generate."""
        # the notes: how much of the training text the package used, and what the chain alone can generate
        links = self._links
        used = f"{links.counts.sum() / max(words, 1):.0%} of the training words" if links.words else "no sentence"
        notes = [
            f"markovify used {used}",
            f"the bare chain could have written {answered:.0%} of the words of the validation text; its escape to "
            f"characters answers for {1 - answered:.0%}",
        ]

        # the character chain's parameters and notes are included
        context.record(
            parameters=len(links.counts) + int((links.ends > 0).sum()) + (characters.parameters or 0),
            notes=notes + characters.notes,
            answered=round(answered, 4),
            weights=self._weights,
        )

    def _set_links(self, links: Links, weights: list[float]) -> None:
        """Set the chain and the weights, and compute what the predictions look up."""
        self._links, self._weights = links, weights
        self._weight_class = np.searchsorted(OCCURRENCE_EDGES, links.occurrences, side="right")
        self._end_probability = links.ends / np.maximum(links.occurrences, 1)

        # by token: whether it is white space, ends a sentence, or may follow the end in the same word
        letters = self.tokenizer.letters
        is_space = [chr(byte).isspace() and byte < 128 for byte in range(256)]
        self._is_space = np.array([*is_space, *map(str.isspace, letters)])
        self._is_newline = np.array([*(byte == ord("\n") for byte in range(256)), *(c == "\n" for c in letters)])
        self._is_blank = np.array([*(byte == ord(" ") for byte in range(256)), *(c == " " for c in letters)])
        ids = dict(zip(letters, range(BYTES, BYTES + len(letters)), strict=True))
        self._sentence_ends, self._closing = ({ids[m] for m in marks if m in ids} for marks in (SENTENCE_ENDS, CLOSING))
        self._all_words = (0, len(links.words))

        # several methods ask for the same prediction
        self._predict_characters = lru_cache(4096)(self._compute_characters)
        self._advance_characters = lru_cache(1 << 16)(self._characters.advance)

    def _compute_characters(self, state: State) -> tuple[LogProbs, float]:
        """Return the probabilities by the character chain, (vocabulary,), and their sum over white space."""
        probabilities = np.exp(self._characters.log_probs(state))
        return probabilities, float(probabilities[self._is_space].sum())

    @property
    def learns_by_counting(self) -> bool:
        """Whether the chain follows from its text alone, which it does (`capabilities.Counting`)."""
        return True

    def start(self) -> MarkovifyState:
        words = (UNKNOWN,) * self.state_size
        hypotheses = self._open_word(words, [1.0] + [0.0] * self.state_size, False)
        walks = (bool(self._links.words),) + (False,) * self.state_size
        return MarkovifyState(self._characters.start(), 0, False, self._all_words, words, hypotheses, walks)

    def _rows(self, words: tuple[int, ...]) -> list[int]:
        """Return the state of the chain, or NO_ROW, by the number of words since the sentence began."""
        size = self.state_size
        states = [(START,) * (size - count) + words[size - count :] for count in range(size + 1)]
        return [self._links.state_index.get(state, NO_ROW) for state in states]

    def _open_word(self, words: tuple[int, ...], weights: list[float], at_end: bool) -> tuple[Hypothesis, ...]:
        """Return the hypotheses before a new word; `weights` are by the number of words since the sentence began.

        The sentence may have ended: with the chain's probability, or, if the state is not in the chain, with
        probability one if `at_end` (the last word ends like a sentence) and else zero. Where lines are sentences,
        `at_end` alone says whether it has.
        """
        # one step of the forward algorithm: an end of the sentence leads to the hypothesis of no words
        rows = self._rows(words)
        unknown = [self.newline or row == NO_ROW for row in rows]
        ends = [float(at_end if no else self._end_probability[row]) for no, row in zip(unknown, rows, strict=True)]
        shares = [weight * (1 - end) for weight, end in zip(weights, ends, strict=True)]
        shares[0] += sum(weight * end for weight, end in zip(weights, ends, strict=True))
        return tuple(map(self._hypothesis, rows, shares))

    def _hypothesis(self, row: int, share: float) -> Hypothesis:
        """Return the hypothesis for a state of the chain, with its share divided between chain and characters."""
        start, stop = self._links.starts[row : row + 2].tolist() if row != NO_ROW else (0, 0)
        if start == stop:  # the chain has no next word
            return Hypothesis(NO_ROW, 0, 0, 0.0, share)
        weight = self._weights[self._weight_class[row]]
        return Hypothesis(row, start, stop, share * weight, share * (1 - weight))

    def advance(self, state: MarkovifyState, token: int) -> MarkovifyState:
        return self._after(state, token, self._read_token(state, token))

    def _read_token(self, state: MarkovifyState, token: int) -> list[Hypothesis]:
        """Return the hypotheses after a token, not normalized; the sum of their weights is the token's probability."""
        probabilities, space = self._predict_characters(state.characters)
        spelled, depth = float(probabilities[token]), state.depth

        # a letter, at the start of a word or inside it
        if not self._is_space[token]:
            not_space = 1.0 if depth else 1 - space
            return [self._read_letter(h, token, depth, not_space, spelled) for h in state.hypotheses]

        # white space, after a word or after other white space
        if depth:
            return [self._read_letter(h, WORD_END, depth, spelled / space, spelled) for h in state.hypotheses]
        return [Hypothesis(*h[:3], h.chain * spelled, h.spelled * spelled) for h in state.hypotheses]

    def _read_letter(self, hypothesis: Hypothesis, token: int, depth: int, factor: float, spelled: float) -> Hypothesis:
        """Return a hypothesis after the next letter, or the end, of its word.

        The chain's probability of the letter is its share of the followers times `factor`; that of the character chain
        is `spelled`.
        """
        row, start, stop, chain, by_characters = hypothesis
        if not chain:
            return Hypothesis(row, 0, 0, 0.0, by_characters * spelled)

        # keep the followers that continue with this letter
        first, last, share = self._links.narrow(start, stop, token, depth)
        return Hypothesis(row, first, last, chain * share * factor, by_characters * spelled)

    def _after(self, state: MarkovifyState, token: int, weighted: list[Hypothesis]) -> MarkovifyState:
        """Return the state after a token; `weighted` is the result of `_read_token`."""
        characters = self._advance_characters(state.characters, token)
        total = _total(weighted)

        # a letter: normalize the weights
        if not self._is_space[token]:
            shares = [(h.chain / total, max(h.spelled / total, MIN_SPELLED) if h.spelled else 0.0) for h in weighted]
            hypotheses = tuple(Hypothesis(*h[:3], *share) for h, share in zip(weighted, shares, strict=True))
            known = self._links.narrow_words(*state.known, token, state.depth)
            at_end = token in self._sentence_ends or (state.at_end and token in self._closing)
            walks = tuple(walk and h.start < h.stop for walk, h in zip(state.walks, weighted, strict=True))
            return MarkovifyState(characters, state.depth + 1, at_end, known, state.words, hypotheses, walks)

        # white space between words; a line break is where a sentence ends
        newline = bool(self._is_newline[token])
        if not state.depth:
            return self._after_blank(state._replace(characters=characters), newline)

        # the end of a word: the sentence is one word longer; the last two hypotheses merge into "state_size or more"
        weights = [0.0, *((h.chain + h.spelled) / total for h in weighted)]
        weights[-2:] = [weights[-2] + weights[-1]]
        words = self._words_after(state)
        hypotheses = self._open_word(words, weights, newline if self.newline else state.at_end)

        # where no walk of the chain leads here, such as after a prompt, one may begin in any state
        ended, goes_on = self._open_walks(state, words)
        walks = (ended and (newline or not self.newline), *(w and not (newline and ended) for w in goes_on))
        walks = walks if any(walks) else tuple(h.chain > 0 for h in hypotheses)
        return MarkovifyState(characters, 0, False, self._all_words, words, hypotheses, walks)

    def _after_blank(self, state: MarkovifyState, newline: bool) -> MarkovifyState:
        """Return the state before a word after more white space; a line break among it ends a sentence that may end."""
        none = (False,) * self.state_size
        if newline and self.newline:
            hypotheses = self._open_word(state.words, [1.0] + [0.0] * self.state_size, False)
            return state._replace(hypotheses=hypotheses, walks=(hypotheses[0].chain > 0, *none))
        return state._replace(walks=(True, *none)) if newline and state.walks[0] else state

    def _words_after(self, state: MarkovifyState) -> tuple[int, ...]:
        """Return the last state_size words where the word that is being read ends here."""
        word, after = self._links.narrow_words(*state.known, WORD_END, state.depth)
        return (*state.words[1:], word if word < after else UNKNOWN)

    def _open_walks(self, state: MarkovifyState, words: tuple[int, ...]) -> tuple[bool, list[bool]]:
        """Return whether a walk of the chain alone may end with the word that ends here, and which ones may go on.

        The latter are by the number of words since the sentence began, from one on.
        """
        # the walks whose next word is the one that ends here
        walks, depth = [False], state.depth
        for walk, h in zip(state.walks, state.hypotheses, strict=True):
            inside = walk and h.start < h.stop
            first, last = self._links.narrow(h.start, h.stop, WORD_END, depth)[:2] if inside else (0, 0)
            walks.append(first < last)
        walks[-2:] = [walks[-2] or walks[-1]]

        # what the chain knows after them
        links, rows = self._links, self._rows(words)
        ended = any(walk and row != NO_ROW and links.ends[row] > 0 for walk, row in zip(walks, rows, strict=True))
        followers = [row != NO_ROW and bool(links.starts[row] < links.starts[row + 1]) for row in rows]
        return ended, [walk and more for walk, more in zip(walks[1:], followers[1:], strict=True)]

    def log_probs(self, state: MarkovifyState) -> LogProbs:
        probabilities, space = self._predict_characters(state.characters)

        # the chain: next letters and word ends of the followers, summed over the hypotheses
        chain, word_end = np.zeros(len(probabilities)), 0.0
        for h in state.hypotheses:
            if h.chain:
                shares, end = self._links.next_letters(h.start, h.stop, state.depth)
                chain, word_end = chain + h.chain * shares, word_end + h.chain * end

        # add the character chain, which also divides the end of a word among the white-space characters
        spelled = sum(h.spelled for h in state.hypotheses)
        if state.depth:
            return np.asarray(np.log(probabilities * (spelled + self._is_space * (word_end / space)) + chain))
        return np.asarray(np.log(probabilities * np.where(self._is_space, 1.0, spelled) + chain * (1 - space)))

    def known_tokens(self, state: MarkovifyState) -> npt.NDArray[np.bool_]:
        if not self._links.words:  # markovify accepts no sentence of the text
            return np.ones(self.tokenizer.size, bool)

        # the next letters of the followers; where no walk leads on, those of any state, or of all words of the chain
        inside = [h for h, walk in zip(state.hypotheses, state.walks, strict=True) if walk and h.start < h.stop]
        inside = inside or [h for h in state.hypotheses if h.chain]
        ranges = [self._links.followers[h.start : h.stop] for h in inside]
        words = np.concatenate(ranges) if ranges else np.arange(*state.known)
        letters = self._links.letters_at(words, state.depth)

        # white space ends a word, also an unknown one of a prompt
        mask = np.zeros(self.tokenizer.size, bool)
        mask[letters[letters != WORD_END]] = True
        if WORD_END in letters or not len(letters):
            mask |= self._known_white_space(state)
        return mask

    def _known_white_space(self, state: MarkovifyState) -> npt.NDArray[np.bool_]:
        """Return which white space markovify writes after a word, (vocabulary,): a space, or a line break at an end."""
        ended, goes_on = self._open_walks(state, self._words_after(state))
        if not ended and not any(goes_on):  # after an unknown word
            return self._is_space
        mask = np.zeros(self.tokenizer.size, bool)
        mask |= self._is_newline & ended
        mask |= self._is_blank & (any(goes_on) or not self.newline)
        return mask if mask[BYTES:].any() else self._is_space

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        probabilities, state = np.empty(len(ids)), self.start()
        for position, token in enumerate(ids.tolist()):
            weighted = self._read_token(state, token)
            probabilities[position] = _total(weighted)
            state = self._after(state, token, weighted)
            if position % PROGRESS_EVERY == 0:
                progress(position / len(ids))
        return np.asarray(np.log(probabilities))

    def _fit_weights(self, valid: str) -> float:
        """Fit one weight per class of states; return the share of words that the chain alone could generate.

        The text is read once, with all weights at 0.5, so that at the end of a word the weights of a hypothesis are
        proportional to the probabilities of the word by both sides.
        """
        observations, answered, words, state = [(0, 0.5, 0.0)], 0, 0, self.start()
        for token in self.tokenizer.encode(valid).tolist():
            weighted = self._read_token(state, token)
            if state.depth and self._is_space[token]:
                # at the end of a word: (class, posterior of the chain, share of the hypothesis)
                total = _total(weighted)
                sides = [(h.row, h.chain, h.chain + h.spelled) for h in weighted if h.row != NO_ROW]
                observations += [
                    (self._weight_class[row], chain / both, both / total) for row, chain, both in sides if both
                ]
                answered, words = answered + any(h.chain for h in weighted), words + 1
            state = self._after(state, token, weighted)

        # maximize the probability of the words
        self._weights = _maximize(*map(np.array, zip(*observations, strict=True)))
        return answered / max(words, 1)

    def dump(self) -> Learned:
        return {"links": self._links.dump(), "weights": self._weights, "characters": self._characters.dump()}

    def restore(self, learned: Learned) -> None:
        self._characters.restore(learned["characters"])
        self.tokenizer = self._characters.tokenizer
        self._set_links(Links(self.tokenizer, **learned["links"]), learned["weights"])


def _total(hypotheses: list[Hypothesis]) -> float:
    """Return the sum of the weights of some hypotheses."""
    return sum(h.chain + h.spelled for h in hypotheses)


def _maximize(classes: Ids, chain: LogProbs, shares: LogProbs) -> list[float]:
    """Return the weights of the chain by class of states, fitted by expectation maximization.

    All arguments are (observations,): the class, the posterior of the chain at a weight of 0.5, and the share of the
    hypothesis. A prior of half an observation per side keeps the weights away from 0 and 1.
    """
    count = len(OCCURRENCE_EDGES) + 1
    weights, observed = np.full(count, 0.5), np.bincount(classes, shares, count)
    for _ in range(EM_ITERATIONS):
        # expectation: the posterior of the chain; maximization: its mean by class
        joint = chain * weights[classes]
        posterior = shares * joint / (joint + (1 - chain) * (1 - weights[classes]))
        weights = (np.bincount(classes, posterior, count) + 0.5) / (observed + 1)
    return [float(weight) for weight in weights]
