"""mixture: several generators at once, each prediction the weighted mean of theirs (linear interpolation).

Differs from its neighbours in that its parts are generators themselves, whose probabilities are mixed token by token
(Jelinek & Mercer 1980), the weights fitted on valid text by expectation maximisation, for each length of context that a
part has seen before; with `adaptive=true` they follow the text. Parts that cut text differently are mixed at
characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from genbench_plugins.online_weights import begun, best_rate, log_weights, moved, read

from genbench import (
    Characterwise,
    Generator,
    Ids,
    LogProbs,
    Progress,
    SpecError,
    Tokenizer,
    TrainContext,
    complete,
    make,
)
from genbench.capabilities import (
    advance_batch,
    context_length,
    context_lengths,
    is_adaptive,
    log_probs_batch,
    token_log_probs,
)
from genbench.generator import ProgressCallback, Text, TrainStats, ignore

View = Generator | Characterwise
State = tuple[Any, ...]
Floats = npt.NDArray[np.float64]
FOR_FITTING = 0.15  # of the budget, left for the weights
VALID_CHARACTERS = 60_000
DEEPEST = 9  # contexts longer than this count as this long
PRIOR = 30.0  # tokens that speak for the weights of all contexts where a context is rare
ROUNDS = 30
NOTE = "its weights follow what it reads, the test text too: ranked apart"


@dataclass
class Mixture(Generator):
    """A weighted mixture of other generators; name chains first: time that a part leaves is given to those after it."""

    parts: str = field(
        default="markov-char+lstm-char",
        metadata={"help": "SPECs with plus signs between; one with options in parentheses, (markov-char:order=6)"},
    )

    shares: str = field(
        default="equal", metadata={"help": "how the budget is split between the parts, as in 1+2+2, or equal"}
    )
    adaptive: bool = field(
        default=False, metadata={"help": "the weights follow what it reads and writes; such a row is ranked apart"}
    )

    def __post_init__(self) -> None:
        self.specs = split(self.parts)
        if len(self.specs) < 2:
            raise ValueError(f"parts is {self.parts!r}, and must be two or more SPECs, as in markov-char+lstm-char")
        for spec in self.specs:
            make(spec)
        self._shares()

    def _shares(self) -> list[float]:
        """What each part is to have of the budget, in any unit."""
        if self.shares == "equal":
            return [1.0] * len(self.specs)
        found = [float(each) if re.fullmatch(r"\d+(\.\d+)?", each) else 0.0 for each in self.shares.split("+")]
        if len(found) != len(self.specs) or min(found) <= 0:
            wanted = f"must be {len(self.specs)} numbers above 0, one a part, as in {'+'.join('1' for _ in self.specs)}"
            raise ValueError(f"shares is {self.shares!r}, and {wanted}, or equal")
        return found

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        started = perf_counter()
        self._generators, self._rate = [make(spec) for spec in self.specs], 0.0
        left, shares, contexts = 1 - FOR_FITTING, self._shares(), list[TrainContext]()
        for place, (spec, part) in enumerate(zip(self.specs, self._generators, strict=True)):
            share = left * shares[place] / sum(shares[place:])
            contexts.append(context.part(f"{place + 1} {spec}", share))
            part.fit(train, valid, contexts[-1])
            spent = (perf_counter() - started) / context.budget if context.budget else 1 - FOR_FITTING - left + share
            left = max(1 - FOR_FITTING - spent, share / 10)
        self._view()
        context.report(Progress(0.95, note="weighing the parts"))
        self._weigh(valid[:VALID_CHARACTERS])
        self._record(context, [each.stats for each in contexts])

    def _record(self, context: TrainContext, parts: list[TrainStats]) -> None:
        """Report the statistics of the parts, and the weights."""
        notes = [NOTE] if self.adaptive else []
        named = list(zip(self.specs, parts, strict=True))
        context.record(
            parameters=sum(part.parameters or 0 for part in parts),
            steps=sum(part.steps or 0 for part in parts) or None,
            notes=notes + [note for part in parts for note in part.notes],
            chosen={"parts": "+".join(f"({complete(spec, part.chosen)})" for spec, part in named)},
            weights={spec: round(float(weight), 4) for spec, weight in zip(self.specs, self._overall, strict=True)},
            parts={spec: part.details for spec, part in named},
        )

    @property
    def adapts(self) -> bool:
        """Whether the weights or one of the parts learn from the text that is read."""
        return self.adaptive or any(is_adaptive(make(spec)) for spec in self.specs)

    def _view(self) -> None:
        """The parts as they are mixed: as they are if they all cut text alike, else at characters."""
        tokenizers = [part.tokenizer for part in self._generators]
        self._views: list[View] = list(self._generators)
        self.tokenizer = tokenizers[0]
        if any(each.dump() != tokenizers[0].dump() for each in tokenizers):
            self.tokenizer = Tokenizer("characters", tokenizers[0].letters)
            self._views = [g if g.tokenizer.kind == "characters" else Characterwise(g) for g in self._generators]
            if any(view.tokenizer.letters != self.tokenizer.letters for view in self._views):
                raise SpecError(f"the parts of {self.parts} know different letters; mix others")

    def _weigh(self, valid: str) -> None:
        """Fit one set of weights for all contexts, then one for each kind of context that valid text has."""
        log_probs, kinds = self._read(self.tokenizer.encode(valid))
        if self.adaptive:  # how fast to follow is told by what the weights were not fitted on
            half = len(kinds) // 2
            self._fit_weights(log_probs[:, :half], kinds[:half])
            self._rate = best_rate(self._logits, self._rows(kinds[half:]), log_probs[:, half:])
        self._fit_weights(log_probs, kinds)

    def _fit_weights(self, log_probs: Floats, kinds: Ids) -> None:
        uniform = np.full(len(self.specs), 1 / len(self.specs))
        self._overall = fitted(log_probs, uniform, 0.0)
        self._kinds = np.unique(kinds)
        self._weights = np.array([fitted(log_probs[:, kinds == kind], self._overall, PRIOR) for kind in self._kinds])
        self._take()

    def _read(self, ids: Ids, progress: ProgressCallback = ignore) -> tuple[Floats, Ids]:
        """The log-probabilities that the parts give, (parts, tokens), and the kind of context before each token."""
        read = []
        for view in self._views:
            if isinstance(view, Characterwise):
                read.append(view.read(ids)[:2])
            else:
                read.append((token_log_probs(view, ids), context_lengths(view, ids)))
            progress(len(read) / len(self._views))
        return np.stack([log_probs for log_probs, _ in read]), self._kind(np.stack([depths for _, depths in read]))

    def _kind(self, depths: Ids) -> Ids:
        """One number for the depths of all parts, (parts, tokens)."""
        places = (DEEPEST + 1) ** np.arange(len(depths))
        return np.asarray(places @ np.minimum(depths, DEEPEST))

    def _rows(self, kinds: Ids) -> Ids:
        """The row of the weights for each kind of context, (tokens,); the last row is for kinds that are not known."""
        rows = np.searchsorted(self._kinds, kinds)
        return np.where(np.isin(kinds, self._kinds), rows, len(self._kinds))

    def _row(self, state: State) -> int:
        depths = [[_context_length(view, each)] for view, each in zip(self._views, state, strict=False)]
        return int(self._rows(self._kind(np.array(depths)))[0])

    def _take(self) -> None:
        """The logits of the weights, (kinds + 2, parts): a row a kind, that of kinds not known, that common to all."""
        self._logits = begun(np.log([*self._weights, self._overall]))

    def start(self) -> State:
        """The states of the parts, and where the weights follow the text, their logits."""
        parts = tuple(view.start() for view in self._views)
        return (*parts, self._logits) if self.adaptive else parts

    def advance(self, state: State, token: int) -> State:
        parts = tuple(view.advance(each, token) for view, each in zip(self._views, state, strict=False))
        if not self.adaptive:
            return parts
        said = np.array([view.log_probs(each)[token] for view, each in zip(self._views, state, strict=False)])
        return (*parts, moved(state[-1], self._row(state), said, self._rate)[1])

    def log_probs(self, state: State) -> LogProbs:
        logits = state[-1] if self.adaptive else self._logits
        said = [view.log_probs(each) for view, each in zip(self._views, state, strict=False)]
        return mixed(said, log_weights(logits, self._row(state)))

    def advance_batch(self, states: Sequence[State], tokens: Sequence[int]) -> Sequence[State]:
        if not self._side_by_side(states):
            return [self.advance(state, token) for state, token in zip(states, tokens, strict=True)]
        parts = zip(self._generators, zip(*states, strict=True), strict=True)
        return list(zip(*(advance_batch(part, own, tokens) for part, own in parts), strict=True))

    def _side_by_side(self, states: Sequence[State]) -> bool:
        """Whether many states are dealt with together: not where each has weights or paths of its own."""
        return len(states) > 0 and not self.adaptive and not any(isinstance(v, Characterwise) for v in self._views)

    def log_probs_batch(self, states: Sequence[State], stop: int | None = None) -> Sequence[LogProbs] | LogProbs:
        if not self._side_by_side(states):
            return [self.log_probs(state)[:stop] for state in states]
        parts = list(zip(self._generators, zip(*states, strict=True), strict=False))
        depths = np.array([[context_length(part, each) for each in own] for part, own in parts]).reshape(
            len(self.specs), -1
        )
        weights = self._logits[self._rows(self._kind(depths))]
        said = zip(*(log_probs_batch(part, own, stop) for part, own in parts), strict=True)
        return [mixed(rows, each) for rows, each in zip(said, weights, strict=True)]

    def context_length(self, state: State) -> int:
        return min(_context_length(view, each) for view, each in zip(self._views, state, strict=False))

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        log_probs, kinds = self._read(ids, progress)
        if self.adaptive:
            return read(self._logits, self._rows(kinds), log_probs, self._rate)
        return np.asarray(np.logaddexp.reduce(log_probs + self._logits[self._rows(kinds)].T, axis=0))

    def context_lengths(self, ids: Ids) -> Ids:
        views = self._views
        return np.asarray(
            np.min([v.read(ids)[1] if isinstance(v, Characterwise) else context_lengths(v, ids) for v in views], axis=0)
        )

    def dump(self) -> dict[str, Any]:
        return {
            "rate": self._rate,
            "parts": [part.dump() for part in self._generators],
            "overall": self._overall,
            "kinds": self._kinds,
            "weights": self._weights,
        }

    def restore(self, learned: dict[str, Any]) -> None:
        self._generators = [make(spec) for spec in self.specs]
        for part, kept in zip(self._generators, learned["parts"], strict=True):
            part.restore(kept)
        self._view()
        self._rate, self._overall = float(learned["rate"]), learned["overall"]
        self._kinds, self._weights = learned["kinds"], learned["weights"]
        self._take()


def _context_length(view: View, state: Any) -> int:
    return view.context_length(state) if isinstance(view, Characterwise) else context_length(view, state)


def split(parts: str) -> list[str]:
    """The SPECs of a mixture.

    >>> split("(markov-char:order=6)+lstm-char+(mixture:parts=(a)+(b))")
    ['markov-char:order=6', 'lstm-char', 'mixture:parts=(a)+(b)']
    """
    found, depth = [""], 0
    for character in parts:
        depth += (character == "(") - (character == ")")
        if character == "+" and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [re.sub(r"^\((.*)\)$", r"\1", part.strip()) for part in found]


def mixed(log_probs: Sequence[LogProbs], log_weights: Floats) -> LogProbs:
    """The log of the weighted mean of probabilities, (vocabulary,).

    >>> np.exp(mixed([np.log([0.5, 0.5]), np.log([0.1, 0.9])], np.log([0.75, 0.25]))).round(2).tolist()
    [0.4, 0.6]
    """
    return np.asarray(np.log(np.exp(log_weights) @ np.exp(log_probs)))


def fitted(log_probs: Floats, start: Floats, prior: float) -> Floats:
    """The weights of parts, (parts,), that make their mixture likeliest; `prior` tokens speak for those at the start.

    >>> fitted(np.log([[0.5, 0.5], [0.1, 0.1]]), np.array([0.5, 0.5]), 0.0).round(2).tolist()
    [1.0, 0.0]
    """
    weights = start
    for _ in range(ROUNDS):
        shares = np.exp(log_probs - log_probs.max(axis=0)) * weights[:, None]
        counts = (shares / shares.sum(axis=0)).sum(axis=1) + prior * start + 1e-6
        weights = counts / counts.sum()
    return np.asarray(weights)
