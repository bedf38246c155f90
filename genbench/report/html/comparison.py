"""The HTML page of a comparison."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row, Sample, temperature_key
from genbench.experiments.significance import labels
from genbench.report.colors import surprisal_legend
from genbench.report.comparison_tables import STYLE_NOTE, judge_accuracy, novelty_note, strata_note
from genbench.report.formatting import format_count, format_decimals, format_percent, unwrap
from genbench.report.html import tables
from genbench.report.html.rendering import fill
from genbench.report.html.sections import AuthorSection, generator_key
from genbench.report.html.surprisal import colored_text
from genbench.report.html.tables import Cell, Line, Table
from genbench.sampling import describe_choices
from genbench.tokenization.graphemes import cut_end

MAX_PAGE_BYTES = 3_000_000
SAMPLES_BYTES = 1_000_000  # for all samples together
MAX_SAMPLE_BYTES = 60_000
MAX_TITLE_NAMES, MAX_TITLE_NAME = 5, 30  # generators or authors that the title names; characters of a name
MAX_COPY = 60  # characters of a copied run that are shown
SUMMARY = ("run", "when", "took", "genbench")  # facts of the run that are repeated below the title


@dataclass(frozen=True)
class SampleView:
    """A sample as the template shows it."""

    author: str
    author_number: int
    generator: str
    number: int  # of the generator
    temperature: str  # that was asked for
    sampling: str  # the parameters that were used, in words
    prompt: str
    text: Markup
    has_surprisal: bool
    remarks: list[str]


@dataclass(frozen=True)
class Switch:
    """A switch that filters the samples: the values of one property, and the index of the value of each sample."""

    name: str
    choices: list[str]
    chosen: list[int]
    authors: list[str]  # for each choice the numbers of the authors that have it, such as "0 1"


def comparison_page(comparison: Comparison) -> str:
    """Return a comparison as one self-contained HTML page.

    The page stays below 3 MB: long samples are cut off, and with hundreds of rows the last authors are left out. The
    page says so.
    """
    # leave out half of the authors until the page is small enough
    shown = list(comparison.corpora)
    while True:
        html = _page(_limit_to(comparison, shown), [name for name in comparison.corpora if name not in shown])
        if len(html.encode()) < MAX_PAGE_BYTES or len(shown) < 2:
            return html
        shown = shown[: len(shown) // 2]


def _limit_to(comparison: Comparison, authors: list[str]) -> Comparison:
    """Return the part of a comparison that is about these authors."""
    rows = [row for row in comparison.results if row.author in authors]
    return replace(comparison, corpora={name: comparison.corpora[name] for name in authors}, results=rows)


def _page(comparison: Comparison, left_out: list[str]) -> str:
    """Return the page; `left_out` has the names of the authors that are not on it."""
    # number the generators: the number determines color and mark everywhere on the page
    keys = dict.fromkeys(map(generator_key, comparison.results))
    numbers = {key: number for number, key in enumerate(keys)}
    row_labels = labels(comparison.results)

    # parts that several values below are made of
    samples = list(_samples(comparison, numbers, row_labels))
    facts = _run_facts(comparison)

    # the variables of the template
    values = {
        "title": comparison.title or _title(comparison.corpora, (row.generator for row in comparison.results)),
        "notes": unwrap(comparison.notes),
        "expected": unwrap(comparison.expected),
        "left_out": left_out,
        "stopped": comparison.stopped,
        "omitted": comparison.omitted,
        "authors": [AuthorSection(comparison, name, at, numbers) for at, name in enumerate(comparison.corpora)],
        "generators": _legend(comparison, numbers),
        "samples": samples,
        "switches": _switches(samples),
        "legend": surprisal_legend(),
        "has_surprisal": any(sample.has_surprisal for sample in samples),
        "cross_author": _cross_author_tables(comparison),
        "place_notes": _place_notes(comparison),
        "novelty_note": novelty_note(),
        "style_note": STYLE_NOTE,
        "judge_accuracy": list(judge_accuracy(comparison.style)) if comparison.style else [],
        "run_facts": facts,
        "summary": [
            value if name in ("when", "run") else f"{name} {value}" for name, value in facts if name in SUMMARY
        ],
        "run_tables": [_corpus_table(comparison), _row_table(comparison, row_labels, numbers)],
    }
    return fill("comparison.html", values)


def _title(authors: Iterable[str], generators: Iterable[str]) -> str:
    """Return a title with the names of the authors and generators, each once; of many their number.

    >>> _title(["austen", "carroll"], ["markov-char", "lstm-char", "markov-char"])
    'austen and carroll: markov-char, lstm-char'
    """
    names, people = (_shorten(list(dict.fromkeys(names))) for names in (generators, authors))
    shown = ", ".join(names) if len(names) <= MAX_TITLE_NAMES else f"{len(names)} generators"
    who = " and ".join(people) if len(people) <= MAX_TITLE_NAMES else f"{len(people)} authors"
    return who + (f": {shown}" if names else "")


def _shorten(names: Sequence[str]) -> list[str]:
    return [name if len(name) <= MAX_TITLE_NAME else cut_end(name, MAX_TITLE_NAME) + "…" for name in names]


def _place_notes(comparison: Comparison) -> list[str]:
    """Return how to interpret the splits of the test text, each note once."""
    kinds = [by for row in comparison.results for by in row.splits]
    return list(dict.fromkeys(note for by in kinds if (note := strata_note(by))))


def _legend(comparison: Comparison, numbers: dict[str, int]) -> list[tuple[int, str]]:
    """Return the number and the name of each generator on the page."""
    names: dict[int, str] = {}
    for author in comparison.corpora:
        lines = comparison.lines(author)
        for row, label in zip(lines, labels(lines), strict=True):
            names.setdefault(numbers[generator_key(row)], label)
    return sorted(names.items())


def _samples(comparison: Comparison, numbers: dict[str, int], row_labels: list[str]) -> Iterator[SampleView]:
    """Yield each sample of each finished row, in the order of the ranking."""
    label_of = {id(row): label for row, label in zip(comparison.results, row_labels, strict=True)}
    rows = [row for author in comparison.corpora for row in comparison.ranked(author) if row.ok]

    # an equal share of the page for each sample
    max_bytes = min(MAX_SAMPLE_BYTES, SAMPLES_BYTES // max(1, sum(len(row.samples) for row in rows)))

    # the variables of the template
    for row in rows:
        for sample in row.samples:
            yield SampleView(
                author=row.author,
                author_number=list(comparison.corpora).index(row.author),
                generator=label_of[id(row)],
                number=numbers[generator_key(row)],
                temperature=temperature_key(sample.temperature),
                sampling=describe_choices(sample.sampling) or f"temperature {temperature_key(sample.temperature)}",
                prompt=sample.prompt,
                text=colored_text(sample.text, sample.surprisal, sample.copies, max_bytes),
                has_surprisal=bool(sample.surprisal),
                remarks=list(_sample_remarks(sample)),
            )


def _sample_remarks(sample: Sample) -> Iterator[str]:
    """Yield the longest copy in a sample, its share of copied words, and its surprisal."""
    # the longest copy and its source
    source = sample.copied_from
    if source:
        run = " ".join(source.text.split())
        run = cut_end(run, MAX_COPY) + ("…" if len(run) > MAX_COPY else "")
        place = f"{source.book or 'at'} {source.character:,}"
        yield f"longest copy {sample.longest_copy:,} characters: “{run}”, {place}"
    elif sample.longest_copy is not None:
        yield f"longest copy {sample.longest_copy:,} characters"

    # all copied runs
    if sample.copied_share is not None:
        yield f"{format_percent(sample.copied_share)} % of its words in copied runs"

    # surprisal for the generator of the sample
    if sample.surprisal and sample.text:
        total = sum(bits for _, bits in sample.surprisal)
        yield f"{total / len(sample.text):z.2f} bits per character to its own generator"


def _switches(samples: list[SampleView]) -> list[Switch]:
    """Return a switch for each property of the samples, with its values in the order of the samples."""
    switches = []
    for name in ("temperature", "prompt", "generator"):
        values: list[str] = [getattr(sample, name) for sample in samples]
        choices = list(dict.fromkeys(values))
        chosen = [choices.index(value) for value in values]
        owners: list[dict[str, None]] = [{} for _ in choices]
        for sample, choice in zip(samples, chosen, strict=True):
            owners[choice][str(sample.author_number)] = None
        switches.append(Switch(name, choices, chosen, [" ".join(owner) for owner in owners]))
    return switches


def _cross_author_tables(comparison: Comparison) -> list[Table]:
    """Return a table for each generator with the bits of each author's test text under each author's model."""
    authors = list(comparison.corpora)

    # collect the bits by generator, model and text
    bits: dict[str, dict[str, list[float | None]]] = {}
    for author in authors:
        lines = comparison.lines(author)
        for label, row in zip(labels(lines), lines, strict=True):
            if row.cross_scores:
                by_text = row.cross_scores | {author: row.ranking_bits}
                bits.setdefault(label, {})[author] = [by_text.get(other) for other in authors]

    # a model that is missing has an empty row
    missing: list[float | None] = [None] * len(authors)
    return [
        tables.cross_author(label, authors, [by_model.get(author, missing) for author in authors])
        for label, by_model in bits.items()
    ]


def _run_facts(comparison: Comparison) -> list[tuple[str, str]]:
    """Return the command, the time, the machine and the versions of the run, as pairs of name and value."""
    took = f"{format_decimals(comparison.seconds, 1)} seconds" if comparison.seconds else ""
    facts = {"run": comparison.name, "when": _format_time(comparison.created), "took": took}

    # runs of older versions lack some of the facts
    facts |= {"command": shlex.join(map(str, comparison.command))} | comparison.environment
    facts.setdefault("genbench", comparison.genbench)
    return [(str(name), str(value)) for name, value in facts.items() if value]


def _format_time(created: str) -> str:
    """Format a UTC time in ISO 8601 to the minute; return "" for "".

    >>> _format_time("2026-11-25T06:03:17.5+00:00"), _format_time("")
    ('2026-11-25 06:03 UTC', '')
    """
    return f"{created[:16].replace('T', ' ')} UTC" if created else ""


def _corpus_table(comparison: Comparison) -> Table:
    """Return the table with books, sizes and checksum of each author's text."""
    sizes = ["training characters", "validation", "test"]
    headings = ["author", "books", *sizes, "lines", "sha256 of the cleaned text"]
    lines = []
    for author, text in comparison.corpora.items():
        books = ", ".join(text.books) + (f" ({text.held_out} held out)" if text.held_out else "")
        counts = [Cell(f"{characters:,}") for characters in (text.train, text.valid, text.test)]
        lines.append(Line(author, [Cell(books, "words"), *counts, Cell(text.lines), Cell(text.sha256, "hash")]))
    return Table("The texts", headings, lines)


def _row_table(comparison: Comparison, row_labels: list[str], numbers: dict[str, int]) -> Table:
    """Return the table with the training, the stored model and the complete SPEC of each row."""
    headings = ["generator", "author", "status", "seconds", "steps", "parameters", "model", "SPEC to repeat it"]
    lines = []
    for label, row in zip(row_labels, comparison.results, strict=True):
        cells = [*map(Cell, _training_cells(row)), Cell(row.spec or "-", "words")]
        lines.append(Line(label, cells, numbers[generator_key(row)]))
    return Table("The rows", headings, lines)


def _training_cells(row: Row) -> list[str]:
    """Return the cells of a row from its author to its stored model."""
    return [
        row.author,
        row.status,
        format_decimals(row.train_seconds, 1),
        format_count(row.steps),
        format_count(row.parameters),
        (row.model or "-") + (" (reused)" if row.reused else ""),
    ]
