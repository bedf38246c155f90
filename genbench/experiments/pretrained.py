"""Rows of pretrained models: results of lm-evaluation-harness on the tasks that `integrations.lm_eval` writes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from genbench import __version__
from genbench.experiments.comparison import Comparison, CorpusInfo
from genbench.experiments.consistency import require_consistent
from genbench.experiments.row import Row
from genbench.storage.records import from_json

PREFIX = "genbench-"  # of the names of tasks
METADATA = "genbench"  # the key of a task's metadata that says what its text is
BITS = "bits_per_byte,none"  # the key of the harness's result


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
        rows.append(_row(text, float(bits), _model_name(results)))
        corpora[text.author] = text.text
    if not rows:
        raise ValueError("it has no result of a task of genbench")
    comparison = Comparison(genbench=__version__, corpora=corpora, results=rows)
    require_consistent(comparison)
    return comparison


def is_harness(content: Mapping[str, Any]) -> bool:
    """Return whether JSON values look like results of lm-evaluation-harness."""
    return isinstance(content.get("results"), dict) and isinstance(content.get("configs"), dict)


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
    )
