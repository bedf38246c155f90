"""Gates and memory of a recurrent network: saturation of the gates, and units that track a property of the text.

Source: Karpathy, Johnson & Li 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import regex

from genbench import capabilities
from genbench.analysis.intervals import Floats
from genbench.capabilities import LayerActivations, Probe
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus
from genbench.errors import UserError
from genbench.generator import Generator
from genbench.model import Model
from genbench.storage.records import JsonRecord
from genbench.tokenization.segmentation import WORD_CHARACTERS
from genbench.tokenization.tokenizer import Ids

CLOSED, OPEN = 0.1, 0.9  # a gate below 0.1 is closed, one above 0.9 is open
TRACKING_CHARACTERS = 10_000  # of validation text, on which units are compared with features
WORD = regex.compile(rf"[{WORD_CHARACTERS}]+")


@dataclass(frozen=True)
class LayerValues:
    """Memory and gates of one layer after every token, (tokens, units) each, rounded."""

    memory: list[list[float]]
    gates: dict[str, list[list[float]]]  # by name


@dataclass(frozen=True)
class Saturation:
    """The shares of a gate's values, over tokens and units, below 0.1 and above 0.9."""

    closed: float
    open: float


@dataclass(frozen=True)
class TrackedFeature:
    """A property of the text, and the unit whose memory has the strongest correlation with it."""

    feature: str
    layer: int  # from 1
    unit: int | None  # from 0; None if the property does not vary in the text
    correlation: float | None  # on the second half of the text; the unit was chosen on the first half
    chance: float | None  # the same with the property shifted by a third of the text: a baseline


@dataclass(frozen=True)
class GateReport(JsonRecord):
    """Gates and memory of a recurrent network over a text."""

    author: str
    pieces: list[str]  # of the text, one for each token
    layers: list[LayerValues]
    saturation: list[dict[str, Saturation]]  # of each layer, by gate, on validation text
    tracking: list[TrackedFeature]  # on validation text


def gates(model: Model, corpus: str | Path | Corpus, text: str) -> GateReport:
    """Return the gates and the memory of a recurrent network after each token of a text, with their statistics.

    Saturation and tracked features are measured on the author's validation text. Raises UserError for a model that is
    not a single recurrent network, and for an empty text.
    """
    require_probe(model.generator)
    require_text(text)
    corpus = load_corpus(corpus)
    probe = capabilities.probe(model.generator)
    assert probe is not None

    # read the text itself, then the beginning of the validation text
    layers, ends = _read(probe, model.generator, text)
    valid = corpus.valid[:TRACKING_CHARACTERS]
    valid_layers, valid_ends = _read(probe, model.generator, valid)
    return GateReport(
        corpus.author,
        token_pieces(text, ends),
        [
            LayerValues(
                layer.memory.round(4).tolist(), {name: gate.round(4).tolist() for name, gate in layer.gates.items()}
            )
            for layer in layers
        ],
        gate_saturation(valid_layers),
        track_features(valid_layers, valid, valid_ends),
    )


def _read(probe: Probe, generator: Generator, text: str) -> tuple[Sequence[LayerActivations], Ids]:
    ids, ends = generator.tokenizer.encode_with_ends(text)
    return probe.layers(ids), ends


def require_probe(generator: Generator) -> None:
    """Raise UserError for a generator, trained or not, that is not a recurrent network."""
    if not capabilities.has_probe(type(generator)):
        raise UserError("this generator has no gates; choose a recurrent network such as lstm-char")


def require_text(text: str) -> None:
    """Raise UserError for an empty text."""
    if not text:
        raise UserError("there is no text to read; give some in quotation marks")


def select_units(names: Sequence[str], report: GateReport) -> list[tuple[int, int]]:
    """Return (layer, unit) of each unit named N or LAYER:N; layers count from 1. Raises UserError for others."""
    sizes = [len(layer.memory[0]) for layer in report.layers]
    selected = []
    for name in names:
        # without a layer, the first one
        layer, _, unit = name.rpartition(":")
        if not unit.isdecimal() or not (layer or "1").isdecimal() or not 1 <= int(layer or 1) <= len(sizes):
            raise UserError(f"unit is {name!r}, but must be N or LAYER:N, with a layer from 1 to {len(sizes)}")
        if int(unit) >= sizes[int(layer or 1) - 1]:
            raise UserError(f"unit is {name!r}, and its layer has the units 0 to {sizes[int(layer or 1) - 1] - 1}")
        selected.append((int(layer or 1), int(unit)))
    return selected


# Properties of a text: functions that return one value for each character


def inside_quotation(text: str) -> Floats:
    r"""Return 1 from an opening quotation mark to the closing one, else 0; a blank line ends a quotation.

    >>> inside_quotation('a "b" c').tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    >>> inside_quotation('"a\n\nb').tolist()
    [1.0, 1.0, 1.0, 0.0, 0.0]
    """
    values, inside = np.zeros(len(text)), False
    for position, character in enumerate(text):
        # a straight mark opens and closes; a curly one does one of them
        if character in '"\u201c\u201d':
            inside = not inside if character == '"' else character == "\u201c"
        elif text.startswith("\n", position) and text[:position].endswith("\n"):
            inside = False
        values[position] = inside
    return values


