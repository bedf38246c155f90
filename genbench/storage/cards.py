"""The card of a kept model, model.json: what was trained on what, how, by which version, and checksums of its files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from genbench.storage import untrusted

FORMAT = 1
CARD = "model.json"
FILES = {"learned.json", "arrays.safetensors"}
KEY = ("author", "sha256", "held_out", "generator", "source", "options", "seed", "budget", "steps", "device")
NUMBER = (int, float, type(None))
KINDS: dict[str, tuple[type, ...]] = {"format": (int,), "files": (dict,), "options": (dict,), "training": (dict,)}
KINDS |= {"seed": (int,), "steps": (int, type(None)), "budget": NUMBER}
KINDS |= dict.fromkeys(("author", "sha256", "held_out", "generator", "source", "device", "spec", "created"), (str,))
LONGEST = 4_000  # characters of an author; as many as a SPEC may have
MEASURED = ("train_seconds", "train_characters_per_second", "parameters", "steps")  # of the training: numbers


def read(folder: Path) -> dict[str, Any] | None:
    """The card in a folder; None where there is none that genbench would have written."""
    try:
        card: dict[str, Any] = untrusted.parsed(untrusted.read(folder / CARD))
        _require(card)
    except (OSError, ValueError):
        return None
    return card


def _require(card: Any) -> None:
    untrusted.require_kinds(card, KINDS)
    training = card["training"]
    known = {name: value for name, value in training.items() if name in MEASURED}
    untrusted.require_kinds(known, dict.fromkeys(known, NUMBER))
    untrusted.require_kinds(training, {"notes": (list,)})
    untrusted.require_kinds({"facts": {}, "curve": [], **training}, {"facts": (dict,), "curve": (list,)})
    untrusted.require_kinds({"books": [], **card}, {"books": (list,)})
    if any(len(value) > LONGEST for value in card.values() if isinstance(value, str)):
        raise ValueError("a text that is too long")
    texts = [*training["notes"], *card["files"].values(), *card.get("books", [])]
    if card["format"] != FORMAT or card["files"].keys() != FILES or not all(isinstance(text, str) for text in texts):
        raise ValueError("no card of this version")
    datetime.fromisoformat(card["created"])
