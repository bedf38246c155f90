"""genbench generate"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from genbench.cli.constraints import ConstraintOptions
from genbench.cli.draft import show_draft
from genbench.cli.options import (
    BEST_MODEL,
    SPEC_HELP,
    Author,
    Count,
    KeepStop,
    MaxOverlap,
    ModelOptions,
    Prompt,
    SampledModelOptions,
    SamplingOptions,
    Stop,
    accepts_groups,
    option,
    spec_option,
)
from genbench.cli.progress import show_progress
from genbench.cli.prompts import prompts_of_command
from genbench.errors import UserError

if TYPE_CHECKING:
    from genbench.corpus.corpus import Corpus
    from genbench.model import Model
    from genbench.sampling import Sampling
    from genbench.training.listener import ProgressListener


@accepts_groups
def generate(
    author: Author,
    *,
    generators: Annotated[
        list[str] | None,
        spec_option(
            f"{SPEC_HELP}; repeatable. [default: {BEST_MODEL}; with nothing but an author on a terminal: an "
            "interactive prompt]"
        ),
    ] = None,
    prompt: Prompt = "",
    prompt_file: Annotated[
        str | None,
        option(
            "--prompt-file", metavar="FILE", help="Continue each line of a file; --count texts each; -: standard input."
        ),
    ] = None,
    sampling: SamplingOptions,
    max_overlap: MaxOverlap = None,
    stop: Stop = None,
    keep_stop: KeepStop = False,
    length: Annotated[
        int | None,
        typer.Option(metavar="N", help="Characters of a text. [default: 300, and on to the end of a sentence]"),
    ] = None,
    constraints: ConstraintOptions,
    count: Count = 1,
    stream: Annotated[
        bool, typer.Option("--stream", help="Print several texts while they are sampled; a single one always is.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON per text, with its prompt, seed, bits and copies.")
    ] = False,
    sampling_seed: Annotated[
        int | None, option("--seed", metavar="N", min=0, help="Seed of sampling. [default: another text each time]")
    ] = None,
    model: SampledModelOptions,
) -> None:
    """Write text in an author's style. Trains a generator if no model is stored."""
    from genbench.api import stored_specs
    from genbench.sampling import Sampling, require_prompt, resolve_prompt

    _check_flags(stream=stream, json=json, keep_stop=keep_stop, stop=stop or ())
    given = prompts_of_command(prompt, prompt_file, model.encoding)
    for prompt in given:
        require_prompt(prompt)
    parameters = Sampling(
        length,
        **vars(sampling),
        stop=tuple(stop or ()),
        keep_stop=keep_stop,
        max_overlap=max_overlap,
        constraints=constraints.constraints(),
    )
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    interactive = on_terminal and not (generators or prompt or prompt_file or stream or json or count > 1)

    constraints.require_generators(generators or ())
    with show_progress() as live:
        text = model.corpus(author, live)
        if not (generators or model.stored):
            constraints.require_generators(stored_specs(text)[:1])
        if on_terminal and not (generators or model.stored or json or parameters.constraints):
            show_draft(text, given[0], parameters, sampling_seed, live)
        models = model.models(text, generators, live)
        if not interactive:
            live.message(_describe_sampling(models, parameters))
        if max_overlap is not None and not interactive:
            _index(models.values(), parameters, live)
    if interactive:
        _run_prompt(text, models, parameters, model, sampling_seed)
        return

    # texts by all generators, for one prompt after the other
    first_seed = secrets.randbelow(2**32) if sampling_seed is None else sampling_seed
    prompts = [prompt for prompt in given for _ in range(count)]
    if prompt_file is None:
        prompts = [resolve_prompt(prompt, text.train, seed) for seed, prompt in enumerate(prompts, first_seed)]
    if json:
        from genbench.cli.text_records import print_records

        print_records(models, text, prompts, parameters, first_seed)
    else:
        together = (len(prompts) > 1 and not stream) or bool(parameters.constraints)
        _print_texts(models, text, prompts, parameters, first_seed, together=together)


