"""Sweeps: grids, early stopping, and the Pareto front, all decided by validation text."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import run_job
from typer.testing import CliRunner

from genbench import Comparison, UserError, registry, scoring
from genbench.cli.main import app
from genbench.experiments.comparison import CorpusInfo
from genbench.experiments.executors.base import STOPPED, Events
from genbench.experiments.halving import Halving
from genbench.experiments.job import Job
from genbench.experiments.row import Row, Status
from genbench.experiments.sweep import Sweep, expand_grid, sweep
from genbench.generator import Progress, Text, TrainContext
from genbench.spec import Spec

FILE = """
authors = ["pell"]
generators = ["lstm-char", "markov-char"]
steps = 60
length = 0
[sweep]
lstm-char = { hidden = [8, 16], layers = [1, 2] }
markov-char = { order = [2, 3] }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sweep.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_grid_has_every_combination_of_the_options_of_each_generator() -> None:
    assert expand_grid(["markov-word:order=9", "lstm-char", "markov-class"], {"order": [1, 2]})[:3] == [
        "markov-word:order=1",
        "markov-word:order=2",
        "lstm-char",
    ]
    table = {"halving": 2, "order": [1, 2], "lstm-char": {"hidden": [8]}, "min_count": [1, 2]}
    specs = expand_grid(["markov-word", "lstm-char"], table)
    assert len(specs) == 5
    assert specs[0] == "markov-word:order=1,min_count=1"
    assert specs[-1] == "lstm-char:hidden=8"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"hiden": [1]}, "none of the generators has.*did you mean hidden"),
        ({"hidden": 3}, "hidden is 3, but must be a list"),
        ({"hidden": []}, "must be a list"),
        ({"gru-char": {"hidden": [1]}}, "none of the generators"),
        ({"lstm-char": {"hidden": [[1]]}}, "must be a list of values"),
    ],
)
def test_an_invalid_grid_is_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        expand_grid(["lstm-char"], table)


