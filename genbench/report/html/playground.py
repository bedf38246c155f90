"""The playground: a page that holds trained models and runs them in the browser, side by side.

The scripts are in `templates/playground`: those of `WORKER` run the models, those of `PAGE` show what they do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup

from genbench.corpus.corpus import Corpus
from genbench.errors import UserError
from genbench.generator import ProgressCallback, ignore, rescale
from genbench.model import Model
from genbench.registry import create
from genbench.report.formatting import format_count
from genbench.report.html.film import Film, film
from genbench.report.html.passages import passages
from genbench.report.html.rendering import Parts, fill
from genbench.web.byte_arrays import compress_bytes
from genbench.web.forms import web_obstacle
from genbench.web.packed_chain import ODDS_STEP, STEP, PackedChain
from genbench.web.packing import MAX_COST, MEASURED_CHARACTERS, PackedModel, TooLargeError, pack

WORKER = ("bytes", "characters", "chain", "network", "sampling", "book", "worker")
PAGE = ("dom", "controls", "write", "units", "step", "surprisal", "guess", "main")
MAX_PAGE_BYTES = 3_000_000
OWN_BYTES = 150_000  # of the page without models and book
BOOK_BYTES = 900_000  # of the training text at most
MAX_MODELS = 4
TOO_MANY = f"a page has at most {MAX_MODELS} models"
COUNTS = ("", "A model", "Two models", "Three models", "Four models")
PASSAGES, PASSAGE = 60, 240  # held-out passages of the game, and their characters
BEGINNINGS, BEGINNING = 3, 28  # suggested beginnings, and their characters at most
TYPED = 160  # characters of the text whose surprisal is shown first
SCALE = ("below ½", "½ to 1", "1 to 2", "2 to 4", "4 to 6", "6 to 9", "9 or more")


@dataclass(frozen=True)
class PlaygroundPage:
    """A page, and what is on it."""

    html: str
    models: dict[str, PackedModel]  # by label
    refused: list[str]  # a sentence for each model that a page cannot run


def runnable_specs(specs: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the SPECs of generators that a page can run, and a sentence for each of the others.

    Raises UserError for a SPEC that is not valid, and if a page can run none of them.
    """
    runnable: list[str] = []
    refused: list[str] = []
    for spec in dict.fromkeys(specs):
        obstacle = web_obstacle(create(spec)) or (TOO_MANY if len(runnable) == MAX_MODELS else "")
        if obstacle:
            refused.append(_refusal(spec, obstacle))
        else:
            runnable.append(spec)
    _require_some(runnable, refused)
    return runnable, refused


def _refusal(label: str, obstacle: str) -> str:
    return f"{label} is not on the page: {obstacle}."


def _require_some(labels: Iterable[str], refused: Sequence[str]) -> None:
    """Raise UserError if there are no models for a page."""
    if not any(True for _ in labels):
        reasons = " ".join(refused) or "no model is named."
        raise UserError(f"{reasons} Name another generator, such as markov-char or lstm-char")


