"""Merge stored models, add a text to one, or let one forget a text: what markovify calls `combine`, and its inverse.

A generator that learns by counting (`capabilities.Counting`) knows nothing but the counts of its text, and the text is
stored with the model (`storage/texts.py`). The texts are joined, or one is left out, and counted again. The result is
therefore that of a training on this text, to the last bit, where sums of counts alone would lack the n-grams across the
joints, the words that are frequent only in both texts, and the weights that are fitted on validation text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from genbench import registry
from genbench.capabilities import learns_by_counting
from genbench.corpus.corpus import digest_of_text
from genbench.corpus.expressions import Term, describe_terms, parse_terms
from genbench.corpus.joining import sum_digest
from genbench.corpus.reading import Reading
from genbench.corpus.split import join_texts, join_weighted, split_text
from genbench.corpus.text_files import read_text_file
from genbench.errors import UserError
from genbench.generator import Generator, ignore
from genbench.model import Model
from genbench.spec import Spec
from genbench.storage import models
from genbench.storage.cards import ModelCard, Origin
from genbench.storage.models import StoredModel
from genbench.storage.texts import KeptTexts, keeps_texts, read_texts
from genbench.tokenization.normal_form import differing_forms
from genbench.tokenization.text import Text, replace_surrogates
from genbench.training.listener import SILENT, ProgressListener
from genbench.training.settings import TrainingText, TrainSettings
from genbench.training.train import train_and_report

MIN_TRAINING = 2  # characters of a text that can be counted


@dataclass(frozen=True)
class _Source:
    """A stored model that can be counted again."""

    model: StoredModel
    generator: Generator  # untrained
    texts: KeptTexts

    @property
    def card(self) -> ModelCard:
        """The card of the model."""
        return self.model.card

    @property
    def digest(self) -> str:
        """The sha256 that identifies the text of the model, and the book that was held out of it."""
        card = self.card
        return card.sha256 if not card.held_out else digest_of_text(f"{card.sha256}\n{card.held_out}\n")

    def origin(self, weight: int) -> Origin:
        """Return what the card of a new model says of this one."""
        return Origin(weight, self.model.name, self.card.sha256, self.card.author)


def merge_models(expression: str, *, listener: ProgressListener = SILENT) -> Model:
    """Merge stored models of one generator, as in "2*MODEL+MODEL", and store the result; a number repeats a text.

    The result is the model that a training on the same sum of authors gives, and takes its place. Raises UserError for
    models that cannot be merged: of a generator that does not learn by counting, of different options, or without their
    texts.
    """
    terms = parse_terms(expression)
    if len(terms) == 1 and terms[0].weight == 1:
        raise UserError(f"{expression!r} is one model; name several, as in 2*MODEL+MODEL")
    sources = [_open(term.name) for term in terms]
    _require_same_training(sources)

    # training texts by their weights, validation texts once, as in a corpus of the same sum
    weights = [term.weight for term in terms]
    weighted = list(zip(weights, sources, strict=True))
    cards = [source.card for source in sources]
    kept = KeptTexts(
        [_repeat(text, weight) for weight, source in weighted for text in source.texts.train],
        [text for source in sources for text in source.texts.valid],
    )
    name = describe_terms([Term(weight, source.card.author) for weight, source in weighted])
    digest = sum_digest(weights, [source.digest for source in sources])
    origins = [source.origin(weight) for weight, source in weighted]
    books = [title for card in cards for title in card.books]
    held_out = "; ".join(card.held_out for card in cards if card.held_out)
    lines = cards[0].lines
    text = TrainingText(name, *_join_parts(kept), digest, held_out, books, lines, kept, origins)
    return _count(sources[0], text, listener)


def update_model(
    name: str | Path,
    file: str | Path,
    *,
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    listener: ProgressListener = SILENT,
) -> Model:
    """Count all of a text file too, after the training text of a stored model; store the result as a new model.

    The file is read as `read_text` does. Raises UserError as `merge_models` does, and CorpusError as `read_text` does.
    """
    source = _open(name)
    added, title = _read(file, Reading(lines, encoding, column), listener.message)
    digest = digest_of_text(added)
    for note in _warnings(source, added, title):
        listener.message(note)

    # the validation text stays
    kept = source.texts._replace(train=[*source.texts.train, added])
    origins = [source.origin(1), Origin(1, title, digest)]
    card, author = source.card, describe_terms([Term(1, source.card.author), Term(1, title)])
    books, digest = [*card.books, title], sum_digest([1, 1], [source.digest, digest])
    text = TrainingText(author, *_join_parts(kept), digest, card.held_out, books, card.lines, kept, origins)
    return _count(source, text, listener)


def forget_text(
    name: str | Path,
    file: str | Path,
    *,
    lines: str = "join",
    encoding: str | None = None,
    column: str | None = None,
    listener: ProgressListener = SILENT,
) -> Model:
    """Leave the text of a file out of the training text of a stored model, wherever it is; store the result.

    The file is one by which the model was updated, whole paragraphs of its text, or a book that was split: then its
    training part and its validation part are left out. Raises UserError for a text that was never counted, and as
    `update_model` does.
    """
    source = _open(name)
    reading = Reading(lines, encoding, column)
    forgotten, title = _read(file, reading, listener.message)
    kept, count = _without(source.texts, str(forgotten))
    if not count:
        hint = _other_reading(source.texts, file, reading, str(forgotten))
        raise UserError(
            f"the text of {title} was never counted by {source.model.name}, so nothing is changed; "
            + (hint or f"genbench models show {source.model.name} names what was")
        )
    if sum(map(len, kept.train)) < MIN_TRAINING or not sum(map(len, kept.valid)):
        raise UserError(f"nothing would be left of {source.model.name}; genbench models remove {source.model.name}")

    # forgetting the text of the last update leads back to the text before it
    digest, card = digest_of_text(forgotten), source.card
    if len(card.made_from) == 2 and (card.made_from[1].weight, card.made_from[1].sha256) == (count, digest):
        author, identity, origins = card.made_from[0].author, card.made_from[0].sha256, []
    else:
        author, identity = f"{card.author}-{title}", sum_digest([1, -count], [source.digest, digest])
        origins = [source.origin(1), Origin(-count, title, digest)]
    books = [book for book in card.books if book != title]
    text = TrainingText(author, *_join_parts(kept), identity, card.held_out, books, card.lines, kept, origins)
    return _count(source, text, listener)


def _open(name: str | Path) -> _Source:
    """Return a stored model with its texts. Raises UserError where there is none or its generator does not count."""
    model = _find(str(name))
    spec = Spec.parse(model.card.spec)
    generator = registry.create(spec)
    if not learns_by_counting(generator):
        raise UserError(
            f"{model.name} cannot be merged, updated, or made to forget: {spec.name} does not learn by counting, and "
            "what its weights have of one text cannot be told from the rest; genbench train 2*AUTHOR+AUTHOR "
            f"-g {spec.name} trains a new one"
        )
    return _Source(model, generator, read_texts(model))


def _find(name: str) -> StoredModel:
    """Return the only model with its texts that has this name, author, or beginning of a name; else what is refused."""
    known = [model for model in models.list_models(models.models_folder()) if keeps_texts(model)]
    for matches in (
        [model for model in known if name in (model.name, model.short_name)],
        [model for model in known if name == model.card.author],
        [model for model in known if model.name.startswith(name)],
    ):
        if len(matches) == 1:
            return matches[0]
    return models.open_model(name)


def _require_same_training(sources: Sequence[_Source]) -> None:
    """Refuse models of different generators or options, and a text that is there twice. Raises UserError."""
    first = sources[0]
    seen: dict[str, str] = {}
    for source in sources:
        card, known = source.card, first.card
        if (card.generator, card.options, card.source) != (known.generator, known.options, known.source):
            raise UserError(
                f"{source.model.name} is {card.spec} and {first.model.name} is {known.spec}: only models of one "
                "generator with the same options can be merged; mixture:parts=SPEC+SPEC mixes others"
            )
        if source.digest in seen:
            raise UserError(
                f"{source.model.name} has the text of {seen[source.digest]}; write 2*MODEL to count it twice"
            )
        seen[source.digest] = source.model.name


def _read(file: str | Path, reading: Reading, on_message: Callable[[str], None]) -> tuple[Text, str]:
    """Return the cleaned text of a file and its title."""
    text = read_text_file(file, reading, on_message)
    return text, "standard input" if str(file) == "-" else replace_surrogates(Path(file).stem)


def _warnings(source: _Source, added: Text, title: str) -> list[str]:
    """Return what is odd about a text that a model is to count too, one sentence each."""
    notes = differing_forms({source.card.author: source.texts.train[0], title: added})
    if any(str(text).strip("\n") in added for text in source.texts.valid):
        notes.append(
            f"the validation text of {source.model.name} stands in {title}, so its bits on validation text say nothing "
            "from now on"
        )
    return notes


def _other_reading(texts: KeptTexts, file: str | Path, reading: Reading, forgotten: str) -> str:
    """Return how a text must be read or converted to be one that was counted; "" where that does not help."""
    for form in ("NFC", "NFD"):
        if _without(texts, unicodedata.normalize(form, forgotten))[1]:
            return f"the same text in the Unicode form {form} was: convert it with `uconv -x {form.lower()}`"
    other = "keep" if reading.lines == "join" else "join"
    if str(file) != "-" and _without(texts, str(_read(file, replace(reading, lines=other), ignore)[0]))[1]:
        return f"it was counted with --lines {other}"
    return ""


def _without(texts: KeptTexts, text: str) -> tuple[KeptTexts, int]:
    """Return the texts without one, or without the parts of a book that was split, and how often it was there."""
    train, count = _remove(texts.train, text)
    if count:
        return texts._replace(train=train), count
    training_part, validation_part, _ = split_text(text)
    train, count = _remove(texts.train, training_part)
    return KeptTexts(train, _remove(texts.valid, validation_part)[0]), count


def _remove(texts: Sequence[Text], removed: str) -> tuple[list[Text], int]:
    """Return texts without the whole paragraphs that are `removed`, and how often these were there.

    >>> texts, count = _remove([Text("one\\n\\ntwo\\n\\nthree\\n"), Text("two\\n"), Text("two three\\n")], "two\\n\\n")
    >>> list(map(str, texts)), count
    (['one\\n\\nthree\\n', 'two three\\n'], 2)
    """
    kept, count = list[Text](), 0
    for text in map(Text, texts):
        # the pieces of a text with weights, one by one
        pieces = [(_without_paragraphs(str(piece), removed.strip("\n")), weight) for piece, weight in text.pieces()]
        count += sum(weight * removals for (_, removals), weight in pieces)
        left = [(Text(piece), weight) for (piece, _), weight in pieces if piece.strip("\n")]
        if len(left) == 1:
            kept.append(_repeat(*left[0]))
        elif left:
            kept.append(join_weighted(left))
    return kept, count


def _without_paragraphs(text: str, removed: str) -> tuple[str, int]:
    """Return a text without the whole paragraphs that are `removed`, and how often these were there."""
    count, place = 0, text.find(removed) if removed else -1
    while place >= 0:
        end = place + len(removed)
        before, after = text[:place], text[end:]

        # it begins and ends where a paragraph does
        if (not before or before.endswith("\n\n")) and (not after.strip("\n") or after.startswith("\n\n")):
            text, end, count = before + after.lstrip("\n"), place, count + 1
        place = text.find(removed, end)
    return text, count


def _repeat(text: Text, weight: int) -> Text:
    """Return a text that is repeated as often as its weight; with a weight of 1, as it is."""
    return text if weight == 1 else join_weighted([(text, weight)])


def _count(source: _Source, text: TrainingText, listener: ProgressListener) -> Model:
    """Train the generator of a source on another text, with the same settings, and store the model."""
    card = source.card
    settings = TrainSettings(card.budget, card.steps, card.seed, card.device, card.flops)
    spec, folder = Spec.parse(card.spec), models.models_folder()
    model = train_and_report(source.generator, spec, text, settings, listener, folder=folder)
    listener.message(f"stored as {model.id}" if model.id else "the model could not be stored")
    return model


def _join_parts(kept: KeptTexts) -> tuple[Text, Text]:
    """Return the training and the validation text: joined as books are, a single text as it is."""
    train = kept.train[0] if len(kept.train) == 1 else join_weighted((text, 1) for text in kept.train)
    return train, kept.valid[0] if len(kept.valid) == 1 else join_texts(kept.valid)