@pytest.mark.parametrize(
    ("line", "message"), [("halving = 'often'", "must be a whole number"), ("cost = 1", "must be text")]
)
def test_invalid_sweep_settings_are_refused(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(f"authors = ['pell']\n[sweep]\n{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=message):
        sweep(path)


def test_pretrained_rows_are_refused_in_a_sweep(tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text("authors = ['pell']\npretrained = ['board']\n[sweep]\norder = [2]\n", encoding="utf-8")
    with pytest.raises(UserError, match="pretrained rows, which a sweep cannot rank"):
        sweep(path)


class ScriptedExecutor:
    """An executor whose jobs report given bits of validation text at 10, 30 and 50 % of the training, side by side."""

    local = True

    def __init__(self, bits: list[list[float]]) -> None:
        self.bits, self.stopped = bits, dict[int, float]()

    def stop(self, index: int) -> None:
        self.stopped[index] = self.fraction

    def run(self, jobs: Sequence[Job]) -> Events:
        for report, self.fraction in enumerate((0.1, 0.3, 0.5)):
            for index in range(len(jobs)):
                if index not in self.stopped:
                    yield index, Progress(self.fraction, valid=self.bits[index][report])
        for index, job in enumerate(jobs):
            yield index, Row.blank(job).failed(STOPPED) if index in self.stopped else Row.blank(job)


def make_job(order: int, author: str = "cats") -> Job:
    return Job(author, "", "", "", Spec.parse(f"markov-char:order={order}"), {"order": order})


def test_halving_continues_with_the_best_third_of_an_author() -> None:
    bits = [[3.0, 2.5, 2.0], [4.0, 3.9, 3.8], [2.0, 1.9, 1.8], [5.0, 5.0, 5.0], [2.5, 2.4, 2.3]]
    executor = ScriptedExecutor([*bits, [9.0, 9.0, 9.0]])
    jobs = [make_job(order) for order in range(1, 6)] + [make_job(1, "dogs")]
    rows = [event for _, event in Halving(executor, 3).run(jobs) if isinstance(event, Row)]
    # at 10 %: 3.0 comes first, 2.0 is the best third of three; of two, four and five rows the best one continues
    # at 30 %: 2.5 comes first, then 1.9 is the better of two
    assert executor.stopped == {1: 0.1, 3: 0.1, 4: 0.1}
    assert [row.status for row in rows] == ["ok", "pruned", "ok", "pruned", "pruned", "ok"]
    assert rows[1].validation_bits_per_character == 4.0
    assert rows[1].options["order"] == 2
    assert rows[1].error
    assert "at 10% of its training with 4.000 bits" in rows[1].error


@pytest.mark.parametrize("factor", [1, -3])
def test_a_factor_below_two_is_refused(factor: int) -> None:
    with pytest.raises(UserError, match="must be 2 or more"):
        Halving(ScriptedExecutor([]), factor)


def make_row(order: int, validation: float | None, seconds: float | None, status: Status = "ok") -> Row:
    return Row(
        "cats",
        "markov-char",
        options={"order": order},
        status=status,
        train_seconds=seconds,
        validation_bits_per_character=validation,
        bits_per_character=validation,
    )


def test_the_front_has_the_rows_that_no_row_of_the_same_or_lower_cost_beats() -> None:
    rows = [make_row(1, 3.0, 1.0), make_row(2, 2.0, 5.0), make_row(3, 2.5, 5.0), make_row(4, 2.0, 9.0)]
    rows += [make_row(5, 1.9, 10.0), make_row(6, 1.0, None, "pruned"), make_row(7, None, None, "failed")]
    rows += [make_row(8, 3.0, 0.5)]
    result = Sweep(Comparison("1", {"cats": CorpusInfo("", 0, 0, 0, 0, [], "join")}, rows))
    assert [row.options["order"] for row in result.front("cats")] == [8, 2, 5]
    assert result.best("cats") is rows[4]
    assert [row.options["order"] for row in result.ranked("cats")] == [5, 2, 4, 3, 1, 8, 6, 7]


def test_rows_are_fitted_on_one_half_of_the_validation_text_and_ranked_by_the_other() -> None:
    halves = "the cat sat.\n\n", "a cap sat on.\n"
    job = Job("cats", "the cat sat on the mat. " * 9, "".join(halves), "the cat", Spec.parse("markov-char:order=1"))
    job = replace(job, score_validation=True)
    assert (job.text.fitting_text, job.text.choosing_text) == halves

    # the figure by which a sweep ranks is that of the second half
    chain = registry.create("markov-char:order=1")
    chain.fit(Text(job.train), Text(halves[0]), TrainContext())
    expected = scoring.score(chain, halves[1]).bits_per_character
    assert run_job(job, lambda _: None).validation_bits_per_character == pytest.approx(expected)


@pytest.mark.slow
def test_a_sweep_prunes_networks_stores_models_and_shows_the_front(file: Path, tmp_path: Path) -> None:
    json_file, page = tmp_path / "out.json", tmp_path / "out.html"
    result = CliRunner().invoke(app, ["sweep", str(file), "--json", str(json_file), "--html", str(page)])
    assert result.exit_code == 0, result.output
    assert "stopped early" in result.output.replace("\n", " ")

    # rows that were pruned have no test bits
    values = json.loads(json_file.read_text(encoding="utf-8"))
    assert {row["status"] for row in values["results"]} == {"ok", "pruned"}
    assert len(values["results"]) == 6
    for row in values["results"]:
        assert row["validation_bits_per_character"] > 0
        assert (row["bits_per_character"] is None) == (row["status"] == "pruned")  # its test text was never read

    # the front in JSON and on the page
    front = values["sweep"]["authors"]["pell"]["front"]
    bits = [point["validation_bits_per_character"] for point in front]
    assert bits == sorted(bits, reverse=True)
    assert page.read_text(encoding="utf-8").count("<svg") == 2  # for a wide window, and for a narrow one

    # a second sweep reuses the stored models
    chains = tmp_path / "chains.toml"
    chains.write_text(
        file.read_text(encoding="utf-8").replace('"lstm-char", ', "").replace("lstm-char = ", "# "), "utf-8"
    )
    again = sweep(chains, halving=0, cost="parameters")
    assert {row.status for row in again.comparison.results} == {"ok"}
    assert all(row.reused for row in again.comparison.results)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cost", "money"], "cost is 'money'"),
        (["--halving", "1"], "halving is 1"),
        (["--executor", "slurm"], "choose local, ray"),
        (["--name", "../x"], "not a valid name"),
    ],
)
def test_invalid_arguments_are_one_sentence(file: Path, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["sweep", str(file), *arguments])
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)
