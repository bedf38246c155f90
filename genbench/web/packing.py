"""Pack the model of a generator for a page, and measure on validation text what that costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from genbench import capabilities
from genbench.generator import Generator, ProgressCallback, ignore
from genbench.web.forms import BackoffTable, RecurrentWeights, WebExport, WebForm
from genbench.web.packed_chain import PackedChain
from genbench.web.packed_network import PackedNetwork
from genbench.web.pruning import prune

MAX_COST = 0.05  # bits per character that pruning and rounding may cost
FEWEST, MOST = 300_000, 500_000  # n-grams that are tried first, and at most
MEASURED_CHARACTERS = 6_000  # of validation text


class TooLargeError(ValueError):
    """A model takes more bytes than a page has for it; `size` is what it takes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size:,} bytes")
        self.size = size


@dataclass(frozen=True)
class PackedModel:
    """A model as it lies in the page, and its bits per character on validation text before and after."""

    model: PackedChain | PackedNetwork
    ngrams: int | None  # of the chain before it was pruned; None for a network
    bits: float  # per character, as trained
    packed_bits: float  # per character, in the page

    @property
    def cost(self) -> float:
        """What pruning and rounding cost, in bits per character."""
        return self.packed_bits - self.bits


def pack(
    generator: Generator, validation: str, most_bytes: int | None = None, progress: ProgressCallback = ignore
) -> PackedModel:
    """Return a generator packed for a page: no larger than is needed to cost at most 0.05 bits per character.

    The cost is measured at the beginning of the validation text. A model may cost more if `most_bytes` allow no larger
    one, or a chain has too many n-grams; the caller reads `cost`. Raises TooLargeError if even the smallest one has
    more bytes.
    """
    form = cast(WebExport, generator).web_export()
    packed = _pack(form, 0)
    if most_bytes is not None and len(packed.data) > most_bytes:
        raise TooLargeError(len(packed.data))
    progress(0.3)

    # the bits as trained, and in the page
    text = validation[:MEASURED_CHARACTERS]
    ids = generator.tokenizer.encode(text)
    bits = _bits_per_character(capabilities.token_log_probs(generator, ids), text)
    packed_bits = _bits_per_character(_read(packed, generator, ids), text)
    progress(0.6)

    # a larger one, where that is worth it
    if packed_bits - bits > MAX_COST:
        larger = _pack(form, 1)
        if most_bytes is None or len(larger.data) <= most_bytes:
            packed, packed_bits = larger, _bits_per_character(_read(larger, generator, ids), text)
    ngrams = None if isinstance(form, RecurrentWeights) else sum(len(level.tokens) for level in form.levels)
    return PackedModel(packed, ngrams, bits, packed_bits)


def _pack(form: WebForm, size: Literal[0, 1]) -> PackedChain | PackedNetwork:
    """Return the small or the large form of a model."""
    if isinstance(form, BackoffTable):
        return PackedChain.pack(prune(form, (FEWEST, MOST)[size]))
    return PackedNetwork.pack(form, 16 if size else 8)


def _read(packed: PackedChain | PackedNetwork, generator: Generator, ids: Any) -> Any:
    """Return the natural log-probability of each token, (tokens,), read after a newline."""
    state: Any = packed.start()
    for token in generator.tokenizer.encode("\n").tolist():
        state = packed.advance(state, token)
    return packed.token_log_probs(ids, state)


def _bits_per_character(nats: Any, text: str) -> float:
    return float(-np.sum(nats) / math.log(2) / max(len(text), 1))
