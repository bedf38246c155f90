"""The process that adds the score to a row: it runs no code of the generator, and asks a predictor for every figure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from genbench import registry, scoring
from genbench.analysis.strata import Strata
from genbench.charlevel.ranking import with_canonical
from genbench.errors import ContractError
from genbench.experiments.audit.predictor import Loaded
from genbench.experiments.audit.request import AuditRequest, ScoreRequest
from genbench.experiments.audit.rereading import MIN_CHARACTERS, PASSAGE_CHARACTERS, Rereading, reread
from genbench.experiments.audit.walk import Predictor, Walk, walk
from genbench.experiments.executors.messages import TestRead, format_message
from genbench.experiments.job import Job, RowInProgress, add_test_score
from genbench.experiments.preview import Preview
from genbench.experiments.row import Audit, Row
from genbench.generator import LogProbs, Progress, throttle
from genbench.processes.child import Receive, Send, serve
from genbench.processes.forking import end_orphans
from genbench.processes.tree import Suspension
from genbench.storage.records import from_json
from genbench.storage.stored_model import has_digest
from genbench.tokenization.tokenizer import Ids, Tokenizer

READINGS = 4  # of the passage, where the test text was not read step by step
OWN_TOKENIZER = (
    "a tokenizer class of its own has encoded the test text before it was predicted: read its code before you believe "
    "the figure"
)
OTHER_CHARACTERS = 300_000  # of training text; repeated where a window is longer


def main() -> None:
    """Audit the job on standard input."""
    suspension = Suspension()
    serve(partial(_run, suspension=suspension), format_event=format_message, clean_up=suspension.end)


def _run(receive: Receive, send: Send, suspension: Suspension) -> None:
    """Have the test text read; then wait for the row that it belongs to, and send it with its score."""
    request = AuditRequest.from_dict(receive())
    with RowInProgress(Row.blank(request.job)) as progress:
        # the generator's own process has no test text yet, and must not get at it
        if request.worker:
            suspension.begin(request.worker)
            end_orphans()  # of what it has started
        reading = read_test_text(request, send)
        suspension.end()
    if progress.row.error is not None:
        send(progress.row)
        return
    send(TestRead())

    # the generator's own reading of it
    scored = from_json(ScoreRequest, receive())
    with RowInProgress(scored.row) as progress:
        _require_same_model(request, "the test text was read")  # it may be a stored one
        progress.row = add_score(request.job, reading, scored)
    send(progress.row)


@dataclass(frozen=True)
class TestReading:
    """What the stored model predicted of the test text, and what it is."""

    __test__ = False  # no class of tests

    ends: Ids  # (tokens,) characters read after each
    spelled: int  # tokens that spell words
    canonical: tuple[int, int] | None  # of a word model read by the character: tokens, and those that spell words
    walk: Walk
    rereading: Rereading | None
    loaded: Loaded


def read_test_text(request: AuditRequest, report: Callable[[Progress], None]) -> TestReading:
    """Have a stored model predict the test text. Raises ContractError where a prediction is wrong."""
    job, folder = request.job, Path(request.folder)
    _require_same_model(request, "it was trained")
    report(Progress(0.0, note="auditing"))  # loading the model in another process takes a moment
    files = registry.plugin_files(job.spec)
    with Predictor(folder, files) as predictor:
        # the text, by genbench's own tokenizer where the model has it
        tokenizer = _tokenizer(predictor.loaded)
        if tokenizer is None:
            with Predictor(folder, files) as encoder:  # isolated too, and ended before anything is predicted
                ids, ends, spelled = encoder.encode(job.test)
        else:
            ids, ends = scoring.encode(tokenizer, job.test)
            spelled = int(tokenizer.spelling_mask(ids).sum())

        # the test text, then whether it learns while it reads
        share = throttle(lambda share: report(Progress(share, note="auditing")))
        reading = walk(predictor, ids, job.audit, share)
        if tokenizer is None and predictor.decode(ids) != job.test:
            raise ContractError("the tokenizer loses text: decode(encode(text)) is not the text")
        report(Progress(0.0, note="rereading the beginning"))
        passage = ids[: _passage(ends, job.audit, reading)]
        rereading = _reread(predictor, tokenizer, job, passage, reading.log_probs[: len(passage)])
        return TestReading(ends, spelled, _canonical(predictor.loaded, job.test), reading, rereading, predictor.loaded)


def add_score(job: Job, reading: TestReading, scored: ScoreRequest) -> Row:
    """Return the row with its score. Raises ContractError where the preview differs from what was predicted."""
    preview = _checked_preview(scored.preview, reading.ends)

    # what was read counts, all of it or none
    log_probs = _compare(preview, reading.walk.log_probs)
    score = scoring.sum_up(job.test, reading.ends, log_probs, reading.spelled)
    if reading.canonical is not None:
        bits = scored.preview.canonical_bits
        if bits is None or not 0 <= bits < math.inf:
            raise ContractError("its process sent no bits of its canonical tokens")
        score = with_canonical(score, bits, *reading.canonical)
    strata = {by: Strata.unpack(packed) for by, packed in job.strata.items()}
    return add_test_score(_with_audit(scored.row, reading), score, strata, scored.preview.seconds)


def _require_same_model(request: AuditRequest, event: str) -> None:
    """Raise ContractError where a file of the model was changed after an event."""
    if not all(has_digest(Path(request.folder) / name, digest) for name, digest in request.digests.items()):
        raise ContractError(f"its model was changed after {event}")


def _tokenizer(loaded: Loaded) -> Tokenizer | None:
    """Return genbench's own tokenizer as a model describes it; None where the model has a class of the plugin's own."""
    if loaded.tokenizer is None:
        return None
    tokenizer = Tokenizer.restore(loaded.tokenizer)
    if tokenizer.size != loaded.size:
        raise ContractError("the tokenizer of the model has another size than it says")
    return tokenizer


def _canonical(loaded: Loaded, text: str) -> tuple[int, int] | None:
    """Return the number of canonical tokens of a text, and of those that spell words, of a word model; else None."""
    if loaded.words is None:
        return None
    words = Tokenizer.restore(loaded.words)
    if loaded.tokenizer != Tokenizer("characters", words.letters).dump():
        raise ContractError("the view of the model has other letters than its tokenizer")
    ids, _ = scoring.encode(words, text)
    return len(ids), int(words.spelling_mask(ids).sum())


def _checked_preview(preview: Preview, ends: Ids) -> LogProbs:
    """Return the log-probabilities of a preview, (tokens,), which a plugin's process has sent."""
    log_probs = preview.unpack_log_probs()
    if log_probs.shape != ends.shape or not np.isfinite(log_probs).all() or (log_probs > scoring.SUM_TOLERANCE).any():
        raise ContractError("its process sent a preview that no scores can be")
    return log_probs


