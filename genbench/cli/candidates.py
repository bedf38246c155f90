"""Names that completion offers: authors, generators and their options, stored models and runs.

Options are read from a plugin's source code, because importing a network's plugin loads torch, which takes seconds.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path

from genbench.errors import PluginWarning, UserError

Candidate = tuple[str, str]  # a name and its description


def authors() -> list[Candidate]:
    """Return the authors of the catalogue, and the standard texts that can be fetched."""
    from genbench.corpus.anchors import load_anchors
    from genbench.corpus.catalogue import load_catalogue

    authors = [(name, author.full_name) for name, author in load_catalogue().items()]
    return authors + [(name, anchor.title) for name, anchor in load_anchors().items() if anchor.file]


def examples() -> list[str]:
    """Return the examples; none where an installation lacks them."""
    from genbench.storage.examples import PREFIX, example_names

    with suppress(UserError):
        return [f"{PREFIX}{name}" for name in example_names()]
    return []


def generators() -> list[str]:
    """Return the names of the generators."""
    from genbench import registry  # numpy comes with it: no other completion waits for that

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        return list(registry.registered())


def specs(prefix: str) -> list[str]:
    """Return the completions of a partial SPEC: names, or options after its colon and its commas."""
    name, colon, options = prefix.partition(":")
    if not colon:
        return [generator for generator in generators() if generator.startswith(prefix)]

    # the parts of a mixture are not completed
    if "(" in options:
        return []

    # options that are not used yet
    before, comma, last = options.rpartition(",")
    used = {part.partition("=")[0] for part in before.split(",")}
    names = [option for option in option_names(name) if option.startswith(last) and option not in used]
    return [f"{name}:{before}{comma}{option}=" for option in names]


def models() -> list[Candidate]:
    """Return the stored models, newest first."""
    from genbench.storage.models import list_models, models_folder

    return [(model.name, model.card.spec) for model in list_models(models_folder())]


def run_names() -> list[str]:
    """Return the names of the stored runs."""
    from genbench.storage import runs

    return runs.run_names()


def option_names(name: str) -> list[str]:
    """Return the options of a generator or plugin file in order; none where its source cannot be read."""
    from genbench import registry
    from genbench.registry import source_code

    if name.endswith(".py"):
        return source_code.file_options(Path(name))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PluginWarning)
        point = registry.registered().get(name)
    return source_code.class_options(point.module, point.attr) if point else []
