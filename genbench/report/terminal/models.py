"""Print the list of stored models, and the card of one."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from genbench.report.formatting import format_decimals
from genbench.report.terminal.lines import print_lines
from genbench.report.terminal.tables import print_pairs, print_text
from genbench.spec import format_duration
from genbench.storage.cards import ModelCard
from genbench.storage.stored_model import StoredModel

HEADINGS = ("model", "author", "generator", "bits", "budget", "seed", "size", "date")
LEAST = {"author": 8, "generator": 14}  # the widths that long names keep
NOTE = "bits: per character of validation text, after training; compare only models of the same text."
IMPORTED_NOTE = " †: imported."
TUNED_NOTE = " ‡: fine-tuned, so that it learned other text too."


def show_models(models: Sequence[StoredModel], console: Console) -> None:
    """Print a line for each model: on a terminal by the end of its name, which every command takes, to save space."""
    imported, tuned = (" †", " ‡") if console.is_terminal else (" (imported)", " (fine-tuned)")
    rows = [
        [
            model.short_name if console.is_terminal else model.name,
            model.card.author,
            model.card.spec + (tuned if model.card.ancestors else "") + (imported if model.card.imported else ""),
            format_decimals(model.card.training.validation_bits_per_character, 3),
            _budget(model.card),
            str(model.card.seed),
            format_size(model.size),
            model.card.created[:10],
        ]
        for model in models
    ]
    print_lines(HEADINGS, rows, console, numbers=HEADINGS[3:], least=LEAST, optional=("date", "seed", "size"))
    if models and console.is_terminal:
        marks = IMPORTED_NOTE if any(model.card.imported for model in models) else ""
        marks += TUNED_NOTE if any(model.card.ancestors for model in models) else ""
        print_text(NOTE + marks, console, "bright_black")


def show_card(model: StoredModel, console: Console) -> None:
    """Print the card of a model; what was not measured is left out."""
    card, training = model.card, model.card.training
    passes = None if training.steps is None or training.passes is None else f"{training.passes:z,.1f}"
    pairs: list[tuple[str, str | None]] = [
        ("model", model.name),
        ("generator", card.spec),
        ("author", card.author),
        ("made from", card.origin),
        *(("fine-tuned from", f"{ancestor}, sha256 {ancestor.sha256}") for ancestor in card.ancestors),
        ("books", "; ".join(card.books)),
        ("held out", card.held_out),
        ("lines", card.lines),
        ("sha256 of the text", card.sha256),
        ("budget", _budget(card)),
        ("seed", str(card.seed)),
        ("device", card.device),
        ("training seconds", _decimals(training.seconds, 1)),
        ("CPU seconds", _decimals(training.cpu_seconds, 1)),
        ("steps", _count(training.steps)),
        ("passes over the text", passes),
        ("parameters", _count(training.parameters)),
        ("validation bits per character", _decimals(training.validation_bits_per_character, 4)),
        ("options as trained", training.spec if training.spec != card.spec else ""),
        *(("note", note) for note in training.notes),
        ("trained", f"{card.created[:16].replace('T', ' ')} UTC, genbench {card.genbench}"),
        ("imported", "yes" if card.imported else ""),
        ("size", format_size(model.size)),
        ("folder", str(model.folder)),
    ]
    print_pairs([(name, value) for name, value in pairs if value], console)


def _decimals(number: float | None, places: int) -> str | None:
    return None if number is None else format_decimals(number, places)


def _count(number: int | None) -> str | None:
    return None if number is None else f"{number:,}"


def _budget(card: ModelCard) -> str:
    """Return the limit of a training as it is typed on the command line."""
    if card.flops is not None:
        return f"{card.flops:g} flops"
    return f"{card.steps} steps" if card.budget is None else format_duration(card.budget)


def format_size(size: int) -> str:
    """Return a number of bytes in megabytes, below one megabyte in kilobytes.

    >>> format_size(3_300_000), format_size(402_345_678), format_size(40_200), format_size(999_999), format_size(1)
    ('3.3 MB', '402.3 MB', '41 kB', '1.0 MB', '1 kB')
    """
    kilobytes = -(-size // 1000)  # rounded up: nothing takes 0 kB that takes a byte
    return f"{kilobytes} kB" if kilobytes < 1000 else f"{size / 1e6:z,.1f} MB"
