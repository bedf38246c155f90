"""Fine-tune: continue the training of a stored network on other text (`genbench train AUTHOR -g SPEC --from MODEL`).

The new model has the tokenizer of its parent and the options on which the parent's weights depend. Its card names all
ancestors, and its key has the fingerprint of the parent: it takes the place of no model that was trained on the text of
its author alone, and none takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from genbench import registry
from genbench.capabilities import learns_by_counting
from genbench.errors import UserError
from genbench.generator import Generator
from genbench.model import Model
from genbench.spec import Spec, format_value, option_values
from genbench.storage import models
from genbench.storage.cards import Ancestor, ModelCard
from genbench.training.settings import TrainingText

MIXTURE = "mixture"
NOT_INHERITED = ("schedule",)  # the steps of the parent's run


@runtime_checkable
class FineTuning(Protocol):
    """A generator whose training can continue that of another one of its class, on other text."""

    def continued_options(self) -> Mapping[str, Any]:
        """Return the options, of a trained generator, that one must have whose training continues it."""

    def start_from(self, parent: Any) -> None:
        """Let every `fit` from now on continue the training of another trained generator with these options."""


@dataclass(frozen=True)
class Parent:
    """A trained model that is continued: the model, its card, and what its descendants say of it."""

    model: Model
    card: ModelCard
    ancestor: Ancestor

    def add_to(self, text: TrainingText) -> TrainingText:
        """Return a training text that names the ancestors, and has their words."""
        return replace(text, ancestors=[*self.card.ancestors, self.ancestor], earlier_words=self.model.training_words)

    def create(self, spec: Spec) -> tuple[Spec, Generator]:
        """Return a new generator that continues this one, and its SPEC: the options of both, those of `spec` first.

        Raises UserError for another generator, and for options to which the weights of this one do not fit.
        """
        known = Spec.parse(self.card.spec)
        if spec.name != known.name:
            raise UserError(
                f"{self.ancestor.name} is {known.name}, not {spec.name}: its weights fit no other generator; "
                f"-g {known.name} continues it, and without --from, {spec.name} is trained anew"
            )

        # what is asked for must agree with the weights; "auto" always does
        trained = self.model.generator
        assert isinstance(trained, FineTuning)
        fixed, asked = trained.continued_options(), option_values(registry.create(spec))
        for name in spec.options:
            if name in fixed and asked[name] not in (None, fixed[name]):
                raise UserError(
                    f"{name}={format_value(asked[name])} contradicts {self.ancestor.name}, whose weights have "
                    f"{name}={format_value(fixed[name])}: leave it out, or train a new model without --from"
                )

        # the parent's options as they were given, then those of its weights that differ from the defaults
        inherited = {name: value for name, value in known.options.items() if name not in NOT_INHERITED}
        own = {name: value for name, value in spec.options.items() if name not in fixed}
        defaults = option_values(registry.create(Spec.parse(str(spec.path or spec.name))))
        chosen = {name: value for name, value in fixed.items() if value != defaults[name]}
        filled = Spec.parse(replace(spec, options=inherited | own).fill(chosen))
        generator = registry.create(filled)
        assert isinstance(generator, FineTuning)
        generator.start_from(trained)
        return filled, generator


def open_parent(place: str | Path, spec: Spec) -> Parent:
    """Load the model whose training is continued: a stored name, or a folder.

    Raises UserError where there is none, where it is damaged, and for a generator that is not trained step by step.
    """
    stored = models.open_model(place, [spec.path] if spec.path else [])
    card = stored.card
    _require_network(registry.create(Spec.parse(card.spec)), stored.name, card)
    model = Model.from_stored(stored)
    ancestor = Ancestor(
        name=stored.name,
        fingerprint=stored.fingerprint.hex(),
        spec=card.training.spec or card.spec,
        author=card.author,
        sha256=card.sha256,
        held_out=card.held_out,
        books=card.books,
        seconds=card.training.seconds,
    )
    return Parent(model, card, ancestor)


def _require_network(generator: Generator, name: str, card: ModelCard) -> None:
    """Refuse a model that is not trained step by step. Raises UserError."""
    if isinstance(generator, FineTuning):
        return
    if learns_by_counting(generator):
        raise UserError(
            f"{name} is {card.generator}, which learns by counting, so that there is no training to continue; "
            f"genbench models update {name} FILE counts a text too"
        )
    reason = "fits parts and their weights together" if card.generator == MIXTURE else "does not offer it"
    raise UserError(
        f"the training of {name} cannot be continued, because {card.generator} {reason}: --from takes a network; "
        f"genbench train AUTHOR+AUTHOR -g {card.spec} trains on both texts"
    )
