"""Paths: the ways to split a text so far into the tokens of `WordChains`, and the masses of the next symbols.

The algorithm is that of `genbench.charlevel.adapter`, whose docstring has an example; `reading_kernels.py` reads texts.
"""

from __future__ import annotations

from typing import NamedTuple

from genbench_plugins.markov.characters import CLOSES, NOTHING, OPENS, implies, is_white, joins
from genbench_plugins.markov.compiling import inner
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints
from genbench_plugins.markov.sum_kernels import fill_rows, fill_sums, follow_token
from genbench_plugins.markov.word_chains import FIRST, SPELLED, WordChains, Words

from genbench.charlevel.paths import MIN_EXPANDED_SHARE

# columns of Paths.fields
MODE = 0  # one of the modes below
PLACE = 1  # the node of the text since the last complete token, MISSING for one that no known word starts with
LEFT = 2  # the last character of that token; NOTHING if no separator is implied after it
BEFORE = 3  # after an explicit separator, the character before it
SEPARATOR = 4  # one of the separators below: the token before, if it is an explicit one
TOKEN = 5  # the row of a token that the state has not read yet; MISSING
LAST = 6  # of a spelling: the last character
COUNT = 7  # of a spelling: the number of characters, 2 for more
IMPLIED = 8  # 1 if an implied space was read before the text of the node
FIELDS = 9

UNREAD, KNOWN, SPELLING = range(3)  # modes: an unlikely path that is not expanded; in a known word; in a spelling
START, SPACE = 0, -2  # places: nothing read; a space read that may be the implied one
NO_SEPARATOR, NONE, ONE_SPACE, OTHER = range(-1, 3)  # separators


class Paths(NamedTuple):
    """The paths that agree with the text so far, in the first rows."""

    weights: Floats  # (paths,) probabilities
    masses: Floats  # (paths, symbols) probability of each next symbol: any byte, then the letters
    fields: Ints  # (paths, FIELDS)
    contexts: Ints  # (paths, chains) the states of the chains


@inner
def copy_row(source: Ints, target: Ints) -> None:
    """Copy the elements of an array."""
    for place in range(len(source)):
        target[place] = source[place]


@inner
def copy_path(source: Paths, i: int, target: Paths, j: int, weight: float) -> None:
    """Copy a path with another weight."""
    target.weights[j] = weight
    copy_row(source.fields[i], target.fields[j])
    copy_row(source.contexts[i], target.contexts[j])


@inner
def read_token(chains: WordChains, paths: Paths, i: int) -> None:
    """Advance the states of a path by the token that it has not read yet."""
    token = paths.fields[i, TOKEN]
    if token != MISSING:
        for k in range(len(chains.chains)):
            paths.contexts[i, k] = follow_token(chains, k, paths.contexts[i, k], token)
        paths.fields[i, TOKEN] = MISSING


@inner
def first_longer(words: Words, node: int) -> int:
    """Return the row after those whose text is that of a node."""
    child = words.nodes[node].child
    return int(words.nodes[child].low if child < words.nodes[node + 1].child else words.nodes[node].high)


@inner
def known_row(words: Words, node: int) -> int:
    """Return the row of the known word that is the text of a node, or MISSING."""
    if node <= START:
        return MISSING
    row = words.nodes[node].low + (node < len(words.characters))  # the first row of a letter's node is the letter
    return row if row < first_longer(words, node) else MISSING


@inner
def may_start(fields: Ints, character: int) -> bool:
    """Return whether a character may start a piece after a path (`charlevel.paths.start_mask`)."""
    before = fields[BEFORE] if fields[SEPARATOR] == NONE else fields[LEFT]
    if joins(before, character):
        return False
    return bool(fields[SEPARATOR] == NO_SEPARATOR or implies(fields[BEFORE], character) != fields[SEPARATOR])


@inner
def end_piece(paths: Paths, i: int, count: int, weight: float, token: int, last: int, is_space: bool) -> int:
    """Append the path on which the piece of a path ends with a token and a character; return the number of paths."""
    if count == len(paths.weights):
        return count
    copy_path(paths, i, paths, count, weight)
    fields, left = paths.fields[count], paths.fields[i, LEFT]
    fields[MODE], fields[PLACE], fields[TOKEN], fields[LEFT] = UNREAD, START, token, last
    fields[BEFORE], fields[SEPARATOR] = NOTHING, NO_SEPARATOR
    if is_white(last):
        fields[BEFORE], fields[SEPARATOR] = left, ONE_SPACE if is_space else OTHER
    return count + 1


# Masses of the next symbols


@inner
def fill_uniform(words: Words, paths: Paths, i: int) -> None:
    """Write equal masses for the symbols that may start a piece; the bytes count as one."""
    mass, total = paths.masses[i], 1.0
    mass[0] = 1
    for symbol in range(1, len(mass)):
        if may_start(paths.fields[i], words.characters[symbol]):
            mass[symbol] = 1
            total += 1
    mass *= paths.weights[i] / total


