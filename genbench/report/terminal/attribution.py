"""Print the results of the command attribute: bits, answer, baseline, what is telling, and the curve of a long text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.console import Console

from genbench.analysis.attribution import Attribution
from genbench.analysis.held_out_books import BookEvaluation
from genbench.analysis.open_set import NONE_OF_THESE, NOT_CLEAR
from genbench.analysis.rolling import Rolling, Segment, Window
from genbench.analysis.telling import TellingWord
from genbench.report.terminal.tables import print_heading, print_list, print_text
from genbench.tokenization.graphemes import cut_end

SHOWN_PASSAGE = 50  # characters of a passage
SHOWN_WORDS = 6  # on each side
KNOWN_SHARE = 0.1  # of a text in training texts, from which it is reported
BAR = 20  # columns of the largest margin


def show_attribution(result: Attribution, console: Console) -> None:
    """Print the bits of a text under each author's model, the answer, what is telling, and the curve."""
    rows = [
        [
            author.author,
            f"{author.bits:z,.1f}",
            f"{author.bits_per_character:z.3f}",
            "-" if author.delta is None else f"{author.delta:z.3f}",
        ]
        for author in result.authors
    ]
    print_list(("author", "bits", "per character", "Burrows's Delta"), rows, console)
    sentences = (
        *(attribution_sentence(result), answer_sentence(result), result.form),
        *(known_sentence(result), delta_sentence(result)),
    )
    for sentence in sentences:
        if sentence:
            print_text(sentence, console)
    _show_telling(result, console)
    if result.rolling:
        show_rolling(result.rolling, console)


def attribution_sentence(result: Attribution) -> str:
    """Return a sentence with the most likely author, the margin, and its interval.

    >>> from genbench.analysis.attribution import AuthorBits
    >>> authors = [AuthorBits("pell", 200.0, 2.0), AuthorBits("thorne", 225.0, 2.25)]
    >>> attribution_sentence(Attribution("markov-char", 100, authors, 0.25, None, False))
    'pell needs 0.250 bits per character less than thorne; no interval below 1,000 characters'
    """
    second, margin = result.authors[1].author, f"{result.margin:z.3f} bits per character"
    if result.interval is None:
        return f"{result.best} needs {margin} less than {second}; no interval below 1,000 characters"
    low, high = result.interval
    if result.clear:
        return f"{result.best} ahead of {second} by {margin} [{low:z.3f}, {high:z.3f}]"
    return f"no clear difference between {result.best} and {second}: {margin} [{low:z.3f}, {high:z.3f}]"


def answer_sentence(result: Attribution) -> str:
    """Return the answer of the open-set rule in a sentence, or that there is none."""
    probability = "" if result.probability is None else f"probability {result.probability:z.3f}"
    if result.answer == NONE_OF_THESE:
        return f"{NONE_OF_THESE}: {result.best} is the nearest, but hardly wrote this text ({probability})"
    if result.answer == NOT_CLEAR:
        return f"{NOT_CLEAR} whether {result.best} or {NONE_OF_THESE} wrote this text ({probability} for {result.best})"
    if not result.answer:
        return "no answer to whether one of them wrote this text: it is too short, or the text of an author is"
    return f"{result.best} wrote this text, rather than {NONE_OF_THESE}: {probability}"


def known_sentence(result: Attribution) -> str:
    """Return that an author's model was trained on the text, "" where it was trained on little of it or on none."""
    shares = {author: share for author, share in result.known.items() if share >= KNOWN_SHARE}
    if not shares:
        return ""
    listed = ", ".join(f"{100 * share:z.0f} % of it by {author}" for author, share in shares.items())
    return f"the models have seen this text, word for word ({listed}), so this attribution says nothing about others"


def delta_sentence(result: Attribution) -> str:
    """Return whether Burrows's Delta names another author, "" where it agrees or could not be computed."""
    distances = {author.author: author.delta for author in result.authors if author.delta is not None}
    if not distances or distances[result.best] == min(distances.values()):
        return ""
    return f"Burrows's Delta differs: {min(distances, key=distances.__getitem__)} is nearest by it"


def _show_telling(result: Attribution, console: Console) -> None:
    """Print the passages and words that speak most for the first author against the second, and the reverse."""
    second = result.authors[1].author
    if result.passages:
        print_heading(f"most telling passages, {result.best} against {second}", console)
        rows = [
            [f"{passage.start:,}", f"{passage.difference:+z.3f}", _one_line(passage.text)]
            for passage in result.passages
        ]
        print_list(("at", "margin", "passage"), rows, console)
    for author in (result.best, second):
        chosen = [word for word in result.words if (word.difference > 0) == (author == result.best)][:SHOWN_WORDS]
        if chosen:
            print_text(f"words for {author}: {_list_words(chosen)}", console)


