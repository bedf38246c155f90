"""Sweeps: every combination of the options that a file lists, ranked by validation text, with the best at each cost.

Generators are trained and stopped with the first half of the validation text and ranked by the second. Ranked by text
that their weights are fitted on, those with more weights would win by up to 0.1 bits (benchmarks/optimism.py).

[sweep]
halving = 3                          # how the sweep is run
hidden = [64, 128]                   # an option of every generator in the file that has it
markov-char = { order = [3, 4, 5] }  # options of one generator alone
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from genbench import registry
from genbench.errors import UserError, nearest
from genbench.experiments import config
from genbench.experiments.compare import run_comparison
from genbench.experiments.comparison import Comparison
from genbench.experiments.plan import require_row_count
from genbench.experiments.row import Row
from genbench.experiments.significance import labels
from genbench.spec import Spec, parse_duration
from genbench.storage.records import JsonObject
from genbench.training import SILENT, ProgressListener

DEFAULT_HALVING = 3
COSTS = {"seconds": "train_seconds", "parameters": "parameters", "memory": "peak_memory_mb"}
COST_UNITS = {"seconds": "seconds of training", "parameters": "parameters", "memory": "MB of memory"}
SETTINGS = {"halving": int, "cost": str}  # keys of the [sweep] table that are no options

SweepTable = Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """A comparison over a grid of options, with the cost of each row; choices are made on validation text."""

    comparison: Comparison
    cost: str = "seconds"

    def ranked(self, author: str) -> list[Row]:
        """Return an author's rows by their bits of validation text; then the pruned ones, then the failed ones."""
        rows = [row for row in self.comparison.results if row.author == author]
        order = ("ok", "pruned", "failed", "stopped", "not started")
        return sorted(rows, key=lambda row: (order.index(row.status), *_validation_key(row)))

    def front(self, author: str) -> list[Row]:
        """Return the Pareto front, cheapest first: rows that none is better than at the same cost or less."""
        finished = [row for row in self.ranked(author) if row.ok and row.validation_bits_per_character is not None]
        priced = [(price, row) for row in finished if (price := self.price(row)) is not None]
        front: list[Row] = []

        # by rising cost, each row that is better than all cheaper ones
        for _, row in sorted(priced, key=lambda pair: (pair[0], *_validation_key(pair[1]))):
            if not front or _validation_key(row) < _validation_key(front[-1]):
                front.append(row)
        return front

    def best(self, author: str) -> Row | None:
        """Return the row with the fewest bits of validation text."""
        front = self.front(author)
        return front[-1] if front else None

    def price(self, row: Row) -> float | None:
        """Return the cost of a row, in the unit COST_UNITS[cost]."""
        price: float | None = getattr(row, COSTS[self.cost])
        return price

    def to_dict(self) -> JsonObject:
        """Return the comparison as JSON values, and under `sweep` the front and the best row of each author."""
        authors = {}
        for author in self.comparison.corpora:
            rows = self.ranked(author)
            names = {id(row): label for label, row in zip(labels(rows), rows, strict=True)}

            # cheapest first, so that the last row is the best
            front = [
                {
                    "row": names[id(row)],
                    "cost": self.price(row),
                    "validation_bits_per_character": row.validation_bits_per_character,
                    "bits_per_character": row.bits_per_character,
                }
                for row in self.front(author)
            ]
            authors[author] = {"front": front, "best": front[-1]["row"] if front else None}
        return self.comparison.to_dict() | {"sweep": {"cost": self.cost, "authors": authors}}

    def __repr__(self) -> str:
        best = {author: self.best(author) for author in self.comparison.corpora}
        figures = [
            f"{author}: {row.generator} {row.validation_bits_per_character:.3f}" for author, row in best.items() if row
        ]
        rows = len(self.comparison.results)
        return f"<Sweep of {rows} rows, best on validation text: {', '.join(figures) or 'none'}>"


def _validation_key(row: Row) -> tuple[bool, float]:
    bits = row.validation_bits_per_character
    return bits is None, bits or 0.0


