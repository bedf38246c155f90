"""Tables and sentences of a comparison as text, for the terminal, the HTML pages and Markdown.

Every table except the result table, which columns.py defines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from genbench.analysis.diversity import WINDOW
from genbench.analysis.novelty import MIN_COPIED_WORDS, NoveltyStatistics
from genbench.analysis.strata import STRATIFIERS
from genbench.analysis.style_judge import JudgedPassages, JudgeReport
from genbench.experiments.comparison import Comparison, CorpusInfo
from genbench.experiments.row import Row, temperature_key
from genbench.experiments.significance import StratumResult, labels
from genbench.report.formatting import format_decimals, format_percent, heading_in_one_line, printable

HELD_OUT = "held-out text"

# the style judges by their key in a report
JUDGES = {"bits": "by bits", "lstm": "LSTM judge", "rnn": "RNN judge"}
NOVELTY_HEADINGS = (
    "n",
    "longest\ncopy",
    "copied\n%",
    "unseen\nwords %",
    "unseen\n2-grams",
    "unseen\n4-grams",
    "dis-\ntinct-2",
    "self-\nBLEU",
)

NUMBER = re.compile(r"(?<![\w.,-])\d+(?:,\d{3})*(?:\.\d+)?(?= )")  # in a note, followed by its unit

RANKING_NOTE = "Ranked by bits per character of the test text, fewer is better"
BEST_NOTE = "* best of its column"
TOKEN_PERPLEXITY_NOTE = "Token perplexity depends on how a generator tokenizes text: never compare it."
NOVELTY_DEFINITIONS = {  # by the start of the headings that they define
    "n": "n: samples, of which one is shown for each prompt.",
    "longest": "Longest copy: in characters, mean over them.",
    "copied": f"Copied: words in runs of {MIN_COPIED_WORDS} or more that are in the training text.",
    "unseen": "Unseen: words and n-grams that are not in it.",
    "distinct": f"Distinct-2: over windows of {WINDOW} words.",
    "self": "Self-BLEU: over ten.",
}
STYLE_NOTE = (
    "Samples attributed to their author, in percent; held-out text: the author's own test passages of that length. "
    "Read it together with the share that is copied: a generator that copies is attributed best. A quarter of each "
    "training text was set aside to train the judges."
)
CONTEXT_TITLE = "Bits per character of the same words, with the context before each limited to this many characters:"
CONTEXT_NOTE = "The value of a longer context; genbench memory gives more detail, with intervals."
CROSS_AUTHOR_TITLE = "Bits per character of each author's test text (column), under the model of this author:"
POSITION_NOTE = "A token's bits are spread evenly over its characters: by position, compare character models only."


@dataclass(frozen=True)
class TextTable:
    """A table of strings.

    The first cell of each row is the row's name. A heading may contain newlines.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]] = ()

    def __bool__(self) -> bool:
        """Return whether there are rows."""
        return bool(self.rows)

    def without_empty_columns(self) -> TextTable:
        """Return the table without the columns that have no value in any row."""
        kept = [at for at in range(len(self.headings)) if not self.rows or any(row[at] != "-" for row in self.rows)]
        return TextTable([self.headings[at] for at in kept], [[row[at] for at in kept] for row in self.rows])

    @property
    def names(self) -> list[str]:
        """The headings, each in one line."""
        return [heading_in_one_line(heading) for heading in self.headings]


def corpus_heading(comparison: Comparison, author: str) -> str:
    """Return a sentence with the books of an author and the sizes of the training and test text."""
    return text_heading(author, comparison.corpora[author])


def text_heading(author: str, text: CorpusInfo) -> str:
    """Return the same of a text by itself."""
    books = f"{len(text.books)} books" if len(text.books) > 1 else text.books[0]
    if text.own_split:
        books = f"own split ({', '.join(text.books)})"
    elif text.held_out:
        books += f" ({text.held_out} held out)"
    return printable(f"{author}: {books}, {text.train:,} training characters, {text.test:,} test characters")


def note_sentences(rows: Sequence[Row]) -> list[str]:
    """Return each note of the rows, after the labels of those that have it; notes that differ in numbers alone are one.

    >>> note_sentences([Row("pell", "a", notes=["had 37 % of a core"]), Row("pell", "b", notes=["had 9 % of a core"])])
    ['all: had 9 to 37 % of a core']
    """
    scored = {label for label, row in zip(labels(rows), rows, strict=True) if row.ok}
    notes_by_words: dict[str, dict[str, list[str]]] = {}  # each note with the labels of its rows
    for label, row in zip(labels(rows), rows, strict=True):
        for note in row.notes:
            notes_by_words.setdefault(NUMBER.sub("", note), {}).setdefault(note, []).append(label)

    sentences = []
    for notes in notes_by_words.values():
        names = dict.fromkeys(label for noted in notes.values() for label in noted)
        subject = "all" if len(scored) > 1 and scored <= names.keys() else ", ".join(names)
        sentences.append(f"{subject}: {_merge_numbers(list(notes))}")
    return sentences


