"""Texts of any generator given constraints, guided by a chain that looks ahead (sequential Monte Carlo).

What a network will write cannot be summed over all texts, as it can for a chain. So a chain of a low order over the
same tokens, counted from samples of the network, says how probable it is that a text goes on to meet the constraints:
x(h, q) in `plugins/markov/conditioning.py`. As in Ctrl-G (Zhang et al. 2024, arXiv 2406.13892), with weights:

    proposal   q(w) in proportion to p(w | text) x(after w),    p the network's distribution of samples
    weight     times sum over w of p(w | text) x(after w) / x(before)

Several texts, the particles, are continued side by side. They are resampled in proportion to their weights when the
effective sample size, (sum of weights)^2 / sum of squares, falls below half of their number (Doucet et al. 2001), and
one of them is chosen in the end. No text breaks a constraint. The more particles, the closer texts are to the network's
own distribution given the constraints; the effective sample size says how well the chain agrees with the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import finalize

import numpy as np

from genbench import capabilities
from genbench.errors import ContractError, UserError
from genbench.generator import Generator, LogProbs, ProgressCallback, TrainContext, ignore, rescale
from genbench.sampling.constraints.automaton import ENDED
from genbench.sampling.constraints.tokens import TokenAutomaton
from genbench.sampling.parameters import Sampling
from genbench.sampling.step import DecodingState, decode_step
from genbench.tokenization.tokenizer import Ids

PARTICLES = 16
SAMPLED_TEXTS, SAMPLED_CHARACTERS = 256, 400  # of the network, which the chain counts
ORDERS = {"characters": "markov-char:order=5", "words": "markov-word:order=3"}  # of the chain
MAX_TOKENS = 20_000  # of one text

_chains: dict[int, Any] = {}  # by the id of a generator that exists


@dataclass(frozen=True)
class GuidedText:
    """A text after a prompt, as its decoder has it, and how many independent texts its particles were worth."""

    text: str
    effective_samples: float  # the least of all steps


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
    chain = look_ahead_chain(generator, rescale(progress, 0, 0.5))
    chain_state = chain.start()
    for token in before.tolist():
        chain_state = chain.advance(chain_state, token)
    ahead = chain.condition(chain_state, automaton, state.sampling.temperature, rescale(progress, 0.5, 0.2))
    if ahead is None:
        raise ContractError(f"{type(chain).__name__} cannot look ahead")

    texts = []
    for number, rng in enumerate(rngs, 1):
        texts.append(_Particles(state, automaton, ahead, rng, particles).sample())
        progress(0.7 + 0.3 * number / len(rngs))
    return texts


def look_ahead_chain(generator: Generator, progress: ProgressCallback = ignore) -> Any:
    """Return a chain over the tokens of a generator, counted from its samples and kept as long as that.

    It must not be trained again in between.
    """
    if id(generator) not in _chains:  # generators are not hashable
        from genbench.registry import create

        tokenizer = generator.tokenizer
        chain: Any = create(ORDERS[tokenizer.kind])
        texts = _sample_texts(generator, progress)
        stream = np.concatenate([tokenizer.encode("\n" + text) for text in texts])
        chain.fit_ids(tokenizer, stream, np.empty(0, np.int64), TrainContext())
        _chains[id(generator)] = chain
        finalize(generator, _chains.pop, id(generator), None)
    return _chains[id(generator)]


def _sample_texts(generator: Generator, progress: ProgressCallback) -> list[str]:
    """Return texts of a generator at temperature 1, side by side."""
    first = DecodingState.after_prompt(generator, "", Sampling(temperature=1.0), np.random.default_rng(0))
    states = [first.copy(rng=np.random.default_rng(seed)) for seed in range(SAMPLED_TEXTS)]
    texts = [""] * len(states)
    while active := [row for row, text in enumerate(texts) if len(text) < SAMPLED_CHARACTERS]:
        for row, added in zip(active, decode_step([states[row] for row in active]), strict=True):
            texts[row] += added
        progress(min(1.0, sum(map(len, texts)) / (SAMPLED_CHARACTERS * len(texts))))
    return texts


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
        self, state: DecodingState, automaton: TokenAutomaton, ahead: Any, rng: np.random.Generator, count: int
    ) -> None:
        self.generator, self.automaton, self.ahead, self.rng = state.generator, automaton, ahead, rng
        self.states = [state.copy() for _ in range(count)]
        self.texts = [""] * count
        self.accepting = [0] * count  # the states of the automaton; ENDED after the end
        self.nodes = [0] * count  # of the chain
        self.weights = np.ones(count)
        self.effective_samples = float(count)
        for own in self.states:
            own.prompt_rest = ""  # the automaton reads it

    def sample(self) -> GuidedText:
        """Return the text of one particle, chosen in proportion to the weights."""
        for _ in range(MAX_TOKENS):
            active = [row for row, state in enumerate(self.accepting) if state >= 0 and self.weights[row] > 0]
            if not active:
                break
            self._step(active)
            if not self.weights.sum() > 0:
                raise UserError("the generator gives no probability to a text that meets the constraints; ask for less")
            self.weights /= self.weights.sum()
            effective = float(1 / (self.weights**2).sum())
            self.effective_samples = min(self.effective_samples, effective)
            if effective < len(self.nodes) / 2:
                self._resample()
        else:
            raise ContractError(f"no text ended within {MAX_TOKENS:,} tokens")
        chosen = int(self.rng.choice(len(self.nodes), p=self.weights / self.weights.sum()))
        return GuidedText(self.texts[chosen], self.effective_samples)

    def _step(self, active: Sequence[int]) -> None:
        """Add a token to some particles."""
        states = [self.states[row].state for row in active]
        log_probs = np.array(capabilities.log_probs_batch(self.generator, states))
        tokens = [self._propose(row, own) for row, own in zip(active, log_probs, strict=True)]
        after = capabilities.advance_batch(self.generator, states, tokens)
        for place, (row, token) in enumerate(zip(active, tokens, strict=True)):
            # a token that only shows that the text has ended is not part of it
            reached = int(self.automaton.steps[self.accepting[row], self.automaton.groups[token]])
            if reached >= 0:
                self.texts[row] += self.states[row].accept(token, after, place)
            self.accepting[row] = ENDED if reached < 0 or self.automaton.final[reached] else reached

    def _propose(self, row: int, log_probs: LogProbs) -> int:
        """Return a token for a particle, whose weight and node are changed."""
        # the distribution of samples
        state = self.states[row]
        state.adjust(log_probs)
        log_probs[: state.first_token] = -np.inf
        shares = np.exp((log_probs - log_probs.max()) / state.sampling.temperature)

        # times the chain's probability that the text goes on to be accepted
        value, values, nodes = self.ahead.look_ahead(self.nodes[row])
        cumulative = (shares / shares.sum() * values).cumsum()
        total = float(cumulative[-1])
        if not total > 0 or not value > 0:
            self.weights[row] = 0
            return int(log_probs.argmax())
        token = int(cumulative.searchsorted(self.rng.random() * total, side="right"))
        self.weights[row] *= total / value
        self.nodes[row] = int(nodes[token])
        return token

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
