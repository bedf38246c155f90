"""Finding generators by name and by path."""

import subprocess
import sys
from pathlib import Path

import pytest

from genbench import ContractError, Generator, SpecError, registry

GOOD = (Path(__file__).parent / "doubles.py").read_text(encoding="utf-8")
UNIGRAM = GOOD[: GOOD.index("@dataclass\nclass Fixed")] + GOOD[GOOD.index("@dataclass\nclass Unigram") :]


def test_the_generators_of_the_package_are_found() -> None:
    assert {"markov-char", "markov-word", "lstm-char", "lstm-word"} <= set(registry.found())


def test_an_unknown_name_says_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean markov-char"):
        registry.make("markov-chr")


def test_a_file_with_one_generator_is_one(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(UNIGRAM, encoding="utf-8")
    made = registry.make(f"{tmp_path}/mine.py:smoothing=0.25")
    assert isinstance(made, Generator)
    assert made.smoothing == 0.25  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1", "defines none"),
        (GOOD, "defines Fixed, Unigram"),
        ("raise ValueError('no')", "ValueError: no"),
        (UNIGRAM.replace("@dataclass\nclass", "class"), "must be a dataclass"),
        ("syntax error", "SyntaxError"),
    ],
)
def test_a_file_that_holds_no_generator_is_refused(source: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(ContractError, match=reason):
        registry.make(f"{tmp_path}/mine.py")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no file"):
        registry.make(f"{tmp_path}/mine.py")


def test_finding_names_and_chains_loads_no_torch() -> None:
    code = "import genbench.registry as r, sys; r.found(); r.make('markov-char'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
