"""Sample from a chain without computing the whole distribution: a few look-ups per token for any vocabulary size.

Interpolated smoothing is a mixture, p(w | h) = a(w) + backoff p(w | h'), with a(w) = 0 for tokens that never followed
h. At a temperature T it is still a mixture, with t = 1 / T:

    p(w | h)^t = added(w) + backoff^t p(w | h')^t,    added(w) = p(w | h)^t - (backoff p(w | h'))^t >= 0

So one uniform number selects the context that gives the token, and the token among those that followed this context
(inverse transform sampling, with a binary search of cumulative sums).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from genbench_plugins.markov.backoff_building import temper
from genbench_plugins.markov.backoff_model import BackoffModel

from genbench.generator import LogProbs
from genbench.tokenization.tokenizer import Ids


class QuantileSampler:
    """A model, prepared for sampling at one temperature."""

    def __init__(self, model: BackoffModel, temperature: float) -> None:
        from genbench_plugins.markov import kernels

        self.model, added = temper(model, temperature), np.empty(len(model.tokens))
        self.base, self.total = np.cumsum(self.model.base), np.empty(len(model.parent))
        kernels.fill_masses(self.model, self.base, added, self.total)
        self.cumulative = np.concatenate([[0.0], np.cumsum(added)])

    def quantile_tokens(self, states: Sequence[tuple[int, int]], uniforms: LogProbs) -> Ids:
        """Return the tokens of states at quantiles from 0 to 1, (states,); -1 for a context inside an edge."""
        from genbench_plugins.markov import kernels

        tokens = (
            kernels.quantile_token(self.model, *state, uniform, self.base, self.cumulative, self.total)
            for state, uniform in zip(states, uniforms.tolist(), strict=True)
        )
        return np.fromiter(tokens, np.int64, len(states))
