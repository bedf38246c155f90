"""Figures of some chains equal those in benchmarks/golden.json.

`python benchmarks/golden.py` measures all of them, in about half an hour. The figures of networks are not compared
here: their last digits depend on the processor and on the version of torch, and a few steps of training magnify them.
"""

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
TOLERANCE = 1e-12  # relative, and absolute below 1: another processor may round exp and log otherwise
NAMES = [
    "generators/pell markov-char seed=0",
    "generators/pell markov-char:order=5,smoothing=kneser-ney seed=0",
    "generators/marrow markov-word seed=0",
    "attribution/markov-char:order=5",
    "explain/markov-char:order=5",
    "novelty/markov-char:order=unbounded",
]


@pytest.fixture(scope="module")
def scripts() -> dict[str, ModuleType]:
    """Return the scripts of the golden figures by name; they are not in a package."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return {name: importlib.import_module(name) for name in ("golden", "golden_plan")}
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    """Return the committed figures by section and key."""
    figures: dict[str, Any] = json.loads((BENCHMARKS / "golden.json").read_text(encoding="utf-8"))["figures"]
    return figures


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_figures_of_a_chain_equal_the_committed_ones(
    name: str, scripts: dict[str, ModuleType], committed: dict[str, Any]
) -> None:
    section, _, key = name.partition("/")
    tasks = {f"{task.section}/{task.key}": task for task in scripts["golden_plan"].plan()}
    expected = dict(scripts["golden"].leaves(committed[section][key]))
    figures = dict(scripts["golden"].leaves(tasks[name].measure()))

    assert figures.keys() == expected.keys()
    for path, figure in figures.items():
        if isinstance(figure, float):
            assert figure == pytest.approx(expected[path], rel=TOLERANCE, abs=TOLERANCE), path
        elif not path.endswith("/sha256"):  # a checksum has no tolerance
            assert figure == expected[path], path


def test_every_committed_figure_is_planned(scripts: dict[str, ModuleType], committed: dict[str, Any]) -> None:
    planned = {(task.section, task.key) for task in scripts["golden_plan"].plan()}
    assert planned == {(section, key) for section, entries in committed.items() for key in entries}


def test_diff_reports_intended_differences_separately(
    scripts: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    golden, files = scripts["golden"], [tmp_path / "a.json", tmp_path / "b.json"]
    for file, size in zip(files, (100, 104), strict=True):
        file.write_text(
            golden.to_text({}, {"compression": {"a": {"compressed": size, "same": True}}}), encoding="utf-8"
        )

    assert golden.diff(files[0], files[0], [], 0.0) == 0
    assert golden.diff(*files, [], 0.0) == 1
    assert golden.diff(*files, [], 0.1) == 0
    assert golden.diff(*files, ["same"], 0.0) == 0
    capsys.readouterr()

    monkeypatch.setattr(golden, "INTENDED", {"compression/.*/compressed": "a longer header"})
    assert golden.diff(*files, [], 0.0) == 0
    assert "intended: a longer header\n  compression/a/compressed: 100 104\n" in capsys.readouterr().out