def playground_page(
    models: Mapping[str, Model], corpus: Corpus, refused: Sequence[str] = (), progress: ProgressCallback = ignore
) -> PlaygroundPage:
    """Return a page with the models of an author that a page can run, at most four, in less than 3 MB.

    `models` is by label, such as the SPEC; `refused` has sentences about others, from `runnable_specs`. Raises
    UserError if a page can run none of the models.
    """
    packed, more = _pack_all(models, corpus, progress)
    refused = [*refused, *more]
    _require_some(packed, refused)

    # the training text, or as much of it as fits
    used = OWN_BYTES + sum(len(model.model.data) for model in packed.values())
    book, share = _compress_book(str(corpus.train), min(BOOK_BYTES, MAX_PAGE_BYTES - used))
    valid = str(corpus.valid)
    beginnings = _spread(passages(valid, BEGINNING), BEGINNINGS)
    typed = next(iter(passages(valid, TYPED)), "")
    human = _unshown(passages(valid, PASSAGE), [*beginnings, typed])
    names, author = _names(packed), _author(corpus.author)
    facts = [_facts(label, names[label], model) for label, model in packed.items()]
    data = {
        "models": [_data(model, models[label]) for label, model in packed.items()],
        "book": {"data": book},
        "step": STEP,
        "oddsStep": ODDS_STEP,
    }
    chains = [model.model for model in packed.values() if isinstance(model.model, PackedChain)]
    values = {
        "author": author,
        "title": f"{author}: {' and '.join(fact['name'] for fact in facts)}, live",
        "lead": _lead(corpus, list(packed)),
        "models": facts,
        "longest": max((len(chain.levels) for chain in chains), default=0),
        "beginnings": [f"{text} " if " " in text else text for text in beginnings],
        "human": human,
        "reach": _reach(packed),
        "typed": typed,
        "scale": SCALE,
        "measured": _measured(share),
        "films": _films({label: models[label] for label in packed}, names),
        "notes": [note for label, model in packed.items() for note in _notes(label, model)],
        "refused": refused,
        "facts": _json({"models": facts, "human": _spread(human, PASSAGES)}),
        "data": _json(data),
    }
    return PlaygroundPage(fill("playground.html", values, Parts("playground", PAGE, WORKER)), packed, refused)


def _pack_all(
    models: Mapping[str, Model], corpus: Corpus, progress: ProgressCallback
) -> tuple[dict[str, PackedModel], list[str]]:
    """Return the packed models that fit into a page, and a sentence for each of the others."""
    packed: dict[str, PackedModel] = {}
    refused: list[str] = []
    left = MAX_PAGE_BYTES - OWN_BYTES
    for number, (label, model) in enumerate(models.items()):
        obstacle = web_obstacle(model.generator)
        if not obstacle and len(packed) == MAX_MODELS:
            obstacle = TOO_MANY
        if not obstacle:
            part = rescale(progress, number / len(models), 1 / len(models))
            try:
                packed[label] = pack(model.generator, str(corpus.valid), left, part)
                left -= len(packed[label].model.data)
                continue
            except TooLargeError as error:
                obstacle = f"it takes {error.size / 1e6:z.1f} MB, and {left / 1e6:z.1f} MB of the page are left for it"
        refused.append(_refusal(label, obstacle))
    return packed, refused


def _data(packed: PackedModel, model: Model) -> dict[str, Any]:
    """Return what the worker needs of a model."""
    tokenizer, beginnings = model.generator.tokenizer, model.beginnings
    return {
        "kind": _kind(packed),
        "letters": tokenizer.letters,
        "lead": "" if beginnings is None else beginnings.most_frequent,
        "packed": asdict(packed.model),
    }


def _kind(packed: PackedModel) -> str:
    return "chain" if isinstance(packed.model, PackedChain) else "network"


def _author(name: str) -> str:
    """Return the name of an author, or of a file, for a heading.

    >>> _author("austen"), _author("my-notes.txt")
    ('Austen', 'my-notes.txt')
    """
    return name.capitalize() if name.isalpha() and name.islower() else name


def _names(packed: Mapping[str, PackedModel]) -> dict[str, str]:
    """Return a short name for each model: its kind, or its label where several are of one kind."""
    kinds = {
        label: "Markov chain" if isinstance(model.model, PackedChain) else model.model.cell.upper()
        for label, model in packed.items()
    }
    return {label: kind if list(kinds.values()).count(kind) == 1 else label for label, kind in kinds.items()}


def _films(models: Mapping[str, Model], names: Mapping[str, str]) -> list[Film]:
    """Return what each network wrote as it learned."""
    return [
        film(names[label], number, model.card.training.snapshots)
        for number, (label, model) in enumerate(models.items())
        if model.card is not None and model.card.training.snapshots
    ]


