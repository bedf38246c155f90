"""The public functions that measure beyond bits, in the words of the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genbench import scoring
from genbench.analysis import compression, surprisal
from genbench.analysis.novelty import FEWEST, Known, stretches
from genbench.api import SILENT, corpus
from genbench.corpus import Corpus
from genbench.errors import UserError
from genbench.experiments.progress import Watcher
from genbench.generator import Generator
from genbench.storage import models


def compress(generator: Generator, data: bytes, *, watcher: Watcher = SILENT) -> bytes:
    """A text in UTF-8, in as many bits as the generator needs for it and at most 64 bytes more.

    `decompress` gives every byte back, with the same model on the same machine. Raises UserError for what is no UTF-8.
    """
    return compression.compress(generator, data, models.fingerprint(generator), watcher.working("compressing"))


def decompress(data: bytes, generator: Generator | None = None, *, watcher: Watcher = SILENT) -> bytes:
    """The text that `compress` was given, byte for byte; its model is found among the kept ones if it is not given.

    Raises UserError where the model is not there or another, the data is damaged, or the model predicts otherwise here
    than it did on the machine that compressed: never garbage.
    """
    packed = compression.Compressed.unpack(data)
    if generator is None:
        found = models.of(packed.fingerprint)
        watcher.told(f"using {found.name}, trained on {found.card['created'][:10]}")
        generator = found.generator()
    if models.fingerprint(generator) != packed.fingerprint:
        raise UserError("the text was compressed with another model; name that one, or none to look among those kept")
    return compression.decompress(generator, packed, watcher.working("decompressing"))


def novelty(
    texts: Sequence[str], author: str | Corpus, *, words: int = FEWEST, lines: str = "join", watcher: Watcher = SILENT
) -> dict[str, Any]:
    """What texts copy from an author's training text and what is new in them, as JSON values.

    `texts` has each text's longest copied run (characters, book, and where in it) and the share of its words in copied
    runs of at least `words` words; `drawn` the figures of all together, `human` those of as long stretches of the
    author's held-out text (the valid part). Raises UserError where there is nothing to look at.
    """
    if words < 1:
        raise UserError(f"words is {words}, and must be 1 or more")
    if not any(texts):
        raise UserError("there is no text to look at; draw some characters, as with --length 1000")
    text = author if isinstance(author, Corpus) else corpus(author, lines=lines, watcher=watcher)
    known = Known(text.train, text.begins)
    length = round(sum(map(len, texts)) / len(texts))
    return {
        "copied_words": words,
        "texts": [known.about(known.find(each), words) for each in texts],
        "drawn": known.over_all(texts, words),
        "human": known.over_all(stretches(text.valid, length), words),
    }


def read(
    generators: Mapping[str, Generator], text: str, *, author: str = "", name: str = "", watcher: Watcher = SILENT
) -> dict[str, Any]:
    """How surprising each word of a text is to each generator, by name, as JSON values.

    `generators` has for each its `bits` of the whole text, `bits_per_character`, and `words`: every word with the white
    space before it, and its bits. The words are the same for all. `author` and `name` are what it shall be called.
    Raises UserError for an empty text.
    """
    if not text:
        raise UserError("there is no text to read; name a file with text in it")
    found = {}
    for label, generator in generators.items():
        scored = scoring.score(generator, text, watcher.working(f"{label}: reading"))
        found[label] = {
            "bits": scored.bits,
            "bits_per_character": scored.bits_per_character,
            "words": surprisal.by_word(scored.character_bits, text),
        }
    return {"author": author, "name": name, "characters": len(text), "generators": found}


def bytes_of(file: Path) -> bytes:
    """All of a file as it is; UserError where it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {str(file)!r}: {error.strerror}; name a file") from error


def utf8_of(file: Path) -> bytes:
    """The same of a text, refused here, before any training, where it is no UTF-8."""
    data = bytes_of(file)
    compression.decoded(data)
    return data
