"""Shell completion of arguments and option values; Typer completes commands and option names."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator

TEXT_FILES = (".txt", ".md", ".text", ".csv", ".tsv", ".jsonl", ".ndjson")  # as genbench.corpus reads them
SHELL = "_GENBENCH_COMPLETE"  # what Typer's scripts set
WORD_BREAKS = ":="  # bash splits words at these
Candidates = Iterator[tuple[str, str] | str]


def author(incomplete: str) -> Candidates:
    """Yield catalogue names, text files and folders; in a sum such as 2*austen+carroll, for its last text."""
    from genbench.cli import candidates

    start = 1 + max(incomplete.rfind(mark) for mark in "+*")
    before = incomplete[:start]
    for name, about in candidates.authors():
        yield before + name, about
    yield from path(incomplete, TEXT_FILES)  # a path may have these marks too
    if before:
        yield from (before + name for name in path(incomplete[start:], TEXT_FILES))


def authors(incomplete: str) -> Candidates:
    """Yield authors, comparison files and examples."""
    from genbench.cli import candidates

    yield from author(incomplete)
    yield from candidates.examples()
    yield from path(incomplete, ".toml", folders=False)


def path(incomplete: str, ending: str | tuple[str, ...], *, folders: bool = True) -> Iterator[str]:
    """Yield files with this ending, or one of these, and folders; hidden ones are left out."""
    folder, prefix = os.path.split(incomplete)
    with contextlib.suppress(OSError), os.scandir(folder or ".") as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            # hidden files are not offered
            wanted = (folders and entry.is_dir()) or entry.name.endswith(ending)
            if wanted and entry.name.startswith(prefix) and not entry.name.startswith("."):
                yield os.path.join(folder, entry.name) + ("/" if entry.is_dir() else "")


def spec(incomplete: str) -> Candidates:
    """Yield generators, after a colon their options, and .py files."""
    from genbench.cli import candidates

    yield from candidates.specs(incomplete)
    yield from path(incomplete, ".py")


def model(incomplete: str) -> Candidates:
    """Yield stored models."""
    from genbench.cli import candidates

    yield from candidates.models()


def models(incomplete: str) -> Candidates:
    """Yield stored models for the last name of a sum such as 2*MODEL+MODEL."""
    from genbench.cli import candidates

    before = incomplete[: 1 + max(incomplete.rfind(mark) for mark in "+*")]
    yield from ((before + name, about) for name, about in candidates.models())


def run(incomplete: str) -> Candidates:
    """Yield stored runs, and the word for the newest."""
    from genbench.cli import candidates

    yield from ("last", *candidates.run_names())


def device(incomplete: str) -> Candidates:
    """Yield devices."""
    from genbench.training import DEVICES

    yield from DEVICES


def lines(incomplete: str) -> Candidates:
    """Yield the treatments of line breaks."""
    yield from (("join", "the hard line wraps of prose"), ("keep", "every line as it was printed"))


def encoding(incomplete: str) -> Candidates:
    """Yield common encodings."""
    yield from ("cp1252", "cp1250", "cp1251", "koi8-r", "shift_jis", "gb18030", "utf-16")


def by(incomplete: str) -> Candidates:
    """Yield the kinds of place by which bits are split."""
    from genbench.analysis.strata import STRATIFIERS

    yield from STRATIFIERS


@contextlib.contextmanager
def whole_words() -> Iterator[None]:
    """Within the context, Typer sees words as they were typed, where bash has split them at colons and equals signs."""
    if os.environ.get(SHELL) != "complete_bash" or "COMP_WORDS" not in os.environ:
        yield
        return

    # let Typer see whole words, and keep what it prints
    words, index = rejoin_words(os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"]))
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(words), str(index)
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            yield
    finally:
        # print the completions without the part that bash keeps
        word = words[index] if index < len(words) else ""
        typed = 1 + max(word.rfind(mark) for mark in WORD_BREAKS)  # bash keeps the part up to the last break
        for line in output.getvalue().splitlines():
            print(line[typed:])


def rejoin_words(words: list[str], index: int) -> tuple[list[str], int]:
    """Rejoin words that bash has split; return them and the index of the one at the cursor.

    >>> rejoin_words(["genbench", "train", "pell", "-g", "lstm-char", ":", "hid"], 6)
    (['genbench', 'train', 'pell', '-g', 'lstm-char:hid'], 4)
    """
    rejoined: list[str] = []
    cursor = index
    for position, word in enumerate(words):
        # a break, or a word after a break, belongs to the word before it
        joins = len(rejoined) > 1 and word and (set(word) <= set(WORD_BREAKS) or rejoined[-1][-1:] in WORD_BREAKS)
        if joins and rejoined[-1]:
            rejoined[-1] += word
            cursor -= position <= index
        else:
            rejoined.append(word)
    return rejoined, cursor
