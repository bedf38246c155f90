"""The HTML page of a leaderboard: a table for each text and kind of row."""

from __future__ import annotations

from dataclasses import dataclass

from genbench.experiments.leaderboard import Board, Leaderboard
from genbench.experiments.proof.check import DECODED
from genbench.report.html.rendering import fill
from genbench.report.html.tables import Cell, Line, Table
from genbench.report.leaderboard import TITLES, board_heading, board_notes, board_table, leaderboard_notes


@dataclass(frozen=True)
class BoardSection:
    """A table of a leaderboard, as the template shows it."""

    name: str
    heading: str
    table: Table
    notes: list[str]


def leaderboard_page(board: Leaderboard) -> str:
    """Return a leaderboard as one self-contained HTML page."""
    values = {"boards": [_section(part) for part in board.boards], "notes": list(leaderboard_notes(board))}
    return fill("leaderboard.html", values)


def _section(board: Board) -> BoardSection:
    """Return the table of a board, with the first row and what was decoded in bold."""
    table = board_table(board)
    lines = []
    for place, (label, bits, *numbers, proof, sources) in enumerate(table.rows):
        cells = [Cell(bits, "best" if place == 0 else ""), *map(Cell, numbers)]
        cells += [Cell(proof, "words best" if proof == DECODED else "words"), Cell(sources, "words")]
        lines.append(Line(label, cells))
    name = " = ".join(board.authors) + (f": {board.kind}" if TITLES[board.kind] else "")
    return BoardSection(name, board_heading(board), Table(name, table.names, lines), list(board_notes(board)))
