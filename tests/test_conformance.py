"""Every registered generator against every check of the conformance kit."""

from functools import cache

import pytest

from genbench import registry
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
