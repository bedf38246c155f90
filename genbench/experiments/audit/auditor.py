"""The process that adds the score to a row: it runs no code of the generator, and asks a predictor for every figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from genbench import registry, scoring
from genbench.analysis.strata import Strata
from genbench.errors import ContractError
from genbench.experiments.audit.predictor import Loaded
from genbench.experiments.audit.request import AuditRequest
from genbench.experiments.audit.rereading import MIN_CHARACTERS, PASSAGE_CHARACTERS, Rereading, reread
from genbench.experiments.audit.walk import Predictor, Walk, walk
from genbench.experiments.executors.messages import format_message
from genbench.experiments.job import Job, RowInProgress, add_test_score
from genbench.experiments.preview import Preview
from genbench.experiments.row import Audit, Row
from genbench.generator import LogProbs, Progress, throttle
from genbench.processes.child import Receive, Send, serve
from genbench.storage.stored_model import has_digest
from genbench.tokenization.tokenizer import Ids, Tokenizer

OTHER_CHARACTERS = 300_000  # of training text; repeated where a window is longer


def main() -> None:
    """Audit the row on standard input."""
    serve(_run, format_event=format_message)


def _run(receive: Receive, send: Send) -> None:
    request = AuditRequest.from_dict(receive())
    with RowInProgress(request.row) as progress:
        progress.row = audit_row(request, send)
    send(progress.row)


def audit_row(request: AuditRequest, report: Callable[[Progress], None]) -> Row:
    """Return the row with its score. Raises ContractError where a prediction is wrong, or the model has changed."""
    job, folder = request.job, Path(request.folder)
    for name, digest in request.digests.items():
        if not has_digest(folder / name, digest):
            raise ContractError("its model was changed after the test text was read")

    report(Progress(0.0, note="auditing"))  # loading the model in another process takes a moment
    with Predictor(folder, registry.plugin_files(job.spec)) as predictor:
        # the text, by genbench's own tokenizer where the model has it
        tokenizer = _tokenizer(predictor.loaded)
        ids, ends, spelled = _encode(predictor.loaded, tokenizer, job.test, request.preview)
        preview = _checked_preview(request.preview, ids)

        # the test text, then whether it learns while it reads
        share = throttle(lambda share: report(Progress(share, note="auditing")))
        reading = walk(predictor, ids, job.audit, share)
        if tokenizer is None and predictor.decode(ids) != job.test:
            raise ContractError("the tokenizer loses text: decode(encode(text)) is not the text")
        report(Progress(1.0, note="rereading the beginning"))
        known = np.where(np.isfinite(reading.log_probs), reading.log_probs, preview)
        tokens = _passage(ends, job.audit, reading)
        rereading = _reread(predictor, tokenizer, job, ids[:tokens], -float(known[:tokens].sum()))

    # what was read counts, all of it or none
    log_probs = _compare(preview, reading.log_probs)
    score = scoring.sum_up(job.test, ends, log_probs, spelled)
    strata = {by: Strata.unpack(packed) for by, packed in job.strata.items()}
    row = _with_audit(request.row, predictor, reading, rereading)
    return add_test_score(row, score, strata, request.preview.seconds)


def _tokenizer(loaded: Loaded) -> Tokenizer | None:
    """Return genbench's own tokenizer as a model describes it; None where the model has a class of the plugin's own."""
    if loaded.tokenizer is None:
        return None
    tokenizer = Tokenizer.restore(loaded.tokenizer)
    if tokenizer.size != loaded.size:
        raise ContractError("the tokenizer of the model has another size than it says")
    return tokenizer


def _encode(loaded: Loaded, tokenizer: Tokenizer | None, text: str, preview: Preview) -> tuple[Ids, Ids, int]:
    """Return the ids of a text, how much of it each has read, (tokens,) each, and how many spell words."""
    if tokenizer is not None:
        ids, ends = scoring.encode(tokenizer, text)
        return ids, ends, int(tokenizer.spelling_mask(ids).sum())

    # a class of the plugin's own encoded it; the predictor will decode it
    ids, ends = preview.unpack_ids()
    in_order = len(ids) == len(ends) and np.diff(ends, prepend=0, append=len(text)).min() >= 0
    if not in_order or (len(ids) and not 0 <= ids.min() <= ids.max() < loaded.size):
        raise ContractError("encode_with_ends must return ids of the vocabulary, and for each how much text was read")
    return ids, ends, min(max(preview.spelled, 0), len(ids))


def _checked_preview(preview: Preview, ids: Ids) -> LogProbs:
    """Return the log-probabilities of a preview, (tokens,), which a plugin's process has sent."""
    log_probs = preview.unpack_log_probs()
    if log_probs.shape != ids.shape or not np.isfinite(log_probs).all() or (log_probs > scoring.SUM_TOLERANCE).any():
        raise ContractError("its process sent a preview that no scores can be")
    return log_probs


def _passage(ends: Ids, limit: float | None, reading: Walk) -> int:
    """Return how many tokens are read again, three times in about `limit` seconds; 0 for a short text.

    `ends` says how much of the text each token has read, (tokens,).
    """
    longest, shortest = (int(np.searchsorted(ends, size)) for size in (PASSAGE_CHARACTERS, MIN_CHARACTERS))
    affordable = len(ends) if limit is None else int(limit / 3 / max(reading.seconds_per_token, 1e-9))
    return min(longest, max(shortest, affordable)) if shortest < len(ends) else 0


def _reread(predictor: Predictor, tokenizer: Tokenizer | None, job: Job, passage: Ids, nats: float) -> Rereading | None:
    """Return what rereading a passage that cost `nats` shows; None for an empty one, and a window over own tokens."""
    if not len(passage) or (tokenizer is None and predictor.loaded.window is not None):
        return None

    # other text only stands between two readings where a window is declared
    other = job.train[:OTHER_CHARACTERS] if predictor.loaded.window is not None and tokenizer is not None else ""
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


def _with_audit(row: Row, predictor: Predictor, reading: Walk, rereading: Rereading | None) -> Row:
    """Return the row with how it was audited, and notes on what the audit shows."""
    loaded, notes = predictor.loaded, list(row.notes)
    ratio = None if rereading is None else round(rereading.ratio, 4)
    adaptive = loaded.adaptive
    if rereading is not None and rereading.learns and not adaptive:
        adaptive = True
        notes.append(rereading.note())
    if reading.share < 1:
        share = f"{100 * reading.share:.0f} % of the test text"
        notes.append(f"audited {share} in {reading.seconds:.0f} seconds; --audit full reads it all")
    audit = Audit(round(reading.share, 4), round(reading.seconds, 2), loaded.isolation, ratio)
    return replace(row, adaptive=adaptive, audit=audit, notes=notes)


if __name__ == "__main__":
    main()
