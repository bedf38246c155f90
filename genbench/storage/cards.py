"""The card of a stored model, `model.json`: what was trained on which text, how, and by which version."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from genbench.generator import LIMITS, OptionValue
from genbench.storage import untrusted
from genbench.storage.records import JsonObject, from_json

FORMAT = 3
CARD = "model.json"
FILES = {"learned.json", "arrays.safetensors"}
KEY = (
    *("author", "sha256", "held_out", "fitted_on", "generator", "source", "code", "genbench", "options"),
    *("seed", "budget", "steps", "flops", "device", "parent"),
)
INSTALLATION = ("code", "genbench")  # what a model that was trained elsewhere need not have in common
FIRST_HALF = "first half"  # of the validation text, in sweeps
MIN_CORE_SHARE = 0.85  # of a core; time budgets of trainings that had less are not comparable
INTERRUPTED = "interrupted"  # the note of a model whose training was ended by Ctrl-C
ENDED_EARLY = 0.8  # of its budget; a training that took less ended by itself
MAX_BEGINNINGS = 20  # and as many characters of each
MAX_SNAPSHOTS = 100  # of a training: each is kept after four times the seconds of the last
MAX_CHARACTERS = 4_000  # of a string on a card; as many as a SPEC may have

_NUMBER = (int, float, type(None))
_MEASURED = (
    *("seconds", "cpu_seconds", "budget_seconds", "characters_per_second"),
    *("parameters", "steps", "flops", "passes", "validation_bits_per_character"),
)
_ORIGIN: dict[str, tuple[type, ...]] = {"weight": (int,), "name": (str,), "sha256": (str,), "author": (str,)}
_ANCESTOR: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("name", "fingerprint", "spec", "author", "sha256", "held_out"), (str,)),
    **{"books": (list,), "seconds": _NUMBER},
}
_STRINGS = ("author", "sha256", "held_out", "generator", "source", "device", "spec", "created")
_LATER_STRINGS = ("seal", "fitted_on", "code", "texts", "parent")
_KINDS: dict[str, tuple[type, ...]] = {
    **{"format": (int,), "files": (dict,), "options": (dict,), "training": (dict,)},
    **{"seed": (int,), "steps": (int, type(None)), "budget": _NUMBER},
    **dict.fromkeys(_STRINGS, (str,)),
}


@dataclass(frozen=True)
class Snapshot:
    """What a generator wrote while it was trained."""

    seconds: float  # of training, as a time budget counts them
    step: int
    passes: float | None  # over the training text
    loss: float | None  # running training loss in bits per token
    prompt: str
    text: str  # after the prompt
    part: str = ""  # of a composed generator


@dataclass(frozen=True)
class TrainingRecord:
    """What was measured and reported while a model was trained."""

    seconds: float | None = None  # wall-clock time of fit
    cpu_seconds: float | None = None  # of fit, processes that the generator started included
    budget_seconds: float | None = None  # of fit, as a time budget counts them (`TrainingClock`)
    characters_per_second: float | None = None  # training characters read, all passes
    parameters: int | None = None
    steps: int | None = None
    flops: float | None = None  # floating-point operations; None for a generator that does not count them
    passes: float | None = None  # over the training text
    validation_bits_per_character: float | None = None  # of the end of the validation text, after training
    curve: list[list[float]] = field(default_factory=list)  # [seconds, bits per character of validation text]
    snapshots: list[Snapshot] = field(default_factory=list)  # of a generator that is trained in steps
    notes: list[str] = field(default_factory=list)
    spec: str = ""  # the SPEC with every option that training chose: given again, it repeats the training
    details: JsonObject = field(default_factory=dict)  # further figures that the generator reported, JSON values
    seeded: bool = True  # whether the training read its seed; earlier versions did not tell
    limited: bool = True  # whether it read its budget, steps or operations; earlier versions did not tell

    @property
    def ignored(self) -> tuple[str, ...]:
        """The names of the arguments that the training never read, so that it is the same with others."""
        return (*(() if self.seeded else ("seed",)), *(() if self.limited else LIMITS))

    @property
    def core_share(self) -> float | None:
        """CPU seconds of the training over its wall-clock seconds: 1 for a thread that never waited."""
        return self.cpu_seconds / self.seconds if self.cpu_seconds is not None and self.seconds else None

    @property
    def ranking_bits(self) -> float:
        """Bits per character of validation text; infinite where it was not scored, so that such models come last."""
        bits = self.validation_bits_per_character
        return math.inf if bits is None or math.isnan(bits) else bits


@dataclass(frozen=True)
class Origin:
    """A model or a file from whose text a model was made by merging, updating or forgetting."""

    weight: int  # how often the training text is counted; negative where it is no longer
    name: str  # of the stored model, or of the file
    sha256: str  # of the text, as that model's card has it; of a file, of its cleaned text
    author: str = ""  # of that model; "" for a file

    def __str__(self) -> str:
        return f"{abs(self.weight)}*{self.name}" if abs(self.weight) != 1 else self.name


@dataclass(frozen=True)
class Ancestor:
    """A model whose training another one continues: what it was, and on which text it was trained."""

    name: str  # under which it was stored
    fingerprint: str  # of its weights, hexadecimal digits
    spec: str  # with the options that its training chose
    author: str
    sha256: str  # of the cleaned text
    held_out: str  # title of the test book, "" where each book is split
    books: list[str] = field(default_factory=list)
    seconds: float | None = None  # wall-clock time of its training

    def __str__(self) -> str:
        return f"{self.name} ({self.spec}, {'; '.join(self.books) or self.author})"


@dataclass(frozen=True)
class ModelCard:
    """Everything a stored model says about itself.

    The fields named in `KEY` decide whether two trainings are the same.
    """

    author: str
    sha256: str  # of the cleaned text
    held_out: str  # title of the test book, "" where each book is split
    books: list[str]
    lines: str
    spec: str  # as it was asked for
    generator: str
    source: str  # digest of the files that the SPEC names, and of what plugin files import; "" where it names none
    options: dict[str, OptionValue]
    seed: int
    budget: float | None  # seconds
    steps: int | None
    device: str
    flops: float | None = None  # floating-point operations that were asked for
    code: str = ""  # digest of the installed packages that provide its generators
    fitted_on: str = ""  # FIRST_HALF of the validation text; "": all of it
    training: TrainingRecord = field(default_factory=TrainingRecord)
    genbench: str = ""  # version
    created: str = ""  # ISO 8601, UTC
    files: dict[str, str] = field(default_factory=dict)  # name to sha256
    imported: bool = False  # trained elsewhere, or not known to be trained in this store
    seal: str = ""  # proves that it was trained in this store
    sources: list[str] = field(default_factory=list)  # the files that the SPEC names
    texts: str = ""  # sha256 of the file with its texts (`texts.py`); "" where they are not kept
    made_from: list[Origin] = field(default_factory=list)  # of a model that was merged, updated, or forgot a text
    beginnings: dict[str, int] | None = None  # ends of paragraphs and their counts; None: an earlier version's card
    small_beginnings: float = 1.0  # share of paragraphs that begin with a small letter; 1: an earlier version's card
    parent: str = ""  # fingerprint of the model whose training this one continues; "": it began at random weights
    ancestors: list[Ancestor] = field(default_factory=list)  # the parent last
    format: int = FORMAT

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training, so that the model is partly trained."""
        return INTERRUPTED in self.training.notes

    @property
    def origin(self) -> str:
        """What the model was made from, such as "2*MODEL + FILE"; "" where it was trained on the text of its author."""
        terms = [f"{'-' if source.weight < 0 else '+'} {source}" for source in self.made_from]
        return " ".join(terms).removeprefix("+ ")

    @property
    def lineage(self) -> str:
        """The models whose training this one continues, the first one first; "" where there is none."""
        return ", then ".join(map(str, self.ancestors))

    @property
    def limited_by_time(self) -> bool:
        """Whether the budget is the limit of the training, not steps or operations."""
        return self.budget is not None and self.steps is None and self.flops is None

    @property
    def time_budget(self) -> float | None:
        """Seconds of the budget that ended the training; None where steps, operations or the generator did."""
        used = self.training.budget_seconds
        if self.budget is None or not self.limited_by_time or used is None:
            return None
        return self.budget if used >= ENDED_EARLY * self.budget else None

    def has(self, name: str, value: Any) -> bool:
        """Return whether a field has a value; of what the training never read, such as its seed, any value is the same.

        A budget is not: a training that took longer has a note that says so.
        """
        return getattr(self, name, None) == value or (name != "budget" and name in self.training.ignored)

    def fits(self, limits: Mapping[str, float | None]) -> bool:
        """Return whether a training within other limits (budget, steps, flops; None is any) gives the same model.

        It does where the limits are equal, and for a generator that ignores its limits, or counts no steps and ended by
        itself, and took less time than the budget: a chain.
        """
        wanted = {name: limit for name, limit in limits.items() if limit is not None}
        if all(getattr(self, name) == limit for name, limit in wanted.items()):
            return True
        return self.ended_within(wanted.get("budget", math.inf))

    def ended_within(self, budget: float) -> bool:
        """Return whether the training ended by itself before a budget, and no steps or operations limited it."""
        training = self.training
        if training.budget_seconds is None or training.budget_seconds > budget:
            return False
        ended_by_itself = self.limited_by_time and self.time_budget is None
        return not training.limited or (ended_by_itself and training.steps is None and training.flops is None)

    @property
    def key(self) -> JsonObject:
        """What two trainings of the same model have in common, as JSON values."""
        return {name: getattr(self, name) for name in KEY}

    @property
    def identity(self) -> JsonObject:
        """The key, which the name of the model depends on, without what its training ignored.

        A chain that is trained again with another seed or budget replaces the earlier one.
        """
        return identity_of({name: value for name, value in self.key.items() if name not in self.training.ignored})

    def to_dict(self) -> JsonObject:
        """Return the card as JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Any) -> ModelCard:
        """Return the card that `to_dict` wrote; ValueError for anything else: somebody else may have written it."""
        _require_card(values)
        training = TrainingRecord(**_known(TrainingRecord, values["training"]))
        training = replace(training, snapshots=_read_snapshots(training.snapshots))
        origins = [Origin(**_known(Origin, origin)) for origin in values.get("made_from", [])]
        ancestors = [Ancestor(**_known(Ancestor, ancestor)) for ancestor in values.get("ancestors", [])]
        return cls(**_known(cls, values) | {"training": training, "made_from": origins, "ancestors": ancestors})


def identity_of(key: Mapping[str, Any]) -> JsonObject:
    """Return the key of a training without its parent where it has none, as it was before models had parents."""
    return {name: value for name, value in key.items() if name != "parent" or value}


def _read_snapshots(values: Any) -> list[Snapshot]:
    """Return the snapshots in the values of a record; ValueError for anything else."""
    if not isinstance(values, list) or len(values) > MAX_SNAPSHOTS:
        raise ValueError("not a list of snapshots, or too many of them")
    snapshots = [from_json(Snapshot, value) for value in values]
    if any(len(text) > MAX_CHARACTERS for one in snapshots for text in (one.prompt, one.text, one.part)):
        raise ValueError("a snapshot with a string that is too long")
    return snapshots


def read_card(folder: Path) -> ModelCard | None:
    """Return the card in a folder; None where there is none that this version of genbench would have written."""
    found = read_card_and_values(folder)
    return None if found is None else found[0]


def read_card_and_values(folder: Path) -> tuple[ModelCard, JsonObject] | None:
    """Return the card in a folder as `read_card` does, and the JSON values of its file, which are what was sealed."""
    try:
        values = untrusted.parse_json(untrusted.read_file(folder / CARD))
        return ModelCard.from_dict(values), values
    except (OSError, ValueError, TypeError):
        return None


def is_outdated(folder: Path) -> bool:
    """Return whether a folder holds a model that an earlier edition of genbench wrote."""
    return outdated_card(folder) is not None


def outdated_card(folder: Path) -> JsonObject | None:
    """Return the card of a model that an earlier edition of genbench wrote; None where the folder has none."""
    try:
        card = untrusted.parse_json(untrusted.read_file(folder / CARD))
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) and card.get("format") in range(1, FORMAT) else None


def _known(kind: type, values: Mapping[str, Any]) -> JsonObject:
    """Return the values that are fields of a dataclass."""
    return {name: values[name] for name in kind.__dataclass_fields__ if name in values}  # type: ignore[attr-defined]


def _require_card(card: Any) -> None:
    """Refuse what is not a card of this format; raises ValueError."""
    # the card itself
    untrusted.require_types(card, _KINDS)
    untrusted.require_types(card, {"books": (list,), "lines": (str,)})
    later: JsonObject = {"imported": False, "flops": None, "made_from": [], "ancestors": []}
    later |= dict.fromkeys(_LATER_STRINGS, "")
    kinds: dict[str, tuple[type, ...]] = {"imported": (bool,), "flops": _NUMBER}
    kinds |= dict.fromkeys(("made_from", "ancestors"), (list,)) | dict.fromkeys(_LATER_STRINGS, (str,))
    untrusted.require_types(later | card, kinds)
    _require_beginnings(card)
    origins = _require_origins(card)
    texts = [*card.values(), *(value for origin in origins for value in origin.values())]
    if any(len(value) > MAX_CHARACTERS for value in texts if isinstance(value, str)):
        raise ValueError("a string that is too long")

    # the record of its training
    training = card["training"]
    numbers = {name: training.get(name) for name in _MEASURED}
    untrusted.require_types(numbers, dict.fromkeys(numbers, _NUMBER))
    read = {name: training.get(name, True) for name in ("seeded", "limited")}
    untrusted.require_types(read, dict.fromkeys(read, (bool,)))
    untrusted.require_types(training, {"notes": (list,), "curve": (list,), "details": (dict,), "spec": (str,)})

    # strings inside lists, and the files it belongs to
    sources = card.get("sources", [])
    untrusted.require_types({"sources": sources}, {"sources": (list,)})
    strings = [*training["notes"], *card["files"].values(), *card["books"], *sources]
    if card["format"] != FORMAT or card["files"].keys() != FILES or not all(isinstance(text, str) for text in strings):
        raise ValueError("not a card of this version")
    if any(source not in card["spec"] for source in sources):
        raise ValueError("a file that the SPEC does not name")
    datetime.fromisoformat(card["created"])


def _require_origins(card: JsonObject) -> list[JsonObject]:
    """Return the origins and ancestors of a card; raises ValueError for what is none."""
    origins, ancestors = card.get("made_from", []), card.get("ancestors", [])
    for origin in origins:
        untrusted.require_types(origin, _ORIGIN)
    for ancestor in ancestors:
        untrusted.require_types(ancestor, _ANCESTOR)
        if not all(isinstance(title, str) and len(title) <= MAX_CHARACTERS for title in ancestor["books"]):
            raise ValueError("a title that is no text, or too long")
    if card.get("parent", "") != (ancestors[-1]["fingerprint"] if ancestors else ""):
        raise ValueError("a parent that is not the last of the ancestors")
    return [*origins, *ancestors]


def _require_beginnings(card: JsonObject) -> None:
    """Refuse beginnings of paragraphs that are none; raises ValueError."""
    beginnings = card.get("beginnings") or {}
    untrusted.require_types({"beginnings": beginnings}, {"beginnings": (dict,)})
    if len(beginnings) > MAX_BEGINNINGS or any(len(lead) > MAX_BEGINNINGS for lead in beginnings):
        raise ValueError("beginnings that are too long")
    untrusted.require_types(beginnings, dict.fromkeys(beginnings, (int,)))
    untrusted.require_types({"small_beginnings": card.get("small_beginnings", 1.0)}, {"small_beginnings": (int, float)})
    if any(count < 1 for count in beginnings.values()):
        raise ValueError("a count below 1")
