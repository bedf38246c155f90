"""One decoding step: sample the next token of one text, or of each text of a batch.

The parameters are applied in this order: spelling (words that would be spelled are dropped), repetition penalty (see
`repetition`), temperature, top-k (Fan et al. 2018), top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024). All
texts of a step are predicted together; each is sampled with its own random generator, so that a text does not depend
on the others of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genbench import capabilities
from genbench.errors import ContractError, UserError
from genbench.generator import Generator, LogProbs, State
from genbench.sampling.canonical import EncodingRules, canonical_rules
from genbench.sampling.completion import completion_log_probs
from genbench.sampling.parameters import Sampling
from genbench.sampling.repetition import Repetitions
from genbench.tokenization.tokenizer import Decoder

MAX_TOKENS_PER_CHARACTER = 8  # a generator that needs more would never finish a text
MAX_REJECTIONS = 20  # of tokens sampled by quantile, before the whole distribution is computed
MIN_QUANTILE_TEMPERATURE = 0.3  # below, cumulative sums of powers lose the digits of small probabilities
CHARACTERS_PER_TOKEN = 3  # of words and their parts, to estimate how many tokens a text needs
GRACE_CHARACTERS = 100  # added to the characters generated, so that the limit does not apply to the first tokens


@dataclass
class DecodingState:
    """The state of a text that is being generated: everything that its next token depends on."""

    generator: Generator
    sampling: Sampling
    rng: np.random.Generator
    states: Sequence[State]  # of all texts that were advanced together
    row: int  # of this text's state in `states`
    decoder: Decoder
    prompt_rest: str  # the end of the prompt, with which the next tokens must agree
    repetitions: Repetitions  # the prompt, and with a repetition penalty the text
    first_token: int  # the first token that may be sampled; the fallback bytes come before it
    rules: EncodingRules | None  # of the canonical encoding; None for tokens that are characters
    spells: bool = True  # whether words that the generator does not know may be spelled
    tokens: int = 0
    characters: int = 0

    @classmethod
    def after_prompt(
        cls, generator: Generator, prompt: str, sampling: Sampling, rng: np.random.Generator
    ) -> DecodingState:
        """Return the state after reading a prompt. Raises UserError for spelling=False without known words."""
        sampling = sampling.with_defaults(generator.default_sampling)

        # read the complete pieces of the prompt
        ids, rest = generator.tokenizer.split_prompt(prompt)
        state, decoder, repetitions = generator.start(), Decoder(generator.tokenizer), Repetitions()
        for token in ids.tolist():
            state = generator.advance(state, token)
            repetitions.add(token, decoder.feed(token))

        # the fallback bytes are the first ids, so a slice excludes them
        first_token = int(generator.tokenizer.sampling_mask().argmax())
        rules, spells = canonical_rules(generator.tokenizer), may_spell(generator, sampling)
        return cls(generator, sampling, rng, [state], 0, decoder, rest, repetitions, first_token, rules, spells)

    @property
    def state(self) -> State:
        """The generator's state of this text."""
        return self.states[self.row]

    def copy(self, sampling: Sampling | None = None, rng: np.random.Generator | None = None) -> DecodingState:
        """Return a copy, with other sampling parameters or another random generator if given.

        Do not call it while a character is incomplete. Without `rng`, both share one random generator.
        """
        other = object.__new__(DecodingState)
        other.__dict__ |= self.__dict__  # faster than dataclasses.replace; max_overlap copies after each word

        # what changes with each token must not be shared
        other.states, other.row, other.decoder = [self.state], 0, self.decoder.copy()
        other.repetitions = self.repetitions.copy()
        if sampling is not None:
            other.sampling = sampling.with_defaults(self.generator.default_sampling)
            other.spells = may_spell(self.generator, sampling)
        other.rng = rng or self.rng
        return other

    @property
    def temperature(self) -> float:
        """The temperature: that of the generator where none was given."""
        assert self.sampling.temperature is not None
        return self.sampling.temperature

    @property
    def needs_adjustment(self) -> bool:
        """Whether the next token depends on more than the generator's state and the canonical encoding."""
        return bool(self.prompt_rest) or self.sampling.repetition_penalty != 1 or not self.spells

    def allows(self, token: int) -> bool:
        """Return whether the token may be sampled: no fallback byte, and one that a canonical encoding can have."""
        return token >= self.first_token and (self.rules is None or self.rules.allows(self.decoder, token))

    def adjust(self, log_probs: LogProbs) -> None:
        """Apply the canonical encoding, the prompt's rest and the repetition penalty to log-probabilities, in place.

        They are (vocabulary,), and need not be normalized afterwards.
        """
        # only tokens that the canonical encoding can have
        if self.rules is not None:
            log_probs[~self.rules.allowed(self.decoder)] = -np.inf

            # and that agree with the rest of the prompt, if there are any
            if self.prompt_rest:
                rest = self.prompt_rest
                agreeing = completion_log_probs(self.generator, self.state, self.decoder, rest, self.rules)
                if np.isfinite(agreeing).any():
                    log_probs[:] = agreeing

        # only tokens of known words, if there are any
        if not self.spells:
            known = self._known_tokens()
            if np.isfinite(log_probs[self.first_token :][known[self.first_token :]]).any():
                log_probs[~known] = -np.inf

        # tokens by which the text would go on repeating itself
        if self.sampling.repetition_penalty != 1:
            for token, characters in self.repetitions.lengths().items():
                log_probs[token] -= characters * math.log(self.sampling.repetition_penalty)

    def sample_ahead(self, characters: int) -> Draft | None:
        """Sample about so many characters in one call; None where more than the temperature decides about the next."""
        return sample_drafts([self], [characters])[0]

    @property
    def samples_ahead(self) -> bool:
        """Whether many tokens can be sampled in one call."""
        return self.is_plain and capabilities.supports(type(self.generator), capabilities.StreamSampling)

    @property
    def is_plain(self) -> bool:
        """Whether the next token can be sampled by quantile: only a temperature changes its distribution."""
        plain = self.sampling.only_temperature and not self.needs_adjustment
        return plain and self.temperature >= MIN_QUANTILE_TEMPERATURE

    def read_draft(self, ids: npt.NDArray[np.int64], states: Sequence[State]) -> Draft | None:
        """Move to the state after tokens that were sampled in one call; return them, or None where there are none.

        The draft ends before a token that the canonical encoding does not have; that one is sampled again.
        """
        start = self.copy()
        tokens = ids.tolist()
        texts = self.rules.read(self.decoder, tokens) if self.rules else list(map(self.decoder.feed, tokens))
        if not texts:
            return None
        draft = Draft(start, tokens[: len(texts)], texts, states)
        self._move(draft)
        return draft

    def _move(self, draft: Draft) -> None:
        """Move to the state after a draft, whose tokens the decoder has read."""
        if draft.ids:
            self.states, self.row = [draft.states[len(draft.ids) - 1]], 0
        self._count(len(draft.ids), len(draft.text))

    def _count(self, tokens: int, characters: int) -> None:
        """Count tokens and their characters; raise ContractError if too many tokens have added too little text."""
        self.tokens, self.characters = self.tokens + tokens, self.characters + characters
        if self.tokens > MAX_TOKENS_PER_CHARACTER * (self.characters + GRACE_CHARACTERS):
            raise ContractError(f"{self.tokens} sampled tokens gave only {self.characters} characters of text")

    def _known_tokens(self) -> npt.NDArray[np.bool_]:
        """Return which tokens belong to known words here, (vocabulary,); a word that a prompt began is closed."""
        if capabilities.supports(type(self.generator), capabilities.KnownWords):
            return self.generator.known_tokens(self.state)  # type: ignore[attr-defined, no-any-return]
        tokenizer = self.decoder.tokenizer
        tokens = np.arange(tokenizer.size)
        return tokens == tokenizer.end_id if self.decoder.spelling else tokens > tokenizer.end_id

    def accept(self, token: int, states: Sequence[State], row: int) -> str:
        """Move to the state `states[row]` after a token; return the text that it adds beyond the prompt.

        Raises ContractError if too many tokens have added too little text.
        """
        text = self.decoder.feed(token)
        self.states, self.row = states, row
        if self.sampling.repetition_penalty != 1:
            self.repetitions.add(token, text)

        # stop a generator that samples tokens without text forever
        self._count(1, len(text))

        # text that completes the prompt is not part of the sample
        added, self.prompt_rest = text[len(self.prompt_rest) :], self.prompt_rest[len(text) :]
        return added