def _merge_numbers(notes: Sequence[str]) -> str:
    """Return one note for several that differ in numbers alone, with the range of each."""
    ranges = []
    for numbers in zip(*map(NUMBER.findall, notes), strict=True):
        ordered = sorted(set(numbers), key=lambda number: float(number.replace(",", "")))
        ranges.append(" to ".join(dict.fromkeys((ordered[0], ordered[-1]))))
    replacements = iter(ranges)
    return NUMBER.sub(lambda _: next(replacements), notes[0])


def failure_sentences(rows: Sequence[Row], statuses: Sequence[str] = ("failed", "pruned")) -> list[str]:
    """Return why rows of these statuses have no score, a sentence for each reason."""
    by_reason: dict[str, list[str]] = {}
    for label, row in zip(labels(rows), rows, strict=True):
        if row.status in statuses:
            by_reason.setdefault(f"{row.status}: {row.error}", []).append(label)
    return [f"{', '.join(names)} {reason}" for reason, names in by_reason.items()]


def interruption_sentences(rows: Sequence[Row]) -> list[str]:
    """Return what becomes of rows that Ctrl-C stopped, and one sentence for all rows that were not started."""
    sentences = failure_sentences(rows, statuses=["stopped"])
    waiting = [label for label, row in zip(labels(rows), rows, strict=True) if row.status == "not started"]
    if waiting:
        pronoun = "it" if len(waiting) == 1 else "them"
        sentences.append(f"not started: {', '.join(waiting)}; the same command runs {pronoun}")
    return sentences


def baselines_sentence(comparison: Comparison, author: str) -> str:
    """Return a sentence with the baselines of an author's text; "" where none was measured."""
    baselines = comparison.baselines.get(author, {})
    if not baselines:
        return ""
    figures = ", ".join(f"{name} {bits:z.2f}" for name, bits in baselines.items())
    remark = " (xz also learns from the test text)" if "xz" in baselines else ""
    return f"For scale, in bits per character: {figures}{remark}."


def tokenization_sentences(rows: Sequence[Row]) -> list[str]:
    """Return a sentence with the lines whose bits are an upper bound, and one with those ranked by the character."""
    named = list(zip(labels(rows), rows, strict=True))
    bounds = [label for label, row in named if row.upper_bound]
    canonical = [(label, row.canonical_bits_per_character) for label, row in named]
    figures = [f"{label} {bits:z.3f}" for label, bits in canonical if bits is not None]
    return [
        *([f"{', '.join(bounds)}: bits of one of several tokenizations, an upper bound."] if bounds else []),
        *([f"Ranked by the character; bits/char of the canonical tokens alone: {', '.join(figures)}."] * bool(figures)),
    ]


def audit_sentences(rows: Sequence[Row]) -> list[str]:
    """Return one sentence on all rows of which the audit read a part of the test text; none where it read all."""
    shares = {label: row.audit.share for label, row in zip(labels(rows), rows, strict=True) if row.audit}
    partial = {label: min(100 * share, 99) for label, share in shares.items() if 0 < share < 1}
    if not partial:
        return []
    low, high = (f"{share:.2g}" for share in (min(partial.values()), max(partial.values())))
    part = low if low == high else f"{low} to {high}"
    subject = "" if len(partial) == len(rows) else f" of {', '.join(partial)}"
    return [f"The audit{subject} read {part} % of the test text; --audit full reads it all."]


def novelty_table(rows: Sequence[Row], held_out: NoveltyStatistics | None) -> TextTable:
    """Return statistics of copying and repetition: a line for each row and temperature, and one for held-out text."""
    lines = []
    for label, row in zip(labels(rows), rows, strict=True):
        for stats in row.novelty:
            # name the temperature only if there are several
            suffix = f" at {temperature_key(stats.temperature)}" if len(row.novelty) > 1 else ""
            lines.append([label + suffix, *novelty_cells(stats)])

    # the same statistics of the author's own text, to compare with
    if lines and held_out:
        lines.append([HELD_OUT, *novelty_cells(held_out)])
    return TextTable(["samples of", *NOVELTY_HEADINGS], lines).without_empty_columns()


def novelty_note(table: TextTable = TextTable(NOVELTY_HEADINGS)) -> str:
    """Return what the columns of a novelty table mean, without a table all of them."""
    starts = {re.split(r"[ -]", name)[0] for name in table.names}
    return " ".join(sentence for start, sentence in NOVELTY_DEFINITIONS.items() if start in starts)


