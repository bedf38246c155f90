"""Check the figures of this folder: decode each test text with its model, score it, compare both with the table.

    python -m venv ../env
    ../env/bin/python -m pip install -r requirements.txt
    ../env/bin/python verify.py

1. Every file has the checksum that SHA256SUMS has for it, and no other file is there.
2. For each row, its model is loaded (JSON and arrays, nothing is executed) and decodes the compressed test text. It has
   never seen the text, so it needs at least as many bits as the table says. Where a processor rounds the last digits
   of a prediction in another way, decoding is impossible, and the text is taken from texts/.
3. The text is scored, and each figure of the table compared: within 1e-4 bits per character.
4. Intervals and verdicts are computed again from the figures of the rows.

The exit code is 1 where anything disagrees. `--score` leaves out the decoding, which takes most of the time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import lzma
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import file_digest, sha256
from importlib.metadata import PackageNotFoundError, version
from math import isclose
from pathlib import Path
from platform import python_version
from typing import Any

import genbench
from genbench.capabilities import is_adaptive
from genbench.errors import RoundingError
from genbench.experiments.comparison import Comparison
from genbench.experiments.job import add_test_score
from genbench.experiments.row import Row
from genbench.generator import ProgressCallback
from genbench.scoring import Score
from genbench.training import ProgressListener

FOLDER = Path(__file__).resolve().parent
CHECKSUMS = "SHA256SUMS"
TOLERANCE = 1e-4  # bits per character
OVERHEAD = 128  # bytes that a compressed text may have besides its bits
ROUNDED = "scored, since this processor or version rounds predictions in another way"
COUNTS = ("characters", "bytes", "words", "tokens")
DERIVED = ("bits_per_character", "bits_per_byte", "word_perplexity", "token_perplexity")


def main(arguments: list[str] | None = None) -> int:
    """Check everything; return 0 where it agrees, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--score", action="store_true", help="score only, without decoding")
    parser.add_argument("--plugins", action="store_true", help="run the plugin files that README.md names")
    options = parser.parse_args(arguments)

    # the files, and the versions with which they are read
    try:
        say(f"proof {sha256((FOLDER / CHECKSUMS).read_bytes()).hexdigest()}")
        problems = list(check_files())
        proof, run = (json.loads((FOLDER / name).read_bytes()) for name in ("proof.json", "run.json"))
        problems += other_texts(proof, run)
    except (OSError, ValueError) as error:
        say(f"this is no proof: {error}")
        return 1
    seconds = 0 if options.score else sum(row["seconds"] for row in proof["rows"])
    say(*problems, *other_versions(proof), f"checking {len(proof['rows'])} rows, about {duration(seconds)}")

    # each row, then what is computed from all of them
    ways = []
    for row in proof["rows"]:
        with contextlib.chdir(FOLDER):  # plugin files are named in relation to it
            way, problem = check_row(row, run["results"][row["index"]], proof["texts"][row["author"]], options)
        ways.append(way)
        problems += [problem] if problem else []
        say(f"{row['label']}: {way}; {problem or 'agrees'}")
    if problem := check_verdicts(run):
        problems.append(problem)
        say(problem)

    if left_out := len(run["results"]) - len(proof["rows"]) - len(proof["missing"]):
        problems.append(f"run.json has {left_out} rows that are neither checked nor named as missing")
        say(problems[-1])

    # the outcome in one line
    say(*(f"not in this proof: {reason}" for reason in proof["missing"]))
    counts = ", ".join(f"{ways.count(way)} {way}" for way in dict.fromkeys(ways))
    outcome = f"problems: {len(problems)}" if problems else f"all agree within {TOLERANCE} bits per character"
    say(f"{outcome} ({counts})")
    return 1 if problems else 0


def check_files(folder: Path = FOLDER) -> Iterator[str]:
    """Yield what is wrong with the files of a folder: changed, missing, or not in its list of checksums."""
    lines = [line.partition("  ") for line in (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()]
    listed = {name: digest for digest, _, name in lines}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()} - {CHECKSUMS}
    for name in sorted(listed.keys() | there):
        if name not in listed:
            yield f"{name} is not in {CHECKSUMS}"
        elif name not in there:
            yield f"{name} is missing"
        else:
            with (folder / name).open("rb") as file:
                if file_digest(file, "sha256").hexdigest() != listed[name]:
                    yield f"{name} has been changed"


def other_texts(proof: dict[str, Any], run: dict[str, Any]) -> Iterator[str]:
    """Yield which test texts are not those of the table, as far as it has their checksums."""
    for author, text in proof["texts"].items():
        known = run["corpora"].get(author, {}).get("part_sha256", {}).get("test")
        if known not in (None, text["sha256"]):
            yield f"the test text of {author} is not the one in run.json"


def other_versions(proof: dict[str, Any]) -> Iterator[str]:
    """Yield which versions differ from those of the proof."""
    here = {"python": python_version()}
    for name, pinned in {"python": proof["python"], **proof["versions"]}.items():
        if name not in here:
            try:
                here[name] = version(name)
            except PackageNotFoundError:
                here[name] = "missing"
        if here[name] != pinned:
            yield f"{name} is {here[name]} here, {pinned} in the proof"


