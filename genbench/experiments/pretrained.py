"""Rows of pretrained models: results of lm-evaluation-harness on the tasks that `integrations.lm_eval` writes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genbench import __version__
from genbench.corpus.corpus import Corpus, digest_of_text
from genbench.errors import UserError
from genbench.experiments.comparison import Comparison, CorpusInfo
from genbench.experiments.consistency import require_consistent
from genbench.experiments.row import Row
from genbench.generator import OptionValue
from genbench.storage.records import from_json
from genbench.storage.runs import read_json

PREFIX = "genbench-"  # of the names of tasks
METADATA = "genbench"  # the key of a task's metadata that says what its text is
BITS = "bits_per_byte,none"  # the key of the harness's result
OPTIONS = ("revision", "subfolder", "peft", "delta", "gguf_file", "dtype", "max_length")  # that tell models apart
APART = "a pretrained model, which may have read the test text: it is ranked apart and takes part in no verdict"
COMMAND = "python -m genbench.integrations.lm_eval --tasks genbench-AUTHOR --output_path FOLDER"


@dataclass(frozen=True)
class TextSizes:
    """Sizes of a test text."""

    characters: int
    bytes: int
    words: int


@dataclass(frozen=True)
class TaskText:
    """What a task says of its text."""

    author: str
    text: CorpusInfo
    sizes: TextSizes


def read_harness(results: Mapping[str, Any]) -> Comparison:
    """Return the results of lm-evaluation-harness on tasks of genbench as a comparison; raises ValueError for others.

    A row is marked as pretrained: nobody knows what its model has read. It has no blocks, and so no interval.
    """
    rows, corpora = [], {}
    for task, text in _tasks(results):
        figures = results["results"].get(task)
        bits = figures.get(BITS) if isinstance(figures, dict) else None
        if not isinstance(bits, int | float) or not 0 < bits < math.inf:
            raise ValueError(f"the task {task} has no {BITS}")
        rows.append(replace(_row(text, float(bits), _model_name(results)), options=_options(results)))
        corpora[text.author] = text.text
    if not rows:
        raise ValueError("it has no result of a task of genbench")
    comparison = Comparison(genbench=__version__, corpora=corpora, results=rows)
    require_consistent(comparison)
    return comparison


def is_harness(content: Mapping[str, Any]) -> bool:
    """Return whether JSON values look like results of lm-evaluation-harness."""
    return isinstance(content.get("results"), dict) and isinstance(content.get("configs"), dict)


def read_pretrained(paths: Sequence[str], corpora: Sequence[Corpus]) -> list[Row]:
    """Return the rows of the files and folders that lm-evaluation-harness wrote, of the test texts of a comparison.

    A row has the author's name here, whatever its file calls the text. Of several results of one model on one text the
    last is used. Raises UserError for a path without such results, and for results of another text of the same name.
    """
    tests = {corpus.author: _identify(digest_of_text(corpus.test), str(corpus.test)) for corpus in corpora if paths}
    rows: dict[str, Row] = {}
    for path in paths:
        fitting = [row for file in _result_files(Path(path)) for row in _fitting_rows(file, tests)]
        if not fitting:
            raise UserError(
                f"{path!r} has no result of lm-evaluation-harness on a test text of this comparison "
                f"({', '.join(tests)}); {COMMAND} writes one"
            )
        rows |= {repr((row.author, row.generator, row.options)): row for row in fitting}
    return list(rows.values())


def _identify(sha256: str, text: str) -> tuple[str, int, int]:
    """Return what two test texts must have in common: sha256, characters and bytes."""
    return sha256, len(text), len(text.encode())


def _result_files(path: Path) -> list[Path]:
    """Return a file, or the JSON files in a folder and below it, by name: those of one model by their time."""
    return sorted(path.rglob("*.json")) if path.is_dir() else [path]


def _fitting_rows(file: Path, tests: Mapping[str, tuple[str, int, int]]) -> Iterator[Row]:
    """Yield the rows of a file for each test text of a comparison by author. Raises UserError for another text."""
    try:
        content = read_json(file)
        if not isinstance(content, dict) or not is_harness(content):
            return
        comparison = read_harness(content)
    except (OSError, ValueError) as error:
        raise UserError(f"{str(file)!r}: {getattr(error, 'strerror', None) or error}; {COMMAND} writes one") from error
    for author, test in tests.items():
        for row in comparison.results:
            scored = comparison.corpora[row.author].part_sha256.get("test", ""), row.characters, row.bytes
            if scored == test:
                yield replace(row, author=author)
            elif row.author == author:
                raise UserError(
                    f"{str(file)!r} has {row.generator} on another test text of {author} than this comparison (sha256 "
                    f"{scored[0][:12]} and {test[0][:12]}): score the text as it is now, and compare without "
                    "--held-out, --lines and --column, which tasks of lm-evaluation-harness have not"
                )


def _tasks(results: Mapping[str, Any]) -> Iterator[tuple[str, TaskText]]:
    """Yield the tasks of genbench among the results."""
    for task, config in results["configs"].items():
        metadata = config.get("metadata") if isinstance(config, dict) else None
        if task.startswith(PREFIX) and isinstance(metadata, dict) and METADATA in metadata:
            text = from_json(TaskText, metadata[METADATA])
            if min(text.sizes.characters, text.sizes.bytes) < 1:
                raise ValueError(f"the text of the task {task} is empty")
            yield task, text


def _model_name(results: Mapping[str, Any]) -> str:
    """Return the name of the model that the harness ran, such as "gpt2"."""
    config = results.get("config")
    arguments = config.get("model_args") if isinstance(config, dict) else None
    if isinstance(arguments, dict) and isinstance(arguments.get("pretrained"), str):
        return str(arguments["pretrained"])
    return str(results.get("model_name") or results.get("model_source") or "unnamed")


def _options(results: Mapping[str, Any]) -> dict[str, OptionValue]:
    """Return the arguments of the model, apart from its name, that decide its figures."""
    config = results.get("config")
    arguments = config.get("model_args") if isinstance(config, dict) else None
    if not isinstance(arguments, dict):
        return {}
    return {name: arguments[name] for name in OPTIONS if isinstance(arguments.get(name), str | int | float)}


def _row(text: TaskText, bits_per_byte: float, model: str) -> Row:
    sizes = text.sizes
    bits = bits_per_byte * sizes.bytes
    return Row(
        author=text.author,
        generator=model,
        pretrained=True,
        bits=bits,
        bits_per_character=bits / sizes.characters,
        bits_per_byte=bits_per_byte,
        word_perplexity=2 ** min(bits / sizes.words, 1000.0) if sizes.words else None,
        characters=sizes.characters,
        bytes=sizes.bytes,
        words=sizes.words,
        notes=[APART],
    )
