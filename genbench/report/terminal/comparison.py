"""Print a comparison: the tables of each author, notes on how to read them, and the samples side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row, Sample
from genbench.experiments.significance import StratumResult, Verdict, labels, verdict_notes
from genbench.report import comparison_tables as tables
from genbench.report.anchors import published_lines
from genbench.report.columns import Column, columns_for
from genbench.report.comparison_tables import HELD_OUT, TextTable
from genbench.report.formatting import printable, unwrap
from genbench.report.pairs import legend, next_column, pair_sentences
from genbench.report.terminal.tables import COLUMN_GAP, MIN_NAME_WIDTH, NumberTable, plain_table
from genbench.sampling import describe_choices

MIN_PANEL_WIDTH = 36  # columns
EXPECTED_HEADING = "Expected, from the machine of the file's authors:"
FAINT = "bright_black"


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print a comparison: for each author the tables, then the samples."""
    # title and notes of the file
    show_introduction(comparison, console)

    # the numbers of each author, then the samples
    for author in comparison.corpora:
        rows = comparison.ranked(author)
        for part in number_parts(comparison, author, rows, console.width):
            console.print(part)
        console.print()
        for part in sample_parts(author, rows, console.width):
            console.print(part)
        console.print()

    # figures that could not be measured
    for sentence in comparison.omitted:
        console.print(Text(printable(f"Not measured: {sentence}"), style="yellow"))

    # what the authors of the file measured, to compare with
    show_expected(comparison, console)


def show_introduction(comparison: Comparison, console: Console) -> None:
    """Print the title and the notes of a comparison, if its file has them."""
    for text, style in ((comparison.title, "bold"), (comparison.notes, "")):
        if text:
            console.print(Text(printable(unwrap(text)), style=style), end="\n\n")


def show_expected(comparison: Comparison, console: Console) -> None:
    """Print the expected results, if the file of the comparison has them."""
    if comparison.expected:
        expected = Text(printable(unwrap(comparison.expected)))
        console.print(Text(EXPECTED_HEADING, style="bold"), expected, sep="\n")


def number_parts(comparison: Comparison, author: str, rows: list[Row], width: int) -> Iterator[RenderableType]:
    """Yield the tables of an author: the result table and its remarks, then the other tables."""
    # the result table; it is missing if every row failed
    lines = comparison.lines(author)
    yield Text(tables.corpus_heading(comparison, author), style="bold")
    if lines:
        yield result_table(lines, width, comparison.verdicts(author))
    yield from _remarks(comparison, author, rows, width)

    # bits by strata of the test text
    for by, strata in comparison.splits(author).items():
        yield from _strata_parts(by, strata)

    # statistics of the samples
    if novelty := tables.novelty_table(lines, comparison.held_out_text.get(author)):
        yield _number_table(novelty)
        yield Text(tables.novelty_note(novelty), style=FAINT)

    # bits by length of context, and on the texts of the other authors
    if contexts := tables.context_table(lines):
        yield Text(f"\n{tables.CONTEXT_TITLE}")
        yield _number_table(contexts)
        yield Text(tables.CONTEXT_NOTE, style=FAINT)
    if cross_author := tables.cross_author_table(author, list(comparison.corpora), lines):
        yield Text(f"\n{tables.CROSS_AUTHOR_TITLE}")
        yield _number_table(cross_author)

    # attribution of the samples
    yield from _style_parts(comparison, author, lines)


def result_table(rows: list[Row], width: int, verdicts: Sequence[Verdict] = ()) -> Table:
    """Return the result table of finished rows, with the columns that fit the width, and the steps between rows."""
    names = labels(rows)
    name_width, columns = fit_columns(rows, width, verdicts)
    table = plain_table()
    table.add_column("generator", overflow="fold", min_width=name_width)
    for column in columns:
        table.add_column(column.heading, justify="right", style=column.style, header_style=column.style, no_wrap=True)

    # a line for each row, the best values marked
    winners = [column.winner(rows) for column in columns]
    for label, row in zip(names, rows, strict=True):
        cells = [
            _marked(column.format(row), column.is_winner(row, winner))
            for column, winner in zip(columns, winners, strict=True)
        ]
        table.add_row(printable(label), *cells)
    return table


