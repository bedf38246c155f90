"""Estimate the memory that the training of a recurrent network needs, from its options alone.

The vocabulary is not known before the text, so the embedding and the output layer do not count: it is a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass

FLOAT_BYTES = 4
COPIES = 5  # of the weights: themselves, gradients, moments of the optimizer, running means, the best ones
UNKNOWN_HIDDEN = 64  # the fewest units that the size rule chooses for hidden=auto


@dataclass(frozen=True)
class TrainingShape:
    """The sizes of a network and its batches."""

    inputs: int  # width of a token's vector
    hidden: int | None  # units per layer; None: chosen later
    layers: int
    gates: int  # matrices per layer: 4 in an LSTM
    batch: int  # rows
    length: int  # tokens of a row through which gradients reach back

    def bytes(self) -> int:
        """Return the bytes that training needs at least: copies of the weights, and the activations of a batch.

        >>> TrainingShape(inputs=64, hidden=512, layers=1, gates=4, batch=16, length=32).bytes()
        28966912
        """
        hidden = self.hidden or UNKNOWN_HIDDEN
        weights = self.gates * hidden * (self.inputs + hidden + (self.layers - 1) * 2 * hidden)
        activations = self.batch * self.length * (self.inputs + self.layers * (self.gates + 1) * hidden)
        return FLOAT_BYTES * (COPIES * weights + activations)
