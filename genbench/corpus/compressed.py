"""Text files that are compressed with gzip."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path

from genbench.errors import CorpusError
from genbench.storage.memory import total_memory

MAGIC = b"\x1f\x8b"
SUFFIX = ".gz"
MEMORY_FACTOR = 5  # bytes of memory for each byte of text that is read and cleaned whole (benchmarks/large.py)


def text_suffix(name: str) -> str:
    """Return the suffix of a file's name in lower case, without that of gzip.

    >>> text_suffix("Notes.TXT"), text_suffix("notes.txt.gz")
    ('.txt', '.txt')
    """
    return Path(name.lower().removesuffix(SUFFIX)).suffix


def text_stem(name: str) -> str:
    """Return a file's name without its suffixes.

    >>> text_stem("my.novel.txt.gz"), text_stem("my.novel.txt")
    ('my.novel', 'my.novel')
    """
    return Path(name[: -len(SUFFIX)] if name.lower().endswith(SUFFIX) else name).stem


def decompress(data: bytes, name: str) -> bytes:
    """Return the content of a file in gzip's format, and any other as it is.

    Raises CorpusError where it is damaged, and where the content does not fit into this machine's memory.
    """
    if not data.startswith(MAGIC):
        return data
    limit = (total_memory() or 1 << 36) // MEMORY_FACTOR
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            content = file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"{name} is damaged: {error or 'it ends too early'}; compress it again with gzip") from None
    if len(content) > limit:
        raise CorpusError(f"{name} has more than {limit / 1e6:,.0f} MB of text; name a smaller part of it")
    return content
