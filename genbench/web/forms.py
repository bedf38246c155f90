"""The capability WebExport, and the two forms of a model that a page can run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from genbench.generator import Generator
from genbench.tokenization.tokenizer import Ids

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Cell = Literal["lstm", "gru", "rnn"]

NO_CAPABILITY = "a page runs one chain, or one LSTM, GRU or RNN, over characters"
ONLY_CHARACTERS = "its tokens are {}, and a page runs generators of characters"
ADAPTIVE = "it learns while it reads, and a page runs models that stay as they were trained"


@dataclass(frozen=True)
class TableLevel:
    """The n-grams of one length, sorted by context and token; all arrays are (n-grams,)."""

    contexts: Ids  # index of the n-gram without its last token in the level before; 0 in the first level
    tokens: Ids  # the last token
    probabilities: Floats  # of the last token after the others
    counts: Ids  # how often the n-gram occurred


@dataclass(frozen=True)
class BackoffTable:
    """A chain as a table of n-grams in back-off form, level by level, the single tokens first.

    With c the context of w, and c' the context without its first token:

        p(w | c) = probabilities(c w)               if the table has c w
        p(w | c) = leftover(c) p(w | c') / q(c)     otherwise

    leftover(c) is one minus the sum of the probabilities that the table has after c, and q(c) one minus the sum of
    p(v | c') over the same tokens v. Below the single tokens is a uniform distribution in which the 256 bytes together
    count as one token (`Tokenizer.base_distribution`).
    """

    levels: list[TableLevel]
    size: int  # of the vocabulary


@dataclass(frozen=True)
class RecurrentLayer:
    """The weights of one layer, in the names and the order of gates of torch's LSTM, GRU and RNN (tanh)."""

    weight_ih: Singles  # (gates * hidden, inputs)
    weight_hh: Singles  # (gates * hidden, hidden)
    bias_ih: Singles  # (gates * hidden,)
    bias_hh: Singles  # (gates * hidden,)


@dataclass(frozen=True)
class RecurrentWeights:
    """A recurrent network over characters: embedding, layers, and a linear output layer with a softmax.

    The first output stands for all 256 bytes, which are equally likely; the others are the characters.
    """

    cell: Cell
    embedding: Singles  # (vocabulary, inputs)
    layers: list[RecurrentLayer]
    weight: Singles  # (outputs, hidden)
    bias: Singles  # (outputs,)


WebForm: TypeAlias = BackoffTable | RecurrentWeights


@runtime_checkable
class WebExport(Protocol):
    """A generator of characters whose trained model a page can run.

    The page reads a newline first, as `start()` does, and predicts what the exported form predicts; `log_probs` must
    give the same.
    """

    @property
    def web_obstacle(self) -> str:
        """Why a page cannot run this generator with its options, as part of a sentence; "" if it can."""

    def web_export(self) -> WebForm:
        """Return the trained model in one of the two forms; called only if `web_obstacle` is ""."""


def web_obstacle(generator: Generator | Any) -> str:
    """Return why a page cannot run a generator, "" if it can."""
    return str(generator.web_obstacle) if isinstance(generator, WebExport) else NO_CAPABILITY
