"""Comparison: the typed result of `compare`, its ranking and its verdicts. docs/results.md documents its JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.analysis.novelty import NoveltyStatistics
from genbench.analysis.shared_passages import SharedPassages
from genbench.analysis.style_judge import JudgeReport
from genbench.errors import UserError
from genbench.experiments.consistency import require_consistent
from genbench.experiments.plan import CompareSettings
from genbench.experiments.reference_chain import Reference
from genbench.experiments.row import Row
from genbench.experiments.seeds import aggregate_seeds
from genbench.experiments.significance import StratumResult, Verdict, compare_rows, compare_strata, labels
from genbench.storage.records import JsonObject, from_json, to_json

if TYPE_CHECKING:
    import pandas

    from genbench.integrations.notebook import Plot

SCHEMA_VERSION = 2
SHOWN, SHOWN_ROWS, SHOWN_AUTHORS = 70, 10, 5  # characters of a sample, and more of the representation of a comparison


@dataclass(frozen=True)
class CorpusInfo:
    """The text of an author; sizes are in characters."""

    sha256: str  # of the whole cleaned text; of an own split or a sum, of the digests of its parts
    characters: int
    train: int
    valid: int
    test: int
    books: list[str]  # titles
    lines: str  # "join" or "keep"
    held_out: str = ""  # title of the book that is the whole test text
    notes: list[str] = field(default_factory=list)  # what reading it changed or noticed
    own_split: bool = False  # the parts are files of the user, used without any cleaning
    anchor: str = ""  # name of the standard text that this is, on which results are published
    test_tokens: int = 0  # of an anchor: words and line ends of its test text
    part_sha256: dict[str, str] = field(default_factory=dict)  # of "train", "valid" and "test" in UTF-8
    passage: str = ""  # of the validation text, to be shown beside samples
    shared_passages: SharedPassages | None = None  # what the test text shares with the training text


def _groups(row: Row) -> tuple[bool, bool, bool, bool]:
    """Return by what a row is ranked apart from others; rows without any of it come first."""
    return row.doubtful, row.pretrained, row.fine_tuned, row.adaptive


def compared_lines(lines: Sequence[Row]) -> list[Row]:
    """Return the lines that verdicts are about: neither adaptive nor fine-tuned, without doubts about their figures."""
    return [line for line in lines if not line.adaptive and line.comparable]


@dataclass(frozen=True, repr=False)
class Comparison:
    """The rows of a comparison and what they depend on.

    `ranked` sorts the rows of an author, `verdicts` says of every pair which predicts better and how sure that is.
    """

    genbench: str  # version
    corpora: dict[str, CorpusInfo]
    results: list[Row]  # in the order of authors, SPECs and seeds
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)  # bits per character; never ranked
    references: dict[str, Reference] = field(default_factory=dict)  # a plain chain's figures, which doubts rest on
    held_out_text: dict[str, NoveltyStatistics | None] = field(default_factory=dict)  # of validation text
    style: JudgeReport | None = None  # accuracy of the judges of style
    title: str = ""
    notes: str = ""  # what to look at
    expected: str = ""  # earlier results
    name: str = ""  # of the stored run
    created: str = ""  # start, ISO 8601 in UTC
    seconds: float | None = None  # wall-clock time
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    settings: CompareSettings | None = None  # None: made from texts without a name, cannot be run again
    stopped: bool = False  # with Ctrl-C, before everything was measured
    omitted: list[str] = field(default_factory=list)  # figures that could not be measured, each with the reason

    @property
    def any_ok(self) -> bool:
        """Whether at least one row that was trained here is ok."""
        return any(row.ok and not row.pretrained for row in self.results)

    def ranked(self, author: str) -> list[Row]:
        """Return an author's rows, fewest bits first; then adaptive, fine-tuned, doubtful and unscored ones."""
        rows = [row for row in self.results if row.author == author]
        return sorted(rows, key=lambda row: (not row.ok, *_groups(row), row.bits_per_character or 0))

    def lines(self, author: str) -> list[Row]:
        """Return an author's rows that are ok, best first, several seeds of one generator as one row."""
        rows = aggregate_seeds([row for row in self.ranked(author) if row.ok])
        return sorted(rows, key=lambda row: (*_groups(row), row.ranking_bits))

    def verdicts(self, author: str) -> list[Verdict]:
        """Return the verdict of every pair of an author's lines, the best first.

        Adaptive rows are left out, fine-tuned and doubtful ones, and those whose time budget is not comparable.
        """
        return compare_rows(compared_lines(self.lines(author)))

    def splits(self, author: str) -> dict[str, list[StratumResult]]:
        """Return the results of an author's lines on each stratum, by kind of split, as `verdicts` does."""
        lines = compared_lines(self.lines(author))
        return {by: compare_strata(lines, by) for by in (lines[0].splits if lines else ())}

    def __repr__(self) -> str:
        lines = [f"<Comparison of {len(self.results)} rows, bits per character"]
        for author in list(self.corpora)[:SHOWN_AUTHORS]:
            ranked = self.ranked(author)
            figures = [
                f"{label} {row.ranking_bits:.3f}" if row.ok else f"{label} {row.status}"
                for row, label in zip(ranked, labels(ranked[:SHOWN_ROWS]), strict=False)
            ]
            figures += [f"{len(ranked) - SHOWN_ROWS} more"] * (len(ranked) > SHOWN_ROWS)
            lines.append(f"  {author}: {', '.join(figures)}")
            best = next((row for row in ranked if row.samples), None)
            if best is not None:
                text = " ".join((best.samples[0].prompt + best.samples[0].text).split())
                lines.append(f"    {best.generator} writes {text[:SHOWN]!r}")
        left_out = len(self.corpora) - SHOWN_AUTHORS
        lines += [f"  {left_out} more authors"] * (left_out > 0)
        return "\n".join(lines) + ">"

    def _repr_html_(self) -> str:
        from genbench.integrations import notebook

        return notebook.comparison_html(self)

    def to_pandas(self, table: str = "rows") -> pandas.DataFrame:
        """Return a pandas DataFrame: "rows", one for each author, SPEC and seed; or "samples", "strata" or "curves".

        Columns have the names of the JSON's keys. Raises UserError for another table, and where pandas is missing.
        """
        from genbench.integrations import frames

        return frames.to_pandas(self, table)

    def plot_ranking(self, author: str | None = None) -> Plot:
        """Return a plot of bits per character with their intervals, of one author or of each."""
        from genbench.integrations import notebook

        return notebook.ranking_plot(self, author)

    def plot_learning(self, author: str | None = None) -> Plot:
        """Return a plot of bits per character by seconds of training, of one author or of each."""
        from genbench.integrations import notebook

        return notebook.learning_plot(self, author)

    def save_html(self, path: str | Path) -> Path:
        """Write the HTML report; return its path. Raises UserError where it cannot be written."""
        from genbench.integrations import notebook

        return notebook.save_html(self, path)

    def to_dict(self, verdicts: bool = True) -> JsonObject:
        """Return the comparison as JSON values, with the verdicts and splits of each author if they are wanted."""
        values: JsonObject = to_json(self)
        if not verdicts:
            return {"schema_version": SCHEMA_VERSION} | values

        # verdicts and splits are computed from the rows, and written for readers of the JSON
        derived = {
            "verdicts": {author: to_json(self.verdicts(author)) for author in self.corpora},
            "splits": {author: to_json(self.splits(author)) for author in self.corpora},
        }
        results = values.pop("results")
        return {"schema_version": SCHEMA_VERSION} | values | derived | {"results": results}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Comparison:
        """Return the comparison that `to_dict` gave. Raises UserError for another version of the schema."""
        version = values.get("schema_version")
        if version != SCHEMA_VERSION:
            raise UserError(
                f"results of schema version {version or 1} cannot be read, only of {SCHEMA_VERSION}: compare again"
            )
        try:
            comparison = from_json(cls, dict(values))
            require_consistent(comparison)
            return comparison
        except ValueError as error:
            raise UserError(f"the results are damaged: {error}; run the comparison again") from error