@dataclass
class Draft:
    """Tokens that were sampled in one call, and the text that each adds."""

    start: DecodingState  # before the first token
    ids: list[int]
    texts: list[str]
    states: Sequence[State]  # the generator's after each token

    @property
    def text(self) -> str:
        """The text of all tokens."""
        return "".join(self.texts)

    def first(self, count: int) -> Draft:
        """Return the first tokens of the draft."""
        return Draft(self.start, self.ids[:count], self.texts[:count], self.states)

    def end(self) -> DecodingState:
        """Return the state after all tokens."""
        state = self.start.copy()
        for token in self.ids:
            state.decoder.feed(token)
        state._move(self)
        return state


def sample_drafts(texts: Sequence[DecodingState], characters: Sequence[int]) -> list[Draft | None]:
    """Sample about so many characters of each text in one call; None where more than the temperature decides."""
    drafts: list[Draft | None] = [None] * len(texts)
    able = [row for row, text in enumerate(texts) if text.samples_ahead]
    for temperature in {texts[row].temperature for row in able}:
        rows = [row for row in able if texts[row].temperature == temperature]
        counts = [
            characters[row] if texts[row].rules is None else characters[row] // CHARACTERS_PER_TOKEN + 1 for row in rows
        ]
        states, rngs = [texts[row].state for row in rows], [texts[row].rng for row in rows]
        first = texts[rows[0]]
        streams = capabilities.sample_streams(first.generator, states, rngs, counts, temperature, first.first_token)
        for row, stream in zip(rows, streams, strict=True):
            drafts[row] = texts[row].read_draft(*stream)
    return drafts


