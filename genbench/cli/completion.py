"""Shell completion of what parameters take: Typer completes commands and options, these the rest."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator

SHELL = "_GENBENCH_COMPLETE"  # what Typer's scripts set
BREAKS = ":="  # bash takes words apart at these
Found = Iterator[tuple[str, str] | str]


def author(incomplete: str) -> Found:
    """Catalogue names, .txt files and folders."""
    from genbench.cli import candidates

    yield from candidates.authors()
    yield from path(incomplete, ".txt")


def authors(incomplete: str) -> Found:
    """The same, and comparison files."""
    yield from author(incomplete)
    yield from path(incomplete, ".toml", folders=False)


def path(incomplete: str, ending: str, *, folders: bool = True) -> Iterator[str]:
    """Files that end so, and folders; hidden ones are left out."""
    folder, begun = os.path.split(incomplete)
    with contextlib.suppress(OSError), os.scandir(folder or ".") as found:
        for each in sorted(found, key=lambda entry: entry.name):
            wanted = (folders and each.is_dir()) or each.name.endswith(ending)
            if wanted and each.name.startswith(begun) and not each.name.startswith("."):
                yield os.path.join(folder, each.name) + ("/" if each.is_dir() else "")


def spec(incomplete: str) -> Found:
    """Generators, after a colon their options, and .py files."""
    from genbench.cli import candidates

    yield from candidates.specs(incomplete)
    yield from path(incomplete, ".py")


def model(incomplete: str) -> Found:
    """Kept models."""
    from genbench.cli import candidates

    yield from candidates.kept()


def run(incomplete: str) -> Found:
    """Kept runs, and the word for the newest."""
    from genbench.cli import candidates

    yield from ("last", *candidates.compared())


def device(incomplete: str) -> Found:
    """Where networks train."""
    from genbench.experiments.plan import DEVICES

    yield from DEVICES


def lines(incomplete: str) -> Found:
    """What happens to the ends of lines."""
    yield from (("join", "the hard line wraps of prose"), ("keep", "every line as it was printed"))


def by(incomplete: str) -> Found:
    """The kinds of place that bits are split by."""
    from genbench.analysis.strata import BY

    yield from BY


@contextlib.contextmanager
def whole_words() -> Iterator[None]:
    """Inside, Typer sees words as they were typed, where bash took them apart at colons and equals signs."""
    if os.environ.get(SHELL) != "complete_bash" or "COMP_WORDS" not in os.environ:
        yield
        return
    words, place = rejoined(os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"]))
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(words), str(place)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            yield
    finally:
        there = words[place] if place < len(words) else ""
        known = 1 + max(there.rfind(mark) for mark in BREAKS)  # what bash has already, and does not replace
        for line in said.getvalue().splitlines():
            print(line[known:])


def rejoined(words: list[str], place: int) -> tuple[list[str], int]:
    """Words as they were typed, of what bash made of them, and the place of the one at the cursor.

    >>> rejoined(["genbench", "train", "pell", "-g", "lstm-char", ":", "hid"], 6)
    (['genbench', 'train', 'pell', '-g', 'lstm-char:hid'], 4)
    """
    found: list[str] = []
    now = place
    for at, word in enumerate(words):
        joins = len(found) > 1 and word and (set(word) <= set(BREAKS) or found[-1][-1:] in BREAKS)
        if joins and found[-1]:
            found[-1] += word
            now -= at <= place
        else:
            found.append(word)
    return found, now
