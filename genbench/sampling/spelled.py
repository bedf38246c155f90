"""Words of generated text that are not in the training text: a generator of words spells them letter by letter."""

from __future__ import annotations

from collections.abc import Iterable

from genbench.tokenization.segmentation import ends_inside_word, segment, split_pieces
from genbench.tokenization.text import Text
from genbench.tokenization.tokenizer import Tokenizer

MAX_NAMED_WORDS = 5


def new_words(continuations: Iterable[tuple[str, str]], tokenizer: Tokenizer, train: Text) -> list[str]:
    """Return the words that a generator of words spelled and that are not in the training text, each once, in order.

    `continuations` are pairs of a prompt and the text after it. The last word is left out where the length may have cut
    it off. A generator whose tokens are characters or subwords spells all its words: the list is empty.

    >>> train = Text("the cat the cat sat")
    >>> new_words([("the", " cat sat. The bat"), ("a zi", "p, the")], Tokenizer.words(train), train)
    ['The', 'zip']
    """
    if tokenizer.kind != "words":
        return []

    # the distinct pieces that the vocabulary lacks
    pieces: dict[str, None] = {}
    for prompt, text in continuations:
        pieces |= dict.fromkeys(_written_words(prompt, text))
    spelled = pieces.keys() - tokenizer.known_words
    if not spelled:
        return []

    # words that are too rare for the vocabulary are in the training text nevertheless
    for part in train.parts():
        spelled = spelled.difference(segment(part).pieces)
    return [piece for piece in pieces if piece in spelled]


def new_words_note(name: str, words: list[str]) -> str:
    """Return a sentence about the new words of a generator; "" if there are none.

    >>> new_words_note("markov-word", ["zip"])
    'markov-word spelled 1 word that is not in the training text: zip; --no-spelling leaves such words out'
    """
    if not words:
        return ""
    named = ", ".join(words[:MAX_NAMED_WORDS]) + (", ..." if len(words) > MAX_NAMED_WORDS else "")
    count = "1 word that is" if len(words) == 1 else f"{len(words):,} words that are"
    return f"{name} spelled {count} not in the training text: {named}; --no-spelling leaves such words out"


def _written_words(prompt: str, text: str) -> list[str]:
    """Return the words of a text; the first with its beginning in the prompt, the last unless it may be cut off."""
    words, end, whole = [], 0, prompt + text
    for piece in split_pieces(whole):
        end += len(piece)
        cut_off = end == len(whole) and ends_inside_word(whole)
        if end > len(prompt) and piece[0].isalpha() and not cut_off:
            words.append(piece)
    return words
