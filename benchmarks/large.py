"""Measure large corpora: thousands of books through cleaning, splitting, tokenizing and training; time and memory.

    python benchmarks/large.py [--megabytes 10 100]
    python benchmarks/large.py --file 50 200 1000 [--spec markov-char]

The books are excerpts of NLTK's gutenberg texts in which a tenth of the words was replaced by others of the same
excerpt, so that no two are alike. Each step runs in its own process: processor seconds, and peak memory. With `--file`,
`genbench train` runs on one file of all books: its processor seconds, those to the end, and the peak of its memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import genbench
from genbench.corpus.catalogue import load_catalogue
from genbench.errors import CorpusError
from genbench.generator import TrainContext
from genbench.registry import create
from genbench.tokenization.tokenizer import Tokenizer

BOOK_CHARACTERS = 50_000
REPLACED_SHARE = 0.1  # of the words
NETWORK_STEPS = 20
SPECS = ["markov-char", "markov-word", "lstm-char:hidden=128", "lstm-word:hidden=128"]


def write_books(folder: Path, megabytes: int) -> int:
    """Write books with this total size; return how many."""
    count = 0
    for count, book in enumerate(books(megabytes), 1):
        (folder / f"{count:06}.txt").write_text(book, encoding="utf-8")
    return count


def books(megabytes: int) -> Iterator[str]:
    """Yield books with this total size."""
    names = [name for name, author in load_catalogue().items() if not author.embedded]
    whole, rng = "\n\n".join(filter(None, map(read_author, names))), np.random.default_rng(0)
    for _ in range(megabytes * 1_000_000 // BOOK_CHARACTERS):
        start = int(rng.integers(len(whole) - BOOK_CHARACTERS))
        words = whole[start : start + BOOK_CHARACTERS].split(" ")
        replaced = np.flatnonzero(rng.random(len(words)) < REPLACED_SHARE)
        for index, other in zip(replaced, rng.integers(len(words), size=len(replaced)), strict=True):
            words[index] = words[other]
        yield " ".join(words)


def read_author(name: str) -> str:
    """Return the whole text of an author; "" if it is not on this machine."""
    try:
        corpus = genbench.corpus(name)
    except CorpusError:
        return ""
    return str(corpus.train) + str(corpus.valid) + str(corpus.test)


def measure(folder: str, step: str) -> dict[str, float]:
    """Run one step; return its seconds, without those of reading the text unless that is the step, and peak memory."""
    started = time.process_time()
    corpus = genbench.corpus(folder)
    if step == "read":
        seconds = time.process_time() - started
        return {"seconds": seconds, "megabytes": peak_megabytes(), "characters": corpus.characters}

    started = time.process_time()
    if step.startswith("encode"):
        build = Tokenizer.characters if step == "encode-char" else Tokenizer.words
        ids = build(corpus.train).encode_stream(corpus.train)
        return {"seconds": time.process_time() - started, "megabytes": peak_megabytes(), "tokens": len(ids)}
    create(step).fit(corpus.train, corpus.valid, TrainContext(steps=NETWORK_STEPS))
    return {"seconds": time.process_time() - started, "megabytes": peak_megabytes()}


def train_file(folder: Path, megabytes: int, spec: str) -> str:
    """Train on one file with `genbench train`; return the row of the table."""
    path = folder / f"text{megabytes}.txt"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{book}\n\n" for book in books(megabytes))
    environment, started = os.environ | {"GENBENCH_HOME": str(folder / "home")}, time.monotonic()
    command = [sys.executable, "-m", "genbench.cli.main", "train", str(path), "-g", spec]
    process = os.posix_spawn(sys.executable, command, environment)
    _, status, usage = os.wait4(process, 0)
    path.unlink()
    figures = (
        f"{usage.ru_utime + usage.ru_stime:.0f} | {time.monotonic() - started:.0f} | {usage.ru_maxrss / 1024:,.0f}"
    )
    return f"| {megabytes} | {spec} | {figures if status == 0 else 'failed | | '} |"


def peak_megabytes() -> float:
    """Return the peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table_row(megabytes: int, books: int, step: str, folder: str) -> str:
    """Run one step in its own process; return its row of the table, or the last line of the error."""
    command = [sys.executable, __file__, "--only", folder, step]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        return f"| {megabytes} | {books:,} | {step} | failed: {process.stderr.splitlines()[-1]} | |"
    figures = json.loads(process.stdout)
    return f"| {megabytes} | {books:,} | {step} | {figures['seconds']:.1f} | {figures['megabytes']:,.0f} |"


def main() -> None:
    """Print a row for every step at every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--only", nargs=2, metavar=("FOLDER", "STEP"), help="print the figures of one step as JSON")
    parser.add_argument("--file", type=int, nargs="+", metavar="MEGABYTES", help="train on one file of each size")
    parser.add_argument("--spec", default="markov-char", help="what to train on files")
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(*arguments.only)))
        return
    if arguments.file:
        print(
            "| megabytes | generator | CPU seconds | seconds | peak memory, MB |",
            "| ---: | --- | ---: | ---: | ---: |",
            sep="\n",
        )
        with tempfile.TemporaryDirectory() as folder:
            for megabytes in arguments.file:
                print(train_file(Path(folder), megabytes, arguments.spec), flush=True)
        return
    print("| megabytes | books | step | seconds | peak memory, MB |", "| ---: | ---: | --- | ---: | ---: |", sep="\n")
    for megabytes in arguments.megabytes:
        with tempfile.TemporaryDirectory() as folder:
            books = write_books(Path(folder), megabytes)
            for step in ("read", "encode-char", "encode-word", *SPECS):
                print(table_row(megabytes, books, step, folder), flush=True)


if __name__ == "__main__":
    main()
