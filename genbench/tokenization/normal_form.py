"""Unicode normal forms: notice that a text and a model write the same letters as different characters.

In NFC an accented letter is one character, in NFD the letter and its accent are two. Texts are never normalized.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Container, Mapping

from genbench.tokenization.text import Text
from genbench.tokenization.tokenizer import Tokenizer

SAMPLE_CHARACTERS = 100_000  # what is looked at of each text
MIN_UNKNOWN = 3  # characters that another form must make known


def form_notes(tokenizer: Tokenizer, text: str | Text) -> list[str]:
    """Return a sentence where a text is in another normal form than the training text of a model, else nothing.

    >>> form_notes(Tokenizer.characters("déjà, été"), unicodedata.normalize("NFD", "été, été"))[0][:59]
    'the text is not in the Unicode form NFC, as the training te'
    """
    form = better_form(set(tokenizer.letters), text)
    sentence = (
        f"the text is not in the Unicode form {form}, as the training text is, which costs many bits; convert it with "
        f"`uconv -x {form.lower()}`"
    )
    return [sentence] * bool(form)


def differing_forms(texts: Mapping[str, str | Text]) -> list[str]:
    """Return a sentence for each text, by name, that is in another normal form than the first."""
    (first, start), *others = texts.items()
    known = set(str(start[:SAMPLE_CHARACTERS]))
    forms = {name: better_form(known, text) for name, text in others}
    return [
        f"{name} is not in the Unicode form {form}, as {first} is: the model of one does not know the letters of the "
        f"other; convert it with `uconv -x {form.lower()}`"
        for name, form in forms.items()
        if form
    ]


def better_form(known: Container[str], text: str | Text) -> str:
    """Return the normal form, "NFC" or "NFD", in which at most half as many characters are unknown; "" for neither."""
    text = str(text[:SAMPLE_CHARACTERS])
    unknown = _count_unknown(known, text)
    if unknown < MIN_UNKNOWN:
        return ""
    forms = (form for form in ("NFC", "NFD") if 2 * _count_unknown(known, unicodedata.normalize(form, text)) <= unknown)
    return next(forms, "")


def _count_unknown(known: Container[str], text: str) -> int:
    return sum(count for character, count in Counter(text).items() if character not in known)
