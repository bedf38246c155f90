"""Attribution of held-out books by counting, against the amount of training text (as arXiv 2510.21958 with GPT-2).

    python benchmarks/attribution.py [AUTHOR...]

Each book of the authors that have several is held out in turn, and attributed by models of all authors. NLTK's
gutenberg corpus must be on its search path (NLTK_DATA).
"""

from __future__ import annotations

import sys

from genbench.analysis.held_out_books import evaluate_held_out_books

AUTHORS = ("austen", "chesterton", "shakespeare", "melville", "carroll", "milton", "whitman")
CHARACTERS = (1_000, 3_000, 10_000, 30_000, 100_000)
GENERATORS = ("markov-char", "markov-word")
CHARACTERS_PER_TOKEN = 4.0  # of GPT-2 in English prose, about


def main(authors: list[str]) -> None:
    """Print a table in Markdown: one row for each generator and amount of training text."""
    print("| generator | characters | tokens, about | whole books | by Delta | passages | c@1 | F0.5u | Brier |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for generator in GENERATORS:
        for characters in CHARACTERS:
            report = evaluate_held_out_books(authors or AUTHORS, generator, characters=characters)
            scores, accuracy = report.verification, report.accuracy
            low, high = accuracy.interval
            cells = [
                generator,
                f"{characters:,}",
                f"{characters / CHARACTERS_PER_TOKEN:,.0f}",
                f"{report.whole_correct} of {len(report.books)}",
                f"{report.delta_correct} of {len(report.books)}",
                f"{100 * (accuracy.accuracy or 0):.1f} % [{100 * low:.1f}, {100 * high:.1f}]",
                *([f"{x:.3f}" for x in (scores.c_at_1, scores.f_05_u, scores.brier)] if scores else "---"),
            ]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
