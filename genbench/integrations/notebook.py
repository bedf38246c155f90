"""How results show themselves in a notebook: HTML from the parts of the report.

The style of each fragment applies to itself alone, and follows the theme of the notebook or of the system. There is no
script, and no network is used. Results import this module when they are shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from markupsafe import Markup

from genbench.analysis.explanations import Explanation
from genbench.corpus.corpus import PARTS, Corpus
from genbench.errors import UserError, nearest
from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row, temperature_key
from genbench.model import Model
from genbench.report.colors import surprisal_legend
from genbench.report.export.files import as_html, write_text
from genbench.report.formatting import format_count, format_decimals
from genbench.report.html.rendering import fill_part, standalone_svg
from genbench.report.html.sections import AuthorSection, generator_key
from genbench.report.html.surprisal import colored_text
from genbench.report.html.tables import Cell, Line, Table
from genbench.report.terminal.analysis import book_numbers, books_sentence, context_heading, continuation_table, quoted
from genbench.sampling import describe_choices
from genbench.scoring import Score, surprisal_by_word
from genbench.storage.outputs import write_output

MAX_AUTHORS = 8  # of a comparison that are shown
MAX_SAMPLES = 6  # of an author that are shown, the best generators first
SAMPLE_BYTES = 20_000  # of the HTML of a sample
SAMPLE_CHARACTERS = 300  # of a model's sample
BEGINNING = 600  # characters of a corpus that are shown
CONTEXTS = 4  # of an explanation that are shown, the longest first


@dataclass(frozen=True)
class Part:
    """A part of a fragment, as the template shows it; what is empty is left out."""

    heading: str = ""
    number: int | None = None  # of a generator, which determines its color and mark
    lead: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    chart: Markup | None = None
    table: Table | None = None
    text: Markup | None = None


@dataclass(frozen=True)
class Plot:
    """A chart for each author, shown by a notebook; `save` writes one as an SVG file."""

    charts: dict[str, Markup]

    def save(self, path: str | Path) -> Path:
        """Write the chart as an SVG file in the colors of the light theme; return its path.

        Raises UserError where there are charts of several authors.
        """
        if len(self.charts) != 1:
            raise UserError(
                f"a file holds one chart, and these are {len(self.charts)}; name one author: {', '.join(self.charts)}"
            )
        (chart,) = self.charts.values()
        write_output(Path(path), standalone_svg(chart).encode())
        return Path(path)

    def __repr__(self) -> str:
        return f"<Plot of {', '.join(self.charts)}; it shows itself in a notebook, and .save('plot.svg') writes a file>"

    def _repr_html_(self) -> str:
        return _fragment("", [Part(chart=chart) for chart in self.charts.values()])


def comparison_html(comparison: Comparison) -> str:
    """Return a comparison as HTML: for each author the ranking, and the first sample of each generator."""
    shown = list(comparison.corpora)[:MAX_AUTHORS]
    parts = [part for name in shown for part in _author_parts(comparison, name)]
    left_out = len(comparison.corpora) - len(shown)
    if left_out:
        parts.append(Part(lead=f"{left_out} more authors are in .to_pandas() and in .save_html(path)."))
    return _fragment(comparison.title or "Comparison", parts, legend=any(part.text for part in parts))


def _author_parts(comparison: Comparison, author: str) -> Iterator[Part]:
    """Yield the ranking of an author's generators, the rows that failed, and the samples."""
    section = _section(comparison, author)
    if section.lines:
        chart, table = section.ranking()
        yield Part(author, lead=section.winner, chart=chart, table=table)
    else:
        yield Part(author, lead=section.winner)
    yield from (Part(lead=failure) for failure in section.failures)

    # the first sample of each generator
    with_samples = [row for row in section.lines if row.samples]
    for row in with_samples[:MAX_SAMPLES]:
        sample = row.samples[0]
        after = f" after “{sample.prompt}”" if sample.prompt else ""
        used = describe_choices(sample.sampling) or f"temperature {temperature_key(sample.temperature)}"
        heading = f"{section.label_of[generator_key(row)]}, {used}{after}"
        text = colored_text(sample.text, sample.surprisal, sample.copies, SAMPLE_BYTES)
        yield Part(heading, section.numbers[generator_key(row)], text=text)


def ranking_plot(comparison: Comparison, author: str | None = None) -> Plot:
    """Return the chart of bits per character with their intervals, of one author or of each."""
    sections = _sections(comparison, author)
    return Plot({section.name: section.ranking()[0] for section in sections if section.lines})


def learning_plot(comparison: Comparison, author: str | None = None) -> Plot:
    """Return the chart of bits per character by seconds of training, of one author or of each."""
    sections = _sections(comparison, author)
    return Plot({section.name: section.learning()[0] for section in sections if section.finished})


