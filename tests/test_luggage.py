"""What travels with a job and comes home, without a cluster: visits in another folder."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from processes import toy

import genbench
from genbench.errors import UserError
from genbench.experiments.executors import base as executors
from genbench.experiments.executors import job_bundle as luggage
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.executors.ray_task import Letter, visit
from genbench.experiments.job import Job
from genbench.generator import Progress
from genbench.storage import models

TEXT = "the cat sat on the mat. " * 60
ABOUT = {"books": ["cats"], "lines": "join", "sha256": "0" * 64, "held_out": ""}


def job(spec: str, folder: Path | None = None) -> Job:
    home = str(folder) if folder else ""
    return Job("cats", TEXT, TEXT[:200], TEXT[:300], spec, steps=5, corpus=ABOUT, models=home)


def quiet(letter: Letter) -> None: ...


def test_executors_are_chosen_by_name() -> None:
    assert isinstance(executors.named("local", 3), LocalExecutor)
    for name in ("", "slurm", "ray:/x", "host"):
        with pytest.raises(UserError, match="choose local, ray"):
            executors.named(name)


@pytest.mark.slow
def test_a_visit_gives_the_row_of_home_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "there"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "there").mkdir()
    home = job("markov-char:order=3", tmp_path / "home")
    row, files = visit(home, luggage.packed(home), quiet)
    assert (row["status"], set(files)) == ("ok", {models.CARD, *models.FILES})
    assert list((tmp_path / "there").iterdir()) == []
    luggage.arrived(home, files)
    (kept,) = models.kept(tmp_path / "home")
    assert kept.name == row["model"]
    again, more = visit(home, luggage.packed(home), quiet)
    assert (again["reused"], more, again["block_bits"]) == (True, {}, row["block_bits"])
    anew, _ = visit(replace(home, fresh=True), luggage.packed(replace(home, fresh=True)), quiet)
    assert not anew["reused"]


@pytest.mark.slow
def test_a_plugin_in_a_file_travels_and_its_model_knows_the_file_at_home(tmp_path: Path) -> None:
    spec = toy(tmp_path, "fit", "pass")
    home = job(spec, tmp_path / "home")
    row, files = visit(home, luggage.packed(home), quiet)
    assert row["status"] == "ok", row
    luggage.arrived(home, files)
    (kept,) = models.kept(tmp_path / "home")
    assert kept.card["spec"] == spec
    assert kept.card["source"]
    assert kept.generator().facts["spec"] == row["facts"]["spec"] == spec


def test_a_path_that_a_spec_takes_apart_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a(b").mkdir()
    with pytest.raises(UserError, match="cannot be sent: rename it"):
        luggage.packed(job(toy(tmp_path / "a(b", "fit", "pass")))


@pytest.mark.slow
def test_a_damaged_model_is_not_kept(tmp_path: Path) -> None:
    home = job("markov-char:order=2", tmp_path / "home")
    _, files = visit(home, luggage.packed(home), quiet)
    with pytest.raises(UserError, match="damaged"):
        luggage.arrived(home, files | {"learned.json": files["learned.json"] + b" "})
    assert list((tmp_path / "home").iterdir()) == []


SAVES = (
    "self.facts = {'notes': [str((context.resume() or {}).get('step'))]}; "
    "[(context.save({'step': n}), context.report(Progress(n / 3)), time.sleep(0.6)) for n in range(3)]"
)


@pytest.mark.slow
def test_checkpoints_come_home_and_go_out_again(tmp_path: Path) -> None:
    home, letters = job(toy(tmp_path, "fit", SAVES), tmp_path / "home"), list[Letter]()
    row, _ = visit(home, luggage.packed(home), letters.append)
    states = [letter for letter in letters if not isinstance(letter, Progress)]
    assert row["notes"] == ["None"]
    assert states
    kept = luggage.checkpoint(home)
    assert kept is not None
    kept.keep(states[-1])
    again, _ = visit(home, luggage.packed(home), quiet)
    assert again["notes"] in (["1"], ["2"])


@pytest.mark.slow
def test_a_job_is_stopped_while_it_runs_and_before(tmp_path: Path) -> None:
    executor = LocalExecutor(1)
    jobs = [
        job(toy(tmp_path, "fit", "context.report(Progress(0.1)); time.sleep(100)")),
        job("markov-char"),
        job("markov-char"),
    ]
    rows = {}
    for place, said in executor.run(jobs):
        if isinstance(said, Progress):
            executor.stop(0)
            executor.stop(1)
        else:
            rows[place] = said.get("error")
    assert rows == {0: executors.STOPPED, 1: executors.STOPPED, 2: None}


@pytest.mark.parametrize("missing", ["ray", "optuna"])
def test_what_is_not_installed_is_said_in_one_sentence(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    how = {"executor": "ray"} if missing == "ray" else {"halving": 3}
    extra = {"ray": "ray", "optuna": "sweep"}[missing]
    with pytest.raises(UserError, match=f"pip install 'genbench\\[{extra}\\]'"):
        genbench.compare(["pell"], ["markov-char"], **how)


def test_an_address_where_nothing_answers_is_said_in_one_sentence() -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install 'genbench[ray]'")
    with pytest.raises(UserError, match=r"no Ray cluster answers at 127\.0\.0\.1:9"):
        genbench.compare(["pell"], ["markov-char"], executor="127.0.0.1:9")
