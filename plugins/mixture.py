"""mixture: a weighted mixture of other generators (linear interpolation, Jelinek & Mercer 1980).

A prediction is the weighted mean of the parts' predictions. The weights are fitted on validation text by expectation
maximization, with one set per kind of context: a kind is the combination of the context lengths that the parts know
from training. With `adaptive=true`, the weights are also updated after every token (`online_weights.py`), and the parts
that have such an option adapt too. Parts with different tokenizers are mixed character by character. Copies of one
SPEC, `parts=3*lstm-word`, have different seeds: an ensemble (Hansen & Salamon 1990).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.markov.word_building import WordMixture
from genbench_plugins.markov.word_view import word_view
from genbench_plugins.online_weights import best_rate, initial_logits, log_weights, score_stream, update

from genbench.capabilities import (
    advance_batch,
    context_length,
    context_lengths,
    is_adaptive,
    learns_by_counting,
    log_probs_batch,
    token_log_probs,
    training_memory,
)
from genbench.charlevel import SubwordView
from genbench.charlevel.views import CharacterReader, character_view
from genbench.errors import SpecError
from genbench.generator import (
    Generator,
    Learned,
    LogProbs,
    Progress,
    ProgressCallback,
    Text,
    TrainContext,
    TrainStats,
    ignore,
    rescale,
)
from genbench.registry import create
from genbench.spec import Spec, options_of, split_specs
from genbench.tokenization.tokenizer import Ids, Tokenizer

View = Generator | CharacterReader | SubwordView
State = tuple[Any, ...]  # the states of the parts; with `adaptive`, followed by the logits of the weights
Floats = npt.NDArray[np.float64]

DEFAULT_PARTS, DEFAULT_SHARES = "markov+lstm-char+lstm", "1+4+10"  # docs/log/mixtures.md
WEIGHTS_SHARE = 0.15  # of the budget, reserved for fitting the weights
VALIDATION_CHARACTERS = 60_000  # of validation text used to fit the weights
MAX_LENGTH = 9  # tokens of context; longer contexts are clipped
PRIOR = 30.0  # prior tokens for the overall weights in the weights of a kind of context
EM_ITERATIONS = 30
ADAPTIVE_NOTE = "adaptive: its weights also follow the test text while reading it, and it is ranked apart"


@dataclass
class Mixture(Generator):
    """A weighted mixture of other generators. List fast parts first: the later parts get the time they do not use."""

    parts: str = field(
        default=DEFAULT_PARTS,
        metadata={
            "help": "SPECs with plus signs between, as in markov-char+3*lstm-word: three seeds of lstm-word; "
            "one with options in parentheses, (markov-char:order=6)",
            "names": "specs",
        },
    )

    shares: str | None = field(
        default=None,
        metadata={
            "help": "how the budget is split between the parts, as in 1+2+2, or equal; auto: equal, "
            "for the default parts 1+4+10"
        },
    )
    adaptive: bool = field(
        default=False,
        metadata={"help": "update weights and parts after every token; the row is ranked apart"},
    )

    def __post_init__(self) -> None:
        self.specs = [spec for _, spec in split_specs(self.parts)]
        if len(self.specs) < 2:
            raise ValueError(f"parts is {self.parts!r}, but must be two or more SPECs, as in markov-char+lstm-char")
        self._untrained = [self._create(spec) for spec in self.specs]  # the path of a plugin file may be a relative one
        self._parse_shares()

    def _create(self, spec: str) -> Generator:
        """Return an untrained part; with `adaptive`, it adapts too unless its SPEC says whether it does."""
        generator, parsed = create(spec), Spec.parse(spec)
        if self.adaptive and "adaptive" in options_of(type(generator)) and "adaptive" not in parsed.options:
            return create(parsed.fill({"adaptive": True}))
        return generator

    def training_memory(self) -> int:
        return max(map(training_memory, self._untrained))

    @property
    def adapts(self) -> bool:
        """Whether the weights or one of the parts learn from the text that is read (`capabilities.Adaptive`)."""
        return self.adaptive or any(map(is_adaptive, self._untrained))

    @property
    def learns_by_counting(self) -> bool:
        """Whether all parts learn by counting alone; the weights follow from the text (`capabilities.Counting`)."""
        return all(map(learns_by_counting, self._untrained))

    def _parse_shares(self) -> list[float]:
        """Return the parts' shares of the budget, not normalized; raise ValueError if the option is not valid."""
        chosen = self.shares or (DEFAULT_SHARES if self.parts == DEFAULT_PARTS else "equal")
        if chosen == "equal":
            return [1.0] * len(self.specs)

        # one number above 0 per part; other text counts as zero and is refused
        numbers = chosen.split("+")
        shares = [float(number) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", number) else 0.0 for number in numbers]
        if len(shares) != len(self.specs) or min(shares) <= 0:
            example = "+".join("1" for _ in self.specs)
            raise ValueError(
                f"shares is {self.shares!r}, but must be {len(self.specs)} numbers above 0, one per part, "
                f"as in {example}, or equal"
            )
        return shares

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        started = context.clock()
        self._generators, self._rate = [self._create(spec) for spec in self.specs], 0.0

        # train the parts; what a part does not use of time or operations is divided among the later parts
        flops, budget = context.limits["flops"], context.limits["budget"]
        whole = 1.0 if flops is not None else 1 - WEIGHTS_SHARE
        remaining, shares, contexts = whole, self._parse_shares(), list[TrainContext]()
        for index, (spec, part) in enumerate(zip(self.specs, self._generators, strict=True)):
            share = remaining * shares[index] / sum(shares[index:])
            contexts.append(context.part(f"{index + 1} {spec}", share))
            part.fit(train, valid, contexts[-1])

            # a chain takes little time, and no operations that are counted
            spent = whole - remaining + share
            if flops is not None:
                spent = sum(part_context.stats.flops or 0.0 for part_context in contexts) / flops
            elif budget:
                spent = (context.clock() - started) / budget
            remaining = max(whole - spent, share / 10)

        # fit the weights
        self._create_views()

        def report(share: float) -> None:
            context.report(Progress(0.95 + 0.05 * share, note="fitting the weights of the parts"))

        report(0.0)
        self._fit_on(valid[:VALIDATION_CHARACTERS], report)
        self._record(context, [part_context.stats for part_context in contexts])

    def _record(self, context: TrainContext, stats: list[TrainStats]) -> None:
        """Record the weights and the statistics of the parts."""
        named = list(zip(self.specs, stats, strict=True))
        names = number_copies(self.specs)
        context.record(
            parameters=sum(part.parameters or 0 for part in stats),
            steps=sum(part.steps or 0 for part in stats) or None,
            flops=sum(part.flops or 0.0 for part in stats) or None,
            notes=[ADAPTIVE_NOTE] * self.adaptive + [note for part in stats for note in part.notes],
            chosen={"parts": "+".join(f"({Spec.parse(spec).fill(part.chosen)})" for spec, part in named)},
            weights={name: round(float(weight), 4) for name, weight in zip(names, self._overall, strict=True)},
            parts={name: _as_json(part) for name, part in zip(names, stats, strict=True)},
        )

    def _create_views(self) -> None:
        """Set the generators to mix: the parts if their tokenizers are equal, else their character views.

        Raises SpecError if the parts know different characters.
        """
        tokenizers = [part.tokenizer for part in self._generators]
        self._views: list[View] = list(self._generators)
        self.tokenizer = tokenizers[0]

        # different tokenizers: read every part that is not a character generator character by character
        if any(tokenizer.dump() != tokenizers[0].dump() for tokenizer in tokenizers):
            self.tokenizer = Tokenizer("characters", tokenizers[0].letters)
            self._views = list(map(_by_character, self._generators))
            if any(view.tokenizer.letters != self.tokenizer.letters for view in self._views):
                raise SpecError(f"the parts of {self.parts} know different letters and cannot be mixed; choose others")

    def _fit_on(self, valid: str, progress: ProgressCallback) -> None:
        """Fit the weights on a text, and with `adaptive` the learning rate too."""
        log_probs, kinds = self._read(self.tokenizer.encode(valid), progress)
        if self.adaptive:  # choose the rate on text on which the weights were not fitted
            half = len(kinds) // 2
            self._fit_weights(log_probs[:, :half], kinds[:half])
            self._rate = best_rate(self._logits, self._rows(kinds[half:]), log_probs[:, half:])
        self._fit_weights(log_probs, kinds)

    def _fit_weights(self, log_probs: Floats, kinds: Ids) -> None:
        """Fit one set of weights for all contexts, and one for every kind of context in the text."""
        uniform = np.full(len(self.specs), 1 / len(self.specs))
        self._overall = fit_weights(log_probs, uniform, 0.0)
        self._kinds = np.unique(kinds)
        by_kind = [fit_weights(log_probs[:, kinds == kind], self._overall, PRIOR) for kind in self._kinds]
        self._weights = np.array(by_kind)
        self._set_logits()

    def _set_logits(self) -> None:
        """Set the logits, (kinds + 2, parts): a row per kind, one for unknown kinds, one common to all."""
        self._logits = initial_logits(np.log([*self._weights, self._overall]))

    def _read(self, ids: Ids, progress: ProgressCallback = ignore) -> tuple[Floats, Ids]:
        """Return the parts' log-probabilities of a stream, (parts, tokens), and the kinds of contexts, (tokens,)."""
        scores, lengths, width = [], [], 1 / len(self._views)
        for index, view in enumerate(self._views):
            # a character view returns both in one pass
            part_progress = rescale(progress, index * width, width)
            if isinstance(view, Generator):
                part_scores, part_lengths = token_log_probs(view, ids, part_progress), context_lengths(view, ids)
            else:
                part_scores, part_lengths = view.score_stream(ids, part_progress)[:2]
            scores.append(part_scores)
            lengths.append(part_lengths)
            progress((index + 1) * width)
        return np.stack(scores), self._kind(np.stack(lengths))

    def _kind(self, lengths: Ids) -> Ids:
        """Encode the context lengths of all parts, (parts, tokens), as one number per token, (tokens,)."""
        digits = (MAX_LENGTH + 1) ** np.arange(len(lengths))
        return np.asarray(digits @ np.minimum(lengths, MAX_LENGTH))

    def _rows(self, kinds: Ids) -> Ids:
        """Return the rows of the weights for kinds of contexts, (tokens,); unknown kinds use the last row."""
        rows = np.searchsorted(self._kinds, kinds)
        return np.where(np.isin(kinds, self._kinds), rows, len(self._kinds))

    def _row(self, state: State) -> int:
        """Return the row of the weights for one state."""
        lengths = [[_context_length(view, part)] for view, part in zip(self._views, state, strict=False)]
        return int(self._rows(self._kind(np.array(lengths)))[0])

    def start(self) -> State:
        parts = tuple(view.start() for view in self._views)
        return (*parts, self._logits) if self.adaptive else parts

    def advance(self, state: State, token: int) -> State:
        parts = tuple(view.advance(part, token) for view, part in zip(self._views, state, strict=False))
        if not self.adaptive:
            return parts

        # update the weights with the parts' predictions of this token
        log_probs = np.array([view.log_probs(part)[token] for view, part in zip(self._views, state, strict=False)])
        return (*parts, update(state[-1], self._row(state), log_probs, self._rate)[1])

    def log_probs(self, state: State) -> LogProbs:
        logits = state[-1] if self.adaptive else self._logits
        log_probs = [view.log_probs(part) for view, part in zip(self._views, state, strict=False)]
        return mix(log_probs, log_weights(logits, self._row(state)))

    def advance_batch(self, states: Sequence[State], tokens: Sequence[int]) -> Sequence[State]:
        if not self._can_batch(states):
            return [self.advance(state, token) for state, token in zip(states, tokens, strict=True)]
        parts = zip(self._generators, zip(*states, strict=True), strict=True)
        advanced = (advance_batch(part, part_states, tokens) for part, part_states in parts)
        return list(zip(*advanced, strict=True))

    def log_probs_batch(self, states: Sequence[State], stop: int | None = None) -> Sequence[LogProbs] | LogProbs:
        if not self._can_batch(states):
            return [self.log_probs(state)[:stop] for state in states]

        # the predictions of all parts, weighted by state
        parts = zip(self._generators, zip(*states, strict=True), strict=False)
        by_part = (np.exp(log_probs_batch(part, part_states, stop)) for part, part_states in parts)
        weights = self._batch_weights(states)
        return np.asarray(np.log(sum(weights[:, [row]] * rows for row, rows in enumerate(by_part))))

    def _batch_weights(self, states: Sequence[State]) -> Floats:
        """Return the weights of the parts for states that can be processed as a batch, (states, parts)."""
        parts = zip(self._generators, zip(*states, strict=True), strict=False)
        lengths = [[context_length(part, state) for state in part_states] for part, part_states in parts]
        return np.asarray(np.exp(self._logits[self._rows(self._kind(np.array(lengths)))]))

    def _can_batch(self, states: Sequence[State]) -> bool:
        """Return whether states can be processed as a batch: without online weights and character views."""
        return len(states) > 0 and not self.adaptive and all(isinstance(v, Generator) for v in self._views)

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        log_probs, kinds = self._read(ids, progress)
        if self.adaptive:
            return score_stream(self._logits, self._rows(kinds), log_probs, self._rate)
        return np.asarray(np.logaddexp.reduce(log_probs + self._logits[self._rows(kinds)].T, axis=0))

    def character_view(self) -> CharacterReader | None:
        if self.adaptive:
            return None
        weights = np.exp(self._logits[:-1])  # without the row that only online weights change
        return word_view(self._generators, self.tokenizer, WordMixture(self._kinds, weights, MAX_LENGTH))

    def context_length(self, state: State) -> int:
        return min(_context_length(view, part) for view, part in zip(self._views, state, strict=False))

    def context_lengths(self, ids: Ids) -> Ids:
        by_part = [
            context_lengths(view, ids) if isinstance(view, Generator) else view.score_stream(ids)[1]
            for view in self._views
        ]
        return np.asarray(np.min(by_part, axis=0))

    def dump(self) -> Learned:
        return {
            "rate": self._rate,
            "parts": [part.dump() for part in self._generators],
            "overall": self._overall,
            "kinds": self._kinds,
            "weights": self._weights,
        }

    def restore(self, learned: Learned) -> None:
        self._generators = [self._create(spec) for spec in self.specs]
        for part, part_learned in zip(self._generators, learned["parts"], strict=True):
            part.restore(part_learned)
        self._create_views()
        self._rate, self._overall = float(learned["rate"]), learned["overall"]
        self._kinds, self._weights = learned["kinds"], learned["weights"]
        self._set_logits()


def _by_character(part: Generator) -> View:
    """Return a part that predicts characters."""
    if part.tokenizer.kind == "characters":
        return part
    return SubwordView(part) if part.tokenizer.kind == "subwords" else character_view(part)


def _context_length(view: View, state: Any) -> int:
    """Return the context length of a part's state."""
    return context_length(view, state) if isinstance(view, Generator) else view.context_length(state)


def number_copies(specs: Sequence[str]) -> list[str]:
    """Return the SPECs, those that occur several times with a number.

    >>> number_copies(["markov-char", "lstm-word", "lstm-word"])
    ['markov-char', 'lstm-word #1', 'lstm-word #2']
    """
    numbered = [f"{spec} #{specs[: index + 1].count(spec)}" for index, spec in enumerate(specs)]
    return [name if specs.count(spec) > 1 else spec for spec, name in zip(specs, numbered, strict=True)]


def _as_json(stats: TrainStats) -> dict[str, Any]:
    """Return a part's statistics as JSON values, without the empty ones."""
    fields = asdict(stats)
    details: dict[str, Any] = fields.pop("details")
    return {name: value for name, value in fields.items() if value not in (None, [], {})} | details


def mix(log_probs: Sequence[LogProbs], log_weights: Floats) -> LogProbs:
    """Return the log of the weighted mean of probabilities, (vocabulary,).

    >>> np.exp(mix([np.log([0.5, 0.5]), np.log([0.1, 0.9])], np.log([0.75, 0.25]))).round(2).tolist()
    [0.4, 0.6]
    """
    return np.asarray(np.log(np.exp(log_weights) @ np.exp(log_probs)))


def fit_weights(log_probs: Floats, start: Floats, prior: float) -> Floats:
    """Return the weights, (parts,), that maximize the probability of a text, by expectation maximization.

    `log_probs` is (parts, tokens). `start` has the initial weights, (parts,), which also have a prior of `prior`
    tokens.

    >>> fit_weights(np.log([[0.5, 0.5], [0.1, 0.1]]), np.array([0.5, 0.5]), 0.0).round(2).tolist()
    [1.0, 0.0]
    """
    weights = start
    for _ in range(EM_ITERATIONS):
        # expectation: posteriors of the parts, summed over tokens; maximization: normalize
        joint = np.exp(log_probs - log_probs.max(axis=0)) * weights[:, None]
        counts = (joint / joint.sum(axis=0)).sum(axis=1) + prior * start + 1e-6
        weights = counts / counts.sum()
    return np.asarray(weights)
