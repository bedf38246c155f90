"""Model card of an exported model: a README in Markdown with its text, scores, options and versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from genbench import __version__
from genbench.report.formatting import escape_markdown, format_measure
from genbench.spec import format_duration, format_value
from genbench.storage.cards import Ancestor, ModelCard

# the scores in the card, with the names that it shows
SCORES = {
    "bits_per_character": "bits per character",
    "interval": "95 % interval",
    "bits_per_byte": "bits per byte",
    "word_perplexity": "word perplexity",
    "characters": "characters",
    "words": "words",
    "training_text_share": "share that stands in the training text",
}
WITH_WORDS = (
    "The folder contains what `--max-overlap` needs: a 64-bit hash of each word of the training text, in their order. "
    "Somebody who guesses the words can recover the text from it: do not share a model of a text that has to stay "
    "private."
)
WITHOUT_WORDS = "The folder does not contain what `--max-overlap` needs."

PACKAGES = ("numpy", "torch", "safetensors")


def model_card(card: ModelCard, scores: Mapping[str, Any] | None, provider: str, has_training_words: bool) -> str:
    """Return the model card as Markdown.

    `scores` are those on the author's test text, None where it was not scored; `provider` is the Python distribution
    that contains the generator.
    """
    # names and SPECs may contain markup
    generator, author = escape_markdown(card.generator), escape_markdown(card.author)

    # introduction, tables, notes
    sections = [
        f"# {generator}, trained on {author}",
        "A model of genbench. `genbench models import` of this folder checks every file against `SHA256SUMS`, stores "
        "the model beside your own, and prints the command that uses it; nothing in the folder is executed.",
        _table("text", _text_rows(card)),
        *([_table("score on the test text", _score_rows(scores))] if scores is not None else []),
        _table("training", _training_rows(card, provider)),
        _table("options", [(option, format_value(value)) for option, value in card.options.items()]),
        _table("versions", _version_rows(card)),
        WITH_WORDS if has_training_words else WITHOUT_WORDS,
        *(f"- {escape_markdown(note)}" for note in card.training.notes),
    ]
    return "\n\n".join(sections) + "\n"


def _score_rows(scores: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the rows with the scores; one that was not measured is left out."""
    return [(name, format_measure(key, scores[key])) for key, name in SCORES.items() if key in scores]


def _text_rows(card: ModelCard) -> list[tuple[str, Any]]:
    """Return the rows about the text that the model was trained and tested on."""
    return [
        ("author", card.author),
        *([("made from", card.origin)] if card.made_from else []),
        *(("fine-tuned from", _ancestor(ancestor)) for ancestor in card.ancestors),
        ("books", "; ".join(map(str, card.books))),
        ("line wraps", card.lines),
        *([("fitted on", f"{card.fitted_on} of the validation text")] if card.fitted_on else []),
        ("tested on", card.held_out or "the last 10 % of each book"),
        ("sha256 of the cleaned text", card.sha256),
    ]


def _ancestor(ancestor: Ancestor) -> str:
    """Return a model whose training was continued: its name, SPEC and text."""
    seconds = "" if ancestor.seconds is None else f", {ancestor.seconds:z,.1f} seconds"
    return f"{ancestor}, text {ancestor.sha256}, model {ancestor.fingerprint}{seconds}"


def _training_rows(card: ModelCard, provider: str) -> list[tuple[str, Any]]:
    """Return the rows about the training."""
    training = card.training

    # shown only where they were measured
    measured = {
        "training seconds": training.seconds,
        "CPU seconds": training.cpu_seconds,
        "optimizer steps": training.steps,
        "floating-point operations": None if training.flops is None else f"{training.flops:.3g}",
        "parameters": training.parameters,
    }

    # settings first, then measurements
    return [
        ("generator", f"{card.generator} ({provider})"),
        ("SPEC", card.spec),
        ("seed", card.seed),
        ("budget", "none" if card.budget is None else format_duration(card.budget)),
        ("requested steps", card.steps or "-"),
        ("requested operations", "-" if card.flops is None else f"{card.flops:g}"),
        ("device", card.device),
        *((name, value) for name, value in measured.items() if value),
    ]


def _version_rows(card: ModelCard) -> list[tuple[str, Any]]:
    """Return the rows with the versions of genbench, of its main dependencies, and of Python."""
    rows = [
        ("trained with genbench", f"{card.genbench}, {card.created[:16]} UTC"),
        ("exported with", __version__),
    ]

    # a generator without a network may be exported where torch is not installed
    for package in PACKAGES:
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return [*rows, ("Python", platform.python_version())]


def _table(heading: str, rows: Sequence[tuple[str, Any]]) -> str:
    """Return a Markdown table of two columns."""
    lines = [f"| {escape_markdown(name)} | {escape_markdown(str(value))} |" for name, value in rows]
    return "\n".join([f"| {heading} | |", "| --- | --- |", *lines])