def check_row(
    row: dict[str, Any],
    published: dict[str, Any],
    text: dict[str, Any],
    options: argparse.Namespace,
    listener: ProgressListener | None = None,
) -> tuple[str, str]:
    """Return how a row was checked, by decoding or by scoring alone, and what is wrong, "" if nothing is."""
    if row["plugins"] and not options.plugins:
        return "not checked", f"it runs {', '.join(row['plugins'])}: read it, then add --plugins"
    way, listener = "not checked", listener or Progress()
    try:
        if not Path(row["model"]).is_dir():  # else it could be the name of a model in the store of this machine
            return way, f"{row['model']} is missing"
        model = genbench.load(row["model"], plugins=row["plugins"])
        if problem := other_model(model, published):
            return way, problem
        archive = Path(text["file"]).read_bytes()
        test = lzma.LZMADecompressor().decompress(archive, max_length=published["bytes"] + 1).decode(errors="replace")
        if sha256(test.encode()).hexdigest() != text["sha256"]:
            return way, f"{text['file']} is another text"

        # the model decodes the text without having it, unless a processor rounds its predictions in another way
        compressed = Path(row["compressed"]).read_bytes()
        if not options.score:
            try:
                decoded = genbench.decompress(compressed, model, listener=listener).decode()
                way = "decoded"
                if decoded != test[: row["characters"]]:
                    return way, f"{row['compressed']} contains another text"
            except RoundingError:
                way = ROUNDED

        score = genbench.score(model, test, listener=listener)
        way = "scored" if way == "not checked" else way
    except Exception as error:  # a changed file may raise anything
        return way, f"{type(error).__name__}: {error}"

    # the table, and the size of the compressed text
    problem = compare(published, score)
    bits = float(score.character_bits[: row["characters"]].sum())
    if not problem and abs(8 * len(compressed) - bits) > 8 * OVERHEAD + TOLERANCE * row["characters"]:
        problem = f"{row['compressed']} has {len(compressed):,} bytes, and the score {bits / 8:,.0f}"
    return way, problem


def other_model(model: genbench.Model, published: dict[str, Any]) -> str:
    """Return how a model is of another generator, or other options, than its row says; "" if it is not."""
    assert model.card is not None
    if model.card.sources:  # a plugin file has another path here
        return ""
    for name in ("generator", "options"):
        if getattr(model.card, name) != published[name]:
            return f"its model has the {name} {getattr(model.card, name)}, and the row {published[name]}"
    if is_adaptive(model.generator) != published["adaptive"]:
        return f"adaptive is {published['adaptive']} in the table, and its model says otherwise"
    return ""


def compare(published: dict[str, Any], score: Score) -> str:
    """Return which figure of the table is not that of the score, "" if all are."""
    # the sums
    for name in COUNTS:
        if published[name] != getattr(score, name):
            return f"{name} is {getattr(score, name)}, and {published[name]} in the table"
    difference = abs(score.bits - published["bits"]) / max(score.characters, 1)
    if not difference <= TOLERANCE:
        return f"{score.bits_per_character:.6f} bits per character, {published['bits_per_character']:.6f} in the table"

    # what the table derives from them
    claimed = replace(score, bits=published["bits"], canonical_bits=published["canonical_bits"])
    for name in DERIVED:
        if not isclose(published[name] or 0, getattr(claimed, name) or 0, rel_tol=1e-9):
            return f"{name} is {published[name]} in the table, which does not follow from the bits"
    row = add_test_score(Row.from_dict(published), score, {}, 1.0)
    for name, tolerance in (("interval", TOLERANCE), ("block_bits", 1000 * TOLERANCE)):
        here, there = getattr(row, name) or (), published[name] or ()
        if len(here) != len(there) or any(abs(a - b) > tolerance for a, b in zip(here, there, strict=True)):
            return f"{name} in the table is not what the score gives"
    return ""


def check_verdicts(run: dict[str, Any]) -> str:
    """Return whether verdicts and results by stratum are others than those that follow from the rows, "" if not."""
    try:
        again = json.loads(json.dumps(Comparison.from_dict(run).to_dict()))
    except genbench.UserError as error:
        return f"run.json: {error}"
    wrong = [name for name in ("verdicts", "splits") if again[name] != run[name]]
    return f"the {' and '.join(wrong)} in run.json do not follow from its rows" if wrong else ""


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> duration(0.2), duration(40), duration(600), duration(9000)
    ('1 s', '40 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def say(*lines: str) -> None:
    """Print lines without characters that control a terminal."""
    for line in lines:
        text = "".join(char if char.isprintable() else "?" for char in line)
        print(text.encode(sys.stdout.encoding or "ascii", "replace").decode(sys.stdout.encoding or "ascii"), flush=True)


class Progress(ProgressListener):
    """Prints the share of a task that is done, on a terminal."""

    def task(self, name: str) -> ProgressCallback:
        """Start a task."""

        def show(share: float) -> None:
            if sys.stderr.isatty():
                print(f"{name} {share:.0%}", end="\r" if share < 1 else "\n", file=sys.stderr)

        return show


if __name__ == "__main__":
    sys.exit(main())
