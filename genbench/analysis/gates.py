"""What is inside the cell: gates that are shut or open, and units that track something one can see in the text.

Source: Karpathy, Johnson & Li 2015.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from genbench.analysis.bootstrap import Floats
from genbench.capabilities import LayerActivations
from genbench.tokenization.tokenizer import Ids

SHUT, OPEN = 0.1, 0.9  # a gate below is shut, above is open: saturated
READ = 10_000  # characters of text that units are looked for on
WORD = re.compile(r"[^\W\d_]+")


def quotation(text: str) -> Floats:
    r"""1 inside quotation marks, from the opening one on, else 0; a blank line closes what was left open.

    >>> quotation('a "b" c').tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    >>> quotation('"a\n\nb').tolist()
    [1.0, 1.0, 1.0, 0.0, 0.0]
    """
    found, inside = np.zeros(len(text)), False
    for place, character in enumerate(text):
        if character in '"\u201c\u201d':
            inside = not inside if character == '"' else character == "\u201c"
        elif text.startswith("\n", place) and text[:place].endswith("\n"):
            inside = False
        found[place] = inside
    return found


def line_position(text: str) -> Floats:
    r"""How many characters of the line were read.

    >>> line_position("ab\ncd").tolist()
    [1.0, 2.0, 0.0, 1.0, 2.0]
    """
    at = np.arange(len(text))
    ends = np.array([character == "\n" for character in text], dtype=bool)
    return np.asarray(at - np.maximum.accumulate(np.where(ends, at, -1)), dtype=np.float64)


def word_length(text: str) -> Floats:
    """How many letters of the word were read.

    >>> word_length("I am").tolist()
    [1.0, 0.0, 1.0, 2.0]
    """
    found = np.zeros(len(text))
    for word in WORD.finditer(text):
        found[word.start() : word.end()] = np.arange(1, word.end() - word.start() + 1)
    return found


TRACKED: dict[str, Callable[[str], Floats]] = {
    "quotation marks": quotation,
    "line position": line_position,
    "word length": word_length,
}


def saturation(layers: Sequence[LayerActivations]) -> list[dict[str, dict[str, float]]]:
    """Of each layer and gate, over all tokens and units, the share below 0.1 and above 0.9, as JSON values."""
    return [
        {
            name: {"shut": float((gate < SHUT).mean()), "open": float((gate > OPEN).mean())}
            for name, gate in layer.gates.items()
        }
        for layer in layers
    ]


def tracking(layers: Sequence[LayerActivations], text: str, ends: Ids) -> list[dict[str, Any]]:
    """For each thing to track the unit whose memory goes with it best, as JSON values.

    `ends` is how many characters are read after each token. A unit is chosen by the first half of the text; `r` is its
    correlation on the second half. `chance` is what the same search comes to when the values are moved on by a third
    of the text, so that they have nothing to do with it. None where the text has nothing of the kind.
    """
    memory = np.concatenate([layer.memory for layer in layers], axis=1)  # (tokens, units)
    widths = [layer.memory.shape[1] for layer in layers]
    read = ends > 0
    found = []
    for name, values in TRACKED.items():
        wanted = values(text)[ends[read] - 1]
        unit, r = _best(memory[read], wanted)
        _, chance = _best(memory[read], np.roll(wanted, len(wanted) // 3))
        layer, place = _where(unit, widths)
        nothing = r is None
        found.append({"what": name, "layer": layer, "unit": None if nothing else place, "r": r, "chance": chance})
    return found


def _best(memory: Floats, wanted: Floats) -> tuple[int, float | None]:
    """The unit that goes with `wanted` best in the first half, and its correlation in the second."""
    half = len(wanted) // 2
    first, second = correlations(memory[:half], wanted[:half]), correlations(memory[half:], wanted[half:])
    unit = int(np.abs(first).argmax())
    changes = all(len(set(part.tolist())) > 1 for part in (wanted[:half], wanted[half:]))
    return unit, float(second[unit]) if changes else None


def correlations(memory: Floats, wanted: Floats) -> Floats:
    """Pearson's r of each unit, (units,); 0 for one that never changes.

    >>> memory = np.array([[1.0, 5.0, 3.0], [2.0, 5.0, 2.0], [3.0, 5.0, 1.0]])
    >>> correlations(memory, np.array([0.0, 1.0, 2.0])).round(6).tolist()
    [1.0, 0.0, -1.0]
    """
    if not len(wanted):
        return np.zeros(memory.shape[1])
    centred, aim = memory - memory.mean(axis=0), wanted - wanted.mean()
    norms = np.sqrt((centred**2).sum(axis=0) * (aim**2).sum())
    return np.asarray(np.divide(aim @ centred, norms, out=np.zeros(len(norms)), where=norms > 0))


def _where(unit: int, widths: Sequence[int]) -> tuple[int, int]:
    """LayerActivations, from 1 on, and the unit in it, from 0 on, of a column.

    >>> _where(5, [4, 4])
    (2, 1)
    """
    layer = 0
    while unit >= widths[layer]:
        unit -= widths[layer]
        layer += 1
    return layer + 1, unit


def pieces(text: str, ends: Ids) -> list[str]:
    """What of the text each token is; "" for one that only closes a spelled word.

    >>> pieces("so it", np.array([2, 5, 5]))
    ['so', ' it', '']
    """
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    return [text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