def sweep(
    file: str | Path,
    *,
    cost: str | None = None,
    halving: int | None = None,
    budget: str | float | None = None,
    steps: int | None = None,
    flops: float | None = None,
    timeout: str | float | None = None,
    seed: int | None = None,
    seeds: int | None = None,
    jobs: int | None = None,
    executor: str | None = None,
    device: str | None = None,
    retrain: bool = False,
    keep: bool = True,
    name: str = "",
    command: Sequence[str] = (),
    listener: ProgressListener = SILENT,
) -> Sweep:
    """Compare every combination of the options that the `[sweep]` table of a comparison file lists.

    Of each author's rows the best `1 / halving` continue at 10, 30 and 90 % of their training (0: all do). The first
    half of the validation text decides this, and fits weights; the second ranks the rows. `cost` is "seconds",
    "parameters" or "memory". Arguments that are not None replace what the file says. Raises UserError for a file that
    cannot be used, where Optuna is missing, and as `compare` does.
    """
    # read the file
    table, content = config.read_sweep_file(Path(file))
    arguments = {
        "budget": parse_duration(budget),
        "steps": steps,
        "flops": flops,
        "timeout": parse_duration(timeout, "timeout"),
        "seed": seed,
        "seeds": seeds,
        "jobs": jobs,
        "executor": executor,
        "device": device,
    }
    content = config.override(content, {key: value for key, value in arguments.items() if value is not None})
    options = _sweep_settings(table)
    cost = options.get("cost", "seconds") if cost is None else cost
    require_cost(cost)

    # compare every combination
    settings = config.to_settings(content)
    specs = expand_grid(settings.generators, table)
    halving = options.get("halving", DEFAULT_HALVING) if halving is None else halving
    settings = replace(settings, generators=specs, halving=halving, score_validation=True)
    listener.message(f"{len(specs)} combinations of options")
    retrain = retrain or bool(content.get("retrain"))
    comparison = run_comparison(settings, retrain=retrain, keep=keep, name=name, command=command, listener=listener)
    return Sweep(comparison, cost)


def require_cost(cost: str) -> None:
    """Raise UserError for an unknown cost."""
    if cost not in COSTS:
        raise UserError(f"cost is {cost!r}: {nearest(cost, COSTS)}")


def _sweep_settings(table: SweepTable) -> JsonObject:
    """Return what a [sweep] table says of how the sweep is run. Raises UserError."""
    settings = {name: table[name] for name in SETTINGS if name in table}
    for name, value in settings.items():
        if type(value) is not SETTINGS[name]:
            kind = "a whole number" if SETTINGS[name] is int else "text"
            raise UserError(f"[sweep]: {name} is {value!r}, but must be {kind}")
    return settings


def expand_grid(generators: Sequence[str], table: SweepTable) -> list[str]:
    """Return the SPECs of every combination of the options that the table lists; others as they are.

    Raises UserError for an option that no generator has, for a value that is not a list, and for too many
    combinations.

    >>> expand_grid(["markov-char:adaptive=true", "markov-word"], {"markov-char": {"order": [2, 3]}})
    ['markov-char:adaptive=true,order=2', 'markov-char:adaptive=true,order=3', 'markov-word']
    """
    # split the table into options of one generator and options of all
    specs = [Spec.parse(text) for text in generators]
    names = {name for spec in specs for name in _table_names(spec)}
    own = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    common = {key: value for key, value in table.items() if key not in own and key not in SETTINGS}
    for name in own.keys() - names:
        raise UserError(f"[sweep] has a table for {name!r}, which is none of the generators: {nearest(name, names)}")
    for lists in (common, *own.values()):
        _require_lists(lists)

    # fill in every combination
    known = [known.values.keys() for known in registry.describe(specs)]
    grids = [
        {key: values for key, values in common.items() if key in options} | dict(_own_options(spec, own))
        for spec, options in zip(specs, known, strict=True)
    ]
    for key in common.keys() - set().union(*grids):
        options = sorted(set().union(*known))
        raise UserError(f"[sweep] lists {key!r}, an option that none of the generators has: {nearest(key, options)}")
    require_row_count(sum(math.prod(map(len, grid.values())) for grid in grids), "[sweep]")
    return [
        spec.fill(dict(zip(grid, values, strict=True)))
        for spec, grid in zip(specs, grids, strict=True)
        for values in product(*grid.values())
    ]


def _table_names(spec: Spec) -> list[str]:
    """Return the names of the table of a generator: of a plugin file with or without its ending."""
    return [spec.name] if spec.path is None else [spec.name, spec.path.stem]


def _own_options(spec: Spec, tables: Mapping[str, SweepTable]) -> SweepTable:
    return {key: values for name in _table_names(spec) for key, values in tables.get(name, {}).items()}


def _require_lists(options: SweepTable) -> None:
    for key, values in options.items():
        valid = isinstance(values, list) and values and all(isinstance(value, str | int | float) for value in values)
        if not valid:
            raise UserError(f"[sweep]: {key} is {values!r}, but must be a list of values, as in {key} = [1, 2]")
