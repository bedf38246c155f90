"""Published results of anchors, in bits per character beside the rows of a comparison."""

from __future__ import annotations

from genbench.corpus.anchors import Anchor, Published, load_anchors
from genbench.experiments.comparison import Comparison
from genbench.report.formatting import printable


def published_lines(comparison: Comparison, author: str) -> list[str]:
    """Return what is published on the test text of an author, the best first; [] where nothing is known."""
    text = comparison.corpora[author]
    anchor = load_anchors().get(text.anchor)
    if anchor is None:
        return []

    # in the unit of the table, adaptive models last, as in it
    def bits(result: Published) -> float:
        return result.bits_per_character(text.test, text.test_tokens)

    lines = [
        f"  {bits(result):z.3f}  {describe(result)}"
        for result in sorted(anchor.published, key=lambda result: (result.adaptive, bits(result)))
    ]
    head = f"Others on the test text of {anchor.title}, in bits per character; not computed here:"
    return [printable(line) for line in (head, *lines, f"  Comparable: {anchor.comparable}.")]


def describe(result: Published) -> str:
    """Return a published result in its own unit, with its source."""
    adaptive = ", adaptive" if result.adaptive else ""
    return f"{result.model}{adaptive}: {result.value:,} {result.unit} ({result.source})"


def where(anchor: Anchor) -> str:
    """Return how a user gets a text."""
    if not anchor.file:
        return anchor.about
    state = "on this machine" if anchor.path.is_file() else "downloaded when it is first used"
    return f"{state}: genbench compare {anchor.name} -g SPEC; {anchor.about}"
