"""Networks as generators: the one training loop and the wrapper around a recurrent core. Torch stays in here."""

from genbench.neural.batches import Alone as Alone
from genbench.neural.batches import Reading as Reading
from genbench.neural.recurrent import RecurrentGenerator as RecurrentGenerator
from genbench.neural.vectors import OneHot as OneHot
from genbench.neural.words import WordNetwork as WordNetwork