def _passage(ends: Ids, limit: float | None, reading: Walk) -> int:
    """Return how many tokens are read again in about `limit` seconds; 0 for a short text.

    `ends` says how much of the text each token has read, (tokens,).
    """
    longest, shortest = (int(np.searchsorted(ends, size)) for size in (PASSAGE_CHARACTERS, MIN_CHARACTERS))
    affordable = len(ends) if limit is None else int(limit / READINGS / max(reading.seconds_per_token, 1e-9))
    return min(longest, max(shortest, affordable)) if shortest < len(ends) else 0


def _reread(
    predictor: Predictor, tokenizer: Tokenizer | None, job: Job, passage: Ids, log_probs: LogProbs
) -> Rereading | None:
    """Return what rereading a passage shows; None for an empty one, and for a window over a plugin's own tokens.

    `log_probs` are those of its first reading, (tokens,), NaN where it was not predicted.
    """
    if not len(passage) or (tokenizer is None and predictor.loaded.window is not None):
        return None

    # other text only stands between two readings where a window is declared
    other = job.train[:OTHER_CHARACTERS] if predictor.loaded.window is not None and tokenizer is not None else ""
    nats = -float(log_probs.sum()) if np.isfinite(log_probs).all() else None
    return reread(predictor, passage, passage[:0] if tokenizer is None else tokenizer.encode(other), nats)


def _compare(preview: LogProbs, predicted: LogProbs) -> LogProbs:
    """Return the log-probabilities that count, (tokens,): those predicted, or if some (NaN) were not, the preview.

    Raises ContractError at the first token where the two differ.
    """
    read = np.isfinite(predicted)
    differs = read & (np.abs(preview - np.where(read, predicted, 0.0)) > scoring.STEP_TOLERANCE)
    for position in np.flatnonzero(differs)[:1].tolist():
        scoring.require_agreement(position, preview[position], predicted[position])
    return predicted if read.all() else preview


def _with_audit(row: Row, reading: TestReading) -> Row:
    """Return the row with how it was audited, and notes on what the audit shows."""
    loaded, walked, rereading, notes = reading.loaded, reading.walk, reading.rereading, list(row.notes)
    ratio = None if rereading is None else round(rereading.ratio, 4)
    adaptive = loaded.adaptive
    if loaded.tokenizer is None:
        notes.append(OWN_TOKENIZER)
    if rereading is not None and rereading.learns and not adaptive:
        adaptive = True
        notes.append(rereading.note())
    audit = Audit(round(walked.share, 4), round(walked.seconds, 2), loaded.isolation, ratio)
    return replace(row, adaptive=adaptive, audit=audit, notes=notes)


if __name__ == "__main__":
    main()