def may_spell(generator: Generator, sampling: Sampling) -> bool:
    """Return whether words that a generator does not know may be spelled in its samples.

    By default they may, except by a generator that has the capability `KnownWords` and no limit on copied words, which
    it could hardly keep with known words alone. Raises UserError for `spelling=False` and a generator that knows no
    words, because its tokens are letters or parts of words.
    """
    has_words = capabilities.supports(type(generator), capabilities.KnownWords)
    if sampling.spelling is None:
        return not has_words or sampling.max_overlap is not None
    if not sampling.spelling and not has_words and generator.tokenizer.kind != "words":
        writes = "letters" if generator.tokenizer.kind == "characters" else "parts of words"
        raise UserError(
            f"this generator writes {writes} and knows no words; leave out --no-spelling, or name a generator of "
            "words, such as markov-word"
        )
    return sampling.spelling


def decode_step(texts: Sequence[DecodingState]) -> list[str]:
    """Sample the next token of each text and advance it; return what each token adds to its text."""
    generator, states = texts[0].generator, _states(texts)

    # sample by quantile, without whole distributions, if the generator supports it
    tokens = _sample_quantiles(texts, states)

    # sample the other texts from their whole distributions
    left = [row for row, token in enumerate(tokens) if token < 0]
    if left:
        remaining = states if len(left) == len(states) else [states[row] for row in left]
        log_probs = np.array(capabilities.log_probs_batch(generator, remaining))
        sampled = _sample_distributions([texts[row] for row in left], log_probs)
        for row, token in zip(left, sampled, strict=True):
            tokens[row] = token

    after = capabilities.advance_batch(generator, states, tokens)
    return [text.accept(token, after, row) for row, (text, token) in enumerate(zip(texts, tokens, strict=True))]


def _states(texts: Sequence[DecodingState]) -> Sequence[State]:
    """Return the generator's states; the same object as in the last step if the texts are the same.

    A network then reuses its batch of states without copying them.
    """
    states = texts[0].states
    if len(states) == len(texts) and all(text.states is states and text.row == row for row, text in enumerate(texts)):
        return states
    return [text.state for text in texts]


