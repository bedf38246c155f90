"""The page of a comparison."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Row
from genbench.experiments.labels import labels
from genbench.report.formatting import count, decimals, flowing
from genbench.report.html import tables, words
from genbench.report.html.rendering import fill
from genbench.report.html.sections import Author, key
from genbench.report.html.tables import Cell, Line, Table
from genbench.report.terminal import novelty
from genbench.report.terminal import style as judged

LIMIT = 3_000_000  # bytes
ROOM, MOST = 1_000_000, 60_000  # bytes for all the texts of samples together, and for one
SHOWN = 60  # characters of a copied run
BRIEFLY = ("run", "when", "took", "genbench")  # said under the title too
Figures = dict[str, Any]


def page(comparison: Comparison) -> str:
    """A comparison as one HTML page, with nothing outside it.

    It is below 3 MB: the longest samples are cut short for that, and where there are hundreds of rows the last authors
    are left out; the page says so.
    """
    shown = list(comparison.corpora)
    while True:
        html = _page(_of(comparison, shown), [name for name in comparison.corpora if name not in shown])
        if len(html.encode()) < LIMIT or len(shown) < 2:
            return html
        shown = shown[: len(shown) // 2]


def _of(comparison: Comparison, authors: list[str]) -> Comparison:
    """The comparison of some of its authors."""
    rows = [row for row in comparison.results if row["author"] in authors]
    return replace(comparison, corpora={name: comparison.corpora[name] for name in authors}, results=rows)


def _page(comparison: Comparison, left: list[str]) -> str:
    """The page, and who is left out of it."""
    places = {at: number for number, at in enumerate(dict.fromkeys(map(key, comparison.results)))}
    authors = [Author(comparison, name, number, places) for number, name in enumerate(comparison.corpora)]
    named = labels(comparison.results)
    samples = list(_samples(comparison, places, named))
    ran = _ran(comparison)
    values = {
        "title": comparison.title or _title(comparison),
        "see": flowing(comparison.see),
        "came_out": flowing(comparison.came_out),
        "left": left,
        "stopped": comparison.stopped,
        "authors": authors,
        "samples": samples,
        "switches": _switches(samples),
        "steps": words.legend(),
        "measured": any(sample["measured"] for sample in samples),
        "matrices": _matrices(comparison),
        "novelty": novelty.WHAT,
        "judged": judged.WHAT,
        "trust": list(judged.trust(comparison.style)) if comparison.style else [],
        "ran": ran,
        "when": [value if name in ("when", "run") else f"{name} {value}" for name, value in ran if name in BRIEFLY],
        "tables": [_texts(comparison), _rows(comparison, named, places)],
    }
    return fill("comparison.html", values)


def _title(comparison: Comparison) -> str:
    """What was compared.

    >>> _title(Comparison("1", [], {"austen": {}, "carroll": {}}, {}, []))
    'austen and carroll'
    """
    authors = " and ".join(comparison.corpora)
    generators = list(dict.fromkeys(row["generator"] for row in comparison.results))
    return f"{authors}: {', '.join(generators)}" if generators else authors


def _samples(comparison: Comparison, places: dict[str, int], named: list[str]) -> Iterator[Figures]:
    """Each sample of each row, in the order of the ranking, by its numbers in the switches."""
    authors = list(comparison.corpora)
    label = {id(row): name for row, name in zip(comparison.results, named, strict=True)}
    rows = [row for author in authors for row in comparison.ranked(author) if row["status"] == "ok"]
    room = min(MOST, ROOM // max(1, sum(len(row["samples"]) for row in rows)))
    for row in rows:
        for sample in row["samples"]:
            yield {
                "author": row["author"],
                "generator": label[id(row)],
                "place": places[key(row)],
                "temperature": f"{sample['temperature']:g}",
                "prompt": sample["prompt"],
                "text": words.coloured(sample["text"], sample.get("surprisal"), sample.get("copies"), room),
                "measured": bool(sample.get("surprisal")),
                "said": list(_said(sample)),
            }


def _said(sample: Figures) -> Iterator[str]:
    """What stands under a sample."""
    found = sample.get("copied_from")
    if found:
        run = " ".join(found["text"].split())
        run = run[:SHOWN] + ("…" if len(run) > SHOWN else "")
        where = f"{found['book'] or 'at'} {found['character']:,}"
        yield f"longest copy {sample['longest_copy']:,} characters: “{run}”, {where}"
    elif sample.get("longest_copy") is not None:
        yield f"longest copy {sample['longest_copy']:,} characters"
    if sample.get("copied_share") is not None:
        yield f"{novelty.percent(sample['copied_share'])} % of its words in copied runs"
    known = [bits for _, bits in sample.get("surprisal") or () if bits is not None]
    if known and sample["text"]:
        yield f"{sum(known) / len(sample['text']):.2f} bits per character to its own generator"


def _switches(samples: list[Figures]) -> list[Figures]:
    """What can be chosen: for each kind of choice its name and the values there are, in order."""
    made = []
    for name in ("author", "temperature", "prompt", "generator"):
        values = list(dict.fromkeys(sample[name] for sample in samples))
        for sample in samples:
            sample[f"{name}_number"] = values.index(sample[name])
        made.append({"name": name, "values": values})
    return made


def _matrices(comparison: Comparison) -> list[Table]:
    """For each generator the bits of each author's test text to what it learned from each author."""
    authors = list(comparison.corpora)
    found: dict[str, dict[str, list[float | None]]] = {}
    for author in authors:
        lines = comparison.lines(author)
        for label, row in zip(labels(lines), lines, strict=True):
            if row.get("elsewhere"):
                own = row["elsewhere"] | {author: row["bits_per_character"]}
                found.setdefault(label, {})[author] = [own.get(other) for other in authors]
    none: list[float | None] = [None] * len(authors)
    return [tables.matrix(label, authors, [rows.get(a, none) for a in authors]) for label, rows in found.items()]


