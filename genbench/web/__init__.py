"""Trained models in the forms that a web page can run: the playground (`report/html/playground`) embeds them.

From the generator to the bytes in the page; a file imports only from the files above it:

    forms           WebExport: the capability of a generator; BackoffTable and RecurrentWeights: what it exports
    byte_arrays     arrays as one compressed text, and back
    pruning         relative entropy pruning of a BackoffTable
    packed_chain    PackedChain: a pruned table with quantised probabilities, as the page reads it
    packed_network  PackedNetwork: weights of 8 or 16 bits, as the page reads them
    packing         pack a generator, and measure what that costs in bits per character

The scripts of the page read the same bytes; `PackedChain` and `PackedNetwork` are the reference with which a test
compares them.
"""

from genbench.web.forms import ADAPTIVE as ADAPTIVE
from genbench.web.forms import BackoffTable as BackoffTable
from genbench.web.forms import RecurrentLayer as RecurrentLayer
from genbench.web.forms import RecurrentWeights as RecurrentWeights
from genbench.web.forms import TableLevel as TableLevel
from genbench.web.forms import WebExport as WebExport

__all__ = ["ADAPTIVE", "BackoffTable", "RecurrentLayer", "RecurrentWeights", "TableLevel", "WebExport"]
