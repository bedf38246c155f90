"""Load the compiled loops, for a process from which others are forked: they need not load them again."""

from __future__ import annotations

from genbench_plugins.markov.char_word import Markov
from genbench_plugins.markov.ngram import MarkovChar

from genbench.generator import TrainContext
from genbench.tokenization.text import Text

TEXT = "a rose is a rose is a rose. " * 20


def preload() -> None:
    """Use the loops of the chains once; after installation they are compiled, outside of any training's time."""
    for chain in (MarkovChar(order=3), Markov(order=3, words=2, classes=6)):
        chain.fit(Text(TEXT), Text(TEXT), TrainContext())
        chain.log_probs(chain.advance(chain.start(), 0))
        chain.token_log_probs(chain.tokenizer.encode(TEXT))
