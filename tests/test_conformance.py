"""Every registered generator against every check of the conformance kit."""

from functools import cache
from pathlib import Path

import pytest

from genbench import models, registry, store
from genbench.options import make
from genbench.testing import CHECKS, Subject


@cache
def subject(name: str) -> Subject:
    cls = registry.load(name)
    return Subject(lambda: make(cls, name, {}))


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", registry.found())
def test_conformance(name: str, check: str) -> None:
    CHECKS[check](subject(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.found())
def test_a_kept_generator_has_the_same_fingerprint(name: str, tmp_path: Path) -> None:
    generator = subject(name).fitted
    store.save(generator, tmp_path)
    loaded = subject(name).make()
    store.load(loaded, tmp_path)
    assert models.fingerprint(loaded) == models.fingerprint(generator)
    assert models.fingerprint(generator) != models.fingerprint(subject(name).fit(*(["other words. " * 200] * 2)))
