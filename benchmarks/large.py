"""Large corpora: a folder of thousands of books through cleaning, splitting, tokenizing and training; time and memory.

    python benchmarks/large.py [--megabytes 10 100]

The books are stretches of NLTK's gutenberg texts, a tenth of the words of each exchanged for others of the same book,
so that no two are alike. Each step is a process of its own: processor seconds, and the most memory it held.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import genbench
from genbench.corpus import catalogue
from genbench.generator import TrainContext

BOOK = 50_000  # characters of a book
CHANGED = 0.1  # of its words
STEPS = 20  # of a network
SPECS = ["markov-char", "markov-word", "lstm-char:hidden=128", "lstm-word:hidden=128"]


def write_books(folder: Path, megabytes: int) -> int:
    """Write books of so many megabytes in all; returns how many."""
    texts = [_text(name) for name, author in catalogue.catalogue().items() if not author.embedded and _there(name)]
    whole, rng, count = "\n\n".join(texts), np.random.default_rng(0), 0
    for count in range(megabytes * 1_000_000 // BOOK):
        start = int(rng.integers(len(whole) - BOOK))
        words = whole[start : start + BOOK].split(" ")
        places = rng.random(len(words)) < CHANGED
        for place, other in zip(np.flatnonzero(places), rng.integers(len(words), size=int(places.sum())), strict=True):
            words[place] = words[other]
        (folder / f"{count:06}.txt").write_text(" ".join(words), encoding="utf-8")
    return count + 1


def _there(name: str) -> bool:
    try:
        return bool(_text(name))
    except genbench.CorpusError:
        return False


def _text(name: str) -> str:
    text = genbench.corpus(name)
    return text.train + text.valid + text.test


def step(folder: str, what: str) -> dict[str, float]:
    """One step: what it took, beyond reading the text where that is not the step."""
    began = time.process_time()
    text = genbench.corpus(folder)
    read, held = time.process_time() - began, _held()
    if what == "read":
        return {"seconds": read, "megabytes": held, "characters": text.characters}
    began = time.process_time()
    if what.startswith("encode"):
        cut = genbench.Tokenizer.characters if what == "encode-char" else genbench.Tokenizer.words
        ids = cut(text.train).stream(text.train)
        return {"seconds": time.process_time() - began, "megabytes": _held(), "tokens": len(ids)}
    made = genbench.make(what)
    made.fit(text.train, text.valid, TrainContext(steps=STEPS))
    return {"seconds": time.process_time() - began, "megabytes": _held()}


def _held() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Every step at every size, a line each."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--megabytes", type=int, nargs="+", default=[10, 100])
    asked.add_argument("--only", nargs=2, metavar=("FOLDER", "STEP"), help="one step, as JSON")
    given = asked.parse_args()
    if given.only:
        print(json.dumps(step(*given.only)))
        return
    print("| megabytes | books | step | seconds | most memory, MB |", "| ---: | ---: | --- | ---: | ---: |", sep="\n")
    for megabytes in given.megabytes:
        with tempfile.TemporaryDirectory() as folder:
            books = write_books(Path(folder), megabytes)
            for what in ("read", "encode-char", "encode-word", *SPECS):
                print(_line(megabytes, books, what, folder), flush=True)


def _line(megabytes: int, books: int, what: str, folder: str) -> str:
    """One step in a process of its own, as a line of the table; where it fails, what it said last."""
    words = [sys.executable, __file__, "--only", folder, what]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    if found.returncode:
        return f"| {megabytes} | {books:,} | {what} | failed: {found.stderr.splitlines()[-1]} | |"
    said = json.loads(found.stdout)
    return f"| {megabytes} | {books:,} | {what} | {said['seconds']:.1f} | {said['megabytes']:,.0f} |"


if __name__ == "__main__":
    main()
