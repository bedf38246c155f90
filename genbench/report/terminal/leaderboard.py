"""Print a leaderboard: a table for each text, and what is in none of them."""

from __future__ import annotations

from rich.console import Console

from genbench.experiments.leaderboard import Leaderboard
from genbench.report.leaderboard import NUMBERS, board_heading, board_notes, board_table, leaderboard_notes
from genbench.report.terminal.tables import print_heading, print_list, print_text

FAINT = "bright_black"


def show_leaderboard(board: Leaderboard, console: Console) -> None:
    """Print the tables of a leaderboard with their notes."""
    for part in board.boards:
        print_heading(board_heading(part), console)
        table = board_table(part)
        print_list(table.headings, table.rows, console, numbers=NUMBERS)
        for note in board_notes(part):
            print_text(note, console, FAINT)
        print_text("", console)

    # what the tables do not have
    for note in leaderboard_notes(board):
        print_text(note, console, "yellow" if note.startswith("Left out") else FAINT)
