"""Choose among the stored models of an author: the best one is the default generator of most commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genbench import registry
from genbench.corpus.corpus import Corpus
from genbench.storage import models
from genbench.storage.cards import ModelCard
from genbench.storage.models import StoredModel
from genbench.storage.records import JsonObject

QUICK_GENERATOR = "markov"  # the best that 15 seconds train (docs/log/markov-chains.md); where no model is stored
LONG_QUICK_GENERATOR = "markov-char"  # of longer texts
QUICK_CHARACTERS = 2_000_000  # of a training text that takes 11 seconds per 1.6 million


def describe_text(text: Corpus | ModelCard) -> JsonObject:
    """Return what the cards of all models of a text have in common."""
    return {"author": text.author, "sha256": text.sha256, "held_out": text.held_out}


def rank_models(
    text: Corpus | ModelCard, required: Mapping[str, Any] | None = None, imported: Sequence[str] = ()
) -> list[StoredModel]:
    """Return the stored models of a text, the fewest bits per character on validation text first.

    Imported models are left out, except those whose names are in `imported`, which come first.

    `required` are further values of their cards. Of equal models the newest is first; models without this figure, which
    an earlier version stored, come last. Models whose generator is not available are left out.
    """
    wanted = describe_text(text) | dict(required or {})
    candidates = models.find_models(models.models_folder(), wanted, imported)
    available = [model for model in candidates if registry.is_available(model.card.spec)]
    return sorted(available, key=lambda model: (model.name not in imported, model.card.training.ranking_bits))


def best_model(author: str) -> StoredModel | None:
    """Return the best stored model of an author's name; of several texts, that of the newest model counts."""
    newest = models.find_model(models.models_folder(), {"author": author})
    ranking = [] if newest is None else rank_models(newest.card)
    return ranking[0] if ranking else None


def quick_generator(text: Corpus) -> str:
    """Return the SPEC of the best generator that about 15 seconds train on a text."""
    return QUICK_GENERATOR if len(text.train) <= QUICK_CHARACTERS else LONG_QUICK_GENERATOR


def stored_specs(text: Corpus) -> list[str]:
    """Return the SPECs of the stored models of a text, the best first; the quick one if there are none."""
    return list(dict.fromkeys(model.card.spec for model in rank_models(text))) or [quick_generator(text)]


def describe_choice(card: ModelCard) -> str:
    """Return a line about the model that is used where no generator was named."""
    bits = card.training.validation_bits_per_character
    measured = "not scored on validation text" if bits is None else f"{bits:.2f} bits per character on validation text"
    made = f", made from {card.origin}" if card.made_from else ""
    made += f", fine-tuned from {card.lineage}" if card.ancestors else ""
    return f"{card.author}: {card.spec}, {measured}, trained {card.created[:10]}{made}" + (
        " elsewhere and imported" if card.imported else ""
    )
