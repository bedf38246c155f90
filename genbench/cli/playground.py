"""genbench playground"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from genbench.cli.options import SPEC_HELP, Author, ModelOptions, OutputFile, accepts_groups, spec_option
from genbench.cli.progress import print_message, show_progress
from genbench.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from genbench.corpus.corpus import Corpus
    from genbench.experiments.comparison import Comparison
    from genbench.experiments.row import Row
    from genbench.model import Model
    from genbench.report.html.playground import PlaygroundPage
    from genbench.training import ProgressListener

DEFAULT = ("markov-char", "lstm-char")


@accepts_groups
def playground(
    author: Author,
    *,
    generators: Annotated[
        list[str] | None,
        spec_option(f"{SPEC_HELP}; repeatable. [default: {' '.join(DEFAULT)}]"),
    ] = None,
    output: OutputFile,
    model: ModelOptions,
) -> None:
    """Write a page in which models write side by side, live. Trains those not stored; the page needs no network."""
    train_and_write(author, generators or DEFAULT, model, output)


def train_and_write(author: str, generators: Sequence[str], model: ModelOptions, output: Path) -> None:
    """Train the models that are not stored, and write their page; one that a page cannot run is not trained."""
    from genbench.storage.outputs import require_writable

    require_writable(output)
    with show_progress() as live:
        from genbench.report.html.playground import runnable_specs

        specs, refused = runnable_specs(generators)
        corpus = model.corpus(author, live)
        write_playground(model.models(corpus, specs, live), corpus, refused, output, live)
        warn_of_own_text(author)


def write_playground(
    models: Mapping[str, Model], corpus: Corpus, refused: Sequence[str], output: Path, listener: ProgressListener
) -> None:
    """Write the page of some models, and say what is on it."""
    from genbench import api
    from genbench.report.export.files import write_text

    page = api.playground(models, corpus, refused=refused, listener=listener)
    write_text(page.html, output)
    print_page(page, output)


def require_one_author(authors: Sequence[object], option: str) -> None:
    """Raise UserError unless one author is named: a page has the models of one."""
    if len(authors) != 1:
        named = f"{len(authors)} authors are" if authors else "no author is"
        raise UserError(f"{option} writes a page with the models of one author, and {named} named; name one")


def write_run_playground(comparison: Comparison, output: Path, listener: ProgressListener) -> None:
    """Write the page of the models of a comparison of one author: of each generator, that of its first seed."""
    from genbench import api
    from genbench.corpus.loading import load_corpus
    from genbench.experiments.significance import labels
    from genbench.report.html.playground import runnable_specs

    settings = comparison.settings
    assert settings is not None
    corpus = load_corpus(
        settings.authors[0],
        lines=settings.lines,
        encoding=settings.encoding,
        column=settings.column,
        held_out=settings.held_out,
    )
    stored: dict[str, Row] = {}
    for row in comparison.results:
        if row.model:
            stored.setdefault(row.spec or row.generator, row)
    runnable, refused = runnable_specs(stored)
    names = zip(labels([*stored.values()]), stored.items(), strict=True)
    models = {label: api.load(row.model) for label, (spec, row) in names if spec in runnable}
    write_playground(models, corpus, refused, output, listener)
    warn_of_own_text(settings.authors[0])


def warn_of_own_text(author: str) -> None:
    """Say that a page holds the training text, where that is a text of the user."""
    from genbench.corpus.expressions import parse_terms
    from genbench.corpus.loading import STANDARD_INPUT, is_path

    if any(term.name == STANDARD_INPUT or is_path(term.name) for term in parse_terms(author)):
        print_message("the page holds the training text too: do not pass it on if that text is private")


def print_page(page: PlaygroundPage, output: Path) -> None:
    """Say what is on a page, and what it costs."""
    from genbench.storage.outputs import is_standard_output

    for sentence in page.refused:
        print_message(sentence)
    costs = ", ".join(f"{label} {packed.cost:+z.3f}" for label, packed in page.models.items())
    print_message(f"pruning and rounding cost, in bits per character: {costs}")
    if not is_standard_output(output):
        print_message(f"{output} has {len(page.html.encode()) / 1e6:.1f} MB; open it in a browser")
