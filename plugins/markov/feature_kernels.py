"""The loop that finds the features of contexts in `char_word.py`, compiled by numba."""

from __future__ import annotations

from genbench_plugins.markov.compiling import kernel
from genbench_plugins.markov.fitted_smoothing import OCCURRENCE_BINS, TYPE_BINS
from genbench_plugins.markov.kernels import find_bin
from genbench_plugins.markov.suffix_tree import Floats, Ints

MAX_LENGTH = 15  # characters of context; longer contexts are clipped
WORD_LENGTHS = 5  # context lengths of the word chain, 0 to 4 tokens; longer contexts are clipped
CERTAINTY_BINS = 8  # bins of the probability of the most likely character
WIDTHS = (  # number of values of the features, which are pairs of binned values
    (MAX_LENGTH + 1) * WORD_LENGTHS,
    len(TYPE_BINS) * WORD_LENGTHS,
    len(OCCURRENCE_BINS) * WORD_LENGTHS,
    CERTAINTY_BINS * WORD_LENGTHS,
    (MAX_LENGTH + 1) * CERTAINTY_BINS,
)


@kernel
def fill_features(lengths: Ints, types: Ints, occurrences: Ints, word_lengths: Ints, peaks: Floats, rows: Ints) -> None:
    """Write the features of n contexts, (n, features), as `char_word.features` describes them."""
    for place in range(len(rows)):
        # clip and bin the values
        length, word_length = min(lengths[place], MAX_LENGTH), min(word_lengths[place], WORD_LENGTHS - 1)
        certainty = min(max(int(-peaks[place] * CERTAINTY_BINS / 4), 0), CERTAINTY_BINS - 1)

        # combine them to pairs, and add the first index of every feature
        rows[place, 0] = length * WORD_LENGTHS + word_length
        rows[place, 1] = find_bin(types[place], TYPE_BINS) * WORD_LENGTHS + word_length
        rows[place, 2] = find_bin(occurrences[place], OCCURRENCE_BINS) * WORD_LENGTHS + word_length
        rows[place, 3] = certainty * WORD_LENGTHS + word_length
        rows[place, 4] = length * CERTAINTY_BINS + certainty
        first = 0
        for feature in range(len(WIDTHS)):
            rows[place, feature] += first
            first += WIDTHS[feature]
