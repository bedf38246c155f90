"""Load the compiled loops, for a process from which others are forked: they need not load them again."""

from __future__ import annotations

from genbench_plugins.markov import kernels
from genbench_plugins.markov.compiling import is_compiled
from genbench_plugins.markov.ngram import MarkovChar

from genbench.generator import TrainContext
from genbench.tokenization.text import Text

TEXT = "a rose is a rose is a rose. " * 20

USED = (kernels.advance, kernels.fill_backoff_form, kernels.fill_distribution, kernels.score)


def preload() -> None:
    """Use the loops of an n-gram chain once, unless they would have to be compiled first."""
    if all(is_compiled(loop) for loop in USED):
        chain = MarkovChar(order=3)
        chain.fit(Text(TEXT), Text(TEXT), TrainContext())
        chain.log_probs(chain.advance(chain.start(), 0))
        chain.token_log_probs(chain.tokenizer.encode(TEXT))
