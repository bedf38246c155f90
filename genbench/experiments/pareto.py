"""What a sweep gives: a comparison, its rows ranked by valid text, and who is best at each cost (the Pareto front)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from genbench.errors import UserError, nearest
from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Row
from genbench.experiments.labels import labels

COSTS = {"seconds": "train_seconds", "parameters": "parameters", "memory": "peak_memory_mb"}
UNITS = {"seconds": "seconds of training", "parameters": "parameters", "memory": "MB of memory"}
VALID = "valid_bits_per_character"


def require(cost: str) -> None:
    """Refuse what is no cost. Raises UserError."""
    if cost not in COSTS:
        raise UserError(f"cost is {cost!r}: {nearest(cost, COSTS)}")


@dataclass(frozen=True)
class Sweep:
    """A comparison over a grid of options, and what it costs to be better. Choices are made on valid text."""

    comparison: Comparison
    cost: str = "seconds"

    def ranked(self, author: str) -> list[Row]:
        """An author's rows by their bits of valid text: those that are done, then the pruned ones, then the failed."""
        rows = [row for row in self.comparison.results if row["author"] == author]
        order = ("ok", "pruned", "failed")
        return sorted(rows, key=lambda row: (order.index(row["status"]), row[VALID] is None, row[VALID] or 0.0))

    def front(self, author: str) -> list[Row]:
        """The rows that no other row betters in bits at the same cost or less, the cheapest first."""
        done = [row for row in self.ranked(author) if row["status"] == "ok" and self.price(row) is not None]
        found: list[Row] = []
        for row in sorted(
            (row for row in done if row[VALID] is not None), key=lambda row: (self.price(row), row[VALID])
        ):
            if not found or row[VALID] < found[-1][VALID]:
                found.append(row)
        return found

    def best(self, author: str) -> Row | None:
        """The row that is chosen: the fewest bits of valid text."""
        front = self.front(author)
        return front[-1] if front else None

    def price(self, row: Row) -> float | None:
        """What a row has cost."""
        found: float | None = row[COSTS[self.cost]]
        return found

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON values, and `sweep`: for each author what is on the front, and what is best."""
        found = {}
        for author in self.comparison.corpora:
            rows, front = self.ranked(author), self.front(author)
            named = zip(labels(rows), rows, strict=True)
            on = {id(row): label for label, row in named}
            points = [[on[id(row)], self.price(row), row[VALID], row["bits_per_character"]] for row in front]
            found[author] = {"front": points, "best": points[-1][0] if points else None}
        return self.comparison.to_dict() | {"sweep": {"cost": self.cost, "authors": found}}

    def __repr__(self) -> str:
        best = {author: self.best(author) for author in self.comparison.corpora}
        said = [f"{author}: {row['generator']} {row[VALID]:.3f}" for author, row in best.items() if row]
        return f"<Sweep of {len(self.comparison.results)} rows, best of valid text: {', '.join(said) or 'none'}>"
