"""Leaderboards: the rows of several people's runs in one table for each text.

Rows are put side by side only if training, validation and test text are the same by their sha256, and the test text
has as many characters and bytes in both. A row of a proof
(`genbench prove`) whose model decoded the test text on this machine is marked; any other is a claim of its file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from genbench.errors import GenbenchError, UserError
from genbench.experiments.comparison import Comparison, CorpusInfo
from genbench.experiments.pretrained import is_harness, read_harness
from genbench.experiments.proof.check import DECODED, NOT_CHECKED, SCORED, RowCheck, check_proof, is_proof
from genbench.experiments.reference_chain import with_doubts
from genbench.experiments.row import Row
from genbench.experiments.significance import Verdict, compare_with_first, labels
from genbench.storage.records import JsonRecord
from genbench.storage.runs import find_comparison, read_json
from genbench.training import SILENT, ProgressListener

STATIC, ADAPTIVE, FINE_TUNED, PRETRAINED, DOUBTFUL = "static", "adaptive", "fine-tuned", "pretrained", "doubtful"
KINDS = (STATIC, ADAPTIVE, FINE_TUNED, PRETRAINED, DOUBTFUL)  # ranked apart, in this order
PARTS = ("train", "valid", "test")
SHA256 = re.compile("[0-9a-f]{64}")
WAYS = ("", NOT_CHECKED, SCORED, DECODED)  # of checking a proof, the best last


@dataclass(frozen=True)
class Entry(JsonRecord):
    """A line of a leaderboard."""

    label: str  # generator, and the options and the seed that tell it from the others
    row: Row
    sources: list[str]  # files and proofs that have this row, relative to the folder
    proof: str = ""  # "decoded", "scored" (rounded in another way here) or "not checked"; "" without a proof
    behind: Verdict | None = None  # the comparison with the first row; None for the first and where there is none


@dataclass(frozen=True)
class Board(JsonRecord):
    """The entries of one text and one kind, fewest bits per character first."""

    authors: list[str]  # what the files call the text
    text: CorpusInfo
    kind: str  # one of KINDS
    entries: list[Entry]


@dataclass(frozen=True)
class Leaderboard(JsonRecord):
    """The tables of all texts, and what is in none of them."""

    boards: list[Board]
    notes: list[str] = field(default_factory=list)  # texts that have one name and are not the same
    left_out: dict[str, str] = field(default_factory=dict)  # files and rows, each with the reason


_Key = tuple[tuple[str, ...], tuple[int, int]]  # of a text: sha256 of its parts; characters, bytes of the test


@dataclass
class _Text:
    """One text with its rows, while files are read."""

    info: CorpusInfo
    authors: list[str]
    entries: dict[str, Entry] = field(default_factory=dict)  # by what makes two rows the same


def leaderboard(folder: str | Path, *, decode: bool = False, listener: ProgressListener = SILENT) -> Leaderboard:
    """Merge the run files in a folder, and in the folders below it, into one table for each text.

    A run file is what `compare --json` wrote, the file of a stored run, a folder that `prove` wrote, or results of
    lm-evaluation-harness on tasks of genbench, whose rows are marked as pretrained. With `decode`,
    the models of such folders decode their test texts, which takes as long as making the proofs took; rows decoded
    before stay so. Nothing of the folders is executed. Files that cannot be used are in `left_out`. Raises UserError
    for a path that is not a folder, or has no run file.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"{str(folder)!r} is not a folder; genbench leaderboard takes one with files of compare --json")

    # read one file after the other; a bad one costs itself
    texts: dict[_Key, _Text] = {}
    left_out: dict[str, str] = {}
    for path in _run_files(root):
        name = root.resolve().name if path == root else path.relative_to(root).as_posix()
        try:
            comparison = _read(path / "run.json" if path.is_dir() else path)
            checks = check_proof(path, comparison, decode, listener) if path.is_dir() else {}
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            left_out[name] = f"it is not JSON in UTF-8, or not all of it: {error}"
            continue
        except (OSError, ValueError, GenbenchError) as error:
            left_out[name] = " ".join((getattr(error, "strerror", None) or str(error)).split())
            continue
        left_out |= _add(texts, comparison, name.removesuffix(".json"), checks)

    if not texts:
        reason = "".join(f": {name}: {reason}" for name, reason in list(left_out.items())[:1])
        raise UserError(
            f"no run file in {str(folder)!r} can be used{reason}; genbench compare AUTHOR --json FILE writes one"
        )
    boards = [board for text in texts.values() for board in _boards(text)]
    return Leaderboard(boards, [*_same_names(texts), *_other_sizes(texts)], left_out)


def _read(path: Path) -> Comparison:
    """Return the comparison in a file; results of lm-evaluation-harness are one of pretrained models."""
    content = read_json(path)
    if isinstance(content, dict) and is_harness(content):
        return read_harness(content)
    return Comparison.from_dict(find_comparison(content))


