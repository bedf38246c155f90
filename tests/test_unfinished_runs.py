"""A run that was stopped is finished by the same command or by rerun, under its own name."""

from dataclasses import replace
from pathlib import Path

import pages
import pytest

from genbench.errors import UserError
from genbench.experiments.comparison import Comparison
from genbench.experiments.plan import CompareSettings
from genbench.experiments.run_record import RunRecord
from genbench.storage import runs
from genbench.storage.names import is_valid_name, plain_name
from genbench.training import ProgressListener

COMMAND = ["genbench", "compare", "austen", "--name", "mine"]
SETTINGS = CompareSettings(authors=["austen"], generators=["markov-char", "markov-word"])


@pytest.fixture
def stopped() -> Comparison:
    """Return a comparison that was killed after its first row, and stored as "mine"."""
    rows = [pages.row("austen", "a", 2.0), pages.failed_row("austen", "b", "stopped")]
    comparison = pages.comparison(*rows, command=COMMAND, settings=SETTINGS, stopped=True)
    RunRecord("mine", ProgressListener(), SETTINGS).update(comparison)
    assert runs.run_names() == ["mine"]
    return comparison


def finish(comparison: Comparison, settings: CompareSettings) -> str:
    """Return the name under which another comparison of these settings is stored."""
    record = RunRecord("mine", ProgressListener(), settings)
    return record.finish(replace(comparison, settings=settings, stopped=False)).name


def test_the_same_command_may_use_the_name_of_its_unfinished_run(stopped: Comparison) -> None:
    runs.require_unused_name("mine", COMMAND)
    with pytest.raises(UserError, match="not finished: genbench runs rerun mine finishes it, genbench runs remove"):
        runs.require_unused_name("mine", [*COMMAND, "--seed", "1"])


def test_a_run_of_the_same_settings_takes_the_place_of_an_unfinished_one(stopped: Comparison) -> None:
    assert finish(stopped, SETTINGS) == "mine"
    assert runs.read_unfinished("mine") is None
    assert runs.run_names() == ["mine"]
    with pytest.raises(UserError, match="a run 'mine' exists; remove it"):
        runs.require_unused_name("mine", COMMAND)
    assert finish(stopped, SETTINGS) == "mine-2"


def test_a_run_of_other_settings_replaces_no_unfinished_one(stopped: Comparison) -> None:
    assert finish(stopped, replace(SETTINGS, seed=1)) == "mine-2"
    assert runs.read_unfinished("mine") is not None


def test_a_damaged_run_is_not_taken_for_an_unfinished_one(stopped: Comparison) -> None:
    (runs.runs_folder() / "mine" / runs.FILE).write_text("{", encoding="utf-8")
    assert runs.read_unfinished("mine") is None
    assert finish(stopped, SETTINGS) == "mine-2"


@pytest.mark.parametrize("name", ["e\u0301te\u0301", "\u0939\u093f\u0928\u094d\u0926\u0940", "_1", "\u65e5" * 60])
def test_letters_of_all_scripts_are_valid_in_names(name: str) -> None:
    assert is_valid_name(name)
    runs.require_unused_name(name)


def test_names_made_of_authors_fit_into_a_path_and_are_no_options(tmp_path: Path) -> None:
    assert plain_name("--x", 80) == "_-x"
    assert len(plain_name("\U00020000" * 80, 81).encode()) == 80
    assert plain_name("\u0939\u093f\u0928\u094d\u0926\u0940 1", 80) == "\u0939\u093f\u0928\u094d\u0926\u0940_1"
