"""Load the compiled loops, for a process from which others are forked: they need not load them again."""

from __future__ import annotations

from genbench_plugins.markov.char_word import features
from genbench_plugins.markov.class_model import MarkovClass
from genbench_plugins.markov.ngram import MarkovChar, MarkovWord

from genbench.generator import TrainContext
from genbench.tokenization.text import Text

TEXT = "a rose is a rose is a rose.\n" * 20


def preload() -> None:
    """Use the loops of the chains once; after installation they are compiled, outside of any training's time."""
    words = MarkovWord(order=2, smoothing="fitted")
    for chain in (MarkovChar(order=3), words, MarkovClass(order=2, classes=6)):
        chain.fit(Text(TEXT), Text(TEXT), TrainContext())
        chain.log_probs(chain.advance(chain.start(), 0))
        chain.token_log_probs(chain.tokenizer.encode(TEXT))

    # words by the character, and what `markov` adds
    view = words.character_view()
    if view is not None:
        view.log_probs(view.advance(view.start(), 0))
        scores = view.score_stream(view.tokenizer.encode(TEXT))
        lengths = scores.context_lengths
        features(lengths, lengths, lengths, lengths, scores.peaks)