def save_html(comparison: Comparison, path: str | Path) -> Path:
    """Write the HTML report of a comparison; return its path. Raises UserError where it cannot be written."""
    write_text(as_html(comparison), Path(path))
    return Path(path)


def _sections(comparison: Comparison, author: str | None) -> list[AuthorSection]:
    """Return the parts of the report about one author, or about each. Raises UserError for an unknown author."""
    if author is not None and author not in comparison.corpora:
        raise UserError(f"the comparison has no author {author!r}: {nearest(author, comparison.corpora)}")
    return [_section(comparison, name) for name in ([author] if author is not None else comparison.corpora)]


def _section(comparison: Comparison, author: str) -> AuthorSection:
    """Return the part of the report about an author, whose charts have ids that no other comparison's have."""
    keys: dict[str, Row] = {generator_key(row): row for row in comparison.results}
    numbers = {key: number for number, key in enumerate(keys)}
    bits = [[row.author, row.generator, row.bits, row.status] for row in comparison.results]
    digest = sha256(json.dumps([comparison.created, author, bits]).encode()).hexdigest()
    return AuthorSection(comparison, author, int(digest[:8], 16), numbers)


def model_html(model: Model) -> str:
    """Return a model as HTML: its card, and a short sample in the colors of its own surprisal."""
    if model.card is None:
        facts = [("generator", repr(model.generator))]
    else:
        training, card = model.card.training, model.card
        seconds = format_decimals(training.seconds, 1)
        facts = [
            ("SPEC", card.spec),
            ("trained on", f"{card.author}: {', '.join(card.books)}"),
            ("validation text", f"{format_decimals(training.validation_bits_per_character, 3)} bits per character"),
            ("training", f"{seconds} seconds, seed {card.seed}"),
            ("parameters", format_count(training.parameters)),
            ("stored as", model.id or "not stored"),
        ]

    # the sample
    sample = model.write_briefly(SAMPLE_CHARACTERS)
    parts = [Part(facts=facts)]
    if sample:
        words = [(word.text, word.bits) for word in model.surprisal(sample)]
        parts.append(Part("a sample", text=colored_text(sample, words, [], SAMPLE_BYTES)))
    return _fragment("Model", parts, legend=bool(sample))


def score_html(score: Score) -> str:
    """Return a score as HTML: its figures, and the beginning of the text in the colors of its surprisal."""
    perplexity = "-" if score.word_perplexity is None else f"{score.word_perplexity:.1f}"
    facts = [
        ("bits per character", f"{score.bits_per_character:.4f}"),
        ("bits per byte", f"{score.bits_per_byte:.4f}"),
        ("word perplexity", perplexity),
        ("text", f"{score.characters:,} characters in {score.tokens:,} tokens"),
    ]
    beginning = score.beginning
    words = surprisal_by_word(score.character_bits[: len(beginning)], beginning) if beginning else []
    text = colored_text(beginning, [(word.text, word.bits) for word in words], [], SAMPLE_BYTES)
    return _fragment("Score", [Part(facts=facts), Part("the text begins", text=text)], legend=True)


def explanation_html(explanation: Explanation) -> str:
    """Return an explanation as HTML: the most likely continuations, and the counts of the longest contexts."""
    likeliest = [Line(quoted(likely.text), [Cell(f"{likely.probability:z.4f}")]) for likely in explanation.likeliest]
    parts = [Part(table=Table("the most likely continuations", ["continuation", "probability"], likeliest))]
    numbers = book_numbers(explanation)
    for context in explanation.contexts[:CONTEXTS]:
        headings, rows = continuation_table(context.continuations, numbers)
        lines = [
            Line(name, [*map(Cell, figures[:3]), *(Cell(words, "words") for words in figures[3:])])
            for name, *figures in rows
        ]
        parts.append(Part(table=Table(context_heading(context), headings, lines)))
    parts += [Part(lead=books_sentence(numbers))] if numbers else []
    return _fragment(f"After {quoted(explanation.text)}", parts)


def corpus_html(corpus: Corpus) -> str:
    """Return a corpus as HTML: its books, the sizes of its parts, its notes and its beginning."""
    sizes = [(part, f"{len(getattr(corpus, part)):,} characters") for part in PARTS]
    notes = [("note", note) for note in corpus.notes]
    facts = [("books", "; ".join(corpus.books)), *sizes, *notes, ("sha256", corpus.sha256)]
    text = colored_text(str(corpus.train.part(0, BEGINNING)), [], [], SAMPLE_BYTES)
    return _fragment(corpus.author, [Part(facts=facts), Part("the training text begins", text=text)])


def _fragment(title: str, parts: list[Part], *, legend: bool = False) -> str:
    """Return the HTML of some parts; `legend` explains the colors of words."""
    values = {"title": title, "parts": parts, "legend": surprisal_legend() if legend else []}
    return fill_part("notebook.html", values)
