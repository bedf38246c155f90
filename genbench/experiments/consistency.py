"""Check that the figures of a stored comparison fit each other, as far as tables, charts and verdicts rely on it.

The types of the fields are checked when JSON is converted; this finds what an edited or damaged file has besides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genbench.analysis.attribution import Accuracy
from genbench.analysis.intervals import BLOCK_CHARACTERS
from genbench.analysis.novelty import NoveltyStatistics
from genbench.analysis.strata import StratumBits
from genbench.experiments.row import Row

if TYPE_CHECKING:
    from genbench.experiments.comparison import Comparison

JUDGES = ("bits", "lstm", "rnn")  # of style
MAX_BITS = 1e15  # of a text
MAX_WORD_BITS = 1000.0  # of the word perplexity of pretrained models
TOLERANCE = 1e-6  # of quotients, relative
BLOCK_TOLERANCE = 1e-3  # bits of a block, which are rounded
MIN_UNSEEN, MIN_DISTINCT = 4, 2  # n-gram lengths that tables show
SCORES = ("bits", "bits_per_character", "bits_per_byte", "characters", "bytes", "tokens")


def require_consistent(comparison: Comparison) -> None:
    """Raise ValueError, with the first reason, for a comparison whose figures do not fit each other."""
    for problem in _problems(comparison):
        raise ValueError(problem)


def _problems(comparison: Comparison) -> Iterator[str]:
    """Yield what is wrong, one reason at a time."""
    # the texts
    for author, text in comparison.corpora.items():
        if not text.books:
            yield f"{author} has no books"
        statistics = comparison.held_out_text.get(author)
        if statistics and not _is_complete(statistics):
            yield f"the held-out text of {author} lacks figures"

    # the rows, each on its own, then those of one text side by side
    for row in comparison.results:
        if row.author not in comparison.corpora:
            yield f"a row is of {row.author!r}, and there is no such text"
        if row.ok:
            yield from (f"{row.author} {row.generator}: {problem}" for problem in row_problems(row))
    for author in comparison.corpora:
        rows = [row for row in comparison.results if row.ok and row.author == author]
        if any(_differ([measure(row) for row in rows]) for measure in (_characters, _strata, _contexts, _sample_count)):
            yield f"the rows of {author} were not measured alike"

    yield from _style_problems(comparison)


def row_problems(row: Row) -> Iterator[str]:
    """Yield what is wrong with a finished row."""
    scores = [getattr(row, name) for name in SCORES if name != "tokens" or not row.pretrained]
    if any(score is None for score in scores):
        yield "a score is missing"

    # bits, in total and by block
    counts = (row.words, row.parameters)  # no words where spaces separate none
    numbers = [score or 0 for score in (*scores, *counts)] + row.block_bits
    for stratum in (stratum for split in row.splits.values() for stratum in split.values()):
        numbers += [stratum.bits, stratum.characters, *stratum.block_bits, *stratum.block_characters]
    if not all(0 <= number < MAX_BITS for number in numbers):
        yield "a score is out of range"

    yield from _quotient_problems(row)
    yield from _block_problems(row)

    # samples and their statistics
    if not all(map(_is_complete, row.novelty)):
        yield "the figures of a sample are missing"


def _quotient_problems(row: Row) -> Iterator[str]:
    """Yield which quotients, which tables show and rows are ranked by, are not those of the sums."""
    quotients = {
        "bits_per_character": (row.bits, row.characters),
        "bits_per_byte": (row.bits, row.bytes),
        "canonical_bits_per_character": (row.canonical_bits, row.characters),
    }
    for name, (bits, units) in quotients.items():
        if not math.isclose(getattr(row, name) or 0.0, (bits or 0.0) / (units or 1), rel_tol=TOLERANCE):
            yield f"{name} does not follow from its bits"

    # 2 to the power of bits per word; pretrained models may need more of them than a float can hold
    if row.word_perplexity is not None:
        exponent = math.log2(row.word_perplexity) if row.word_perplexity > 0 else -1
        bits_per_word = min((row.bits or 0.0) / row.words, MAX_WORD_BITS) if row.words else math.inf
        if not math.isclose(exponent, bits_per_word, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            yield "word_perplexity does not follow from its bits"


def _block_problems(row: Row) -> Iterator[str]:
    """Yield what is wrong with the blocks, which intervals are made of."""
    # blocks of the test text, and of each stratum in it; earlier versions left the last, shorter block out
    characters, blocks = row.characters or 0, len(row.block_bits)
    expected = -(-characters // BLOCK_CHARACTERS)
    if row.pretrained and not blocks:  # of the harness there are sums only
        return
    if blocks not in (expected, characters // BLOCK_CHARACTERS):
        yield f"it has {blocks} blocks of its test text, and should have {expected}"
    elif blocks == expected and abs(sum(row.block_bits) - (row.bits or 0)) > BLOCK_TOLERANCE * (blocks + 1):
        yield "the bits of its blocks do not add up to its bits"
    for by, split in row.splits.items():
        for name, stratum in split.items():
            if not _fits(stratum, blocks):
                yield f"the blocks of {by} {name} do not fit its bits"


def _fits(stratum: StratumBits, blocks: int) -> bool:
    """Return whether a stratum has as many blocks as its text; without characters it has no bits."""
    if len(stratum.block_bits) != blocks or len(stratum.block_characters) != blocks:
        return False
    places = [(stratum.characters, stratum.bits), *zip(stratum.block_characters, stratum.block_bits, strict=True)]
    return sum(stratum.block_characters) <= stratum.characters and not any(bits for size, bits in places if not size)


def _is_complete(statistics: NoveltyStatistics) -> bool:
    return len(statistics.unseen) >= MIN_UNSEEN and len(statistics.distinct) >= MIN_DISTINCT


def _differ(shapes: Sequence[Any]) -> bool:
    """Return whether shapes differ, apart from those of rows without the measurement."""
    measured = [shape for shape in shapes if shape]
    return any(shape != measured[0] for shape in measured)


def _characters(row: Row) -> Any:
    return row.characters


def _strata(row: Row) -> Any:
    """Return the characters of each stratum of the test text, by block."""
    return {
        (by, name): (stratum.characters, stratum.block_characters)
        for by, split in row.splits.items()
        for name, stratum in split.items()
    }


def _contexts(row: Row) -> Any:
    return [point.context for point in row.memory]


def _sample_count(row: Row) -> int:
    return len(row.samples)


def _style_problems(comparison: Comparison) -> Iterator[str]:
    """Yield what is missing of the judges of style."""
    rows = [row.style.accuracy for row in comparison.results if row.style and row.style.accuracy]
    report = comparison.style
    judged: list[Mapping[str, Any]] = [*rows]
    if report:
        judged += [report.human.judges, report.lost_word, *(passages.judges for passages in report.by_length)]
    if not all(set(JUDGES) <= judges.keys() for judges in judged):
        yield "a judge of style is missing"

    # the confusion matrix of the human passages
    matrices = report.human.judges.values() if report else ()
    if not all(_has_authors(accuracy, comparison.corpora) for accuracy in matrices):
        yield "an author is missing among the judged passages"


def _has_authors(accuracy: Accuracy, authors: Mapping[str, Any]) -> bool:
    """Return whether a confusion matrix has each author as row and as column."""
    table = accuracy.attributed_to
    return all(author in table.get(author, {}) for author in authors)
