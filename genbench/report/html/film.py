"""Film strips: what a network wrote while it was trained, a frame for each moment that was kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from genbench.report.formatting import format_decimals, format_passes
from genbench.spec import format_duration
from genbench.storage.cards import Snapshot

MAX_FRAMES = 12


@dataclass(frozen=True)
class Frame:
    """A moment of a training: when it was, how far the network had got, and what it wrote after a prompt."""

    when: str
    facts: str
    prompt: str
    text: str


@dataclass(frozen=True)
class Film:
    """The frames of one network; `number` is that of its generator."""

    name: str
    number: int
    frames: list[Frame]


def film(name: str, number: int, snapshots: Sequence[Snapshot]) -> Film:
    """Return the film strip of what a network wrote."""
    return Film(name, number, [_frame(snapshot) for snapshot in snapshots[:MAX_FRAMES]])


def _frame(snapshot: Snapshot) -> Frame:
    when = f"after {format_duration(round(snapshot.seconds))}"
    facts = [snapshot.part] if snapshot.part else []
    if snapshot.passes is not None:
        facts.append(format_passes(snapshot.passes))
    if snapshot.loss is not None:
        facts.append(f"loss {format_decimals(snapshot.loss, 2)} bits per token")
    return Frame(when, ", ".join(facts), snapshot.prompt, re.sub(r"\n{2,}", "\n", snapshot.text))
