"""The generator that a SPEC names."""

from __future__ import annotations

import os
from collections.abc import Iterator

from genbench.errors import SpecError
from genbench.generator import Generator
from genbench.registry.installed import find_registered, is_own, load_registered, named_points, registered
from genbench.registry.plugin_files import load_file
from genbench.registry.source_code import class_options, imports_package
from genbench.spec import Span, Spec, create_generator, options_of, require_option, split_specs

PACKAGES = {"chains": "genbench_plugins.markov", "networks": "genbench.neural"}  # they import numba, and torch


def create(spec: str | Spec) -> Generator:
    """Return the untrained generator of a SPEC such as `lstm-char:hidden=512`.

    Raises SpecError for an unknown name or option, ContractError if a plugin cannot be used.
    """
    spec = Spec.parse(spec)
    require_known(spec)
    return create_generator(resolve(spec), spec.name, spec.options)


def require_known(spec: Spec) -> None:
    """Raise SpecError for an unknown generator, and for an unknown option of one of genbench's own.

    Their source code is read, so that a wrong SPEC is refused at once: importing torch takes seconds.
    """
    if spec.path is not None:
        return
    point = find_registered(spec.name)
    if is_own(point):
        known = class_options(point.module, point.attr)
        for key in spec.options:
            require_option(key, known, spec.name)


def resolve(spec: Spec) -> type[Generator]:
    """Return the generator class of a SPEC."""
    return load_file(spec.path) if spec.path else load_registered(spec.name)


def is_available(spec: str | Spec) -> bool:
    """Return whether a SPEC names a registered generator or an existing file; nothing is imported."""
    spec = Spec.parse(spec)
    return spec.path.is_file() if spec.path else spec.name in registered()


def heavy_imports(spec: Spec) -> str:
    """Return which of the kinds "chains" and "networks" a SPEC names, at any place, separated by spaces.

    Only genbench's own generators count; nothing is imported.
    """
    own = [point.module for point in named_points(spec) if is_own(point)]
    return " ".join(
        kind for kind, package in PACKAGES.items() if any(imports_package(module, package) for module in own)
    )


def provider(spec: str | Spec) -> str:
    """Return the distribution that provides a SPEC's generator as `name version`, or the name of its file."""
    # a file has no version
    spec = Spec.parse(spec)
    if spec.path is not None:
        return spec.path.name
    point = registered().get(spec.name)
    return f"{point.dist.name} {point.dist.version}" if point and point.dist else "?"


def file_spans(spec: Spec, kind: type[Generator] | None = None) -> Iterator[Span]:
    """Yield where the text of a SPEC names files: plugins, and options that are declared as files.

    `kind` is the class of the generator, which is imported where it is None. Raises SpecError for an option whose file
    does not exist or is not a plain one.
    """
    if spec.path is not None:
        yield 0, spec.head

    # its options, and those of the SPECs in them
    for name, option in options_of(kind or resolve(spec)).items():
        value, start = spec.options.get(name, ""), spec.starts.get(name, 0)
        if option.names == "specs" and value and not option.is_word(value):
            for place, part in dict.fromkeys(split_specs(value)):
                inner = Spec.parse(part)
                for begin, end in file_spans(inner):
                    # the text of a SPEC has no spaces around values, so a name may stand later in the part
                    position = start + place + part.index(inner.text[begin:end], begin)
                    yield position, position + end - begin
        if option.names == "file" and value and not option.is_word(value):
            if not os.path.isfile(value):
                raise SpecError(f"{spec.name}: {name} is {value!r}, but must be {option.choices}: there is no such one")
            yield start, start + len(value)
