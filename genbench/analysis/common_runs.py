"""Runs of characters or words that texts share with a long training text, in one pass over it and little memory.

For each position of the texts, the length of the longest match that starts there. The training text is read part by
part. The positions of a part and those of the texts are grouped by as many symbols as fit into one 64-bit key; those
that agree in a whole key are grouped by the next one. A position matches as far as the nearest key of its group.

    character_matches   lengths in characters
    word_matches        lengths in words
    locate_run          where a run of characters occurs in the training text
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from genbench.generator import ProgressCallback, ignore
from genbench.tokenization.segmentation import split_parts
from genbench.tokenization.tokenizer import Ids

Codes = npt.NDArray[np.unsignedinteger[npt.NBitBase]]
Keys = npt.NDArray[np.uint64]

END = 0  # the code after the last symbol
KEY_BITS = 64
PART = 1 << 20  # symbols of the training text that are grouped at a time
UNICODE_SIZE = 0x110000  # code points
WHITE_SPACE = re.compile(r"\s")
FIRST_WINDOW = 32  # characters after a run that tell its occurrences apart, doubled as long as they do not
MAX_COMPARED = 1 << 28  # characters that are compared to tell the occurrences of a run apart


def character_matches(
    train: str, texts: Sequence[str], limit: int | None = None, progress: ProgressCallback = ignore
) -> list[Ids]:
    """Return for each text the length of the longest match at each character, (characters,); at least up to `limit`.

    >>> [lengths.tolist() for lengths in character_matches("abcab", ["bcb", "xab"])]
    [[2, 1, 1], [0, 2, 1]]
    """
    # number the characters of the texts; all others of the training text have one code
    queries = [code_points(text) for text in texts]
    known = np.unique(np.concatenate([*queries, np.zeros(0, np.uint32)]))
    codes = np.full(UNICODE_SIZE, len(known) + 1, _smallest_type(len(known) + 2))
    codes[known] = np.arange(1, len(known) + 1)

    # the training text in parts, because its code points take four times the memory
    parts = (codes[code_points(train[start : start + PART])] for start in range(0, len(train), PART))
    sequence = np.concatenate([*parts, np.zeros(0, codes.dtype)])
    return _match_all(sequence, [codes[query] for query in queries], len(known) + 2, limit, progress)


def word_matches(train: str, texts: Sequence[Sequence[str]], progress: ProgressCallback = ignore) -> list[Ids]:
    """Return for each list of words the length of the longest match at each word, (words,); words end at white space.

    >>> [lengths.tolist() for lengths in word_matches("the cat sat on the mat", [["on", "the", "cat"], ["dog"]])]
    [[2, 2, 1], [0]]
    """
    # number the words of the texts; all others of the training text have one code
    codes = {word: number for number, word in enumerate(dict.fromkeys(chain.from_iterable(texts)), 1)}
    other, dtype = len(codes) + 1, _smallest_type(len(codes) + 2)
    parts = (
        np.array([codes.get(word, other) for word in part.split()], dtype)
        for part in split_parts(train, PART, boundary=WHITE_SPACE)
    )
    sequence = np.concatenate([*parts, np.zeros(0, dtype)])
    queries = [np.array([codes[word] for word in words], dtype) for words in texts]
    return _match_all(sequence, queries, other + 1, None, progress)


def locate_run(train: str, text: str, start: int, length: int) -> int:
    """Return where the training text has the run of a text that is its longest match at `start`.

    Of several occurrences it is the last, in the order of what follows them, that sorts before the text; or where none
    does, the first. Where telling them apart takes too long, it is the first in the training text.
    """
    run, following = text[start : start + length], text[start + length : start + length + 1]
    places = list(_occurrences(train, run))

    # a character that the training text lacks sorts after all others, and so does the end of the text
    before = [
        place for place in places if not following or following not in train or _after(train, place, run) < following
    ]
    largest, width, compared = bool(before), FIRST_WINDOW, 0
    places = before or places
    while len(places) > 1 and compared < MAX_COMPARED:
        windows = (train[place : place + length + width] for place in places)
        nearest = max(windows) if largest else min(windows)
        places = [place for place in places if train[place : place + length + width] == nearest]
        compared, width = compared + len(places) * (length + width), 2 * width
    return places[0]


def _occurrences(train: str, run: str) -> Iterator[int]:
    """Yield each place of a run in the training text."""
    place = train.find(run)
    while place >= 0:
        yield place
        place = train.find(run, place + 1)


def _after(train: str, place: int, run: str) -> str:
    """Return the character after an occurrence of a run, "" at the end."""
    return train[place + len(run) : place + len(run) + 1]


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """Return the code points of a text, (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _smallest_type(highest: int) -> npt.DTypeLike:
    return np.min_scalar_type(highest)


def _match_all(
    sequence: Codes, queries: Sequence[Codes], separator: int, limit: int | None, progress: ProgressCallback
) -> list[Ids]:
    """Return the match lengths of each query; `separator` is a code that neither they nor the sequence have."""
    # one after the other, separated, so that no match goes on in the next query
    ends = np.cumsum([len(query) + 1 for query in queries], dtype=np.int64)
    joined = np.full(ends[-1] if queries else 0, separator, sequence.dtype)
    for end, query in zip(ends, queries, strict=True):
        joined[end - 1 - len(query) : end - 1] = query

    lengths = match_lengths(sequence, joined, separator.bit_length(), limit, progress)
    return [lengths[end - 1 - len(query) : end - 1] for end, query in zip(ends, queries, strict=True)]


def match_lengths(
    sequence: Codes, query: Codes, bits: int, limit: int | None = None, progress: ProgressCallback = ignore
) -> Ids:
    """Return for each position of `query` the length of its longest match in `sequence`, (query,).

    Codes have `bits` bits and are above 0; the last code of the query does not occur in the sequence. Matches of
    `limit` symbols and more may be returned shorter, but not below it.
    """
    lengths = np.zeros(len(query), np.int64)
    sequence = np.append(sequence, sequence.dtype.type(END))
    size = max(PART, len(query))
    for start in range(0, len(sequence) - 1, size):
        part = np.arange(start, min(start + size, len(sequence) - 1))
        np.maximum(lengths, _match_part(sequence, part, query, bits, limit), out=lengths)
        progress((part[-1] + 1) / (len(sequence) - 1))
    return lengths


def _match_part(sequence: Codes, here: Ids, query: Codes, bits: int, limit: int | None) -> Ids:
    """Return the length of the longest match of each query position at the positions `here` of the sequence."""
    lengths, there = np.zeros(len(query), np.int64), np.arange(len(query))
    groups_here, groups_there = np.zeros(len(here), np.int64), np.zeros(len(query), np.int64)
    width, shared = KEY_BITS // bits, 0  # shared: symbols that the positions of each group have in common

    while len(here) and len(there) and (limit is None or shared < limit):
        # number the keys, so that group and key are one number in the order of both
        keys = _read_keys(query, there + shared, bits, width)
        known, numbers = np.unique(
            np.concatenate([keys, _read_keys(sequence, here + shared, bits, width)]), return_inverse=True
        )
        wanted = groups_there * len(known) + numbers[: len(there)]
        offered, offers = np.unique(groups_here * len(known) + numbers[len(there) :], return_inverse=True)

        # the nearest keys of the same group, before and after
        places = np.searchsorted(offered, wanted)
        for neighbors in (places - 1, places):
            labels = offered[np.clip(neighbors, 0, len(offered) - 1)]
            agree = shared_in_key(known[labels % len(known)] ^ keys, bits, width)
            same_group = labels // len(known) == groups_there
            lengths[there] = np.maximum(lengths[there], np.where(same_group, shared + agree, 0))

        # positions that agree in the whole key form the next groups
        tied = np.zeros(len(offered) + 1, bool)
        exact = np.append(offered, -1)[places] == wanted
        tied[places[exact]] = True
        there, groups_there = there[exact], places[exact]
        here, groups_here = here[tied[offers]], offers[tied[offers]]
        shared += width
    return lengths


def _read_keys(codes: Codes, positions: Ids, bits: int, width: int) -> Keys:
    """Return the next `width` symbols at each position as one number; after the last symbol, it is repeated."""
    keys = np.zeros(len(positions), np.uint64)
    for offset in range(width):
        keys <<= np.uint64(bits)
        keys |= codes[np.minimum(positions + offset, len(codes) - 1)]
    return keys


def shared_in_key(differ: Keys, bits: int, width: int) -> Ids:
    """Return the number of equal symbols at the start of two keys, from the xor of the keys, (keys,)."""
    # comparing with each power of two is cheaper than a logarithm
    shared = np.full(len(differ), width, np.int64)
    for symbols in range(width):
        shared -= differ >= np.uint64(1 << (symbols * bits))
    return shared
