"""The public functions that look at memory and inside the cell, in the words of the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genbench import capabilities, scoring
from genbench.analysis import gates as inside
from genbench.analysis import memory as measure
from genbench.analysis import minimal_pairs as pairs
from genbench.analysis import recall
from genbench.api import SILENT
from genbench.capabilities import LayerActivations, Probe
from genbench.corpus import Corpus
from genbench.errors import UserError
from genbench.experiments.progress import Watcher
from genbench.generator import Generator
from genbench.tokenization.tokenizer import Ids


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
        probe = capabilities.probe(generator)
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
    """What closing brackets and names that come again cost trained generators, by distance, as JSON values.

    They are those of the author's test text. Raises UserError where the text has none.
    """
    places = recall.places(corpus.test)
    found = {}
    for name, generator in generators.items():
        bits = scoring.score(generator, corpus.test, watcher.working(f"{name}: scoring")).character_bits
        found[name] = recall.table(bits, corpus.test, places)
    return {"author": corpus.author, "places": len(places), "generators": found}


def cells(generator: Generator, text: str, corpus: Corpus) -> dict[str, Any]:
    """What gates and memory of a recurrent network do over a text, as JSON values; one row a token, one value a unit.

    `saturation` and `tracking`, the units that go with quotation marks, line position and word length best, are those
    of the author's valid text. Raises UserError for a generator that is no single recurrent network.
    """
    require_cell(generator)
    require_text(text)
    probe = capabilities.probe(generator)
    assert probe is not None
    layers, pieces, _ = _read(probe, generator, text)
    about = corpus.valid[: inside.READ]
    watched, _, ends = _read(probe, generator, about)
    return {
        "author": corpus.author,
        "pieces": pieces,
        "layers": [
            {
                "memory": layer.memory.round(4).tolist(),
                "gates": {n: g.round(4).tolist() for n, g in layer.gates.items()},
            }
            for layer in layers
        ],
        "saturation": inside.saturation(watched),
        "tracking": inside.tracking(watched, about, ends),
    }


def require_cell(generator: Generator) -> None:
    """Refuse a generator, trained or not, that nobody can look into."""
    if not capabilities.has_probe(type(generator)):
        raise UserError("this generator has no cell to look into; take a recurrent network such as lstm-char")


def require_text(text: str) -> None:
    """Refuse an empty text."""
    if not text:
        raise UserError("there is no text to read; give some in quotation marks")


def units(words: Sequence[str], found: Mapping[str, Any]) -> list[tuple[int, int]]:
    """LayerActivations and number of the units that are asked for as N or LAYER:N; UserError for one that is not there."""
    sizes = [len(layer["memory"][0]) for layer in found["layers"]]
    chosen = []
    for word in words:
        layer, _, unit = word.rpartition(":")
        if not unit.isdecimal() or not (layer or "1").isdecimal() or not 1 <= int(layer or 1) <= len(sizes):
            raise UserError(f"unit is {word!r}, and must be N or LAYER:N, with a layer from 1 to {len(sizes)}")
        if int(unit) >= sizes[int(layer or 1) - 1]:
            raise UserError(f"unit is {word!r}, and its layer has the units 0 to {sizes[int(layer or 1) - 1] - 1}")
        chosen.append((int(layer or 1), int(unit)))
    return chosen


def _read(probe: Probe, generator: Generator, text: str) -> tuple[Sequence[LayerActivations], list[str], Ids]:
    ids, ends = generator.tokenizer.spans(text)
    return probe.layers(ids), inside.pieces(text, ends), ends
