"""Print the list of stored models."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from genbench.report.formatting import format_decimals
from genbench.report.terminal.tables import print_list, print_text
from genbench.storage.cards import ModelCard
from genbench.storage.stored_model import StoredModel

HEADINGS = ("model", "author", "generator", "bits", "budget", "seed", "MB", "date")
NOTE = "bits: per character of validation text, after training; compare only models of the same text."


def show_models(models: Sequence[StoredModel], console: Console) -> None:
    """Print a line for each model: on a terminal by the end of its name, which every command takes, to save space."""
    rows = [
        [
            model.short_name if console.is_terminal else model.name,
            model.card.author,
            model.card.spec + (" (imported)" if model.card.imported else ""),
            format_decimals(model.card.training.validation_bits_per_character, 3),
            _budget(model.card),
            str(model.card.seed),
            f"{model.size / 1e6:.1f}",
            model.card.created[:10],
        ]
        for model in models
    ]
    print_list(HEADINGS, rows, console, numbers=HEADINGS[3:], specs=HEADINGS[2:3])
    if models and console.is_terminal:
        print_text(NOTE, console, "bright_black")


def _budget(card: ModelCard) -> str:
    """Return the limit of a training as it is typed on the command line."""
    return f"{card.steps} steps" if card.budget is None else f"{card.budget:g}s"


def format_size(size: int) -> str:
    """Return a number of bytes in megabytes.

    >>> format_size(3_300_000), format_size(402_345_678)
    ('3.3 MB', '402.3 MB')
    """
    return f"{size / 1e6:,.1f} MB"
