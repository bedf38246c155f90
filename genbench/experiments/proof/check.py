"""Check a proof that somebody else sent with the code that is installed here: nothing of the folder is executed.

What was decoded once is remembered by the checksum of the proof, below GENBENCH_HOME, so that it is decoded once.
"""

from __future__ import annotations

import contextlib
import json
from argparse import Namespace
from dataclasses import asdict, dataclass
from pathlib import Path

from genbench import registry
from genbench.experiments.comparison import Comparison
from genbench.experiments.proof import verify
from genbench.experiments.proof.rows import ProvedRow
from genbench.spec import Spec
from genbench.storage import untrusted
from genbench.storage.files import write_atomic
from genbench.storage.models import digest_of
from genbench.storage.records import from_json
from genbench.storage.runs import runs_folder
from genbench.training import ProgressListener

LISTS = ("proof.json", "run.json", verify.CHECKSUMS)  # files that every proof has
NOT_CHECKED, SCORED, DECODED = "not checked", "scored", "decoded"


@dataclass(frozen=True)
class ProvedText:
    """Where a proof has a test text."""

    file: str
    sha256: str


@dataclass(frozen=True)
class ProofContents:
    """What proof.json says of a proof."""

    rows: list[ProvedRow]
    texts: dict[str, ProvedText]  # by author


@dataclass(frozen=True)
class RowCheck:
    """How a row was checked, and what is wrong with it; "" if nothing is."""

    way: str
    problem: str = ""


def is_proof(folder: Path) -> bool:
    """Return whether a folder has the lists of a proof."""
    return all((folder / name).is_file() for name in LISTS)


def check_proof(folder: Path, comparison: Comparison, decode: bool, listener: ProgressListener) -> dict[int, RowCheck]:
    """Return how the rows of a proof were checked, by their index in the results; those that it lacks are left out.

    With `decode`, each model decodes its text, which takes as long as making the proof took. Without, rows that were
    decoded here before count as decoded, and the others as not checked. Raises ValueError for a folder that is no proof
    or was changed, OSError where it cannot be read.
    """
    contents = _read_contents(folder, comparison)
    checks = {row.index: RowCheck(NOT_CHECKED) for row in contents.rows}
    remembered = _remembered(folder)
    if not remembered and not decode:
        return checks

    # the files are those of the list of checksums, by which rows are remembered
    with listener.stage(f"reading the files of {folder.name}"):
        for problem in verify.check_files(folder):
            raise ValueError(f"it is not as it was written: {problem}")
    checks |= {index: RowCheck(DECODED) for index in remembered if index in checks}
    if decode:
        for row in contents.rows:
            if checks[row.index].way != DECODED:
                text = contents.texts[row.author]
                checks[row.index] = _check_row(folder, comparison, row, text, listener)
        _remember(folder, [index for index, check in checks.items() if check.way == DECODED and not check.problem])
    return checks


def _read_contents(folder: Path, comparison: Comparison) -> ProofContents:
    """Return what a proof has. Raises ValueError where that does not fit its table, or leads out of the folder."""
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ValueError(f"{path.name} is not a regular file")
    values = untrusted.parse_json(untrusted.read_file(folder / "proof.json", untrusted.MAX_JSON_BYTES))
    contents = from_json(ProofContents, values)

    # rows of the table and texts of its authors, all in the folder
    for row in contents.rows:
        if not 0 <= row.index < len(comparison.results) or row.author != comparison.results[row.index].author:
            raise ValueError("proof.json has a row that run.json does not have")
        text = contents.texts.get(row.author)
        if text is None or text.sha256 != comparison.corpora[row.author].part_sha256.get("test"):
            raise ValueError(f"its test text of {row.author} is not the one in run.json")
        for name in (row.model, row.compressed, text.file):
            if not (folder / name).resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"{name!r} leads out of its folder")
    return contents


def _check_row(
    folder: Path, comparison: Comparison, row: ProvedRow, text: ProvedText, listener: ProgressListener
) -> RowCheck:
    """Decode and score a row; not one of a plugin file, which is not run, or of a generator that is not installed."""
    if row.plugins or Spec.parse(row.spec).name not in registry.registered():
        return RowCheck(NOT_CHECKED)
    places = asdict(row) | {"model": str(folder / row.model), "compressed": str(folder / row.compressed)}
    published = comparison.results[row.index].to_dict()
    options = Namespace(score=False, plugins=False)
    listener.message(f"decoding {folder.name}: {row.label}")
    place = asdict(text) | {"file": str(folder / text.file)}
    way, problem = verify.check_row(places, published, place, options, listener)
    return RowCheck(SCORED if way == verify.ROUNDED else way, problem)


def _memory(folder: Path) -> Path:
    """Return the file that has what was decoded of a proof, named by the checksum of its list."""
    return runs_folder().parent / "verified" / f"{digest_of(folder / verify.CHECKSUMS)}.json"


def _remembered(folder: Path) -> list[int]:
    """Return the rows of a proof that were decoded here before."""
    with contextlib.suppress(OSError, ValueError):
        values = untrusted.parse_json(untrusted.read_file(_memory(folder)))
        return [index for index in values if type(index) is int] if isinstance(values, list) else []
    return []


def _remember(folder: Path, rows: list[int]) -> None:
    """Store which rows were decoded; where that is impossible, they are decoded again."""
    path = _memory(folder)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(sorted(rows)).encode())
