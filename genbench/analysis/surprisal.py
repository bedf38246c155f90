"""Surprisal of each word of a text under several models, and the words on which the models differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genbench import scoring
from genbench.errors import UserError
from genbench.model import Model
from genbench.scoring import WordSurprisal, surprisal_by_word
from genbench.storage.records import JsonRecord
from genbench.tokenization.normal_form import form_notes
from genbench.training import SILENT, ProgressListener

MAX_DIFFERENCES = 20  # words, and at most a tenth of the text's words


@dataclass(frozen=True)
class ModelSurprisal:
    """The bits of a text under one model, in total and for each word."""

    bits: float
    bits_per_character: float
    words: list[WordSurprisal]


@dataclass(frozen=True)
class SurprisalReport(JsonRecord):
    """The surprisal of a text under several models; the words are the same for all."""

    author: str  # of the models' training text
    name: str  # of the text
    characters: int
    generators: dict[str, ModelSurprisal]

    @property
    def columns(self) -> list[list[WordSurprisal]]:
        """The words of the text with their bits, one column for each model."""
        return [model.words for model in self.generators.values()]


def surprisal(
    models: Mapping[str, Model], text: str, *, author: str = "", name: str = "", listener: ProgressListener = SILENT
) -> SurprisalReport:
    """Return the surprisal of each word of a text under several models, by name.

    `author` (of the training text) and `name` (of the text) are labels for display. Raises UserError for an empty text.
    """
    if not text:
        raise UserError("there is no text to read; name a file with text in it")

    # every model scores the same words
    by_model: dict[str, ModelSurprisal] = {}
    for label, model in models.items():
        for note in form_notes(model.generator.tokenizer, text):
            listener.message(f"{label}: {note}")

        # the bits of characters, summed by word, whatever the tokens of the model
        score = scoring.score(model.generator, text, listener.task(f"{label}: reading"))
        words = surprisal_by_word(score.character_bits, text)
        by_model[label] = ModelSurprisal(score.bits, score.bits_per_character, words)
    return SurprisalReport(author, name, len(text), by_model)


def split_leading_space(word: str) -> tuple[str, str]:
    """Split a word into its leading white space and the rest.

    >>> split_leading_space("\\n so")
    ('\\n ', 'so')
    """
    # `split_words` puts white space only at the start, and at the end of the last word
    letters = word.lstrip()
    return word[: len(word) - len(letters)], letters


def largest_differences(columns: Sequence[Sequence[WordSurprisal]]) -> list[int]:
    """Return the indices of the words on which models differ most, the largest difference first; empty for one model.

    >>> columns = [[("a", 1.0), (" b", 2.0)], [("a", 1.5), (" b", 9.0)]]
    >>> largest_differences([[WordSurprisal(*word) for word in column] for column in columns])
    [1]
    """
    if len(columns) < 2:
        return []

    # rank the words by the range of their bits
    differences = [bits_range([word.bits for word in words]) for words in zip(*columns, strict=True)]
    ranking = sorted(range(len(differences)), key=lambda index: -differences[index])
    count = min(MAX_DIFFERENCES, -(-len(differences) // 10))
    return [index for index in ranking[:count] if differences[index] > 0]


def bits_range(bits: Sequence[float]) -> float:
    """Return the difference between the largest and the smallest number of bits."""
    return max(bits) - min(bits)
