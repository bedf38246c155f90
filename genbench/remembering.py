"""The public functions that look at memory and inside the cell, in the words of the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genbench import scoring
from genbench.api import SILENT
from genbench.bench.watcher import Watcher
from genbench.generator import Generator
from genbench.measure import memory as measure
from genbench.measure import pairs, recall
from genbench.text import Corpus


def memory(
    generators: Mapping[str, Generator],
    corpus: Corpus,
    *,
    longest: int = measure.LONGEST,
    targets: int = measure.TARGETS,
    scales: Sequence[float] = measure.SCALES,
    minimal_pairs: Sequence[pairs.Pair] = (pairs.LECTURE,),
    watcher: Watcher = SILENT,
) -> dict[str, Any]:
    """What memory buys trained generators, by name, on an author's test text, as JSON values.

    Of each: `curve`, bits per character of the same target words with the context cut to 1, 2, 4 ... `longest`
    characters; `pairs`, what a far word does to what depends on it; `gradients` against lag, where there is a network.
    Raises UserError where the test text is too short.
    """
    spans = measure.targets(corpus.test, longest, targets)
    found = {}
    for name, generator in generators.items():
        probe = generator.probe()
        ids = generator.tokenizer.encode(corpus.valid[: measure.READ])
        found[name] = {
            "curve": measure.curve(generator, corpus.test, spans, longest, watcher.working(f"{name}: contexts")),
            "pairs": [pairs.pull(generator, pair) for pair in minimal_pairs],
            "gradients": None if probe is None else measure.gradients(probe, ids, scales=scales),
        }
    characters = sum(end - start for start, end in spans)
    return {"author": corpus.author, "targets": len(spans), "characters": characters, "generators": found}


def require(corpus: Corpus, distances: bool, longest: int, targets: int) -> None:
    """Refuse, before anything is trained, a test text that has not what would be asked for. Raises UserError."""
    if distances:
        recall.places(corpus.test)
    else:
        measure.targets(corpus.test, longest, targets)


def distances(generators: Mapping[str, Generator], corpus: Corpus, *, watcher: Watcher = SILENT) -> dict[str, Any]:
    """What closing brackets and names that come again cost trained generators on a test text, by distance, as JSON values.

    Raises UserError where the text has none.
    """
    places = recall.places(corpus.test)
    found = {}
    for name, generator in generators.items():
        watcher.told(f"{name}: scoring")
        bits = scoring.score(generator, corpus.test).character_bits
        found[name] = recall.table(bits, corpus.test, places)
    return {"author": corpus.author, "places": len(places), "generators": found}
