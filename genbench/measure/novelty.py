"""What is new in a drawn text, and what is copied."""

from __future__ import annotations


def longest_copy(text: str, train: str) -> int:
    """Characters of the longest run of a text that stands in the training text as it is.

    Each character of the text begins or lengthens a run once, so that there are at most twice as many searches as
    characters: 0.2 seconds for 300 of them in 1.6 million.

    >>> longest_copy("A cat sat.", "The cat sat on the mat.")
    8
    """
    longest = 0
    for start in range(len(text)):
        while start + longest < len(text) and text[start : start + longest + 1] in train:
            longest += 1
    return longest
