"""What the samples of a row copy and repeat, beside held-out text of the author; the kinds of place of the test text.

The training text is indexed once for all rows of an author, and not in each worker; never while jobs are timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from genbench.analysis.novelty import Known, stretches
from genbench.analysis.strata import places
from genbench.corpus import Corpus
from genbench.experiments.job import Row


@dataclass
class Judge:
    """One author's texts, to hold samples against."""

    corpus: Corpus
    _human: dict[int, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def known(self) -> Known:
        """The training text, indexed."""
        return Known(self.corpus.train, self.corpus.begins)

    def places(self, ways: Sequence[str]) -> dict[str, Any]:
        """The kinds of place of the test text, split in each of these ways, as a job takes them."""
        return {by: places(by, self.known, self.corpus.test).pack() for by in ways}

    def judged(self, row: Row) -> Row:
        """The row with the figures of each sample, and for each temperature those of all its samples together."""
        samples = [sample | self.known.about(self.known.find(sample["text"])) for sample in row["samples"]]
        novelty = []
        for temperature in dict.fromkeys(sample["temperature"] for sample in samples):
            texts = [sample["text"] for sample in samples if sample["temperature"] == temperature]
            novelty.append({"temperature": temperature} | self.known.over_all(texts))
        return row | {"samples": samples, "novelty": novelty}

    def human(self, length: int) -> dict[str, Any]:
        """The same figures of stretches of held-out text (the valid part) of this length, in characters."""
        if length not in self._human:
            self._human[length] = self.known.over_all(stretches(self.corpus.valid, length))
        return self._human[length]
