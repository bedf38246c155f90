"""Yardsticks that are no generators: what a uniform draw, single characters and a compressor need for the same text."""

from __future__ import annotations

import lzma
import math

import numpy as np

from genbench.generator import LogProbs
from genbench.tokenization.segmentation import parts
from genbench.tokenization.tokenizer import Ids, Tokenizer

REACH = 1 << 24  # characters that xz reads before the test text: it forgets what is some times as far back, and is slow
HALF = 0.5  # a count for what was never seen (Krichevsky & Trofimov 1981)


def floors(train: str, test: str) -> dict[str, float]:
    """Bits per character of the test text.

    uniform   every character of the training text alike, all others together as one more, spelled in bytes
    unigram   each character as often as in the training text, plus a half
    xz        what the test text adds to the training text under `xz -9e` (which also learns from the test text); of a
              training text above 16 million characters, to the end of it
    """
    tokenizer = Tokenizer.characters(train)
    ids = tokenizer.encode(test)
    base = tokenizer.base()
    counts = HALF * base / base.max()
    for part in parts(train):
        counts += np.bincount(tokenizer.encode(part), minlength=tokenizer.size)
    train = train[-REACH:]
    return {
        "uniform": _bits(base, ids) / len(test),
        "unigram": _bits(counts / counts.sum(), ids) / len(test),
        "xz": 8 * (_xz(train + test) - _xz(train)) / len(test),
    }


def _bits(probabilities: LogProbs, ids: Ids) -> float:
    return -math.fsum(np.log2(probabilities[ids]))


def _xz(text: str) -> int:
    return len(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