@inner
def expand_spelling(chains: WordChains, words: Words, paths: Paths, i: int, count: int, inside: bool) -> int:
    """Write the masses of a path that spells, and append the one on which the piece ends; `inside` a character."""
    fill_sums(chains, SPELLED, paths.contexts[i])
    mass, fields, weight, sums = paths.masses[i], paths.fields[i], paths.weights[i], chains.sums
    mass[0] = weight * sums[0]
    if inside:  # only bytes
        return count

    # the next letter must belong to the same piece
    for symbol in range(1, len(mass)):
        if joins(fields[LAST], words.characters[symbol]):
            mass[symbol] = weight * sums[symbol]
    if known_row(words, fields[PLACE]) != MISSING:  # a known word is never spelled
        return count
    is_space = fields[COUNT] == 1 and fields[LAST] == words.characters[words.space]
    return end_piece(paths, i, count, weight * sums[-1], words.end, fields[LAST], is_space)


@inner
def expand_start(chains: WordChains, words: Words, paths: Paths, i: int, count: int) -> int:
    """Write the masses of a path at the start of a piece, and append the one with "no separator here"."""
    fill_sums(chains, FIRST, paths.contexts[i])
    mass, fields, weight, sums = paths.masses[i], paths.fields[i], paths.weights[i], chains.sums
    is_implied, after_space = fields[LEFT] & CLOSES != 0, sums[0]
    mass[0] = weight * sums[0]
    for symbol in range(1, len(mass)):
        character = words.characters[symbol]
        if is_implied and character & OPENS:
            after_space += sums[symbol]
        elif may_start(fields, character):
            mass[symbol] = weight * sums[symbol]
    if not is_implied:
        return count

    # words after the implied space; the token NONE may replace it
    if may_start(fields, words.characters[words.space]):
        mass[words.space] += weight * after_space
    stop = end_piece(paths, i, count, weight * sums[-1], words.none, NOTHING, False)
    if stop > count:
        paths.fields[count, BEFORE], paths.fields[count, SEPARATOR] = fields[LEFT], NONE
    return stop


@inner
def expand_known(chains: WordChains, words: Words, paths: Paths, i: int, count: int) -> int:
    """Write the masses of a path in a known word, and append those on which the word ends or was a first letter."""
    fields, mass, weight = paths.fields[i], paths.masses[i], paths.weights[i]
    node = fields[PLACE]
    if node == SPACE:  # the implied space before a word, or white space
        node = words.space
        fill_sums(chains, FIRST, paths.contexts[i])
        for symbol in range(len(mass)):
            if symbol == 0 or words.characters[symbol] & OPENS:
                mass[symbol] = weight * chains.sums[symbol]
    if node == MISSING:
        return count

    # the words that continue with each symbol are a range of rows
    low = words.nodes[node].low
    fill_rows(chains, paths.contexts[i], low, words.nodes[node].high)
    for child in range(words.nodes[node].child, words.nodes[node + 1].child):
        total = 0.0
        for row in range(words.nodes[child].low, words.nodes[child].high):
            total += chains.rows[row - low]
        mass[words.nodes[child].symbol] += weight * total

    # the tokens whose text is exactly the text that was read
    last = words.characters[words.nodes[node].symbol]
    for row in range(low, first_longer(words, node)):
        share = weight * chains.rows[row - low]
        if row > low or node >= len(words.characters):
            count = end_piece(paths, i, count, share, row, last, node == words.space)
        elif count < len(paths.weights):  # the first letter of a spelling
            copy_path(paths, i, paths, count, share)
            spelling = paths.fields[count]
            spelling[MODE], spelling[PLACE], spelling[TOKEN] = SPELLING, node, row
            spelling[LAST], spelling[COUNT] = last, 1
            count += 1
    return count


@inner
def expand(chains: WordChains, words: Words, paths: Paths, first: int, count: int, inside: bool) -> int:
    """Write the masses of the paths from `first` on, append those on which pieces end, and return the number of all.

    An unlikely path is not expanded: the next symbol is uniform. `inside` a character, only bytes follow.
    """
    i = first
    while i < count:
        fields = paths.fields[i]
        paths.masses[i] = 0
        if fields[MODE] == UNREAD and paths.weights[i] >= MIN_EXPANDED_SHARE:
            fields[MODE] = KNOWN
        if fields[MODE] == UNREAD:
            fill_uniform(words, paths, i)
        else:
            read_token(chains, paths, i)
            if fields[MODE] == SPELLING:
                count = expand_spelling(chains, words, paths, i, count, inside)
            elif fields[PLACE] == START:
                count = expand_start(chains, words, paths, i, count)
            else:
                count = expand_known(chains, words, paths, i, count)
        i += 1
    return count