def _check_flags(*, stream: bool, json: bool, keep_stop: bool, stop: Sequence[str]) -> None:
    """Raise UserError for flags that contradict each other or need another option."""
    if stream and json:
        raise UserError("--stream prints texts while they are sampled, --json whole records: leave one of them out")
    if keep_stop and not stop:
        raise UserError("--keep-stop keeps the text of --stop, and no --stop is given; add --stop TEXT")


def _print_texts(
    models: Mapping[str, Model],
    text: Corpus,
    prompts: Sequence[str],
    sampling: Sampling,
    first_seed: int,
    *,
    together: bool,
) -> None:
    """Print the texts, and on standard error their words that are not the author's."""
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.stream import print_streams, record
    from genbench.report.terminal.tables import print_text
    from genbench.sampling.spelled import new_words, new_words_note

    streams = _sampled_together if together else _streamed
    written: dict[str, list[list[str]]] = {spec: [[] for _ in prompts] for spec in models}  # the pieces of each text
    for index, texts in enumerate(streams(models, prompts, sampling, first_seed)):
        recorded = {spec: record(pieces, written[spec][index]) for spec, pieces in texts.items()}
        print_streams(prompts[index], recorded, make_console(), last=index == len(prompts) - 1)

    # words that are not the author's
    for spec, trained in models.items():
        continuations = zip(prompts, map("".join, written[spec]), strict=True)
        words = new_words(continuations, trained.generator.tokenizer, text.train)
        if words:
            print_text(new_words_note(spec, words), make_console(stderr=True))


def _describe_sampling(models: Mapping[str, Model], sampling: Sampling) -> str:
    """Return how each model samples, such as "sampling with temperature 0.9"."""
    from genbench.sampling import describe_choices

    used = {spec: describe_choices(model.sampling(sampling).choices) for spec, model in models.items()}
    if len(set(used.values())) == 1:
        return f"sampling with {next(iter(used.values()))}"
    return "sampling with " + "; ".join(f"{choices} ({spec})" for spec, choices in used.items())


def _index(models: Iterable[Model], sampling: Sampling, listener: ProgressListener) -> None:
    """List the runs of words that texts may not copy, which takes a moment for a long training text."""
    for words in filter(None, (model.training_words for model in models)):
        with listener.stage("indexing the training text for --max-overlap") as progress:
            words.hash_runs(words.most_copied(sampling) + 1, progress)


def _run_prompt(
    text: Corpus, models: dict[str, Model], sampling: Sampling, model: ModelOptions, seed: int | None
) -> None:
    """Run the interactive prompt."""
    from genbench import api
    from genbench.cli.repl.prompt import line_reader
    from genbench.cli.repl.session import Session
    from genbench.cli.repl.settings import Settings
    from genbench.report.terminal.screen import make_console
    from genbench.storage.files import home

    settings = Settings(text.author, tuple(models), sampling, seed)
    session = Session(text, settings, make_console(), model, models)
    session.run(line_reader(home(), lambda: api.stored_specs(session.text)))


def _streamed(
    models: Mapping[str, Model], prompts: Sequence[str], sampling: Sampling, first_seed: int
) -> Iterator[dict[str, Iterator[str]]]:
    """Yield for each prompt the streams of all models."""
    for seed, prompt in enumerate(prompts, first_seed):
        yield {spec: model.stream(prompt, sampling, seed=seed) for spec, model in models.items()}


def _sampled_together(
    models: Mapping[str, Model], prompts: Sequence[str], sampling: Sampling, first_seed: int
) -> Iterator[dict[str, Iterator[str]]]:
    """Yield for each prompt the texts of all models, sampled side by side before, which is faster."""
    from genbench import api
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console

    with Live(make_console(stderr=True)) as live:
        texts = {
            spec: api.generate(model, prompts, sampling, count=len(prompts), seed=first_seed, listener=live)
            for spec, model in models.items()
        }
    for index in range(len(prompts)):
        yield {spec: iter([texts[spec][index]]) for spec in models}
