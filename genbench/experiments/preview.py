"""Preview: the log-probability of each token of a test text by a generator's own fast method, before it is audited."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass

import numpy as np

from genbench import scoring
from genbench.generator import Generator, LogProbs, ProgressCallback
from genbench.storage.records import JsonRecord
from genbench.tokenization.tokenizer import Ids, Tokenizer


@dataclass(frozen=True)
class Preview(JsonRecord):
    """The scores of a test text by `token_log_probs`, as JSON values.

    Arrays are packed in base64. Ids are sent only by a generator whose tokenizer is a class of its own: genbench's
    tokenizer encodes the text again where the preview is checked.
    """

    log_probs: str  # natural logarithms, (tokens,)
    seconds: float  # that the generator took
    ids: str = ""
    ends: str = ""  # characters read after each token, (tokens,)
    spelled: int = 0  # tokens that spell words which are not in the vocabulary

    def unpack_log_probs(self) -> LogProbs:
        """Return the log-probabilities, (tokens,). Raises ValueError for text that is no array."""
        return np.frombuffer(base64.b64decode(self.log_probs, validate=True), np.float64)

    def unpack_ids(self) -> tuple[Ids, Ids]:
        """Return the ids and the characters read after each, (tokens,) each. Raises ValueError as above."""
        ids, ends = (np.frombuffer(base64.b64decode(text, validate=True), np.int64) for text in (self.ids, self.ends))
        return ids, ends


def preview_score(generator: Generator, text: str, progress: ProgressCallback) -> Preview:
    """Return the scores of a text by a generator's fastest method. Raises ContractError as `scoring.score` does."""
    # only the generator's own work is timed
    started = time.perf_counter()
    ids, ends = scoring.encode(generator.tokenizer, text)
    log_probs = scoring.token_log_probs(generator, ids, progress)
    preview = Preview(_pack(log_probs), time.perf_counter() - started)

    if type(generator.tokenizer) is Tokenizer:
        return preview
    spelled = int(generator.tokenizer.spelling_mask(ids).sum())
    return Preview(
        preview.log_probs, preview.seconds, _pack(ids.astype(np.int64)), _pack(ends.astype(np.int64)), spelled
    )


def _pack(array: LogProbs | Ids) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
