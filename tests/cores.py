"""Registered networks, one for each core: over words, a core does the same with other vectors."""

from collections.abc import Iterable

DIFFERENT = ("lstm-word", "markov-word")  # the word models that differ from a character model in more than their tokens


def one_per_core(names: Iterable[str]) -> list[str]:
    """Return the names without those of the word networks, except lstm-word."""
    return [name for name in names if not name.endswith("-word") or name in DIFFERENT]
