"""What is measured of a trained generator besides its score: samples, what they copy, and the extra metrics.

Samples and extra metrics are made where the model is, in the worker. What samples copy is measured in the process that
compares: there the training text of an author is indexed once for all rows, and never while jobs are timed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from genbench import scoring
from genbench.analysis import memory
from genbench.analysis.memory import ContextBits
from genbench.analysis.novelty import NoveltyStatistics, TrainingIndex, spaced_passages
from genbench.analysis.strata import stratify
from genbench.corpus.corpus import Corpus
from genbench.errors import UserError
from genbench.experiments.row import CopyStats, Row, Sample, StyleScores, temperature_key
from genbench.generator import Generator, Progress, ProgressCallback, ignore, throttle
from genbench.model import Model
from genbench.processes.clock import Stopwatch
from genbench.sampling import DEFAULT_LENGTH, Sampling, generate_many
from genbench.scoring import surprisal_by_word
from genbench.storage.records import JsonObject

if TYPE_CHECKING:
    from genbench.experiments.job import Job

MAX_CONTEXT, MAX_TARGETS = 256, 200  # characters and words: less than `genbench memory` measures
STATISTICS_SAMPLES = 20  # of each temperature, that figures of samples rest on; one is shown for each prompt
MIN_SECONDS, MAX_SHARE = 1.0, 0.05  # of CPU, that those that are not shown may take; or a share of the budget
SPEED_CHARACTERS, SPEED_SECONDS = 3000, 0.5  # of the text whose speed is measured, at most
FIRST_TEXTS, GROWTH = 3, 6  # texts at first, and how many times those so far come next

ReportProgress = Callable[[Progress], None]


def generate_samples(row: Row, model: Model, job: Job, progress: ProgressCallback) -> Row:
    """Return the row with a sample for each prompt and sampling, generated side by side, and the speed of sampling."""
    # generate
    watch = Stopwatch()
    pairs = list(product(job.prompts, job.samplings))
    prompts, samplings = [prompt for prompt, _ in pairs], [sampling for _, sampling in pairs]
    rngs = [np.random.default_rng([job.seed, index]) for index in range(len(pairs))]
    progress(0.0)
    texts = generate_many(
        model.generator, prompts, samplings, rngs, throttle(progress), model.training_words, model.beginnings
    )
    speed = _generation_speed(model, job, sum(map(len, texts)) / max(watch.wall_seconds, 1e-9)) if texts else None

    # the surprisal of each text after its prompt
    prompted = [prompt + text for prompt, text in zip(prompts, texts, strict=True)]
    samples = []
    for (prompt, sampling), text, bits in zip(pairs, texts, scoring.score_each(model.generator, prompted), strict=True):
        words = surprisal_by_word(bits[len(bits) - len(text) :], text)
        surprisal = [(word.text, word.bits) for word in words]
        used = model.sampling(sampling).choices
        samples.append(Sample(sampling.temperature, prompt, text, surprisal, sampling=used))
    further = _generate_further(model, job, watch.cpu_seconds, progress)
    return replace(row, samples=samples, further_samples=further, generate_characters_per_second=speed)


def _generation_speed(model: Model, job: Job, first: float) -> int | None:
    """Return the characters per second of a longer text; None where it is empty.

    `first` is the speed of the first texts, which are mostly preparation for a chain. What it can write in a moment is
    measured, and again with more characters where that was much faster.
    """
    speed, measured = first, 0
    while (characters := max(1, min(SPEED_CHARACTERS, round(speed * SPEED_SECONDS)))) > 2 * measured:
        sampling, rng = replace(job.samplings[0], length=characters), np.random.default_rng([job.seed, characters])
        watch = Stopwatch()
        (text,) = generate_many(
            model.generator, [job.prompts[0]], [sampling], [rng], ignore, model.training_words, model.beginnings
        )
        if not text:
            return None
        speed, measured = len(text) / max(watch.wall_seconds, 1e-9), characters
    return round(speed)


def _generate_further(model: Model, job: Job, seconds: float, progress: ProgressCallback) -> dict[str, list[str]]:
    """Return texts by temperature that are not shown, so that figures of samples rest on STATISTICS_SAMPLES of each.

    The shown samples took `seconds` of CPU time. A slow generator makes fewer, as many as fit into a small share of the
    budget at the speed of its last texts. At temperature 0 another text would be the same.
    """
    shown = Counter(sampling.temperature for _, sampling in product(job.prompts, job.samplings))
    by_temperature = {sampling.temperature: sampling for sampling in job.samplings if sampling.temperature != 0}
    left = max(MIN_SECONDS, MAX_SHARE * (job.budget or 0.0))
    per_text = seconds / max(1, shown.total())

    further: dict[str, list[str]] = {}
    for number, (temperature, sampling) in enumerate(by_temperature.items()):
        wanted = max(0, STATISTICS_SAMPLES - shown[temperature])
        texts = further.setdefault(temperature_key(temperature), [])
        while len(texts) < wanted:
            # a few texts first: side by side they take less time each than the shown ones did
            count = min(wanted - len(texts), int(left / max(per_text, 1e-9)), len(texts) * GROWTH or FIRST_TEXTS)
            if count <= 0:  # the last texts may have taken more than was left
                break
            watch = Stopwatch()
            places = range(len(texts), len(texts) + count)
            texts += generate_many(
                model.generator,
                [job.prompts[place % len(job.prompts)] for place in places],
                [sampling] * count,
                [np.random.default_rng([job.seed, number, place, STATISTICS_SAMPLES]) for place in places],
                throttle(progress),
                model.training_words,
                model.beginnings,
            )
            left, per_text = left - watch.cpu_seconds, watch.cpu_seconds / count
    return {temperature: texts for temperature, texts in further.items() if texts}


def generate_for_judges(model: Model, job: Job, progress: ProgressCallback) -> list[str]:
    """Return additional samples for the judges of style: by the first sampling, without a prompt."""
    sampling = job.samplings[0] if job.samplings else Sampling(DEFAULT_LENGTH)
    count = job.style_samples
    rngs = [np.random.default_rng([job.seed, index, count]) for index in range(count)]
    samplings = [sampling] * count
    return generate_many(
        model.generator, [""] * count, samplings, rngs, throttle(progress), model.training_words, model.beginnings
    )


def measure_validation(row: Row, model: Model, job: Job, report: ReportProgress) -> Row:
    """Return the row with the extra metrics that need no test text: samples for the judges, bits of validation text.

    The validation text scored is its second half: nothing of it was fitted on.
    """
    if job.style_samples:
        progress = partial(_report_share, report, "sampling for the judges")
        texts = [text for text in generate_for_judges(model, job, progress) if text]
        row = replace(row, style=StyleScores(max(map(len, texts)), texts) if texts else None)

    unread = job.text.choosing_text
    if job.score_validation and unread:
        score = scoring.score(model.ranked, unread, partial(_report_share, report, "scoring validation text"))
        row = replace(row, validation_bits_per_character=score.bits_per_character)
    return row


def measure_tests(row: Row, model: Model, job: Job, report: ReportProgress) -> Row:
    """Return the row with the extra metrics of the test text, and the bits of other authors' test texts."""
    if job.memory:
        row = replace(row, memory=_context_curve(model.generator, job.test, report))

    # the test texts of the other authors
    cross_scores = {}
    for author, text in job.other_tests.items():
        progress = partial(_report_share, report, f"scoring {author}")
        cross_scores[author] = scoring.score(model.ranked, text, progress).bits_per_character
    return replace(row, cross_scores=cross_scores)


