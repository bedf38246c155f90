"""The examples in docstrings return what they show."""

import doctest
import importlib
import pkgutil

import genbench_plugins
import pytest

import genbench

MODULES = [
    module.name
    for package in (genbench, genbench_plugins)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    if not module.name.endswith("worker")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
