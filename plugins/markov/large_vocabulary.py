"""LargeVocabularyChain: a MarkovChain that samples by quantile, because whole distributions over words take time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffForm
from genbench_plugins.markov.chain import ChainStates, MarkovChain, State
from genbench_plugins.markov.packed_tree import PackedTree
from genbench_plugins.markov.quantile_sampling import QuantileSampler
from genbench_plugins.markov.smoothing import Smoothing

from genbench.generator import LogProbs
from genbench.tokenization.tokenizer import Ids

CACHED_SAMPLERS = 4  # the most recent temperatures


@dataclass
class LargeVocabularyChain(MarkovChain):
    """A chain that samples by quantile, without whole distributions."""

    def quantile_tokens(self, states: Sequence[Any], uniforms: LogProbs, temperature: float) -> Ids:
        if self._cache is not None:
            return np.full(len(states), -1)  # not supported with a cache
        return self._sampler(temperature).quantile_tokens(states, uniforms)

    def _sample_stream(
        self, state: State, uniforms: LogProbs, temperature: float, first_token: int
    ) -> tuple[Ids, Ids, Ids]:
        return self._sampler(temperature).sample_streams([state], [len(uniforms)], uniforms)

    def sample_streams(
        self,
        states: Sequence[Any],
        rngs: Sequence[np.random.Generator],
        counts: Sequence[int],
        temperature: float,
        first_token: int,
    ) -> list[tuple[Ids, Sequence[Any]]]:
        if self._cache is not None or not states:
            return [(np.empty(0, np.int64), []) for _ in states]
        uniforms = np.concatenate([rng.random(count) for rng, count in zip(rngs, counts, strict=True)])
        ids, nodes, lengths = self._sampler(temperature).sample_streams(states, counts, uniforms)
        ends = np.cumsum(counts).tolist()
        parts = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
        return [(ids[part], ChainStates(nodes[part], lengths[part])) for part in parts]

    def _is_compiled(self) -> bool:
        from genbench_plugins.markov import kernels, sampling_kernels
        from genbench_plugins.markov.compiling import is_compiled

        return is_compiled(kernels.score) and is_compiled(sampling_kernels.quantile_tokens)

    def _call_kernels(self) -> None:
        super()._call_kernels()
        state = (self._tree.root, 0)  # of the counts: a subclass may have other states
        self._sampler(1.0).quantile_tokens([state], np.full(1, 0.5))

    def _set_counts(self, tree: PackedTree, smoothing: Smoothing, stored: BackoffForm | None = None) -> None:
        super()._set_counts(tree, smoothing, stored)

        # a sampler takes time to build: keep those of recent temperatures
        self._sampler = lru_cache(CACHED_SAMPLERS)(partial(QuantileSampler, self._model))