def novelty_cells(stats: NoveltyStatistics) -> list[str]:
    """Return the cells below NOVELTY_HEADINGS."""
    unseen = stats.unseen
    return [
        f"{stats.texts:,}",
        format_decimals(stats.longest_copy, 0),
        *(format_percent(share) for share in (stats.copied_share, unseen[0], unseen[1], unseen[3])),
        format_decimals(stats.distinct[1], 3),
        format_decimals(stats.self_bleu, 3),
    ]


def context_table(rows: Sequence[Row]) -> TextTable:
    """Return bits per character by length of context, for the rows that have this measurement."""
    measured = [(label, row.memory) for label, row in zip(labels(rows), rows, strict=True) if row.memory]
    if not measured:
        return TextTable(["context"])

    # all rows were measured at the same lengths
    lengths = [str(point.context) for point in measured[0][1]]
    lines = [[label, *(f"{point.bits_per_character:z.3f}" for point in curve)] for label, curve in measured]
    return TextTable(["context", *lengths], lines)


def cross_author_table(author: str, authors: Sequence[str], rows: Sequence[Row]) -> TextTable:
    """Return bits per character of every author's test text, for the rows that have this measurement."""
    lines = []
    for label, row in zip(labels(rows), rows, strict=True):
        if row.cross_scores:
            # the row's own author is on the diagonal
            bits = row.cross_scores | {author: row.ranking_bits}
            lines.append([label, *(f"{bits[name]:z.3f}" if name in bits else "-" for name in authors)])
    return TextTable([author, *authors], lines)


def strata_table(by: str, strata: Sequence[StratumResult]) -> TextTable:
    """Return bits per character on each stratum of the test text: a line with its share, then a line for each row."""
    if not strata:
        return TextTable([by])

    # every stratum has the same rows, so the first one names them
    lines = [["share", *(f"{100 * result.share:z.1f} %" for result in strata)]]
    for label in strata[0].bits_per_character:
        lines.append([label, *(format_decimals(result.bits_per_character[label], 3) for result in strata)])
    return TextTable([by, *(result.stratum for result in strata)], lines)


def strata_title(by: str) -> str:
    """Return how a stratifier groups characters, "by ...", from its docstring; its name if it is not known."""
    description = STRATIFIERS[by].__doc__ if by in STRATIFIERS else None
    return by if description is None else description.removeprefix("Group characters ").rstrip(".")


def strata_note(by: str) -> str:
    """Return a note on how to interpret a split, or "" if it needs none."""
    return POSITION_NOTE if by in ("position", "word-frequency") else ""


def style_table(comparison: Comparison, author: str, rows: Sequence[Row]) -> TextTable:
    """Return the share of samples that each judge attributes to their author, for the rows that were judged."""
    # a line for each row
    lines = []
    for label, row in zip(labels(rows), rows, strict=True):
        if row.style and row.style.accuracy:  # without, Ctrl-C came before the samples were judged
            accuracy = row.style.accuracy
            shares = [format_percent(accuracy[judge].accuracy) for judge in JUDGES]
            copied = format_percent(row.novelty[0].copied_share) if row.novelty else "-"
            lines.append([label, str(accuracy["bits"].passages), *shares, copied])

    # the author's own text, to compare with
    if lines and comparison.style:
        lines.append(_held_out_style(comparison, author, comparison.style.human))
    return TextTable(["style of", "samples", *(f"{name} %" for name in JUDGES.values()), "copied %"], lines)


def _held_out_style(comparison: Comparison, author: str, human: JudgedPassages) -> list[str]:
    """Return the line of the style table for the author's own test passages."""
    passages = sum(human.judges["bits"].attributed_to[author].values())
    shares = [format_percent(_own_share(human.judges[judge].attributed_to[author], author)) for judge in JUDGES]
    stats = comparison.held_out_text.get(author)
    copied = format_percent(stats.copied_share) if stats else "-"
    return [HELD_OUT, str(passages), *shares, copied]


def _own_share(attributed_to: Mapping[str, int], author: str) -> float | None:
    """Return the share of passages attributed to an author, or None if there are no passages."""
    total = sum(attributed_to.values())
    return attributed_to[author] / total if total else None


def judge_accuracy(style: JudgeReport) -> Iterator[str]:
    """Yield a sentence for each judge: its accuracy on human passages, and on sentences that lack a small word."""
    for judge, name in JUDGES.items():
        # accuracy on passages, by their length in characters
        accuracies = [
            f"{format_percent(passages.judges[judge].mean)} of {passages.length:,}"
            for passages in style.by_length
            if passages.judges[judge].passages
        ]

        # accuracy on whole sentences, and on the same sentences with a small word removed
        lost = style.lost_word[judge]
        yield (
            f"{name}: human test passages attributed correctly, in percent, by their characters: "
            f"{', '.join(accuracies)}; whole sentences {format_percent(lost.whole.accuracy)}, the same without a "
            f"small word {format_percent(lost.without.accuracy)} ({format_percent(lost.changed)} change)"
        )
