"""Baselines: bits per character of a uniform distribution, of single characters, and of a compressor."""

from __future__ import annotations

import lzma
import math

import numpy as np

from genbench.generator import LogProbs, ProgressCallback, ignore, rescale
from genbench.tokenization.segmentation import split_parts
from genbench.tokenization.tokenizer import Ids, Tokenizer

MAX_XZ_CHARACTERS = 1 << 24  # of training text for xz, which is slow and has a window of limited size
CHUNK = 1 << 19  # bytes that are compressed between two reports of the progress
UNSEEN_COUNT = 0.5  # pseudo-count of each character (Krichevsky & Trofimov 1981)


def character_baselines(train: str, test: str) -> dict[str, float]:
    """Return bits per character of the test text under two distributions that know no context.

    uniform   the same probability for every character of the training text, and for all other characters together,
              which are spelled in bytes
    unigram   the count of each character in the training text plus one half, normalized
    """
    # a uniform distribution over characters
    tokenizer = Tokenizer.characters(train)
    ids = tokenizer.encode(test)
    base = tokenizer.base_distribution()

    # count characters part by part, because a long text may not fit into memory as ids
    counts = UNSEEN_COUNT * base / base.max()
    for part in split_parts(train):
        counts += np.bincount(tokenizer.encode(part), minlength=tokenizer.size)
    return {"uniform": _bits(base, ids) / len(test), "unigram": _bits(counts / counts.sum(), ids) / len(test)}


def xz_baseline(train: str, test: str, progress: ProgressCallback = ignore) -> dict[str, float]:
    """Return bits per character of the test text under xz; raises MemoryError below some 700 MB of free memory.

    xz        the size of training and test text together minus that of the training text, under `xz -9e`, which also
              learns from the test text; only the last 16 million characters of the training text are used
    """
    train = train[-MAX_XZ_CHARACTERS:]
    both = _xz_bytes(train + test, rescale(progress, 0.0, 0.5))
    return {"xz": 8 * (both - _xz_bytes(train, rescale(progress, 0.5, 0.5))) / len(test)}


def _bits(probabilities: LogProbs, ids: Ids) -> float:
    """Return the bits of tokens that are independent of each other, with these probabilities, (vocabulary,)."""
    return -math.fsum(np.log2(probabilities[ids]))


def _xz_bytes(text: str, progress: ProgressCallback = ignore) -> int:
    """Return the size of a text under `xz -9e`."""
    compressor, data, size = lzma.LZMACompressor(preset=9 | lzma.PRESET_EXTREME), text.encode(), 0
    for start in range(0, len(data), CHUNK):
        size += len(compressor.compress(data[start : start + CHUNK]))
        progress(min(start + CHUNK, len(data)) / len(data))
    return size + len(compressor.flush())
