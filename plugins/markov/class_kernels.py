"""The exchange algorithm for classes of words, compiled by numba; `class_model.py` calls it."""

from __future__ import annotations

from typing import NamedTuple

from genbench_plugins.markov.compiling import inner, kernel
from genbench_plugins.markov.suffix_tree import Floats, Ints


class Neighbors(NamedTuple):
    """The token bigrams of a stream, by their left token or by their right one."""

    starts: Ints  # (vocabulary + 1,) first bigram of every token
    others: Ints  # (bigrams,) the other token
    frequency: Ints  # (bigrams,)


class Classes(NamedTuple):
    """A clustering of tokens and its counts, changed in place, and memory to use.

    The criterion is the sum of N log N over class bigrams minus twice the sum over classes.
    """

    class_of: Ints  # (vocabulary,)
    bigrams: Ints  # (classes, classes) counts: rows are the left class, columns the right class
    sizes: Ints  # (classes,) number of tokens of the stream
    n_log_n: Floats  # (tokens + 2,) n log n, for n from 0
    after: Ints  # (classes,) memory: how often the classes follow a token
    before: Ints  # (classes,) memory: how often they precede it
    gain: Floats  # (classes,) memory: of the criterion, if the token joins a class


@kernel
def exchange(classes: Classes, tokens: Ints, counts: Ints, right: Neighbors, left: Neighbors) -> None:
    """Move each of the tokens to the class that increases the criterion most; none moves to the last class.

    `counts` is (vocabulary,); `right` has the tokens that follow every token, `left` those that precede it.
    """
    for token in tokens:
        # the neighbors by class, without the token itself, which follows itself `doubled` times
        doubled = count_by_class(right, classes.class_of, token, classes.after)
        count_by_class(left, classes.class_of, token, classes.before)
        add_token(classes, classes.class_of[token], counts[token], doubled, -1)

        # the first of the best classes
        fill_gain(classes, counts[token], doubled)
        best = int(classes.gain[:-1].argmax())
        classes.class_of[token] = best
        add_token(classes, best, counts[token], doubled, 1)


@inner
def count_by_class(neighbors: Neighbors, class_of: Ints, token: int, by_class: Ints) -> int:
    """Write how often tokens of each class are next to a token, (classes,); return how often it is next to itself."""
    by_class[:] = 0
    doubled = 0
    for place in range(neighbors.starts[token], neighbors.starts[token + 1]):
        if neighbors.others[place] == token:
            doubled += neighbors.frequency[place]
        else:
            by_class[class_of[neighbors.others[place]]] += neighbors.frequency[place]
    return doubled


@inner
def add_token(classes: Classes, own: int, count: int, doubled: int, sign: int) -> None:
    """Add the counts of a token to a class (sign 1), or subtract them (sign -1)."""
    for other in range(len(classes.sizes)):
        classes.bigrams[own, other] += sign * classes.after[other]
        classes.bigrams[other, own] += sign * classes.before[other]
    classes.bigrams[own, own] += sign * doubled
    classes.sizes[own] += sign * count


@inner
def fill_gain(classes: Classes, count: int, doubled: int) -> None:
    """Write how much the criterion increases if a token, which is in no class now, joins each class, (classes,)."""
    n_log_n, bigrams, gain = classes.n_log_n, classes.bigrams, classes.gain

    # minus twice the sum over classes; then bigrams of the class with itself
    for own in range(len(gain)):
        gain[own] = -2 * (n_log_n[classes.sizes[own] + count] - n_log_n[classes.sizes[own]])
        n = bigrams[own, own]
        gain[own] += n_log_n[n + classes.after[own] + classes.before[own] + doubled] - n_log_n[n]

    # bigrams with other classes: few are next to a token
    for other in range(len(gain)):
        after, before = classes.after[other], classes.before[other]
        if after:
            for own in range(len(gain)):
                n = bigrams[own, other]
                gain[own] += n_log_n[n + after] - n_log_n[n] if own != other else 0.0
        if before:
            for own in range(len(gain)):
                n = bigrams[other, own]
                gain[own] += n_log_n[n + before] - n_log_n[n] if own != other else 0.0
