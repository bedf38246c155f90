"""The score of a text under a model, with its interval, its speed, and the share of it that was trained on."""

from __future__ import annotations

from genbench.analysis.intervals import BLOCK_CHARACTERS, MIN_BLOCKS, block_sizes, block_sums, mean_interval
from genbench.analysis.shared_passages import shared_passages
from genbench.corpus.corpus import Corpus
from genbench.model import Model
from genbench.processes.clock import Stopwatch
from genbench.scoring import Score
from genbench.storage.records import JsonObject
from genbench.tokenization.normal_form import form_notes
from genbench.tokenization.text import Text, require_text
from genbench.training import SILENT, ProgressListener

CANONICAL = "canonical_bits_per_character"  # beside the bits by the character of a word model


def score(model: Model, text: str | Text, *, listener: ProgressListener = SILENT) -> Score:
    """Return how well a model predicts a text: bits, bits per character, perplexities.

    Raises ContractError if the generator violates the contract, UserError for what is not a text.
    """
    require_text(text)
    for note in form_notes(model.generator.tokenizer, text):
        listener.message(note)
    return model.score(text, progress=listener.task("scoring"))


def score_figures(
    model: Model, text: str | Text, *, corpus: Corpus | None = None, listener: ProgressListener = SILENT
) -> JsonObject:
    """Return the score of a text with its 95 % interval and the speed of scoring, as JSON values.

    `corpus` is the text that the model was trained on; with it, the share of the text that stands in its training text
    is a figure too, and a message if it is above 2 %.
    """
    shared = {} if corpus is None else _shared_share(text, corpus, listener)
    watch = Stopwatch()
    result = score(model, text, listener=listener)
    seconds = watch.wall_seconds

    # the interval over blocks of 1,000 characters
    bounds = mean_interval(block_sums(result.character_bits), block_sizes(result.characters))
    if bounds is None:
        too_short = f"the text is shorter than {MIN_BLOCKS} blocks of {BLOCK_CHARACTERS:,} characters"
        listener.message(f"no interval: {too_short}")

    # the stored sums, then the figures derived from them
    for note in result.word_notes:
        listener.message(note)
    counts = ("bits", "characters", "bytes", "words", "tokens")
    derived = ("bits_per_character", "bits_per_byte", "word_perplexity", "token_perplexity", "spelled_share")
    canonical = {} if result.canonical_bits is None else {CANONICAL: result.canonical_bits_per_character}
    return {name: getattr(result, name) for name in (*counts, *derived)} | {
        **canonical,
        **shared,
        "interval": None if bounds is None else list(bounds),
        "score_characters_per_second": round(len(text) / seconds),
    }


def _shared_share(text: str | Text, corpus: Corpus, listener: ProgressListener) -> JsonObject:
    """Return the share of a text that stands in the training text of a corpus; a message says if it is large."""
    with listener.stage(f"looking for the text in the training text of {corpus.author}"):
        shared = shared_passages(str(corpus.train), str(text), corpus.book_starts)
    if warning := shared.describe("the text"):
        listener.message(warning)
    return {"training_text_share": shared.share}