def _report_share(report: ReportProgress, note: str, share: float) -> None:
    report(Progress(share, note=note))


def _context_curve(generator: Generator, text: str, report: ReportProgress) -> list[ContextBits]:
    """Return bits of the same words by length of the context; [] where the text is too short for it."""
    try:
        spans = memory.find_targets(text, MAX_CONTEXT, MAX_TARGETS)
    except UserError:
        return []
    return memory.context_curve(generator, text, spans, MAX_CONTEXT, partial(_report_share, report, "contexts"))


@dataclass
class CopyAnalysis:
    """Measures what samples copy from one author's training text, and the strata of the test text."""

    corpus: Corpus
    _held_out: dict[int, NoveltyStatistics] = field(default_factory=dict)

    @cached_property
    def index(self) -> TrainingIndex:
        """The training text, with what was found in it."""
        return TrainingIndex(str(self.corpus.train), self.corpus.book_starts)

    def strata(self, splits: Sequence[str]) -> dict[str, JsonObject]:
        """Return the strata of the test text, packed for a job, by kind of split."""
        return {by: stratify(by, self.index, str(self.corpus.test)).pack() for by in splits}

    def read(self, rows: Sequence[Row], length: int, progress: ProgressCallback = ignore) -> None:
        """Find the copies of all samples of this author's rows, and of held-out text, in one pass over the text."""
        rows = [row for row in rows if row.author == self.corpus.author]
        samples = [sample.text for row in rows for sample in row.samples]
        samples += [text for row in rows for texts in row.further_samples.values() for text in texts]
        self.index.read([*samples, *(spaced_passages(str(self.corpus.valid), length) if length else ())], progress)

    def add_to(self, row: Row) -> Row:
        """Return the row with the figures of each sample, and for each temperature those of its samples together."""
        samples = [self._with_copies(sample) for sample in row.samples]
        novelty = []

        # samples of different temperatures copy differently
        for temperature in dict.fromkeys(sample.temperature for sample in samples):
            texts = [sample.text for sample in samples if sample.temperature == temperature]
            statistics = self.index.statistics([*texts, *row.further_samples.get(temperature_key(temperature), ())])
            novelty.append(CopyStats(**vars(statistics), temperature=temperature))
        return replace(row, samples=samples, novelty=novelty)

    def held_out(self, length: int) -> NoveltyStatistics | None:
        """Return the figures of passages of held-out text (the validation part) of a length in characters; 0: None."""
        if not length:
            return None
        if length not in self._held_out:
            self._held_out[length] = self.index.statistics(spaced_passages(str(self.corpus.valid), length))
        return self._held_out[length]

    def _with_copies(self, sample: Sample) -> Sample:
        novelty = self.index.text_novelty(sample.text)
        return replace(
            sample,
            longest_copy=novelty.longest_copy,
            copied_from=novelty.copied_from,
            copies=novelty.copies,
            copied_share=novelty.copied_share,
            unseen=novelty.unseen,
        )
