"""The loops that read a text by the character with `WordChains`, compiled by numba, the same for steps and whole texts.

After every character, the masses of all paths (`path_kernels.py`) on the next symbol are added.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from genbench_plugins.markov.characters import CLOSES, NOTHING, OPENS, implies, joins
from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.path_kernels import (
    BEFORE,
    COUNT,
    IMPLIED,
    KNOWN,
    LAST,
    LEFT,
    MODE,
    NO_SEPARATOR,
    NONE,
    PLACE,
    SEPARATOR,
    SPACE,
    SPELLING,
    START,
    TOKEN,
    UNREAD,
    Paths,
    copy_path,
    expand,
)
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints
from genbench_plugins.markov.word_chains import WordChains, Words

from genbench.charlevel.adapter import CharacterScores
from genbench.charlevel.paths import MIN_PROBABILITY
from genbench.tokenization.tokenizer import BYTES, Ids

TINY = float(np.finfo(np.float64).tiny)


class Symbols(NamedTuple):
    """The symbols of a text; 0 is a byte."""

    numbers: Ids  # (symbols,)
    characters: Ids  # (symbols,) the character that a byte completes, NOTHING for others
    inside: Ids  # (symbols,) 1 if more bytes of a character must follow


@kernel
def add_masses(chains: WordChains, paths: Paths, count: int, totals: Floats) -> int:
    """Write the sums of all paths, (symbols,), and return the context length of the path with the largest mass."""
    totals[:] = 0
    largest, length = -1.0, 0
    for i in range(count):
        mass = paths.masses[i].sum()
        totals += paths.masses[i]
        if mass > largest:
            largest = mass
            length = 0
            if paths.fields[i, MODE] == KNOWN:
                length = 1 + chains.contexts[paths.contexts[i, 0]].length
                for k in range(1, len(chains.chains)):
                    length = min(length, 1 + chains.contexts[paths.contexts[i, k]].length)
    return length


@inner
def find_child(words: Words, node: int, symbol: int) -> int:
    """Return the node that is one symbol longer, or MISSING."""
    if node == START:
        return symbol
    if node > START:
        for child in range(words.nodes[node].child, words.nodes[node + 1].child):
            if words.nodes[child].symbol == symbol:
                return child
    return MISSING


@inner
def complete_character(fields: Ints, character: int) -> bool:
    """Add a character whose last byte was read to a spelling; return whether the path is still canonical."""
    if fields[COUNT] > 0:
        canonical = joins(fields[LAST], character)
    else:  # at the start of a piece, the separators must agree
        is_implied = fields[IMPLIED] == 1
        canonical = implies(fields[LEFT], character) == is_implied
        canonical &= is_implied or not joins(fields[LEFT], character)
        if fields[SEPARATOR] != NO_SEPARATOR:
            canonical &= implies(fields[BEFORE], character) != fields[SEPARATOR]
            canonical &= fields[SEPARATOR] != NONE or not joins(fields[BEFORE], character)
    fields[LAST], fields[COUNT], fields[PLACE] = character, min(fields[COUNT] + 1, 2), MISSING
    return canonical


@inner
def read_symbol(words: Words, fields: Ints, symbol: int, character: int) -> bool:
    """Add a symbol to the text of a path; return whether the path is still canonical.

    `character` is the one that a byte completes, NOTHING if there is none.
    """
    place = fields[PLACE]
    if symbol == 0:
        if fields[MODE] == KNOWN:  # the first byte of a spelling
            fields[MODE], fields[PLACE], fields[LAST], fields[COUNT] = SPELLING, MISSING, NOTHING, 0
            fields[IMPLIED] = place == SPACE
        fields[TOKEN] = words.byte
        return character == NOTHING or complete_character(fields, character)
    if fields[MODE] == SPELLING:
        fields[TOKEN], fields[PLACE] = words.nodes[symbol].low, find_child(words, place, symbol)
        fields[LAST], fields[COUNT] = words.characters[symbol], 2
    elif place == START:
        fields[IMPLIED], fields[PLACE] = 0, symbol
        if symbol == words.space and fields[LEFT] & CLOSES:
            fields[PLACE] = SPACE
    elif place == SPACE and words.characters[symbol] & OPENS:
        fields[IMPLIED], fields[PLACE] = 1, symbol
    else:
        fields[PLACE] = find_child(words, words.space if place == SPACE else place, symbol)
    return True


@inner
def continue_paths(
    chains: WordChains, words: Words, old: Paths, count: int, symbol: int, character: int, new: Paths, canonical: bool
) -> int:
    """Write the paths that continue with a symbol, or of them the canonical ones; return their number."""
    total, kept, i = 0.0, 0, 0
    for path in range(count):
        total += old.masses[path, symbol]
    while i < count and kept < len(new.weights):
        mass = old.masses[i, symbol]
        if mass / total > 0 and old.fields[i, MODE] == UNREAD:
            # an unlikely path was not expanded before, but now it is needed
            if count < len(old.weights):
                first = count
                copy_path(old, i, old, first, 1.0)
                count = expand(chains, words, old, first, first + 1, False)
                scale = mass / max(old.masses[first:count, symbol].sum(), TINY)
                for path in range(first, count):
                    old.weights[path] *= scale
                    old.masses[path, symbol] *= scale
        elif mass / total > 0:
            copy_path(old, i, new, kept, old.weights[i] / total)
            is_canonical = read_symbol(words, new.fields[kept], symbol, character)
            if new.fields[kept, MODE] == SPELLING:
                new.weights[kept] = mass / total
            kept += is_canonical or not canonical
        i += 1
    return kept


@inner
def start_path(chains: WordChains, paths: Paths) -> None:
    """Write the path before the first character to the first row."""
    fields = paths.fields[0]
    paths.weights[0] = 1
    fields[:] = 0
    fields[MODE], fields[PLACE], fields[LEFT], fields[BEFORE] = KNOWN, START, NOTHING, NOTHING
    fields[SEPARATOR], fields[TOKEN] = NO_SEPARATOR, MISSING
    for k in range(len(chains.chains)):
        paths.contexts[0, k] = chains.chains[k].start


@kernel
def start_paths(chains: WordChains, words: Words, paths: Paths) -> int:
    """Write the paths before the first character; return their number."""
    start_path(chains, paths)
    return expand(chains, words, paths, 0, 1, False)


@kernel
def read_next(
    chains: WordChains, words: Words, old: Paths, count: int, symbol: int, character: int, inside: bool, new: Paths
) -> int:
    """Write the paths after one more symbol, with their masses; return their number.

    Keeps canonical paths; if there are none, any path, or else starts anew.
    """
    kept = continue_paths(chains, words, old, count, symbol, character, new, True)
    if kept == 0:
        kept = continue_paths(chains, words, old, count, symbol, character, new, False)
    if kept == 0:
        start_path(chains, new)
        read_symbol(words, new.fields[0], symbol, character)
        kept = 1
    return expand(chains, words, new, 0, kept, inside)


@inner
def log_share(mass: float, total: float, size: int) -> float:
    """Return the log-probability of a symbol, of which some probability belongs to what no path leads to."""
    tiny = TINY  # avoids a division by zero
    share = (mass + tiny) / (total + size * tiny) * (1 - MIN_PROBABILITY) + MIN_PROBABILITY / size
    return float(np.log(share))


@kernel
def fill_log_probs(chains: WordChains, paths: Paths, count: int, log_probs: Floats) -> None:
    """Write the log-probabilities of all bytes and letters, (bytes and letters,)."""
    letters = log_probs[BYTES - 1 :]  # the first place is for the bytes together
    add_masses(chains, paths, count, letters)
    total, size = letters.sum(), len(log_probs)
    log_probs[:BYTES] = letters[0] / BYTES
    for token in range(size):
        log_probs[token] = log_share(log_probs[token], total, size)


@kernel
def score_text(
    chains: WordChains,
    words: Words,
    old: Paths,
    count: int,
    new: Paths,
    symbols: Symbols,
    totals: Floats,
    scores: CharacterScores,
) -> int:
    """Write the scores before every symbol of a text; return the number of paths.

    After an even number of symbols, the paths are in `old`, else in `new`. `totals` is memory to use, (symbols,).
    """
    size = len(totals) - 1 + BYTES
    for position in range(len(symbols.numbers)):
        scores.context_lengths[position] = add_masses(chains, old, count, totals)
        total, symbol = totals.sum(), symbols.numbers[position]

        # all bytes are equally probable
        totals[0] /= BYTES
        peak = 0.0
        for mass in totals:
            peak = max(peak, mass)
        scores.log_probs[position] = log_share(totals[symbol], total, size)
        scores.peaks[position] = log_share(peak, total, size)

        character, inside = symbols.characters[position], symbols.inside[position] == 1
        count = read_next(chains, words, old, count, symbol, character, inside, new)
        old, new = new, old
    return count