def _one_line(text: str) -> str:
    """Return the beginning of a passage, without the word that it begins in."""
    whole_words = text[text.find(" ") + 1 :]
    return " ".join(cut_end(whole_words, SHOWN_PASSAGE).split()) + "..."


def _list_words(words: Sequence[TellingWord]) -> str:
    return ", ".join(f"{word.word} ({word.count}x, {abs(word.difference):z.0f} bits)" for word in words)


def show_rolling(rolling: Rolling, console: Console) -> None:
    """Print the curve of a long text, a line for each window, and where the author changes."""
    print_heading(f"windows of {rolling.window:,} characters; margin in bits per character, 95 % interval", console)
    largest = max(window.margin for window in rolling.windows)
    headings = ("from", "nearest", "margin", "interval", "")
    print_list(headings, [_window_cells(window, largest) for window in rolling.windows], console, numbers=("from",))
    for line in change_sentences(rolling):
        print_text(line, console)


def _window_cells(window: Window, largest: float) -> list[str]:
    bounds = "-" if window.interval is None else "[{:z.3f}, {:z.3f}]".format(*window.interval)
    bar = "#" * round(BAR * window.margin / largest) if largest else ""
    author = window.author if window.clear else f"{window.author} ?"
    return [f"{window.start:,}", author, f"{window.margin:z.3f}", bounds, bar]


def change_sentences(rolling: Rolling) -> Iterator[str]:
    """Yield where the author changes, or that it does not, or that no part is by any of the authors."""
    parts = rolling.segments
    if not any(part.attributed for part in parts):
        yield _stranger_sentence(parts)
        return
    penalty = f"a change costs {rolling.penalty:z,.1f} bits, the most that an author's own validation text would gain"
    if len(parts) == 1:
        yield f"no change of the author was found: {parts[0].author} throughout ({penalty})"
        return

    # a change between two parts that are by none of these says nothing
    for before, after in pairwise(parts):
        if before.attributed or after.attributed:
            yield f"change at character {after.start:,}: {_part_author(before)}, then {_part_author(after)}"
    yield penalty


def _stranger_sentence(parts: Sequence[Segment]) -> str:
    """Return the sentence about a text of which no part is attributed to its nearest author."""
    clearly = "" if all(part.answer == NONE_OF_THESE for part in parts) else "clearly "
    if len(parts) == 1:
        return f"the text is not {clearly}by one of these: {parts[0].author} is only the nearest throughout"
    return (
        f"no part of the text is {clearly}by one of these: windows show only who is nearest; --json has the changes of "
        f"the nearest ({len(parts) - 1})"
    )


def _part_author(part: Segment) -> str:
    if part.attributed:
        return part.author
    return f"{part.author} ({NONE_OF_THESE if part.answer == NONE_OF_THESE else NOT_CLEAR})"


def show_book_evaluation(report: BookEvaluation, console: Console) -> None:
    """Print how each held-out book was attributed, the confusion matrix with "none of these", and PAN's measures."""
    about = f"{report.generator}, {report.characters:,} characters of each author"
    print_text(f"{about}; each book held out in turn, in passages of {report.length:,} characters", console)
    rows = [
        [book.book, book.author, book.nearest, book.nearest_by_delta or "-", f"{book.correct} of {book.passages}"]
        for book in report.books
    ]
    print_list(("book", "author", "nearest", "by Delta", "passages"), rows, console)

    # answers with the author's model, and without it
    for title, answers in (
        ("answers for passages by (row)", report.answers),
        ("the same without the author's own model", report.strangers),
    ):
        written = {name: row for name, row in answers.items() if sum(row.values())}
        if not written:
            continue
        print_heading(title, console)
        choices = [choice for choice in next(iter(answers.values())) if any(row[choice] for row in written.values())]
        print_list(["", *choices], [[name, *(str(row[c]) for c in choices)] for name, row in written.items()], console)

    scores, accuracy = report.verification, report.accuracy
    low, high = accuracy.interval
    whole = f"whole books nearest to their author: {report.whole_correct} of {len(report.books)}"
    passages = f"passages: {accuracy.accuracy or 0:z.1%} [{100 * low:z.1f}, {100 * high:z.1f}]".replace("%", " %")
    print_text(f"{whole}, by Burrows's Delta {report.delta_correct}; {passages}", console)
    if scores is None:
        print_text("no open answers: passages of this length, or the text of an author, are too short", console)
        return
    if not any(sum(row.values()) for row in report.strangers.values()):
        print_text("with two authors there is no open answer without the author's own model", console)
    print_text(
        f'"is it by the nearest author?", {scores.problems} problems, {scores.unanswered} unanswered: '
        f"c@1 {scores.c_at_1:z.3f}, F0.5u {scores.f_05_u:z.3f}, Brier score {scores.brier:z.3f}",
        console,
    )
