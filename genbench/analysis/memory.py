"""What memory buys: bits at the same targets, with the context cut shorter and shorter (Khandelwal et al. 2018).

A target is a word with the space before it, so that generators over characters and over words are asked the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from genbench import scoring
from genbench.analysis.bootstrap import Floats, interval
from genbench.capabilities import Probe
from genbench.errors import UserError
from genbench.generator import Generator, ProgressCallback
from genbench.tokenization.tokenizer import Ids

TARGET = re.compile(r"(?<=[^\W\d_]) [^\W\d_]+(?![^\W\d_])")
LONGEST = 1024  # characters of context
TARGETS = 500
SHUFFLED_FROM = 32  # characters: shorter contexts have no words to shuffle
LAGS = 128  # tokens
SCALES = (0.5, 1.0, 2.0)  # of the recurrent weights at first
READ = 20_000  # characters of text that gradients are taken on
Span = tuple[int, int]


def targets(text: str, longest: int, most: int) -> list[Span]:
    """At most so many words of a text, spread evenly, each with at least `longest` characters before it.

    Raises UserError where there is none.

    >>> targets("it was a dark night", 5, 2)
    [(6, 8), (8, 13)]
    """
    for name, value in (("longest", longest), ("targets", most)):
        if value < 1:
            raise UserError(f"{name} is {value}, and must be 1 or more")
    found = [match.span() for match in TARGET.finditer(text) if match.start() >= longest]
    if not found:
        raise UserError(
            f"the test text has no word after {longest:,} characters; ask for less, as with --longest {longest // 4}"
        )
    most = min(most, len(found))
    return [found[place * len(found) // most] for place in range(most)]


def lengths(longest: int) -> list[int]:
    """The contexts: 1, 2, 4 ... up to the longest.

    >>> lengths(10)
    [1, 2, 4, 8, 10]
    """
    found = [1 << power for power in range(longest.bit_length()) if 1 << power < longest]
    return [*found, longest]


def curve(
    generator: Generator, text: str, spans: Sequence[Span], longest: int, progress: ProgressCallback
) -> list[dict[str, Any]]:
    """What the targets cost after each length of context, and with its farther half in any order, as JSON values.

    `beyond` is what the context beyond this one is worth, up to the longest; intervals are drawn over targets.
    """
    sizes = np.array([float(end - start) for start, end in spans])
    rows = []
    for length in lengths(longest):
        cut = [text[start - length : end] for start, end in spans]
        mixed = None
        if length >= SHUFFLED_FROM:
            mixed = _bits(
                generator, [shuffled(each, length // 2, length, place) for place, each in enumerate(cut)], sizes
            )
        rows.append((length, _bits(generator, cut, sizes), mixed))
        progress(sum(each for each, _, _ in rows) / (2 * longest))
    last = rows[-1][1]
    progress(1)
    return [_row(length, bits, mixed, last, sizes) for length, bits, mixed in rows]


def _bits(generator: Generator, texts: Sequence[str], sizes: Floats) -> Floats:
    """The bits of the last characters of each text, as many as its size, (texts,)."""
    found = scoring.alone(generator, texts)
    return np.array([bits[len(bits) - int(size) :].sum() for bits, size in zip(found, sizes, strict=True)])


def _row(length: int, bits: Floats, mixed: Floats | None, last: Floats, sizes: Floats) -> dict[str, Any]:
    beyond, characters = interval(bits - last, sizes), sizes.sum()
    return {
        "context": length,
        "bits_per_character": float(bits.sum() / characters),
        "interval": _listed(interval(bits, sizes)),
        "half_shuffled": None if mixed is None else float(mixed.sum() / characters),
        "beyond": float((bits - last).sum() / characters),
        "beyond_interval": _listed(beyond),
    }


def _listed(bounds: tuple[float, float] | None) -> list[float] | None:
    return None if bounds is None else list(bounds)


def shuffled(text: str, near: int, context: int, seed: int) -> str:
    """The text with the words of its first `context - near` characters in another order; spaces stay, and cut words.

    >>> shuffled("ark one two three four five it", 12, 28, 3)
    'ark two one three four five it'
    """
    far = text[: context - near]
    words = [match for match in re.finditer(r"\S+", far) if match.start() > 0 and match.end() < len(far)]
    order = np.random.default_rng(seed).permutation(len(words))
    parts, at = [], 0
    for place, match in enumerate(words):
        parts += [far[at : match.start()], words[order[place]].group()]
        at = match.end()
    return "".join(parts) + text[at:]


def gradients(probe: Probe, ids: Ids, lags: int = LAGS, scales: Sequence[float] = SCALES) -> dict[str, Any]:
    """How far back gradients reach: their norm at each lag beside that at lag 1, medians over places, as JSON values.

    Of the network as it was trained, and of untrained ones by the scale of their first recurrent weights. `norm` is the
    norm at lag 1 itself, in nats for a change of the input by 1.
    """
    shown = lengths(lags)
    return {
        "lags": shown,
        "trained": _reach(probe.gradients(ids, lags), shown),
        "untrained": [{"scale": scale} | _reach(probe.gradients(ids, lags, scale), shown) for scale in scales],
    }


def _reach(norms: Floats, shown: Sequence[int]) -> dict[str, Any]:
    if not len(norms):
        return {"norm": None, "relative": [None] * len(shown)}
    middle = np.median(norms, axis=0)
    first = float(middle[0])
    return {"norm": first, "relative": [float(middle[lag - 1]) / first if first else None for lag in shown]}
