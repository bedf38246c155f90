"""The card of a model that is passed on: text, numbers, options, versions, as Markdown."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from genbench import __version__
from genbench.report.formatting import measured, printable
from genbench.spec import written

NUMBERS = {
    "bits_per_character": "bits per character",
    "interval": "95 % interval",
    "bits_per_byte": "bits per byte",
    "word_perplexity": "word perplexity",
    "characters": "characters",
    "words": "words",
}
WORDS = (
    "What `--max-overlap` needs goes along: a 64-bit hash of each word of the training text, in their order. Who "
    "guesses the words can tell the text by them: pass on no model of a text that has to stay private."
)
PACKAGES = ("numpy", "torch", "safetensors")


def modelcard(card: Mapping[str, Any], numbers: Mapping[str, Any], home: str, words: bool) -> str:
    """The Markdown of a model's card.

    `numbers` are those of the author's test text, `home` is whose the generator is, `words` whether what `max_overlap`
    needs goes along.
    """
    training = card["training"]
    text = [
        ("author", card["author"]),
        ("books", "; ".join(map(str, card.get("books", [])))),
        ("line wraps", card.get("lines", "")),
        ("tested on", card.get("held_out") or "the last 10 % of each book"),
        ("sha256 of the cleaned text", card["sha256"]),
    ]
    how = [
        ("generator", f"{card['generator']} ({home})"),
        ("SPEC", card["spec"]),
        ("seed", card["seed"]),
        ("budget", "none" if card["budget"] is None else f"{card['budget']:g} seconds"),
        ("steps asked for", card["steps"] or "-"),
        ("device", card["device"]),
        *(
            (name.replace("_", " "), training[name])
            for name in ("train_seconds", "steps", "parameters")
            if training.get(name)
        ),
    ]
    name, author = _plain(card["generator"]), _plain(card["author"])
    parts = [
        f"# {name}, trained on {author}",
        "A model of genbench. `genbench models import` of this folder checks every file against `SHA256SUMS` and "
        "keeps it beside your own; nothing in it is run.",
        f"Then `genbench generate {author} -g '{_plain(card['spec'])}'` takes it, where the text is the same.",
        _table("text", text),
        _table("on the test text, read once", [(said, measured(n, numbers[n])) for n, said in NUMBERS.items()]),
        _table("training", how),
        _table("options", [(option, written(value)) for option, value in card["options"].items()]),
        _table("versions", _versions(card)),
        WORDS if words else "What `--max-overlap` needs does not go along.",
        *(f"- {_plain(note)}" for note in training.get("notes", [])),
    ]
    return "\n\n".join(parts) + "\n"


def _versions(card: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = [
        ("trained with genbench", f"{card['genbench']}, {card['created'][:16]} UTC"),
        ("exported with", __version__),
    ]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return [*found, ("Python", platform.python_version())]


def _table(heading: str, rows: list[tuple[str, Any]]) -> str:
    lines = [f"| {heading} | |", "| --- | --- |", *(f"| {_plain(name)} | {_plain(value)} |" for name, value in rows)]
    return "\n".join(lines)


def _plain(value: Any) -> str:
    """One line that no Markdown breaks out of."""
    return printable(str(value)).replace("\n", " ").replace("|", "\\|").replace("`", "'").replace("<", "&lt;")
