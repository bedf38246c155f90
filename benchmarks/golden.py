"""Golden figures: the figures of every generator and every analysis in one file, to compare versions of genbench.

    python benchmarks/golden.py OUT.json [--only SUBSTRING ...] [--chains]
    python benchmarks/golden.py --diff A.json B.json [--only SUBSTRING ...] [--tolerance 0]

The first form trains on the embedded authors, by steps and never by seconds, and writes all figures with every digit.
`--only` selects the entries whose "SECTION/KEY" contains one of the substrings, `--chains` those that need no torch.
The second form prints every figure that differs and exits with 1 if there is one. The header (machine, versions,
commit) is not compared. The figures of networks depend on the processor and the version of torch: compare files of one
machine.

`golden_plan.py` lists what is measured, `golden_adapters.py` calls genbench. `golden.json` was written before version 2
of the contract of generators; its section "cells" is newer, and its header names the processor of both.

A difference from `golden.json` that is wanted is listed in INTENDED, with its reason; `--diff` shows it separately, and
it does not count as a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from golden_adapters import Figures
from golden_plan import plan

import genbench

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
MISSING = "(missing)"  # stands for a figure that one file does not have
INTENDED: dict[str, str] = {  # the reason by a pattern of the path, such as r"compression/.*/compressed"
    r"(comparison|sweep)/.*markov-(word|class).*": "chains over words are ranked by the character",
    r"(comparison/chains and networks|attribution/lstm|memory/networks)/.*(interval|sure|clear)(/.*)?": (
        "intervals allow for dependence between blocks; those of networks were not measured again"
    ),
    r"comparison/chains and networks/rows/.*/(blocks|by)/.*": "the last, shorter block counts",
    r"(generators|kept|comparison/chains and networks)/.*-word.*/(samples|novelty)/.*": (
        "tokens of words are sampled canonically; networks were not measured again"
    ),
    r"(generators|kept)/.*/samples/novel.*": "copied text is sampled again from the start of a word, not after it",
    r"comparison/chains/.*/(samples|novelty)/[13]/.*": "the samples with a limit on copied words",
    r"(generators|kept|comparison|sweep)/.*/(samples|novelty)/.*|novelty/.*/(texts|drawn)/.*": (
        "texts without a prompt begin as paragraphs do, and penalties end loops; only the chains that tests compare "
        "were measured again"
    ),
    r"generators/.*markov-subword.*/samples/.*": "contexts inside an edge are sampled by quantile",
}


def header() -> Figures:
    """Return where and with which versions the figures were measured; this is never compared."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    processors = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    folder = Path(str(genbench.__file__)).parent
    git = subprocess.run(["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "processor": processors[0] if processors else platform.processor(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "torch": version("torch"),
        "commit": git.stdout.strip(),
    }


def write(file: Path, chains: bool, only: Sequence[str]) -> int:
    """Measure what is selected and write it; return 1 if an entry failed, whose error is written instead, else 0."""
    failures = 0
    figures: dict[str, Figures] = {}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as home:
        os.environ["GENBENCH_HOME"] = home  # so that no model of an earlier run is reused
        for task in plan():
            name = f"{task.section}/{task.key}"
            if (chains and task.torch) or not is_selected(name, only):
                continue
            _log(f"{time.perf_counter() - started:6.1f} s  {name}")
            try:
                result = task.measure()
            except Exception as error:  # one failure must not cost the other figures
                failures, result = failures + 1, {"error": f"{type(error).__name__}: {error}"}
                _log(f"          {result['error']}")
            figures.setdefault(task.section, {})[task.key] = result
    file.write_text(to_text(header(), figures), encoding="utf-8")
    count, seconds = sum(1 for _ in leaves(figures)), time.perf_counter() - started
    _log(f"{count:,} figures, {failures} failures, in {seconds:.0f} seconds: {file}")
    return int(failures > 0)


def is_selected(name: str, only: Sequence[str]) -> bool:
    """Return whether a name contains one of the substrings; every name is selected where there are none."""
    return not only or any(substring in name for substring in only)


def _log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def to_text(head: Figures, figures: Mapping[str, Figures]) -> str:
    """Return JSON with one line for each key of a section; floats have every digit."""

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    sections = []
    for section, entries in figures.items():
        lines = [f"   {dump(key)}: {dump(value)}" for key, value in entries.items()]
        sections.append(f"  {dump(section)}: {{\n" + ",\n".join(lines) + "\n  }")
    return f'{{\n "header": {dump(head)},\n "figures": {{\n' + ",\n".join(sections) + "\n }\n}\n"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every single figure with its path; an empty list or dict counts as one figure."""
    if isinstance(value, dict | list | tuple) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            yield from leaves(item, f"{path}/{name}" if path else str(name))
    else:
        yield path, value


def read_figures(file: Path) -> dict[str, Any]:
    """Return the figures of a file by path."""
    return dict(leaves(json.loads(file.read_text(encoding="utf-8"))["figures"]))


def diff(file_a: Path, file_b: Path, only: Sequence[str], tolerance: float) -> int:
    """Print what differs between two files; return 1 if there is a difference that is not intended, else 0."""
    a, b = read_figures(file_a), read_figures(file_b)
    paths = [path for path in dict.fromkeys([*a, *b]) if is_selected(path, only)]
    differences = [path for path in paths if not _same(path, a.get(path, MISSING), b.get(path, MISSING), tolerance)]

    # print unintended differences first, then the intended ones by reason
    by_reason: dict[str, list[str]] = {"": []}
    for path in differences:
        by_reason.setdefault(intended_reason(path), []).append(path)
    for reason, group in by_reason.items():
        if reason:
            print(f"intended: {reason}")
        for path in group:
            print(f"{'  ' if reason else ''}{path}: {a.get(path, MISSING)!r} {b.get(path, MISSING)!r}")
    unintended = len(by_reason[""])
    intended = len(differences) - unintended
    print(f"{len(paths):,} figures compared, {unintended:,} differ, {intended:,} more differ as intended")
    return int(unintended > 0)


def intended_reason(path: str) -> str:
    """Return why a figure may differ; "" where it may not."""
    return next((reason for pattern, reason in INTENDED.items() if re.fullmatch(pattern, path)), "")


def _same(path: str, a: Any, b: Any, tolerance: float) -> bool:
    """Return whether two figures are the same, or numbers that differ by at most the tolerance, relative or absolute.

    With a tolerance above 0 checksums are not compared.
    """
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (a, b))
    if tolerance and numbers:
        return bool(abs(a - b) <= tolerance * max(1.0, abs(a), abs(b)))
    return bool((tolerance and path.endswith("/sha256")) or (type(a) is type(b) and a == b))


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Write the figures of every generator and every analysis, or compare two files of them."
    )
    parser.add_argument("out", nargs="?", type=Path, metavar="OUT.json")
    parser.add_argument("--only", nargs="+", default=[], metavar="SUBSTRING")
    parser.add_argument("--chains", action="store_true", help="only what needs no torch")
    parser.add_argument("--diff", nargs=2, type=Path, metavar=("A.json", "B.json"))
    parser.add_argument("--tolerance", type=float, default=0.0)
    arguments = parser.parse_args()
    if arguments.diff:
        file_a, file_b = arguments.diff
        return diff(file_a, file_b, arguments.only, arguments.tolerance)
    if arguments.out is None:
        parser.error("name the file to write, or two files with --diff")
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        # libraries read these variables when they are imported: start again with them set
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)
    return write(arguments.out, arguments.chains, arguments.only)


if __name__ == "__main__":
    sys.exit(main())