def _run_files(root: Path) -> Iterator[Path]:
    """Yield the JSON files below a folder and the folders that are proofs, without hidden ones and linked folders."""
    for place, folders, names in os.walk(root):
        here = Path(place)
        if is_proof(here):
            folders.clear()
            yield here
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (here / name for name in sorted(names) if name.lower().endswith(".json") and name[0] != ".")


def _add(
    texts: dict[_Key, _Text], comparison: Comparison, source: str, checks: Mapping[int, RowCheck]
) -> dict[str, str]:
    """Add the finished rows of a comparison to those of their texts; return which cannot be added, and why."""
    left_out = {}
    for index, row in enumerate(comparison.results):
        info, check = comparison.corpora[row.author], checks.get(index, RowCheck(""))
        name = f"{source}: row {index + 1}, {row.author} {row.generator}"
        if not row.ok:
            left_out[name] = f"{row.status}: {row.error}"
        elif not all(SHA256.fullmatch(info.part_sha256.get(part, "")) for part in PARTS):
            left_out[name] = "it has no sha256 of its texts: compare again with this version"
        elif check.problem:
            left_out[name] = f"its proof disagrees: {check.problem}"
        else:
            key = (tuple(info.part_sha256[part] for part in PARTS), (row.characters or 0, row.bytes or 0))
            text = texts.setdefault(key, _Text(info, []))
            if row.author not in text.authors:
                text.authors.append(row.author)
            _add_row(text, row if row.doubtful else with_doubts(row, comparison.references), source, check.way)
    return left_out


def _add_row(text: _Text, row: Row, source: str, way: str) -> None:
    """Add a row to its text; the same figures again, from another file, are another source of the same entry."""
    key = json.dumps([row.generator, row.options, row.seed, row.bits, row.block_bits, _kind(row)], sort_keys=True)
    entry = text.entries.setdefault(key, Entry("", row, []))
    sources = entry.sources if source in entry.sources else [*entry.sources, source]
    if WAYS.index(way) > WAYS.index(entry.proof):  # its figures are those that were checked
        entry = replace(entry, row=row, proof=way)
    text.entries[key] = replace(entry, sources=sources)


def _kind(row: Row) -> str:
    """Return which rows a row is ranked with."""
    if row.doubtful:
        return DOUBTFUL
    if row.pretrained:
        return PRETRAINED
    return FINE_TUNED if row.fine_tuned else ADAPTIVE if row.adaptive else STATIC


def _boards(text: _Text) -> Iterator[Board]:
    """Yield the boards of a text, one for each kind of row."""
    for kind in KINDS:
        entries = [entry for entry in text.entries.values() if _kind(entry.row) == kind]
        if entries:
            entries.sort(key=lambda entry: entry.row.ranking_bits)
            yield Board(sorted(text.authors), text.info, kind, _compared(entries, kind))


def _compared(entries: Sequence[Entry], kind: str) -> list[Entry]:
    """Return entries with their labels, and how far behind the first each is, where that can be compared."""
    rows = [entry.row for entry in entries]
    compared = kind not in (PRETRAINED, DOUBTFUL)
    behind = [None, *(compare_with_first(rows) if compared else [None] * (len(rows) - 1))]
    return [
        replace(entry, label=label, behind=verdict)
        for entry, label, verdict in zip(entries, labels(rows), behind, strict=True)
    ]


def _same_names(texts: Mapping[_Key, _Text]) -> Iterator[str]:
    """Yield a sentence for each name that several texts have."""
    for author in dict.fromkeys(author for text in texts.values() for author in text.authors):
        of_author = {digests: text for (digests, _), text in texts.items() if author in text.authors}
        if len(of_author) > 1:
            differing = [
                name for name, digests in zip(PARTS, zip(*of_author, strict=True), strict=True) if len(set(digests)) > 1
            ]
            sources = "; ".join(map(_sources, of_author.values()))
            yield (
                f"{author} is not the same text everywhere (sha256 of {', '.join(differing)}), so each text "
                f"has its own table: {sources}"
            )


def _other_sizes(texts: Mapping[_Key, _Text]) -> Iterator[str]:
    """Yield a sentence for each text whose size is not the same in all files, although its checksums are."""
    for digests in dict.fromkeys(digests for digests, _ in texts):
        sizes = {size: text for (other, size), text in texts.items() if other == digests}
        if len(sizes) > 1:
            counts = "; ".join(
                f"{characters:,} characters in {bytes_:,} bytes in {_sources(text)}"
                for (characters, bytes_), text in sizes.items()
            )
            yield (
                f"{next(iter(sizes.values())).authors[0]} has one test text by its sha256, and not one size, so each "
                f"size has its own table, and all but one are wrong: {counts}"
            )


def _sources(text: _Text) -> str:
    return ", ".join(dict.fromkeys(source for entry in text.entries.values() for source in entry.sources))
