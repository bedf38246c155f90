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
        from genbench_plugins.markov import sampling_kernels

        self.model, tempered = model, temper(model, temperature)
        base, added, total = np.cumsum(tempered.base), np.empty(len(model.probabilities)), np.empty(len(model.backoff))
        sampling_kernels.fill_masses(tempered, base, added, total)
        cumulative = np.concatenate([[0.0], np.cumsum(added)])
        self._quantiles = sampling_kernels.Quantiles(
            1 / temperature, tempered.probabilities, tempered.backoff, base, cumulative, total
        )

    def quantile_tokens(self, states: Sequence[tuple[int, int]], uniforms: LogProbs) -> Ids:
        """Return the tokens of states at quantiles from 0 to 1, (states,)."""
        from genbench_plugins.markov import sampling_kernels

        (nodes, lengths), ids = np.array(states, np.int64).reshape(-1, 2).T.copy(), np.empty(len(states), np.int64)
        sampling_kernels.quantile_tokens(self.model, self._quantiles, nodes, lengths, uniforms, ids)
        return ids

    def sample_streams(
        self, states: Sequence[tuple[int, int]], counts: Sequence[int], uniforms: LogProbs
    ) -> tuple[Ids, Ids, Ids]:
        """Return the tokens of streams, one stream after the other, and node and length of the states, (tokens,) each.

        A stream begins at a state, and has as many tokens as `counts` says: those at quantiles, (tokens,).
        """
        from genbench_plugins.markov import sampling_kernels

        starts, begins = np.array(states, np.int64).reshape(-1, 2), np.cumsum([0, *counts])
        ids, nodes, lengths = (np.empty(len(uniforms), np.int64) for _ in range(3))
        sampling_kernels.sample_quantiles(self.model, self._quantiles, starts, begins, uniforms, ids, nodes, lengths)
        return ids, nodes, lengths
