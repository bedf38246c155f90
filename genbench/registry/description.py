"""Describe generators before they are used: options, defaults, help, and the files that a SPEC names.

An installed generator is described in this process. A .py file of the user may do anything when it is imported, such as
end the process, loop without end or change genbench, so it is imported in another process, which has a time limit and
answers in JSON.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.capabilities import learns_by_counting, training_memory
from genbench.errors import ContractError, SpecError
from genbench.generator import Generator, OptionValue
from genbench.processes.parent import ChildProcess, describe_exit
from genbench.registry.lookup import create, file_spans, require_known
from genbench.spec import Span, Spec, format_value, option_values, options_of
from genbench.storage.records import JsonRecord, from_json
from genbench.storage.untrusted import parse_json

MAX_SECONDS = 60.0  # until a plugin file has described all its SPECs
PLUGIN_FILES = re.compile(r"[^()+:,=]+\.py")  # that a SPEC may name, at any place
MAX_ANSWER = 64 << 20  # characters
WORKER = "genbench.registry.worker"


@dataclass(frozen=True)
class OptionHelp:
    """An option in words, as `genbench generators show` lists it."""

    name: str
    choices: str
    default: str
    help: str


@dataclass(frozen=True)
class Description(JsonRecord):
    """What is known of the generator of a SPEC before it is trained."""

    docstring: str
    options: list[OptionHelp]
    values: dict[str, OptionValue]  # of the options, for this SPEC
    files: list[Span]  # where the text of the SPEC names files
    memory: int = 0  # bytes that its training needs at least
    counting: bool = False  # whether it learns by counting alone, which takes a moment
    tokens: str = ""  # the kind of its tokens, where it is known before training

    def paths(self, spec: Spec) -> list[Path]:
        """Return the files that the SPEC names."""
        return [Path(spec.text[start:end]) for start, end in self.files]


@dataclass(frozen=True)
class Refusal:
    """Why the generator of a SPEC cannot be used."""

    refused: str
    by_user: bool  # whether the SPEC is at fault, not the generator


def describe(specs: Sequence[Spec], seconds: float = MAX_SECONDS) -> list[Description]:
    """Return a description for each SPEC.

    SPECs of the same plugin files share a process, which may take `seconds`. Raises SpecError for an unknown generator
    or option, ContractError for a plugin that cannot be used.
    """
    for spec in specs:
        require_known(spec)  # before torch is imported for another one

    # those without a plugin file first: they are refused without waiting for a process
    groups: dict[tuple[str, ...], list[int]] = {(): []}
    for index, spec in enumerate(specs):
        groups.setdefault(plugin_files(spec), []).append(index)

    descriptions: dict[int, Description] = {}
    for files, indices in groups.items():
        group = [specs[index] for index in indices]
        answers = _ask_worker(files, group, seconds) if files else [describe_here(spec) for spec in group]
        descriptions |= zip(indices, answers, strict=True)
    return [descriptions[index] for index in range(len(specs))]


def plugin_files(spec: Spec) -> tuple[str, ...]:
    """Return the plugin files that a SPEC names, at any place."""
    return tuple(dict.fromkeys(PLUGIN_FILES.findall(spec.text)))


def describe_here(spec: Spec) -> Description:
    """Return the description of a SPEC, whose generators are imported in this process."""
    generator = create(spec)
    options = options_of(type(generator)).values()
    return Description(
        inspect.getdoc(generator) or "",
        [OptionHelp(option.name, option.choices, format_value(option.default), option.help) for option in options],
        {name: _plain(value) for name, value in option_values(generator).items()},
        list(file_spans(spec, type(generator))),
        training_memory(generator),
        learns_by_counting(generator),
        _kind_of_tokens(generator),
    )


def _kind_of_tokens(generator: Generator) -> str:
    """Return the kind of a generator's tokens, "" if only its training tells: it has no `build_tokenizer`."""
    build = getattr(generator, "build_tokenizer", None)
    return build("a").kind if callable(build) else ""


def _plain(value: Any) -> OptionValue:
    """Return an option value as a JSON value; a plugin may have a default of any type."""
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _ask_worker(files: Sequence[str], specs: Sequence[Spec], seconds: float) -> list[Description]:
    """Return the descriptions that a process gives, which imports the files."""
    names, problem = " and ".join(files), "sent no valid description"
    with ChildProcess(WORKER, preloaded="") as worker:
        worker.send([spec.text for spec in specs])
        try:
            line = next(worker.lines(seconds), None)
            answers = None if line is None else parse_json(line, MAX_ANSWER)
        except TimeoutError:
            problem = f"did not return within {seconds:.0f} seconds"
        except ValueError:
            pass
        else:
            if line is None:
                problem = describe_exit(worker.end())
            elif isinstance(answers, list) and len(answers) == len(specs):
                return [_read_answer(names, answer, spec) for answer, spec in zip(answers, specs, strict=True)]
    raise ContractError(f"{names} cannot be used: the process that imported it {problem}; try python {names}")


def _read_answer(names: str, answer: Any, spec: Spec) -> Description:
    """Return what a worker answered about a SPEC, once it is known to be valid; a refusal is raised."""
    try:
        if isinstance(answer, dict) and "refused" in answer:
            refusal = from_json(Refusal, answer)
            raise (SpecError if refusal.by_user else ContractError)(refusal.refused)
        description = from_json(Description, answer)

        # the places of files are in the text, one after the other
        places = [0, *(place for span in description.files for place in span), len(spec.text)]
        if places != sorted(places):
            raise ValueError("its files are not in the SPEC")
    except ValueError as error:
        raise ContractError(f"{names} cannot be used: its description is not valid: {error}") from error
    return description
