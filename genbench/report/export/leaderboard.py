"""Write a leaderboard as JSON, CSV, Markdown or HTML."""

from __future__ import annotations

import csv
import io
import json

from genbench.experiments.leaderboard import PARTS, Board, Leaderboard
from genbench.report.export.files import Outputs, defuse, markdown_table
from genbench.report.formatting import escape_markdown
from genbench.report.leaderboard import board_heading, board_notes, board_table, entries, leaderboard_notes

FIGURES = (
    "bits",
    "bits_per_character",
    "bits_per_byte",
    "word_perplexity",
    "characters",
    "parameters",
    "train_seconds",
)


def as_json(board: Leaderboard) -> str:
    """Return a leaderboard as JSON, with everything that the rows have."""
    return json.dumps(board.to_dict(), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def as_csv(board: Leaderboard) -> str:
    """Return a leaderboard as CSV: a line for each entry, options as JSON, sources with spaces between."""
    lines = []
    for part, place, entry in entries(board):
        row, behind = entry.row, entry.behind
        low, high = (behind.adjusted_interval if behind else None) or (None, None)
        values = {
            "authors": " = ".join(part.authors),
            **{f"{name}_sha256": part.text.part_sha256[name] for name in PARTS},
            "kind": part.kind,
            "place": place,
            "generator": row.generator,
            "options": json.dumps(row.options, ensure_ascii=False),
            "seed": row.seed,
            **{name: getattr(row, name) for name in FIGURES},
            "behind": behind.difference if behind else None,
            "behind_low": low,
            "behind_high": high,
            "clear": behind.clear if behind else None,
            "proof": entry.proof,
            "sources": ", ".join(entry.sources),
        }
        lines.append({name: defuse(value) for name, value in values.items()})

    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def as_markdown(board: Leaderboard) -> str:
    """Return a leaderboard as Markdown: a heading, a table and notes for each text, then what is in no table."""
    parts = [_board_markdown(part) for part in board.boards]
    notes = [f"- {escape_markdown(note)}" for note in leaderboard_notes(board)]
    return "\n".join([*parts, *([*notes, ""] if notes else [])])


def _board_markdown(board: Board) -> str:
    lines = [f"### {escape_markdown(board_heading(board))}", *markdown_table(board_table(board))]
    for note in board_notes(board):
        lines += ["", escape_markdown(note)]
    return "\n".join(lines) + "\n"


def as_html(board: Leaderboard) -> str:
    """Return a leaderboard as an HTML page."""
    from genbench.report.html.leaderboard import leaderboard_page  # imported late: matplotlib takes half a second

    return leaderboard_page(board)


FORMATS = {"json": as_json, "csv": as_csv, "markdown": as_markdown, "html": as_html}


def write_leaderboard(board: Leaderboard, outputs: Outputs) -> None:
    """Write a leaderboard to each file."""
    outputs.write_as(board, FORMATS)
