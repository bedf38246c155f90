"""What a sweep goes through: the `[sweep]` table of a file, as SPECs, every combination of the options it lists.

[sweep]
halving = 3                          # a number or a text: how the sweep is run
hidden = [64, 128]                   # a list: an option, of every generator of the file that has it
markov-char = { order = [3, 4, 5] }  # a table: options of that generator alone
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from genbench import registry
from genbench import spec as options
from genbench.errors import ContractError, UserError, nearest

Table = Mapping[str, Any]
HOW = {"halving": int, "cost": str}  # what else the table may say


def how(table: Table) -> dict[str, Any]:
    """How the sweep is run, as the table says. Raises UserError."""
    found = {name: table[name] for name in HOW if name in table}
    for name, value in found.items():
        if type(value) is not HOW[name]:
            raise UserError(
                f"[sweep]: {name} is {value!r}, and must be {'a whole number' if HOW[name] is int else 'text'}"
            )
    return found


def specs(generators: Sequence[str], table: Table) -> list[str]:
    """Each generator with every combination of the options that the table lists for it; as it is where there is none.

    Raises UserError for an option that no generator has, and for what is no list of values.

    >>> specs(["markov-char:adaptive=true", "markov-word"], {"markov-char": {"order": [2, 3]}})
    ['markov-char:adaptive=true,order=2', 'markov-char:adaptive=true,order=3', 'markov-word']
    """
    named = {options.parse(spec).name for spec in generators}
    own = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    common = {key: value for key, value in table.items() if key not in own and key not in HOW}
    for name in own.keys() - named:
        raise UserError(f"[sweep] has a table for {name!r}, which is none of the generators: {nearest(name, named)}")
    for given in (common, *own.values()):
        _require_lists(given)
    found: list[str] = []
    used: set[str] = set()
    for spec in generators:
        known, name = _known(spec), options.parse(spec).name
        lists = {key: values for key, values in common.items() if key in known} | dict(own.get(name, {}))
        used |= lists.keys()
        found += [options.complete(spec, dict(zip(lists, each, strict=True))) for each in product(*lists.values())]
    for key in common.keys() - used:
        every = sorted({option for spec in generators for option in _known(spec)})
        raise UserError(f"[sweep] lists {key!r}, an option that none of the generators has: {nearest(key, every)}")
    return found


def _require_lists(given: Table) -> None:
    for key, values in given.items():
        fits = isinstance(values, list) and values and all(isinstance(each, str | int | float) for each in values)
        if not fits:
            raise UserError(f"[sweep]: {key} is {values!r}, and must be a list of values, as in {key} = [1, 2]")


def _known(spec: str) -> set[str]:
    """The options of a generator; none of one whose plugin is broken: its row says so."""
    try:
        return set(options.options_of(registry.resolve(options.parse(spec))))
    except ContractError:
        return set()
