"""Print the results of the commands novelty, confusion and explain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console

from genbench.analysis.attribution import Accuracy
from genbench.analysis.confusion import ConfusionReport
from genbench.analysis.explanations import Context, Continuation, Explanation
from genbench.analysis.novelty import CopiedRun, NoveltyReport
from genbench.report.comparison_tables import NOVELTY_HEADINGS, judge_accuracy, novelty_cells
from genbench.report.formatting import format_percent, heading_in_one_line
from genbench.report.terminal.tables import print_heading, print_list, print_text
from genbench.scoring import NO_WORDS_NOTE
from genbench.tokenization.graphemes import cut_end, cut_start

MAX_COPY = 60  # characters of a copied run that are shown
MAX_CONTEXT = 40  # characters of a context in a heading
PASSAGE_NOTE = (
    "A passage is attributed to the author whose model needs the fewest bits for it. The mean gives each author the "
    "same weight. Passages of one book share its names and its subject: see --held-out."
)


def show_novelty(report: NoveltyReport, console: Console) -> None:
    """Print the longest copy in each text, the share of unseen n-grams by length, and the other statistics."""
    # the longest copied run of each text
    rows = [
        [str(number), str(text.longest_copy), _copied_from(text.copied_from), _copied_text(text.copied_from)]
        for number, text in enumerate(report.texts, 1)
    ]
    print_list(["text", "copy", "from", "the longest run copied"], rows, console)
    console.print()

    # unseen n-grams by length
    shares = zip(report.generated.unseen, report.held_out.unseen, strict=True)
    rows = [[str(n), *map(format_percent, pair)] for n, pair in enumerate(shares, 1)]
    print_list(["words", "unseen, generated %", "unseen, held-out %"], rows, console)
    console.print()

    # the other statistics
    names = map(heading_in_one_line, NOVELTY_HEADINGS)
    figures = zip(names, novelty_cells(report.generated), novelty_cells(report.held_out), strict=True)
    print_list(
        ["figure", "generated", "held-out"],
        [list(row) for row in figures if not row[0].startswith("unseen")],  # shown above
        console,
    )
    if report.generated.copied_share is None:
        print_text(NO_WORDS_NOTE, console)


def _copied_from(run: CopiedRun | None) -> str:
    """Return the book of a copied run and the position of its first character."""
    return "-" if run is None else f"{run.book} at {run.character:,}".strip()


def _copied_text(run: CopiedRun | None) -> str:
    """Return the beginning of a copied run, with its line ends escaped."""
    if run is None:
        return ""
    return repr(cut_end(run.text, MAX_COPY))[1:-1] + ("..." if len(run.text) > MAX_COPY else "")


def show_confusion(report: ConfusionReport, console: Console) -> None:
    """Print bits and distances between authors, and the share of passages attributed to their author."""
    # the models: smallest and largest training text, seconds
    names = list(report.authors)
    sizes = sorted({len(corpus.train) for corpus in report.authors.values()})
    characters = " to ".join(f"{size:,}" for size in dict.fromkeys((sizes[0], sizes[-1])))
    seconds = f"{report.train_seconds:z.1f} s of training"
    print_text(f"{report.generator}, {characters} characters of each author, {seconds}", console)

    # bits and distances of every pair of authors
    _show_matrix("bits per character of (row) under the model of (column)", names, report.bits, console)
    _show_matrix("distance, bits per character, from (row) to (column)", names, report.distances, console)

    # attribution of passages and of whole test texts
    headings = ("passages of", "passages", "correct", "95 % interval", "mean")
    print_list(
        headings, [[str(length), *accuracy_cells(accuracy)] for length, accuracy in report.attribution.items()], console
    )
    if report.judge:
        for sentence in judge_accuracy(report.judge):
            print_text(sentence, console)
    correct = f"{report.whole_correct} of {len(names)}"
    print_text(f"Whole test texts attributed to their author: {correct}. {PASSAGE_NOTE}", console)


def _show_matrix(title: str, names: Sequence[str], values: Sequence[Sequence[float]], console: Console) -> None:
    """Print a square table; mark the lowest value of each row unless it is 0."""
    print_heading(title, console)
    rows = []
    for name, row in zip(names, values, strict=True):
        rows.append([name, *(f"{'*' if value and value == min(row) else ''}{value:z.3f}" for value in row)])
    shown = 9 if len(names) < 6 else 7  # characters of a name in a heading
    print_list(["", *(name[:shown] for name in names)], rows, console)


def accuracy_cells(accuracy: Accuracy) -> list[str]:
    """Return the number of passages, the share attributed correctly, its interval, and the mean over authors.

    >>> accuracy_cells(Accuracy(10, 9, 0.9, (0.596, 0.982), 0.85, {}))
    ['10', '90.0 %', '59.6-98.2', '85.0 %']
    >>> accuracy_cells(Accuracy(0, 0, None, (0.0, 1.0), None, {}))
    ['0', '-', '-', '-']
    """
    if accuracy.accuracy is None or accuracy.mean is None:
        return ["0", "-", "-", "-"]
    low, high = accuracy.interval
    shares = [f"{share:z.1%}".replace("%", " %") for share in (accuracy.accuracy, accuracy.mean)]
    return [str(accuracy.passages), shares[0], f"{100 * low:z.1f}-{100 * high:z.1f}", shares[1]]


def show_explanation(explanation: Explanation, console: Console) -> None:
    """Print the most likely continuations, then a table for each length of context."""
    # the prediction
    print_heading(f"after {quoted(explanation.text)}", console)
    rows = [(quoted(likely.text), f"{likely.probability:z.4f}") for likely in explanation.likeliest]
    print_list(("continuation", "probability"), rows, console)

    # each book once: places name it by a number
    numbers = book_numbers(explanation)
    if numbers:
        print_text(books_sentence(numbers), console, "bright_black")

    # the counts behind it, from the longest context to none
    for context in explanation.contexts:
        print_heading(context_heading(context), console)
        headings, lines = continuation_table(context.continuations, numbers)
        print_list(headings, lines, console)


def context_heading(context: Context) -> str:
    """Return the heading of the table of a context."""
    tokens = "1 token" if context.tokens == 1 else f"{context.tokens} tokens"
    text = context.text if len(context.text) <= MAX_CONTEXT else "..." + cut_start(context.text, MAX_CONTEXT)
    name = f"{tokens} of context, {quoted(text)}" if context.tokens else "no context"
    rest = "shorter contexts" if context.tokens else "what the training text does not have"
    leftover = f"{context.leftover:z.1%} of the probability left to {rest}".replace("%", " %")
    different = "1 continuation" if context.followers == 1 else f"{context.followers:,} different continuations"
    return f"{name}: {different}, {leftover}"


def book_numbers(explanation: Explanation) -> dict[str, int]:
    """Return a number for each book in which a continuation occurs, from 1, in the order of their first places."""
    seen = (continuation for context in explanation.contexts for continuation in context.continuations)
    titles = dict.fromkeys(title for continuation in seen for title, _ in continuation.places)
    return {title: number for number, title in enumerate(titles, 1)}


def books_sentence(numbers: Mapping[str, int]) -> str:
    """Return what the places are.

    >>> books_sentence({"Emma": 1}), books_sentence({"Emma": 1, "Persuasion": 2})
    ('Places are lines of Emma.', 'Places are books and lines: [1] Emma, [2] Persuasion.')
    """
    if len(numbers) == 1:
        return f"Places are lines of {next(iter(numbers))}."
    return f"Places are books and lines: {', '.join(f'[{number}] {title}' for title, number in numbers.items())}."


def continuation_table(
    continuations: Sequence[Continuation], numbers: Mapping[str, int]
) -> tuple[list[str], list[list[str]]]:
    """Return headings and a row for each continuation that was counted, with places if any of them has some."""
    headings = ["followed by", "count", "discount", "probability"]
    rows = [
        [quoted(seen.text), f"{seen.count:g}", f"{seen.discount:z.3f}", f"{seen.probability:z.4f}"]
        for seen in continuations
    ]
    if any(seen.places for seen in continuations):
        headings.append("seen in")
        for row, seen in zip(rows, continuations, strict=True):
            row.append("; ".join(_describe_places(seen.places, numbers)))
    return headings, rows


def _describe_places(places: Iterable[tuple[str, int]], numbers: Mapping[str, int]) -> Iterator[str]:
    """Yield the number of each book, where there are several, with its lines.

    >>> list(_describe_places([("Emma", 3), ("Emma", 1200), ("Persuasion", 7)], {"Emma": 1, "Persuasion": 2}))
    ['[1] 3, 1200', '[2] 7']
    """
    lines: dict[str, list[str]] = {}
    for title, line in places:
        lines.setdefault(title, []).append(str(line))
    for title, in_book in lines.items():
        book = f"[{numbers[title]}] " if len(numbers) > 1 else ""
        yield book + ", ".join(dict.fromkeys(in_book))


def quoted(text: str) -> str:
    """Return a text in quotation marks that it does not contain, if possible, with its newlines escaped.

    >>> print(quoted("the"), quoted("'"), quoted("\\n"))
    'the' "'" '\\n'
    """
    mark = '"' if "'" in text else "'"
    return f"{mark}{text}{mark}".replace("\n", "\\n")
