"""Read a stream of tokens step by step: each distribution is received before its token is sent.

Where reading all of it would take too long, stretches chosen at random are read this way, and the tokens between them
only advance the state. The predictor cannot know which stretch is next.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genbench.errors import ContractError
from genbench.experiments.audit.predictor import (
    ADVANCE,
    DECODE,
    ENCODE,
    EXIT_CODE,
    HEADER,
    LENGTH,
    PREDICT,
    START,
    TOKEN,
    Loaded,
)
from genbench.generator import LogProbs, ProgressCallback, ignore
from genbench.processes.parent import ChildProcess, describe_exit
from genbench.scoring import SUM_TOLERANCE, require_distribution
from genbench.storage.records import JsonObject, from_json
from genbench.storage.untrusted import parse_json
from genbench.tokenization.tokenizer import Ids

CHUNK = 256  # tokens that are read at a time where there is time for all
STRETCH = 16  # tokens that are read in the same way where there is not: many short stretches leave no long gap
MIN_SHARE = 0.01  # of the stretches that are read step by step, however long it takes
BUFFER_BYTES = 8 << 20  # of distributions that are checked at a time
PIPE_BYTES = 1 << 20
EXIT_SECONDS = 5.0  # that a process may take to end once it has failed
SET_PIPE_SIZE = 1031  # Linux: F_SETPIPE_SZ
MAX_TOKENS_PER_BYTE = 8  # of a text that a tokenizer class of a plugin's own encodes
MAX_DESCRIPTION = 1 << 26  # bytes of the line that describes a model
MODULE = "genbench.experiments.audit.predictor"


class Predictor:
    """A predictor process; as a context manager, it ends with it. Its methods raise ContractError where it fails."""

    def __init__(self, folder: Path, files: Sequence[str]) -> None:
        """Load the model in a folder; `files` are the plugin files that its SPEC names."""
        self._child = ChildProcess(MODULE, environment={"PYTHONDONTWRITEBYTECODE": "1"}, preloaded="")
        assert self._child.process.stdin is not None
        assert self._child.process.stdout is not None
        self._requests, self._answers = self._child.process.stdin, self._child.process.stdout
        _enlarge_pipe(self._answers.fileno())

        # what it says of its model
        self._empty = tempfile.TemporaryDirectory(prefix="empty-", dir=folder.parent)  # swept with the job's folder
        try:
            self.loaded = self._load({"model": str(folder), "files": list(files), "empty": self._empty.name})
        except BaseException:
            self.__exit__()
            raise

        # distributions, checked many at a time
        rows = max(1, min(CHUNK, BUFFER_BYTES // (8 * self.loaded.size)))
        self._buffer = np.empty((rows, self.loaded.size))

    def _load(self, request: JsonObject) -> Loaded:
        """Send the first request; return what the process says of its model."""
        self._child.send(request)
        line = self._answers.readline(MAX_DESCRIPTION)
        if not line.endswith(b"\n"):
            raise self._failure()
        try:
            return from_json(Loaded, parse_json(line, MAX_DESCRIPTION))
        except ValueError as error:
            raise ContractError(f"the model sent no valid description: {error}") from error

    def __enter__(self) -> Predictor:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.end()
        self._empty.cleanup()

    def start(self) -> None:
        """Return to the state before the first token."""
        self._send(HEADER.pack(START, 0))

    def advance(self, ids: Ids) -> None:
        """Advance by some tokens; return once it is done."""
        self._send(HEADER.pack(ADVANCE, len(ids)) + ids.astype(TOKEN).tobytes() + HEADER.pack(PREDICT, 0))
        self._receive(self._buffer[0])

    def read(self, ids: Ids, position: int = 0) -> LogProbs:
        """Return the log-probability of each token, (tokens,), predicted before the token is sent.

        `position` is that of the first one in its stream, for messages.
        """
        rows, log_probs = len(self._buffer), np.empty(len(ids))
        self._send(HEADER.pack(PREDICT, 0))
        for start in range(0, len(ids), rows):
            block = ids[start : start + rows]
            messages = [HEADER.pack(ADVANCE, 1) + token.tobytes() for token in block.astype(TOKEN)]
            for row, message in enumerate(messages):
                self._receive(self._buffer[row])

                # the next distribution is asked for together with the token, except after the last one
                last = start + row + 1 == len(ids)
                self._send(message if last else message + HEADER.pack(PREDICT, 0))
            _require_distributions(self._buffer[: len(block)], position + start)
            log_probs[start : start + rows] = self._buffer[np.arange(len(block)), block]
        return log_probs

    def decode(self, ids: Ids) -> str:
        """Return the text of tokens by the tokenizer of the model."""
        self._send(HEADER.pack(DECODE, len(ids)) + ids.astype(TOKEN).tobytes())
        (size,) = LENGTH.unpack(self._bytes(LENGTH.size))
        return self._bytes(size).decode(errors="replace")

    def encode(self, text: str) -> tuple[Ids, Ids, int]:
        """Return the ids of a text by the tokenizer of the model and how much each has read, (tokens,) each.

        The third is how many of them spell words. Raises ContractError where they are no ids of its vocabulary.
        """
        data = text.encode()
        self._send(HEADER.pack(ENCODE, len(data)) + data)
        tokens, spelled = (LENGTH.unpack(self._bytes(LENGTH.size))[0] for _ in range(2))
        if not 0 <= tokens <= MAX_TOKENS_PER_BYTE * (len(data) + 1):
            raise ContractError(f"encode_with_ends returns {tokens:,} tokens for {len(data):,} bytes")
        ids, ends = (np.frombuffer(self._bytes(tokens * LENGTH.size), np.int64) for _ in range(2))
        in_order = len(ids) == 0 or np.diff(ends, prepend=0, append=len(text)).min() >= 0
        if not in_order or (len(ids) and not 0 <= ids.min() <= ids.max() < self.loaded.size):
            raise ContractError(
                "encode_with_ends must return ids of the vocabulary, and for each how much text was read"
            )
        return ids, ends, min(max(spelled, 0), len(ids))

    def _bytes(self, size: int) -> bytes:
        """Return this many bytes of its answer."""
        data = self._answers.read(size)
        if len(data) != size:
            raise self._failure()
        return data

    def _send(self, data: bytes) -> None:
        try:
            self._requests.write(data)
            self._requests.flush()
        except OSError:  # it has ended
            raise self._failure() from None

    def _receive(self, row: npt.NDArray[np.float64]) -> None:
        if self._answers.readinto(row.data.cast("B")) != row.nbytes:  # type: ignore[attr-defined]
            raise self._failure()

    def _failure(self) -> ContractError:
        """Return why there is no answer."""
        self._child.wait(EXIT_SECONDS)
        code, reason = self._child.end(), self._child.last_error()
        known = code == EXIT_CODE
        return ContractError(reason if known else f"the process that predicts {describe_exit(code)}: {reason}")


@dataclass(frozen=True)
class Walk:
    """What was read of a stream."""

    log_probs: LogProbs  # (tokens,), NaN where the state was only advanced
    seconds: float
    seconds_per_token: float  # of those that were predicted

    @property
    def share(self) -> float:
        """The share of the tokens that were predicted, 0 to 1."""
        return float(np.isfinite(self.log_probs).mean()) if len(self.log_probs) else 1.0


def walk(predictor: Predictor, ids: Ids, limit: float | None, progress: ProgressCallback = ignore) -> Walk:
    """Read a stream from `start()`, in about `limit` seconds where that is enough for `MIN_SHARE` (None: all of it)."""
    started = time.monotonic()
    log_probs, pace = np.full(len(ids), np.nan), _Pace()
    predictor.start()
    position = 0
    while position < len(ids):
        progress(position / len(ids))
        begun = time.monotonic()
        left = None if limit is None else limit - (begun - started)
        share = pace.share(left, len(ids) - position)
        block = ids[position : position + (CHUNK if share == 1.0 and pace.tokens[True] else STRETCH)]

        # chance decides, so that a generator cannot be honest only where it is read
        stepwise = _random.random() < share
        if stepwise:
            log_probs[position : position + len(block)] = predictor.read(block, position)
        else:
            predictor.advance(block)
        pace.record(stepwise, len(block), time.monotonic() - begun)
        position += len(block)
    return Walk(log_probs, time.monotonic() - started, pace.seconds[True] / max(pace.tokens[True], 1))


class _Pace:
    """How long a token takes when it is predicted, and when it only advances the state."""

    def __init__(self) -> None:
        self.tokens = {True: 0, False: 0}
        self.seconds = {True: 0.0, False: 0.0}

    def record(self, stepwise: bool, tokens: int, seconds: float) -> None:
        """Remember how long some tokens took."""
        self.tokens[stepwise] += tokens
        self.seconds[stepwise] += seconds

    def share(self, left: float | None, tokens: int) -> float:
        """Return the share of the remaining tokens that can be predicted in the seconds that are left, 0 to 1."""
        # the first stretch is predicted, the second only if there is time for all of them
        if left is None or not self.tokens[True]:
            return 1.0
        predicted = tokens * self.seconds[True] / self.tokens[True]
        if predicted <= left:
            return 1.0
        advanced = tokens * self.seconds[False] / self.tokens[False] if self.tokens[False] else 0.0
        return max(MIN_SHARE, (left - advanced) / max(predicted - advanced, 1e-9))


_random = random.SystemRandom()


def _require_distributions(log_probs: npt.NDArray[np.float64], start: int) -> None:
    """Raise ContractError unless each row is a distribution; `start` is the position of the first one."""
    with np.errstate(over="ignore", invalid="ignore"):
        totals, lowest = np.exp(log_probs).sum(1), log_probs.min(1)
    wrong = ~(np.abs(totals - 1) <= SUM_TOLERANCE) | ~np.isfinite(lowest)
    for row in np.flatnonzero(wrong)[:1].tolist():
        try:
            require_distribution(log_probs[row], log_probs.shape[1])
        except ContractError as error:
            raise ContractError(f"at token {start + row}: {error}") from None


def _enlarge_pipe(file: int) -> None:
    """Let a pipe hold the distribution of a large vocabulary, where the system can."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(file, SET_PIPE_SIZE, PIPE_BYTES)