def _ran(comparison: Comparison) -> list[tuple[str, str]]:
    """What ran where: names and values."""
    took = f"{decimals(comparison.seconds, 1)} seconds" if comparison.seconds else ""
    about = {"run": comparison.name, "when": _when(comparison.created), "took": took}
    about |= {"command": shlex.join(map(str, comparison.command))} | comparison.machine
    about.setdefault("genbench", comparison.version)
    return [(str(name), str(value)) for name, value in about.items() if value]


def _when(created: str) -> str:
    """A time to the minute.

    >>> _when("2026-11-25T06:03:17.5+00:00"), _when("")
    ('2026-11-25 06:03 UTC', '')
    """
    return f"{created[:16].replace('T', ' ')} UTC" if created else ""


def _texts(comparison: Comparison) -> Table:
    heads = ["author", "books", "characters to train on", "valid", "test", "lines", "sha256 of the cleaned text"]
    lines = []
    for author, text in comparison.corpora.items():
        books = ", ".join(text["books"]) + (f" ({text['held_out']} held out)" if text.get("held_out") else "")
        sizes = [Cell(f"{text[part]:,}") for part in ("train", "valid", "test")]
        lines.append(Line(author, [Cell(books, "words"), *sizes, Cell(text["lines"]), Cell(text["sha256"], "hash")]))
    return Table("The texts", heads, lines)


def _rows(comparison: Comparison, named: list[str], places: dict[str, int]) -> Table:
    heads = ["generator", "author", "status", "seconds", "steps", "parameters", "model", "the same again"]
    lines = []
    for label, row in zip(named, comparison.results, strict=True):
        lines.append(Line(label, [Cell(text) for text in _about(row)] + [_again(row)], places[key(row)]))
    return Table("The rows", heads, lines)


def _about(row: Row) -> list[str]:
    kept = " (kept before)" if row.get("reused") else ""
    steps, parameters = count(row["steps"]), count(row["parameters"])
    seconds = decimals(row["train_seconds"], 1)
    return [row["author"], row["status"], seconds, steps, parameters, (row.get("model") or "-") + kept]


def _again(row: Row) -> Cell:
    return Cell(str((row.get("facts") or {}).get("spec", "-")), "words")
