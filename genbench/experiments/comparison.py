"""What a comparison gives: plain values, as they stand in the JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genbench.experiments.job import Row
from genbench.experiments.labels import adaptive
from genbench.experiments.significance import Verdict, by_kind, folded, verdicts


@dataclass(frozen=True, repr=False)
class Comparison:
    """The rows of a comparison and what they rest on."""

    version: str
    command: list[str]
    corpora: dict[str, dict[str, Any]]
    floors: dict[str, dict[str, float]]  # bits per character; never ranked
    results: list[Row]
    human: dict[str, dict[str, Any] | None] = field(default_factory=dict)  # what is said of samples, of held-out text
    style: dict[str, Any] | None = None  # how far the judges of style can be trusted
    title: str = ""
    see: str = ""  # what there is to see in it
    came_out: str = ""  # what came out earlier, elsewhere
    name: str = ""  # of the kept run
    created: str = ""  # when it began, ISO 8601 in UTC
    seconds: float | None = None  # from its beginning to its end
    machine: dict[str, str] = field(default_factory=dict)  # what it ran on
    asked: dict[str, Any] = field(default_factory=dict)  # the arguments of `compare`; {}: cannot be run again
    stopped: bool = False  # before every row was done

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Comparison:
        """A comparison from what `to_dict` gave, of this version or an earlier one."""
        given = {name: said[name] for name in cls.__dataclass_fields__ if name in said}
        return cls(version=str(said.get("genbench", "")), **given)

    @property
    def any_ok(self) -> bool:
        """Whether at least one row is ok."""
        return any(row["status"] == "ok" for row in self.results)

    def ranked(self, author: str) -> list[Row]:
        """An author's rows, the fewest bits per character first; then those that learn from the test text as they go.

        The failed ones come last.
        """
        rows = [row for row in self.results if row["author"] == author]
        return sorted(rows, key=lambda row: (row["status"] != "ok", adaptive(row), row["bits_per_character"] or 0))

    def lines(self, author: str) -> list[Row]:
        """An author's rows that are ok, best first, several seeds of one generator as one (see `folded`)."""
        rows = folded([row for row in self.ranked(author) if row["status"] == "ok"])
        return sorted(rows, key=lambda row: (adaptive(row), float(row["bits_per_character"])))

    def verdicts(self, author: str) -> list[Verdict]:
        """What can be said of every pair of an author's lines: which predicts better, by how much, how surely.

        What learns from the test text as it goes is compared with nothing else.
        """
        return verdicts([line for line in self.lines(author) if not adaptive(line)])

    def splits(self, author: str) -> dict[str, list[dict[str, Any]]]:
        """For each way in which the bits were split: the kinds of place, what was spent there, and the verdicts."""
        lines = [line for line in self.lines(author) if not adaptive(line)]
        return {by: by_kind(lines, by) for by in (lines[0]["by"] if lines else ())}

    def __repr__(self) -> str:
        lines = [f"<Comparison of {len(self.results)} rows, bits per character"]
        for author in self.corpora:
            rows = self.ranked(author)
            said = [f"{row['bits_per_character']:.3f}" if row["status"] == "ok" else "failed" for row in rows]
            named = [f"{row['generator']} {what}" for row, what in zip(rows, said, strict=True)]
            lines.append(f"  {author}: {', '.join(named)}")
        return "\n".join(lines) + ">"

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "genbench": self.version,
            "command": self.command,
            "title": self.title,
            "see": self.see,
            "came_out": self.came_out,
            "corpora": self.corpora,
            "floors": self.floors,
            "verdicts": {author: self.verdicts(author) for author in self.corpora},
            "splits": {author: self.splits(author) for author in self.corpora},
            "human": self.human,
            "style": self.style,
            "name": self.name,
            "created": self.created,
            "seconds": self.seconds,
            "machine": self.machine,
            "asked": self.asked,
            "stopped": self.stopped,
            "results": self.results,
        }
