"""Networks as generators: the one training loop and the wrapper around a recurrent core. Torch stays in here."""

from genbench.neural.batches import Alone as Alone
from genbench.neural.batches import Reading as Reading
from genbench.neural.probe import NetworkProbe as NetworkProbe
from genbench.neural.products import Products as Products
from genbench.neural.products import through_limit as through_limit
from genbench.neural.products import through_sigmoid as through_sigmoid
from genbench.neural.products import through_tanh as through_tanh
from genbench.neural.recurrent import RecurrentGenerator as RecurrentGenerator
from genbench.neural.vectors import OneHot as OneHot
from genbench.neural.words import WordNetwork as WordNetwork