def line_position(text: str) -> Floats:
    r"""Return the position of each character in its line, from 1; 0 for a newline.

    >>> line_position("ab\ncd").tolist()
    [1.0, 2.0, 0.0, 1.0, 2.0]
    """
    # the distance from the last newline, or from the start of the text
    positions = np.arange(len(text))
    is_newline = np.array([character == "\n" for character in text], dtype=bool)
    last_newline = np.maximum.accumulate(np.where(is_newline, positions, -1))
    return np.asarray(positions - last_newline, dtype=np.float64)


def word_position(text: str) -> Floats:
    """Return the position of each character in its word, from 1; 0 between words.

    >>> word_position("I am").tolist()
    [1.0, 0.0, 1.0, 2.0]
    """
    values = np.zeros(len(text))
    for word in WORD.finditer(text):
        values[word.start() : word.end()] = np.arange(1, word.end() - word.start() + 1)
    return values


FEATURES: dict[str, Callable[[str], Floats]] = {
    "quotation marks": inside_quotation,
    "line position": line_position,
    "word length": word_position,
}


# Statistics of activations


def gate_saturation(layers: Sequence[LayerActivations]) -> list[dict[str, Saturation]]:
    """Return for each layer and gate the shares of values below 0.1 and above 0.9, over all tokens and units."""
    return [
        {
            name: Saturation(float((gate < CLOSED).mean()), float((gate > OPEN).mean()))
            for name, gate in layer.gates.items()
        }
        for layer in layers
    ]


def track_features(layers: Sequence[LayerActivations], text: str, ends: Ids) -> list[TrackedFeature]:
    """Return for each feature the unit whose memory has the strongest correlation with it.

    `ends` is the number of characters read after each token, (tokens,).
    """
    memory = np.concatenate([layer.memory for layer in layers], axis=1)  # (tokens, units)
    widths = [layer.memory.shape[1] for layer in layers]
    has_text = ends > 0
    tracked = []
    for name, feature in FEATURES.items():
        # the best unit for the feature, and for the feature shifted: what a search among so many units finds by chance
        target = feature(text)[ends[has_text] - 1]  # (tokens,)
        column, correlation = _best_unit(memory[has_text], target)
        _, chance = _best_unit(memory[has_text], np.roll(target, len(target) // 3))

        layer, unit = _layer_and_unit(column, widths)
        tracked.append(TrackedFeature(name, layer, None if correlation is None else unit, correlation, chance))
    return tracked


def _best_unit(memory: Floats, target: Floats) -> tuple[int, float | None]:
    """Return the unit with the strongest correlation in the first half, and its correlation in the second half."""
    # choosing and measuring on the same half would overstate the correlation
    half = len(target) // 2
    first, second = correlations(memory[:half], target[:half]), correlations(memory[half:], target[half:])
    unit = int(np.abs(first).argmax())
    varies = all(len(set(part.tolist())) > 1 for part in (target[:half], target[half:]))
    return unit, float(second[unit]) if varies else None


def correlations(memory: Floats, target: Floats) -> Floats:
    """Return Pearson's r of each unit with the target, (units,); 0 for a unit that never changes.

    >>> memory = np.array([[1.0, 5.0, 3.0], [2.0, 5.0, 2.0], [3.0, 5.0, 1.0]])
    >>> correlations(memory, np.array([0.0, 1.0, 2.0])).round(6).tolist()
    [1.0, 0.0, -1.0]
    """
    if not len(target):
        return np.zeros(memory.shape[1])

    # covariance divided by both standard deviations
    centered_memory, centered_target = memory - memory.mean(axis=0), target - target.mean()
    norms = np.sqrt((centered_memory**2).sum(axis=0) * (centered_target**2).sum())
    return np.asarray(np.divide(centered_target @ centered_memory, norms, out=np.zeros(len(norms)), where=norms > 0))


def _layer_and_unit(column: int, widths: Sequence[int]) -> tuple[int, int]:
    """Return the layer, from 1, and the unit, from 0, of a column of the concatenated layers.

    >>> _layer_and_unit(5, [4, 4])
    (2, 1)
    """
    # skip the layers before it
    layer = 0
    while column >= widths[layer]:
        column -= widths[layer]
        layer += 1
    return layer + 1, column


def token_pieces(text: str, ends: Ids) -> list[str]:
    """Return the part of the text that each token adds; "" for one that only ends a spelled word.

    >>> token_pieces("so it", np.array([2, 5, 5]))
    ['so', ' it', '']
    """
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    return [text[start:stop] for start, stop in zip(starts.tolist(), ends.tolist(), strict=True)]
