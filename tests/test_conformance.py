"""Every registered generator against every check of the conformance kit, adaptive ones both ways."""

from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from genbench import registry
from genbench.storage import files as store
from genbench.storage import models
from genbench.testing import CHECKS, Subject

ADAPTIVE = [name for name in registry.found() if any(f.name == "adaptive" for f in fields(registry.load(name)))]
SPECS = [*registry.found(), *(f"{name}:adaptive=true" for name in ADAPTIVE)]


@cache
def subject(spec: str) -> Subject:
    return Subject(lambda: registry.make(spec))


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("spec", SPECS)
def test_conformance(spec: str, check: str) -> None:
    CHECKS[check](subject(spec))


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_a_kept_generator_has_the_same_fingerprint(spec: str, tmp_path: Path) -> None:
    generator = subject(spec).fitted
    store.save(generator, tmp_path)
    loaded = subject(spec).make()
    store.load(loaded, tmp_path)
    assert models.fingerprint(loaded) == models.fingerprint(generator)
    assert models.fingerprint(generator) != models.fingerprint(subject(spec).fit(*(["other words. " * 200] * 2)))
