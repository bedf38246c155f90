"""Grids, early stopping, fronts: choices on valid text, and what is pruned is no failure."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import genbench
from genbench import UserError
from genbench.cli.main import app
from genbench.experiments import grid
from genbench.experiments.comparison import Comparison
from genbench.experiments.executors.base import STOPPED, Events
from genbench.experiments.halving import Halving
from genbench.experiments.job import Job, blank, failed
from genbench.experiments.pareto import Sweep
from genbench.generator import Progress

FILE = """
authors = ["pell"]
generators = ["lstm-char", "markov-char"]
steps = 60
length = 0
[sweep]
lstm-char = { hidden = [8, 16, 24], layers = [1, 2] }
markov-char = { order = [2, 3] }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_grid_has_every_combination_of_what_each_generator_has() -> None:
    table = {"halving": 2, "order": [1, 2], "lstm-char": {"hidden": [8]}, "min_count": [1, 2]}
    assert grid.specs(["markov-word:order=9", "lstm-char", "markov-class"], {"order": [1, 2]})[:3] == [
        "markov-word:order=1",
        "markov-word:order=2",
        "lstm-char",
    ]
    found = grid.specs(["markov-word", "lstm-char"], table)
    assert len(found) == 5
    assert found[0] == "markov-word:order=1,min_count=1"
    assert found[-1] == "lstm-char:hidden=8"
    assert grid.how(table) == {"halving": 2}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"hiden": [1]}, "none of the generators has.*did you mean hidden"),
        ({"hidden": 3}, "hidden is 3, and must be a list"),
        ({"hidden": []}, "must be a list"),
        ({"gru-char": {"hidden": [1]}}, "none of the generators"),
        ({"lstm-char": {"hidden": [[1]]}}, "must be a list of values"),
    ],
)
def test_what_is_no_grid_is_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        grid.specs(["lstm-char"], table)


class Scripted:
    """An executor whose jobs say these bits of valid text at 10, 30, 50 ... % of the training, side by side."""

    here = True

    def __init__(self, bits: list[list[float]]) -> None:
        self.bits, self.stopped = bits, dict[int, float]()

    def stop(self, place: int) -> None:
        self.stopped[place] = self.at

    def run(self, jobs: Sequence[Job]) -> Events:
        for moment, self.at in enumerate((0.1, 0.3, 0.5)):
            for place in range(len(jobs)):
                if place not in self.stopped:
                    yield place, Progress(self.at, valid=self.bits[place][moment])
        for place, job in enumerate(jobs):
            yield place, failed(blank(job), STOPPED) if place in self.stopped else blank(job)


def chain(order: int, author: str = "cats") -> Job:
    return Job(author, "", "", "", f"markov-char:order={order}")


def test_halving_goes_on_with_the_best_third_of_an_author() -> None:
    bits = [[3.0, 2.5, 2.0], [4.0, 3.9, 3.8], [2.0, 1.9, 1.8], [5.0, 5.0, 5.0], [2.5, 2.4, 2.3]]
    scripted = Scripted([*bits, [9.0, 9.0, 9.0]])
    jobs = [chain(n) for n in range(1, 6)] + [chain(1, "dogs")]
    rows = [said for _, said in Halving(scripted, 3).run(jobs) if isinstance(said, dict)]
    # at 10 %: 3.0 comes first, 2.0 is the best third of three; of two, four and five rows the best one goes on
    # at 30 %: 2.5 comes first, then 1.9 is the better of two
    assert scripted.stopped == {1: 0.1, 3: 0.1, 4: 0.1}
    assert [row["status"] for row in rows] == ["ok", "pruned", "ok", "pruned", "pruned", "ok"]
    assert rows[1]["valid_bits_per_character"] == 4.0
    assert rows[1]["options"]["order"] == 2
    assert "at 10% of its training it had 4.000 bits" in rows[1]["error"]


@pytest.mark.parametrize("factor", [1, -3])
def test_a_factor_below_two_is_refused(factor: int) -> None:
    with pytest.raises(UserError, match="must be 2 or more"):
        Halving(Scripted([]), factor)


def row(label: int, valid: float | None, seconds: float | None, status: str = "ok") -> dict[str, Any]:
    found = blank(chain(label)) | {"options": {"order": label}, "status": status, "train_seconds": seconds}
    return found | {"valid_bits_per_character": valid, "bits_per_character": valid}


def test_the_front_is_what_nothing_betters_at_its_cost() -> None:
    rows = [row(1, 3.0, 1.0), row(2, 2.0, 5.0), row(3, 2.5, 5.0), row(4, 2.0, 9.0), row(5, 1.9, 10.0)]
    rows += [row(6, 1.0, None, "pruned"), row(7, None, None, "failed"), row(8, 3.0, 0.5)]
    found = Sweep(Comparison("1", [], {"cats": {}}, {"cats": {}}, rows))
    assert [each["options"]["order"] for each in found.front("cats")] == [8, 2, 5]
    assert found.best("cats") is rows[4]
    assert [each["options"]["order"] for each in found.ranked("cats")] == [5, 2, 4, 3, 1, 8, 6, 7]


@pytest.mark.slow
def test_a_sweep_prunes_networks_keeps_models_and_shows_the_front(file: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "out.json", tmp_path / "out.html"
    ran = CliRunner().invoke(app, ["sweep", str(file), "--json", str(out), "--html", str(page)])
    assert ran.exit_code == 0, ran.output
    assert "rows were stopped early as hopeless" in ran.output.replace("\n", " ")
    found = json.loads(out.read_text(encoding="utf-8"))
    by_status = {row["status"] for row in found["results"]}
    assert by_status == {"ok", "pruned"}
    assert len(found["results"]) == 8
    for each in found["results"]:
        assert each["valid_bits_per_character"] > 0
        assert (each["bits_per_character"] is None) == (each["status"] == "pruned")  # its test text was never opened
    front = found["sweep"]["authors"]["pell"]["front"]
    assert [point[2] for point in front] == sorted((point[2] for point in front), reverse=True)
    assert page.read_text(encoding="utf-8").count("<svg") == 1
    again = genbench.sweep(file, halving=0, cost="parameters")
    assert {row["status"] for row in again.comparison.results} == {"ok"}
    assert all(row["reused"] for row in again.comparison.results if row["generator"] == "markov-char")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cost", "money"], "cost is 'money'"),
        (["--halving", "1"], "halving is 1"),
        (["--executor", "slurm"], "choose local, ray"),
        (["--name", "../x"], "cannot be called"),
    ],
)
def test_wrong_words_are_one_sentence(file: Path, words: list[str], said: str) -> None:
    ran = CliRunner().invoke(app, ["sweep", str(file), *words])
    assert isinstance(ran.exception, UserError)
    assert said in str(ran.exception)
