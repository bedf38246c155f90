"""Tables and sentences of a leaderboard as text, for the terminal, the HTML page and Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from genbench.experiments.leaderboard import (
    ADAPTIVE,
    DOUBTFUL,
    FINE_TUNED,
    PRETRAINED,
    STATIC,
    Board,
    Entry,
    Leaderboard,
)
from genbench.experiments.significance import Verdict
from genbench.report.comparison_tables import TextTable, text_heading
from genbench.report.formatting import format_count, format_decimals

HEADINGS = ("generator", "bits/char", "behind", "word perpl.", "parameters", "proof", "from")
NUMBERS = ("bits/char", "behind", "word perpl.", "parameters")  # columns that are aligned right
TIE = "="  # beside a difference that is not clear

TITLES = {
    STATIC: "",
    ADAPTIVE: "adaptive, which learn from the test text while they read it",
    FINE_TUNED: "fine-tuned, which learned other text before",
    PRETRAINED: "pretrained, models of somebody else, which may have read the test text",
    DOUBTFUL: "doubtful, whose figures cannot be those of a model of the training text alone",
}
PROOF_NOTE = (
    "Proof: decoded, the model decoded the test text on this machine; scored, it gives the same bits, and rounds in "
    "another way here; not checked, there is a proof, which --decode checks. Other rows are what their file says."
)


def board_heading(board: Board) -> str:
    """Return the names of a text, its sizes, the beginning of its test text's checksum, and the kind of rows."""
    title = TITLES[board.kind]
    text = f"{text_heading(' = '.join(board.authors), board.text)}, sha256 {board.text.part_sha256['test'][:12]}"
    return f"{text}: {title}" if title else text


def board_table(board: Board) -> TextTable:
    """Return the entries of a board, a line each with its rank; equal bits have equal ranks."""
    bits = [entry.row.ranking_bits for entry in board.entries]
    lines = [
        [
            f"{1 + bits.index(entry.row.ranking_bits)}. {entry.label}",
            format_decimals(entry.row.bits_per_character, 3),
            _format_behind(entry.behind),
            format_decimals(entry.row.word_perplexity, 1),
            format_count(entry.row.parameters),
            entry.proof or "-",
            ", ".join(entry.sources),
        ]
        for entry in board.entries
    ]
    return TextTable(HEADINGS, lines)


def _format_behind(verdict: Verdict | None) -> str:
    """Return how many more bits per character a row needs than the first.

    >>> _format_behind(Verdict("a", "b", 0.0123, (-0.1, 0.1), False, 0.5, (-0.2, 0.2)))
    '=0.012'
    >>> _format_behind(Verdict("a", "b", 0.0123, (0.01, 0.02), True, 0.01, (0.01, 0.02)))
    '+0.012'
    """
    if verdict is None:
        return "-"
    tied = verdict.adjusted_interval is not None and not verdict.clear
    return f"{TIE if tied else '+'}{verdict.difference:z.3f}"


def board_notes(board: Board) -> Iterator[str]:
    """Yield what the differences of a board mean, as far as it has any."""
    verdicts = [entry.behind for entry in board.entries if entry.behind is not None]
    if any(verdict.adjusted_interval is None for verdict in verdicts):
        yield "Differences have no intervals: the test text is too short."
    elif verdicts:
        yield (
            f"Behind: bits per character more than the first; {TIE} where the 95 % interval of the difference, "
            f"adjusted for {len(verdicts)} pairs (Holm), includes zero."
        )
    trained = list(dict.fromkeys(name for verdict in verdicts for name in verdict.one_training))
    if trained:
        yield f"Trained from one seed, which another seed may change: {', '.join(trained)}."


def leaderboard_notes(board: Leaderboard) -> Iterator[str]:
    """Yield the legend of the proofs, if there are any, and what is in no table."""
    if any(entry.proof for part in board.boards for entry in part.entries):
        yield PROOF_NOTE
    yield from board.notes
    yield from (f"Left out: {name}: {reason}" for name, reason in board.left_out.items())


def entries(board: Leaderboard) -> Iterator[tuple[Board, int, Entry]]:
    """Yield every entry with its board and its place in it, from 1."""
    for part in board.boards:
        yield from ((part, place, entry) for place, entry in enumerate(part.entries, 1))
