"""Options that say what a generated text must be like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.cli.options import OptionGroup

if TYPE_CHECKING:
    from genbench.sampling.constraints.options import Constraints


@dataclass(frozen=True)
class ConstraintOptions(OptionGroup):
    """What a text must be like; the fields are those of `Constraints`."""

    contains: Annotated[
        list[str] | None,
        typer.Option("--contains", metavar="WORD", help="The text contains a word or phrase; repeatable: all of them."),
    ] = None
    starts_with: Annotated[str | None, typer.Option(metavar="TEXT", help="The text starts with TEXT.")] = None
    ends_with: Annotated[
        str | None, typer.Option(metavar="WORD", help="The text ends with a word or phrase, and marks after it.")
    ] = None
    words: Annotated[
        str | None, typer.Option(metavar="N|A-B", help="The text has N words, or A to B, and ends with a sentence.")
    ] = None
    sentences: Annotated[
        int | None, typer.Option(metavar="N", help="The text has N sentences. [default: 1 with other constraints]")
    ] = None
    match: Annotated[
        str | None, typer.Option(metavar="REGEX", help="The whole text matches a regular expression of Python.")
    ] = None
    rhymes_with: Annotated[
        str | None, typer.Option(metavar="WORD", help="The last word rhymes with WORD (English only).")
    ] = None
    meter: Annotated[
        str | None,
        typer.Option(
            metavar="STRESSES",
            help="The syllables have these stresses, such as 01010101, or those of a metre such as iambic-tetrameter "
            "(English only).",
        ),
    ] = None
    infill: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Write what stands between the prompt and TEXT, with TEXT.")
    ] = None

    def constraints(self) -> Constraints:
        """Return the constraints."""
        from genbench.sampling.constraints.options import Constraints, parse_range

        values = {name: value for name, value in vars(self).items() if name not in ("contains", "words")}
        words = None if self.words is None else parse_range(self.words)
        return Constraints(contains=tuple(self.contains or ()), words=words, **values)

    def require_generators(self, specs: Sequence[str]) -> None:
        """Raise UserError for a generator that the constraints cannot be combined with, before it is trained."""
        if self.meter is None:
            return
        from genbench import registry
        from genbench.sampling.constraints.pronunciation import require_words
        from genbench.spec import Spec

        for description in registry.describe([Spec.parse(spec) for spec in specs]):
            require_words(description.tokens or "words")