def _facts(label: str, name: str, packed: PackedModel) -> dict[str, Any]:
    """Return what the page says about a model."""
    if isinstance(packed.model, PackedChain):
        cell, kept = "", packed.model.ngrams
        what = f"{format_count(kept)} of {format_count(packed.ngrams)} n-grams, probabilities in 8 bits"
    else:
        cell = packed.model.cell
        weights = format_count(packed.model.parameters)
        what = f"{cell.upper()} of {packed.model.hidden} units, {weights} weights in {packed.model.bits} bits"
    return {
        "label": label,
        "name": name,
        "kind": _kind(packed),
        "cell": cell,
        "packed": what,
        "bits": f"{packed.bits:z.3f}",
        "packed_bits": f"{packed.packed_bits:z.3f}",
        "cost": f"{packed.cost:+z.3f}",
        "costly": packed.cost > MAX_COST,
        "size": f"{len(packed.model.data) / 1e6:z.2f} MB",
    }


def _notes(label: str, packed: PackedModel) -> list[str]:
    """Return a warning for a model that lost more than a page may cost."""
    if packed.cost <= MAX_COST:
        return []
    lost = f"{label} lost {packed.cost:z.2f} bits per character"
    return [f"{lost}: more n-grams, or longer ones, do not fit into a page."]


def _lead(corpus: Corpus, labels: Sequence[str]) -> str:
    """Return the sentence below the title."""
    books = "; ".join(corpus.books[:4]) + (" and others" if len(corpus.books) > 4 else "")
    trained = "was trained" if len(labels) == 1 else "were trained"
    characters = format_count(len(corpus.train))
    return (
        f"{COUNTS[len(labels)]} that {trained} on {characters} characters of {_author(corpus.author)} "
        f"({books}) run in this page. Nothing is sent anywhere: it works without a network."
    )


def _reach(packed: Mapping[str, PackedModel]) -> str:
    """Return what the marks in a generated text mean, for the kinds of models on the page."""
    kinds = {_kind(model) for model in packed.values()}
    chain = "the longest context that the chain knew is marked" if "chain" in kinds else ""
    network = (
        "for a network each of the 40 characters before is left out in turn, and colored by how much more surprising "
        "that makes the character (underlined: less)"
        if "network" in kinds
        else ""
    )
    return "; ".join(filter(None, [chain, network])) + "."


def _measured(share: float) -> str:
    """Return what the figures of the table are, and how much of the book is in the page."""
    book = (
        "The training text is in the page too" if share == 1 else f"{share:z.0%} of the training text are in the page"
    )
    return (
        f"Bits per character of the first {MEASURED_CHARACTERS:,} characters of the validation text, by genbench. The "
        f"cost is what pruning the chain and rounding the numbers add. {book}: counts and passages come from it, and "
        "whoever has the page can read it. "
        "Random numbers are those of mulberry32, and characters are chosen in the order of their probability, so the "
        "texts differ from those of the command line; the probabilities do not."
    )


def _compress_book(text: str, limit: int) -> tuple[str, float]:
    """Return the compressed beginning of a text, at most `limit` bytes, and its share of the text."""
    size = len(text)
    while True:
        packed = compress_bytes(text[:size].encode())
        if len(packed) <= limit or not size:
            return packed, size / max(len(text), 1)
        size = max(0, int(size * min(0.98, limit / len(packed))) - 1)


def _spread(passages: Sequence[str], most: int) -> list[str]:
    """Return at most some passages, from all parts of a text."""
    return list(passages[:: max(1, len(passages) // most)][:most])


def _unshown(passages: Sequence[str], shown: Sequence[str]) -> list[str]:
    """Return the passages of which no part stands elsewhere on the page: the game would tell who wrote them."""
    return [
        passage for passage in passages if not any(text in passage or passage[:BEGINNING] in text for text in shown)
    ]


def _json(value: object) -> Markup:
    """Return JSON that cannot end the script element in which it stands."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