def fit_columns(rows: Sequence[Row], width: int, verdicts: Sequence[Verdict] = ()) -> tuple[int, list[Column]]:
    """Return the width of the names and the columns that fit beside them, and the steps between rows.

    Those that need the most room are left out until names need not be broken inside a word.
    """
    columns = columns_for(rows, width)
    if step := next_column(rows, verdicts):
        columns.insert(1, step)
    longest = max(cell_len(word) for name in labels(rows) for word in name.split())
    name_width = max(MIN_NAME_WIDTH, min(longest, width // 3))
    while _table_width(name_width, columns, rows) > width and any(column.min_width for column in columns):
        columns.remove(max(columns, key=lambda column: column.min_width))
    return name_width, columns


def _table_width(name_width: int, columns: Sequence[Column], rows: Sequence[Row]) -> int:
    """Return the width of a table of results, with a star before one value of each column."""
    cells = [[*column.heading.split("\n"), *("*" + column.format(row) for row in rows)] for column in columns]
    return name_width + COLUMN_GAP + sum(COLUMN_GAP + max(map(cell_len, column)) for column in cells)


def _marked(cell: str, best: bool) -> Text:
    """Return a cell, marked with a star if it is the best of its column."""
    return Text(f"*{cell}", style="bold green") if best else Text(cell)


def _remarks(comparison: Comparison, author: str, rows: list[Row], width: int) -> Iterator[Text]:
    """Yield the sentences below the result table."""
    # the verdict on the best two, and what is not clearly different
    verdicts = comparison.verdicts(author)
    for sentence in pair_sentences(verdicts):
        yield Text(printable(sentence))
    for note in verdict_notes(verdicts):
        yield Text(printable(note), style=FAINT)
    if seeds := _seeds(comparison.lines(author)):
        yield Text(f"Means over {seeds} seeds; the intervals allow for other texts and other seeds.", style=FAINT)

    yield from _reading_help(comparison, author, width)

    # what reading the text changed or noticed
    for note in comparison.corpora[author].notes:
        yield Text(printable(f"{author}: {note}"), style="yellow")

    # rows that failed, then each note with the rows that it applies to
    for sentence in tables.failure_sentences(rows):
        yield Text(printable(sentence), style="red")
    for sentence in tables.interruption_sentences(rows):
        yield Text(printable(sentence), style="yellow")
    for sentence in tables.note_sentences(rows):
        yield Text(printable(sentence), style="yellow")


def _reading_help(comparison: Comparison, author: str, width: int) -> Iterator[Text]:
    """Yield how to read the table, and figures to compare it with."""
    lines, verdicts = comparison.lines(author), comparison.verdicts(author)
    if lines:
        yield Text(" ".join(_column_help(comparison, lines, verdicts, width)), style=FAINT)
    for sentence in tables.tokenization_sentences(lines) + tables.audit_sentences(lines):
        yield Text(printable(sentence), style=FAINT)
    if baselines := tables.baselines_sentence(comparison, author):
        yield Text(baselines, style=FAINT)
    for line in published_lines(comparison, author):
        yield Text(line, style=FAINT)


def _column_help(comparison: Comparison, lines: list[Row], verdicts: Sequence[Verdict], width: int) -> Iterator[str]:
    """Yield what the columns of the result table mean, as far as they are shown, and where the others are."""
    _, columns = fit_columns(lines, width, verdicts)
    has_best = any(column.winner(lines) is not None for column in columns)
    yield f"{tables.RANKING_NOTE}; {tables.BEST_NOTE}." if has_best else f"{tables.RANKING_NOTE}."
    if sentence := legend(lines, verdicts):
        yield sentence
    if any(column.key == "token_perplexity" for column in columns):
        yield tables.TOKEN_PERPLEXITY_NOTE

    # columns that the terminal has no room for
    if hidden := [column.name for column in columns_for(lines) if column not in columns]:
        command = f"genbench runs show {comparison.name} --csv -" if comparison.name else "--csv -"
        yield f"Not shown in {width} columns: {', '.join(hidden)}; {command} prints them."


def _seeds(lines: list[Row]) -> str:
    """Return the number of seeds that the lines are means of, such as "1 to 3", or "" if every line has one seed."""
    numbers = sorted({line.seeds for line in lines})
    if not numbers or numbers[-1] == 1:
        return ""
    return " to ".join(str(number) for number in dict.fromkeys((numbers[0], numbers[-1])))


def _number_table(table: TextTable) -> NumberTable:
    """Return a table for the terminal, with the line of held-out text faint."""
    styles = [FAINT if row[0] == HELD_OUT else "" for row in table.rows]
    return NumberTable(table.headings, table.rows, styles)


def _strata_parts(by: str, strata: Sequence[StratumResult]) -> Iterator[RenderableType]:
    """Yield bits per character on each stratum, and the verdict on its two best generators."""
    # mark a generator that is ahead of the next one
    table = tables.strata_table(by, strata)
    share, *lines = table.rows
    rows: list[list[str | Text]] = [list(share)]
    for label, *bits in lines:
        best = [len(lines) > 1 and result.verdicts[0].better == label for result in strata]
        rows.append([label, *(_marked(value, first) for value, first in zip(bits, best, strict=True))])

    # the table, and a verdict for each stratum
    yield Text(f"\nBits per character {tables.strata_title(by)}:")
    yield NumberTable(["", *table.headings[1:]], rows, [FAINT, *("" for _ in lines)])
    for result in strata:
        for verdict in result.verdicts[:1]:
            yield Text(printable(f"{result.stratum}: {verdict.sentence(unit='')}"))
    if note := tables.strata_note(by):
        yield Text(note, style=FAINT)


def _style_parts(comparison: Comparison, author: str, lines: list[Row]) -> Iterator[RenderableType]:
    """Yield the shares of samples attributed to their author, and the accuracy of the judges."""
    table = tables.style_table(comparison, author, lines)
    if table and comparison.style:
        yield Text("")
        yield _number_table(TextTable([heading.replace(" ", "\n") for heading in table.headings], table.rows))
        yield Text(tables.STYLE_NOTE, style=FAINT)
        yield from (Text(printable(line)) for line in tables.judge_accuracy(comparison.style))


def sample_parts(author: str, rows: list[Row], width: int) -> Iterator[RenderableType]:
    """Yield the samples of one author, side by side for each temperature and prompt."""
    # every row has the same temperatures and prompts in the same order
    labelled = zip(labels(rows), rows, strict=True)
    samples = [(label, row.samples) for label, row in labelled if row.ok and row.samples]
    for number in range(max((len(texts) for _, texts in samples), default=0)):
        first = samples[0][1][number]
        prompt = f", after {first.prompt!r}" if first.prompt else ""
        setting = " with default sampling" if first.temperature is None else f" at temperature {first.temperature:g}"
        yield Rule(Text(printable(f"{author}{setting}{prompt}"), style="bold"))

        # as many panels side by side as fit
        per_line = max(1, min(len(samples), width // (MIN_PANEL_WIDTH + 1)))
        panel_width = (width - (per_line - 1)) // per_line
        panels = [_panel(label, texts[number], panel_width) for label, texts in samples]
        yield Columns(panels, padding=(0, 1, 0, 0))


def _panel(label: str, sample: Sample, width: int) -> Panel:
    """Return a panel with the faint prompt, the text, and the length of the longest copy."""
    text = Text(printable(sample.prompt), style=FAINT, overflow="fold").append(printable(sample.text), style="default")
    copied = "" if sample.longest_copy is None else f"longest copy {sample.longest_copy:,} characters"
    used = describe_choices(sample.sampling) if sample.temperature is None else ""
    title = Text(printable(label)).append(f", {used}" if used else "", style=FAINT)
    return Panel(text, title=title, subtitle=Text(copied, style=FAINT), width=width)
