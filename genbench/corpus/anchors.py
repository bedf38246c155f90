"""Anchors: standard texts of the field with the results that others have published on them, from `anchors.toml`.

A text is fetched where its licence allows it, and never part of genbench; others are recognized in the user's folders.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import md5, sha256
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from genbench.corpus.downloads import DownloadError, RetryPolicy, download
from genbench.corpus.gutenberg import OnProgress
from genbench.errors import CorpusError
from genbench.storage import files as storage
from genbench.tokenization.text import Text

MIRROR_VARIABLE = "GENBENCH_ANCHORS"
NATS, PERPLEXITY, BYTES = "nats per character", "word perplexity", "bytes"


@dataclass(frozen=True)
class Published:
    """A result that others have published."""

    model: str
    value: float
    unit: str  # "nats per character", "bits per character", "word perplexity" or "bytes"
    source: str  # authors, year and title
    url: str
    adaptive: bool = False  # whether the model also learns from the test text

    def bits_per_character(self, characters: int, tokens: int) -> float:
        """Return the result in bits per character of a test text with so many characters, and words and line ends.

        >>> Published("", 16.0, "word perplexity", "", "").bits_per_character(characters=100, tokens=20)
        0.8
        """
        by_unit = {
            PERPLEXITY: math.log2(self.value) * tokens / characters,
            NATS: self.value / math.log(2),
            BYTES: 8 * self.value / characters,
        }
        return by_unit.get(self.unit, self.value)


@dataclass(frozen=True)
class Anchor:
    """A standard text: how it is recognized or fetched, and what is published on it."""

    name: str
    title: str
    about: str
    comparable: str  # in which respect the published results can be compared
    published: tuple[Published, ...]
    file: str = ""  # its name among the downloaded texts
    url: str = ""
    whole_sha256: str = ""  # of the whole file
    whole_md5: str = ""
    parts: tuple[int, ...] = ()  # characters of its training, validation and test part, or of the first and the last
    test_md5: str = ""  # of its test part
    test_sha256: str = ""
    train_tokens: int = 0  # words and line ends of the training part
    test_tokens: int = 0

    @property
    def path(self) -> Path:
        """Where its file is once it is downloaded."""
        return storage.home() / "texts" / self.file

    def is_whole(self, data: bytes) -> bool:
        """Return whether these are the bytes of its file."""
        if self.whole_sha256:
            return sha256(data).hexdigest() == self.whole_sha256
        return bool(self.whole_md5) and md5(data, usedforsecurity=False).hexdigest() == self.whole_md5

    def has_parts(self, train: Text, valid: Text, test: Text) -> bool:
        """Return whether a split is its own."""
        if self.parts:
            sizes = len(train) + len(valid) + len(test), len(test)
            return sizes == (sum(self.parts), self.parts[-1]) and self.is_whole(f"{train}{valid}{test}".encode())
        if self.test_md5:
            return _hexdigest(test, md5(usedforsecurity=False)) == self.test_md5
        if self.test_sha256:
            return _hexdigest(test, sha256()) == self.test_sha256
        return count_tokens(test) == self.test_tokens and count_tokens(train) == self.train_tokens


def _hexdigest(text: Text, digest: Any) -> str:
    for block in text.blocks():
        digest.update(block.encode())
    return str(digest.hexdigest())


def count_tokens(text: str | Text) -> int:
    r"""Return the number of words and line ends, in which word perplexities of such texts are counted.

    >>> count_tokens(" no it was n't \n = <unk> = \n")
    9
    """
    return sum(len(part.split()) + part.count("\n") for part in Text(text).parts())


def load_anchors() -> Mapping[str, Anchor]:
    """Return all anchors by name, in the order of the file."""
    return _read_anchors()


@cache
def _read_anchors() -> MappingProxyType[str, Anchor]:
    text = files("genbench_corpora").joinpath("anchors.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _parse_anchor(name, entry) for name, entry in tomllib.loads(text).items()})


def _parse_anchor(name: str, entry: dict[str, Any]) -> Anchor:
    published = tuple(Published(**result) for result in entry.pop("published"))
    return Anchor(name, published=published, parts=tuple(entry.pop("parts", ())), **entry)


def find_anchor(name: str) -> Anchor | None:
    """Return the anchor of a name, ignoring case; None for other names."""
    return load_anchors().get(name.lower())


def recognize(train: Text, valid: Text, test: Text) -> Anchor | None:
    """Return the anchor whose split this is; None for other texts."""
    return next((anchor for anchor in load_anchors().values() if anchor.has_parts(train, valid, test)), None)


def read_anchor(anchor: Anchor, on_progress: OnProgress | None = None, retries: RetryPolicy | None = None) -> str:
    """Return the text of an anchor's file, downloaded the first time.

    Raises CorpusError where it cannot be downloaded, is another file, or is not offered for download.
    """
    if not anchor.file:
        raise CorpusError(f"{anchor.name} is not downloaded: instead of its name, use {anchor.about}")
    with contextlib.suppress(OSError):
        data = anchor.path.read_bytes()
        if anchor.is_whole(data):
            return data.decode()

    # download, check, store
    url, report = _address(anchor), on_progress or (lambda what, share: None)
    try:
        data = download(url, lambda share: report(f"downloading {anchor.title}", share), retries or RetryPolicy())
        data = _member(data, anchor) if url.endswith(".zip") else data
        if not anchor.is_whole(data):
            raise DownloadError("its checksum is wrong")
    except DownloadError as error:
        raise CorpusError(
            f"{anchor.name} is not on this machine and cannot be downloaded from {url} ({error}): put its file at "
            f"{anchor.path}, or set {MIRROR_VARIABLE} to the address of a folder that has it"
        ) from error
    report(f"downloading {anchor.title}", 1.0)
    with contextlib.suppress(OSError):  # a full or read-only disk prevents caching, not the use of the text
        anchor.path.parent.mkdir(parents=True, exist_ok=True)
        storage.write_atomic(anchor.path, data)
    return data.decode()


def _address(anchor: Anchor) -> str:
    """Return the address of an anchor's file: the original one, or that of the same name in the user's folder."""
    mirror = os.environ.get(MIRROR_VARIABLE, "").strip().rstrip("/")
    if mirror and not re.fullmatch(r"https?://[!-~]+", mirror):
        raise CorpusError(f"{MIRROR_VARIABLE} is {mirror!r}; set it to a web address, or leave it out")
    return f"{mirror}/{anchor.url.rpartition('/')[2]}" if mirror else anchor.url


def _member(data: bytes, anchor: Anchor) -> bytes:
    """Return the file of an anchor in a zip file. Raises DownloadError where it has none of the right size."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.getinfo(anchor.file).file_size != sum(anchor.parts):
                raise DownloadError(f"{anchor.file} in it has another size")
            return archive.read(anchor.file)
    except (zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError, OSError) as error:
        raise DownloadError(f"it is no zip file with {anchor.file} in it") from error
