"""Preview: the log-probability of each token of a test text by a generator's own fast method, before it is audited."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass

import numpy as np

from genbench import scoring
from genbench.generator import LogProbs, ProgressCallback
from genbench.model import Model
from genbench.processes.clock import Stopwatch
from genbench.storage.records import JsonRecord


@dataclass(frozen=True)
class Preview(JsonRecord):
    """The scores of a test text by `token_log_probs`, as JSON values."""

    log_probs: str  # natural logarithms, (tokens,), in base64
    seconds: float  # that the generator took
    canonical_bits: float | None = None  # of the canonical tokens, where the scores are those by the character

    def unpack_log_probs(self) -> LogProbs:
        """Return the log-probabilities, (tokens,). Raises ValueError for text that is no array."""
        return np.frombuffer(base64.b64decode(self.log_probs, validate=True), np.float64)


def preview_score(model: Model, text: str, progress: ProgressCallback) -> Preview:
    """Return the scores of a text by a generator's fastest method. Raises ContractError as `scoring.score` does."""
    # only the generator's own work is timed
    ranked = model.ranked
    watch = Stopwatch()
    ids, _ = scoring.encode(ranked.tokenizer, text)
    log_probs = scoring.token_log_probs(ranked, ids, progress)
    seconds = watch.wall_seconds

    # the canonical tokens, where these are others
    canonical = None
    if ranked is not model.generator:
        ids, _ = scoring.encode(model.generator.tokenizer, text)
        canonical = -math.fsum(scoring.token_log_probs(model.generator, ids)) / math.log(2)
    return Preview(base64.b64encode(log_probs.tobytes()).decode(), seconds, canonical)
