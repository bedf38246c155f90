"""Networks as generators: the one training loop and the wrapper around a recurrent core. Torch stays in here."""

from genbench.neural.recurrent import RecurrentGenerator as RecurrentGenerator
