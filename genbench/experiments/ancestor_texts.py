"""Whether the test text of a row stands in what an ancestor of its model learned: a model that was fine-tuned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genbench.analysis.shared_passages import WARNING_SHARE
from genbench.experiments.row import Row
from genbench.model import Model
from genbench.sampling.overlap import OverlapDetector, TrainingWords

RUN = 8  # words: as long as the passages of `analysis.shared_passages`
APART = "fine-tuned rows are ranked apart and take part in no verdict"


def add_ancestors(row: Row, model: Model, train: str, test: str) -> Row:
    """Return the row with the ancestors of its model, and notes on what they mean for its figures.

    `train` is the training text of the row, which is not that of an ancestor.
    """
    if model.card is None or not model.card.ancestors:
        return row
    notes = [*row.notes, APART]
    if model.training_words is None:
        notes.append("whether the test text stands in the text of an ancestor is not known: its words were not stored")
    elif (share := earlier_share(model.training_words, len(train.split()), test)) > WARNING_SHARE:
        titles = "; ".join(title for ancestor in model.card.ancestors for title in ancestor.books)
        notes.append(
            f"{100 * share:.0f} % of the test text stands in the text of an ancestor ({titles}), in runs of {RUN} "
            "words and more: its bits are too low for new text"
        )
    return replace(row, ancestors=model.card.ancestors, notes=notes)


def earlier_share(words: TrainingWords, own: int, test: str) -> float:
    """Return the share of a test text's words in runs that the training words have before their last `own` ones.

    >>> known = TrainingWords.from_text("a b c d e f g h i and then his own text")
    >>> earlier_share(known, own=5, test="x a b c d e f g h y"), earlier_share(known, own=10, test="a b c d e f g h")
    (0.8, 0.0)
    """
    earlier = TrainingWords(words.hashes, words.numbers[: max(len(words.numbers) - own, 0)], words.characters)
    detector, covered = OverlapDetector(earlier, RUN - 1), np.zeros(len(test.split()), bool)
    for place, word in enumerate(test.split()):
        if detector.read(f"{word} ") is not None:
            covered[place + 1 - RUN : place + 1] = True
    return float(covered.mean()) if len(covered) else 0.0