def _sample_quantiles(texts: Sequence[DecodingState], states: Sequence[State]) -> list[int]:
    """Return a token for each text that can be sampled by quantile, -1 for the others.

    A token that the text does not allow is rejected: the next one follows the distribution without it.
    """
    generator, tokens = texts[0].generator, [-1] * len(texts)
    if not capabilities.supports(type(generator), capabilities.QuantileSampling):
        return tokens

    # one call for the texts of each temperature
    plain = [row for row, text in enumerate(texts) if text.is_plain]
    for temperature in {texts[row].temperature for row in plain}:
        rows = [row for row in plain if texts[row].temperature == temperature]
        for _ in range(MAX_REJECTIONS):
            uniforms = np.array([texts[row].rng.random() for row in rows])
            sampled = generator.quantile_tokens(  # type: ignore[attr-defined]
                [states[row] for row in rows], uniforms, temperature
            )
            for row, token in zip(rows, sampled.tolist(), strict=True):
                tokens[row] = token if token >= 0 and texts[row].allows(token) else -1
            rows = [row for row, token in zip(rows, sampled.tolist(), strict=True) if token >= 0 > tokens[row]]
            if not rows:
                break
    return tokens


def _sample_distributions(texts: Sequence[DecodingState], log_probs: LogProbs) -> list[int]:
    """Return a token for each text from its distribution, (texts, vocabulary)."""
    for row, text in enumerate(texts):
        if text.needs_adjustment or text.rules is not None:
            text.adjust(log_probs[row])

    first_token = texts[0].first_token
    samplings, rngs = [text.sampling for text in texts], [text.rng for text in texts]
    return [first_token + token for token in sample_tokens(log_probs[:, first_token:], samplings, rngs)]


def sample_tokens(log_probs: LogProbs, samplings: Sequence[Sampling], rngs: Sequence[np.random.Generator]) -> list[int]:
    """Sample one token from each row of log-probabilities, (texts, tokens), which need not be normalized.

    Raises ContractError for a row in which no token has a finite log-probability.

    >>> rng = np.random.default_rng(0)
    >>> sample_tokens(np.log([[0.2, 0.5, 0.3], [0.4, 0.3, 0.3]]), [Sampling(temperature=0)] * 2, [rng] * 2)
    [1, 0]
    """
    # subtracting the maximum avoids overflow; it must be finite
    maxima = log_probs.max(axis=1)
    if not all(map(math.isfinite, maxima.tolist())):
        raise ContractError("log_probs gives no probability to any token that may be sampled")

    # temperature, then truncation
    temperatures = np.array([sampling.temperature or 1.0 for sampling in samplings])
    with np.errstate(over="ignore"):  # -inf at a temperature near 0: no weight, as it should be
        weights = np.exp((log_probs - maxima[:, None]) / temperatures[:, None])  # (texts, tokens)
    for row, sampling in enumerate(samplings):
        if sampling.truncates:
            weights[row] = _truncate(weights[row], sampling)
        if sampling.temperature == 0:
            weights[row] = np.arange(weights.shape[1]) == log_probs[row].argmax()

    # inverse transform sampling
    cumulative = weights.cumsum(axis=1)
    return [
        int(row.searchsorted(rng.random() * row[-1], side="right")) for row, rng in zip(cumulative, rngs, strict=True)
    ]


def _truncate(weights: LogProbs, sampling: Sampling) -> LogProbs:
    """Return unnormalized probabilities, (tokens,), with zeros for the tokens that top-k, top-p or min-p drop."""
    # top-k
    if sampling.top_k is not None and sampling.top_k < len(weights):
        mask = np.zeros(len(weights), dtype=bool)
        mask[np.argpartition(weights, -sampling.top_k)[-sampling.top_k :]] = True
        weights = np.where(mask, weights, 0)

    # top-p: drop a token if the more probable ones already reach the share
    if sampling.top_p is not None:
        order = np.argsort(-weights, kind="stable")
        before = np.cumsum(weights[order]) - weights[order]  # total weight of the more probable tokens
        weights = weights.copy()
        weights[order[before >= sampling.top_p * weights.sum()]] = 0

    # min-p: relative to the most probable token that is left
    if sampling.min_p is not None:
        weights = np.where(weights >= sampling.min_p * weights.max(), weights, 0)
    return weights
