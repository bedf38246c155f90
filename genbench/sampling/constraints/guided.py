"""Texts of any generator given constraints, guided by a chain that looks ahead (sequential Monte Carlo).

What a network will write cannot be summed over all texts, as it can for a chain. So a chain of a low order over the
same tokens, counted from samples of the network, says how probable it is that a text goes on to meet the constraints:
x(h, q) in `plugins/markov/conditioning.py`. As in Ctrl-G (Zhang et al. 2024, arXiv 2406.13892), with weights:

    proposal   q(w) in proportion to p(w | text) x(after w),    p the network's distribution of samples
    weight     times sum over w of p(w | text) x(after w) / x(before)

Several texts, the particles, are continued side by side. They are resampled in proportion to their weights when the
effective sample size, (sum of weights)^2 / sum of squares, falls below half of their number (Doucet et al. 2001), and
one of them is chosen in the end. No text breaks a constraint. The more particles, the closer texts are to the network's
own distribution given the constraints; the effective sample size says how well the chain agrees with the network. The
product of the mean weights is an unbiased estimate of the probability that a text meets the constraints, and times it
the share of a text is one of the text's probability (Del Moral 2004).

The particles of many texts are advanced in one batch of the network; each text has its own random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import ref

import numpy as np

from genbench import capabilities
from genbench.errors import ContractError, UserError
from genbench.generator import Generator, LogProbs, ProgressCallback, State, TrainContext, ignore, rescale
from genbench.sampling.constraints.automaton import ENDED
from genbench.sampling.constraints.tokens import TokenAutomaton
from genbench.sampling.parameters import Sampling
from genbench.sampling.step import DecodingState, decode_step
from genbench.tokenization.tokenizer import Ids

PARTICLES = 16
TEXTS_AT_ONCE = 16  # whose particles are advanced together
SAMPLED_TEXTS, SAMPLED_CHARACTERS = 256, 400  # of the network, which the chain counts
SAMPLED_ALONE = 48  # texts of a generator that is not fast with many at once, such as markovify: 0.4 ms a character
ORDERS = {"characters": "markov-char:order=5", "words": "markov-word:order=3", "subwords": "markov-subword:order=4"}
MAX_TOKENS = 20_000  # of one text
LOW_TEMPERATURE = 0.5  # below, what is not the most probable text soon has no probability that is a number
NODES_KEPT = 256  # of the chain, whose predictions are kept: all particles begin at one, and copies share theirs

_chains: dict[int, tuple[ref[Generator], Any]] = {}  # a generator and its chain, by the generator's id


@dataclass(frozen=True)
class GuidedText:
    """A text after a prompt, as its decoder has it, and how many independent texts its particles were worth."""

    text: str
    effective_samples: float  # the least of all steps
    probability: float  # estimated, that a text of the generator meets the constraints


def sample_guided(
    generator: Generator,
    before: Ids,
    state: DecodingState,
    automaton: TokenAutomaton,
    rngs: Sequence[np.random.Generator],
    progress: ProgressCallback = ignore,
    particles: int = PARTICLES,
) -> list[GuidedText]:
    """Return a text for each random generator: what follows `state`, which has read the tokens `before`.

    Raises UserError if the generator gives no probability to any accepted text.
    """
    is_new = _known_chain(generator) is None
    share = 0.5 if is_new else 0.0  # of the time
    chain = look_ahead_chain(generator, rescale(progress, 0, share))
    chain_state = chain.start()
    for token in before.tolist():
        chain_state = chain.advance(chain_state, token)
    ahead = chain.condition(chain_state, automaton, state.temperature, rescale(progress, share, 0.2))
    if ahead is None:
        raise UserError(
            f"the constraints have {len(automaton.steps):,} states, too many for the chain that looks ahead: ask for a "
            "shorter text or fewer words, or leave out --contains or --match"
        )

    look_ahead, texts = lru_cache(NODES_KEPT)(ahead.look_ahead), list[GuidedText]()
    for first in range(0, len(rngs), TEXTS_AT_ONCE):
        batch = [
            _Particles(state, automaton, look_ahead, rng, particles) for rng in rngs[first : first + TEXTS_AT_ONCE]
        ]
        texts += _sample(batch)
        progress(share + 0.2 + (0.8 - share) * len(texts) / len(rngs))
    return texts


def _sample(batch: Sequence[_Particles]) -> list[GuidedText]:
    """Return a text of each; their particles are advanced side by side."""
    for _ in range(MAX_TOKENS):
        active = [(particles, row) for particles in batch for row in particles.active]
        if not active:
            return [particles.choose() for particles in batch]
        generator, states = active[0][0].generator, [particles.states[row].state for particles, row in active]
        log_probs = np.array(capabilities.log_probs_batch(generator, states))
        tokens = [particles.propose(row, own) for (particles, row), own in zip(active, log_probs, strict=True)]
        after = capabilities.advance_batch(generator, states, tokens)
        for place, ((particles, row), token) in enumerate(zip(active, tokens, strict=True)):
            particles.accept(row, token, after, place)
        for particles in batch:
            particles.weigh()
    raise ContractError(f"no text ended within {MAX_TOKENS:,} tokens")


def _known_chain(generator: Generator) -> Any:
    """Return the chain that a generator has, None if it has none or was trained again since."""
    if id(generator) not in _chains:
        return None
    owner, chain = _chains[id(generator)]
    return chain if owner() is generator and chain.tokenizer is generator.tokenizer else None


def look_ahead_chain(generator: Generator, progress: ProgressCallback = ignore) -> Any:
    """Return a chain over the tokens of a generator, counted from its samples and kept as long as that."""
    known = _known_chain(generator)
    if known is not None:
        return known
    from genbench.registry import create

    tokenizer = generator.tokenizer
    chain: Any = create(ORDERS[tokenizer.kind])
    texts = _sample_texts(generator, progress)
    stream = np.concatenate([tokenizer.encode("\n" + text) for text in texts])
    chain.fit_ids(tokenizer, stream, np.empty(0, np.int64), TrainContext())

    # generators are not hashable, and the id of one that is gone may be that of another
    key = id(generator)

    def forget(gone: ref[Generator]) -> None:
        if key in _chains and _chains[key][0] is gone:
            del _chains[key]

    _chains[key] = ref(generator, forget), chain
    return chain


def _sample_texts(generator: Generator, progress: ProgressCallback) -> list[str]:
    """Return texts of a generator at temperature 1, side by side."""
    first = DecodingState.after_prompt(generator, "", Sampling(temperature=1.0), np.random.default_rng(0))
    together = capabilities.supports(type(generator), capabilities.BatchStepping)
    count = SAMPLED_TEXTS if together else min(SAMPLED_TEXTS, SAMPLED_ALONE)
    states = [first.copy(rng=np.random.default_rng(seed)) for seed in range(count)]
    texts = [""] * len(states)
    while active := [row for row, text in enumerate(texts) if len(text) < SAMPLED_CHARACTERS]:
        for row, added in zip(active, decode_step([states[row] for row in active]), strict=True):
            texts[row] += added
        progress(min(1.0, sum(map(len, texts)) / (SAMPLED_CHARACTERS * len(texts))))
    return texts


def no_probability(temperature: float) -> str:
    """Return a sentence on constraints that no text meets at a temperature, but for rounding."""
    advice = "ask for less" if temperature >= LOW_TEMPERATURE else "give a higher temperature, or ask for less"
    return (
        f"at temperature {temperature:g} the generator hardly ever writes a text that meets the constraints; {advice}"
    )


def effective_samples_note(sizes: Sequence[float]) -> str:
    """Return a sentence on how well the chain agreed with the generator.

    >>> effective_samples_note([9.6, 3.2])
    'guided by a chain that looks ahead: of 16 particles, an effective sample size of 3.2 at the least (median 6.4)'
    """
    return (
        f"guided by a chain that looks ahead: of {PARTICLES} particles, an effective sample size of {min(sizes):.1f} "
        f"at the least (median {float(np.median(sizes)):.1f})"
    )


class _Particles:
    """Several beginnings of one text, continued side by side."""

    def __init__(
        self,
        state: DecodingState,
        automaton: TokenAutomaton,
        look_ahead: Callable[[int], tuple[float, LogProbs, Ids]],
        rng: np.random.Generator,
        count: int,
    ) -> None:
        self.generator, self.automaton, self.look_ahead, self.rng = state.generator, automaton, look_ahead, rng
        self.states = [state.copy() for _ in range(count)]
        self.texts = [""] * count
        self.accepting = [0] * count  # the states of the automaton; ENDED after the end
        self.nodes = [0] * count  # of the chain
        self.weights = np.full(count, 1 / count)
        self.effective_samples = float(count)
        self.probability = look_ahead(0)[0]
        for own in self.states:
            own.prompt_rest = ""  # the automaton reads it

    @property
    def active(self) -> list[int]:
        """The particles that have not ended."""
        return [row for row, state in enumerate(self.accepting) if state >= 0 and self.weights[row] > 0]

    def choose(self) -> GuidedText:
        """Return the text of one particle, chosen in proportion to the weights."""
        chosen = int(self.rng.choice(len(self.nodes), p=self.weights / self.weights.sum()))
        return GuidedText(self.texts[chosen], self.effective_samples, self.probability)

    def propose(self, row: int, log_probs: LogProbs) -> int:
        """Return a token for a particle, whose weight and node are changed."""
        # the distribution of samples
        state = self.states[row]
        state.adjust(log_probs)
        log_probs[: state.first_token] = -np.inf
        with np.errstate(over="ignore"):  # -inf at a temperature near 0
            shares = np.exp((log_probs - log_probs.max()) / state.temperature)

        # times the chain's probability that the text goes on to be accepted
        value, values, nodes = self.look_ahead(self.nodes[row])
        cumulative = (shares * values).cumsum()
        total = float(cumulative[-1] / shares.sum())
        if not total > 0 or not value > 0:
            self.weights[row] = 0
            return int(log_probs.argmax())
        token = int(cumulative.searchsorted(self.rng.random() * cumulative[-1], side="right"))
        self.weights[row] *= total / value
        self.nodes[row] = int(nodes[token])
        return token

    def accept(self, row: int, token: int, after: Sequence[State], place: int) -> None:
        """Add a token to a particle, whose state is `after[place]` then."""
        reached = int(self.automaton.steps[self.accepting[row], self.automaton.groups[token]])
        if reached >= 0:  # a token that only shows that the text has ended is not part of it
            self.texts[row] += self.states[row].accept(token, after, place)
        self.accepting[row] = ENDED if reached < 0 or self.automaton.final[reached] else reached

    def weigh(self) -> None:
        """Normalize the weights after a step, and resample where few particles have nearly all."""
        total = float(self.weights.sum())
        if not total > 0:
            raise UserError(no_probability(self.states[0].temperature))
        self.probability *= total
        self.weights /= total
        effective = float(1 / (self.weights**2).sum())
        self.effective_samples = min(self.effective_samples, effective)
        if self.active and effective < len(self.nodes) / 2:
            self._resample()

    def _resample(self) -> None:
        """Replace the particles by copies, as many of each as its weight says (systematic resampling)."""
        count = len(self.nodes)
        points = (self.rng.random() + np.arange(count)) / count
        chosen = np.minimum(np.searchsorted(np.cumsum(self.weights), points), count - 1).tolist()
        self.states = [self.states[row].copy() for row in chosen]
        self.texts = [self.texts[row] for row in chosen]
        self.nodes = [self.nodes[row] for row in chosen]
        self.accepting = [self.accepting[row] for row in chosen]
        self.weights = np.full(count, 1 / count)
