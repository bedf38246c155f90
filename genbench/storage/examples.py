"""Examples that are installed with genbench, by name: `example:orders` is `examples/orders.toml` of the source."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from genbench.errors import UserError, nearest

PREFIX = "example:"
SUFFIXES = (".toml", ".txt")  # an example is a comparison, minimal pairs, or a text; the suffix may be left out


def example_path(name: str) -> Path:
    """Return the file of an example; any other name is returned as the path that it is.

    Raises UserError for an unknown example.
    """
    if not name.startswith(PREFIX):
        return Path(name)
    word = name.removeprefix(PREFIX)
    paths = _paths()
    for suffix in ("", *SUFFIXES):
        if path := paths.get(word + suffix):
            return path
    raise UserError(f"there is no example {word!r}; {nearest(word, example_names())}")


def example_names() -> list[str]:
    """Return the names of the examples, without the prefix and the suffix of comparison files.

    >>> {"orders", "pair", "recall.txt"} <= set(example_names())
    True
    """
    return [name.removesuffix(SUFFIXES[0]) for name in _paths()]


def _paths() -> dict[str, Path]:
    """Return the files of the examples by their names. Raises UserError where an installation lacks them."""
    try:
        found = [Path(str(item)) for item in files("genbench_examples").iterdir()]
    except ModuleNotFoundError:
        raise UserError("the examples are not installed; install genbench again, with pip install .") from None
    return {path.name: path for path in sorted(found) if path.suffix in SUFFIXES}
