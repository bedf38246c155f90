"""The public functions that tell authors apart, in the words of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from genbench.analysis import attribution as style
from genbench.analysis.style_judge import stylist
from genbench.api import SILENT, corpus
from genbench.corpus import Corpus
from genbench.corpus.subsample import shortened
from genbench.errors import UserError
from genbench.experiments import plan
from genbench.experiments.job import trained
from genbench.experiments.progress import Watcher
from genbench.generator import Generator
from genbench.storage import models

CHAIN = "markov-char"


@dataclass(frozen=True)
class Trained:
    """A model for each author, all of one kind and trained on as much text."""

    texts: list[Corpus]
    models: list[Generator]
    seconds: float  # of training in all

    @property
    def names(self) -> list[str]:
        """The authors."""
        return [text.author for text in self.texts]


def authors(
    names: Sequence[str | Corpus],
    generator: str = CHAIN,
    *,
    characters: int | None = None,
    lengths: Sequence[int] = style.LENGTHS,
    passages: int = style.PASSAGES,
    held_out: Sequence[str] = (),
    judge: bool = False,
    lines: str = "join",
    fresh: bool = False,
    watcher: Watcher = SILENT,
    **limits: Any,
) -> dict[str, Any]:
    """How well models of several authors tell them apart, as JSON values.

    `bits` is bits per character of each author's test text, a row each, under each author's model, a column each;
    `distances` what the other's model costs more; `attribution` for each length how many test passages went to their
    author; `judge`, where it is asked for, how far the judges of `compare --style` can be trusted. All models are
    trained on `characters` of text, or as many as the author with the least has. `held_out` are books, by words of
    their titles: such a book alone is its author's test text. `limits` are budget, steps, seed and device as `train`
    has them. Raises UserError for fewer than two authors and for what cannot be had.
    """
    for length in (*lengths, passages):
        if length < 1:
            raise UserError(f"passages and their lengths must be 1 or more, and {length} is asked for")
    texts, who = _texts(names, lines, held_out, watcher), None
    if judge:
        texts, who = stylist(texts, limits.get("seed", 0), watcher.told)
    made = models_of(texts, generator, characters, fresh, watcher, **limits)
    tests = [text.test for text in made.texts]
    bits = style.matrix(made.models, tests, watcher.working("scoring test texts"))
    found = []
    for length in sorted(set(lengths)):
        cut = style.Passages.of(tests, length, passages)
        given = style.bits_of(made.models, cut.texts, watcher.working(f"attributing {length} characters")).argmin(
            axis=1
        )
        found.append({"length": length} | style.accuracy(given, cut.authors, made.names))
    return {
        "generator": generator,
        "authors": {text.author: text.describe() for text in made.texts},
        "train_seconds": made.seconds,
        "bits": bits.tolist(),
        "distances": style.distances(bits).tolist(),
        "whole_right": int((bits.argmin(axis=1) == np.arange(len(bits))).sum()),
        "attribution": found,
        "judge": None if who is None else who.trust(),
    }


def attribute(
    text: str,
    among: Sequence[str | Corpus],
    generator: str = CHAIN,
    *,
    characters: int | None = None,
    lines: str = "join",
    watcher: Watcher = SILENT,
    **limits: Any,
) -> dict[str, Any]:
    """Who of several wrote a text, as JSON values: the bits for each under their model, fewest first.

    The models are trained as those of `authors` are. Raises UserError for fewer than two authors and an empty text.
    """
    if not text:
        raise UserError("there is no text to attribute; name a file with text in it")
    made = models_of(_texts(among, lines, (), watcher), generator, characters, False, watcher, **limits)
    return {"generator": generator} | style.verdict(made.models, made.names, text, watcher.working("scoring"))


def models_of(
    texts: list[Corpus], generator: str, characters: int | None, fresh: bool, watcher: Watcher, **limits: Any
) -> Trained:
    """A model for each, kept ones of the very same training taken unless `fresh`."""
    if len(texts) < 2:
        raise UserError("authors can be told apart where there are two or more; name another")
    if characters is not None and characters < 1:
        raise UserError(f"characters is {characters}, and must be 1 or more")
    plan.require_specs([generator])
    given = {name: value for name, value in limits.items() if value is not None}
    least = min(len(text.train) for text in texts)
    texts = [shortened(text, characters or least) for text in texts]
    jobs = plan.jobs(texts, [generator], plan.Training(**given), models=str(models.home()), fresh=fresh)
    made, seconds = [], 0.0
    for place, job in enumerate(jobs):
        model, said = trained(job, partial(watcher.watch, jobs, place))
        made.append(model)
        seconds += said["train_seconds"]
    return Trained(texts, made, seconds)


def _texts(names: Sequence[str | Corpus], lines: str, held_out: Sequence[str], watcher: Watcher) -> list[Corpus]:
    """The texts; of an author in whose titles a word of `held_out` stands, that book is the test text."""
    texts, left = [], set(held_out)
    for name in names:
        if isinstance(name, Corpus):
            texts.append(name)
            continue
        text = corpus(name, lines=lines, watcher=watcher)
        words = [word for word in held_out if any(word.lower() in title.lower() for title in text.books)]
        left -= set(words)
        texts.append(corpus(name, lines=lines, held_out=words, watcher=watcher) if words else text)
    if left:
        titles = "; ".join(title for text in texts for title in text.books)
        raise UserError(f"no author here has a book called {sorted(left)[0]!r}; the books are: {titles}")
    return texts
