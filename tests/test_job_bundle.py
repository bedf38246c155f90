"""Files that a job takes to another machine and sends back, without a cluster: jobs run in another folder."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from processes import write_plugin

from genbench.errors import UserError
from genbench.experiments.compare import compare, run_comparison
from genbench.experiments.executors.base import STOPPED, starting_order
from genbench.experiments.executors.create import create_executor
from genbench.experiments.executors.job_bundle import job_checkpoint, pack_job, unpack_job, unpack_result
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.executors.ray_task import TaskMessage, run_in_folder
from genbench.experiments.job import Job
from genbench.experiments.plan import CompareSettings, describe_specs
from genbench.experiments.row import Row
from genbench.storage import models
from genbench.storage.cards import CARD, FILES

TEXT = "the cat sat on the mat. " * 60


def make_job(spec: str, folder: Path | None = None) -> Job:
    ((parsed, known),) = describe_specs([spec])
    return Job(
        "cats",
        TEXT,
        TEXT[:200],
        TEXT[:300],
        parsed,
        known.values,
        known.files,
        steps=5,
        books=["cats"],
        sha256="0" * 64,
        models=str(folder) if folder else "",
    )


def ignore(message: TaskMessage) -> None: ...


def test_executors_are_chosen_by_name() -> None:
    assert isinstance(create_executor("local", 3), LocalExecutor)
    for name in ("", "slurm", "ray:/x", "host"):
        with pytest.raises(UserError, match="choose local, ray"):
            create_executor(name)


@pytest.mark.slow
def test_a_job_in_another_folder_returns_its_row_and_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "remote"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "remote").mkdir()
    job = make_job("markov-char:order=3", tmp_path / "home")

    # the model is trained there and stored here; nothing is left there
    row, files = run_in_folder(job, pack_job(job), ignore)
    assert (row.status, set(files)) == ("ok", {CARD, *FILES})
    assert list((tmp_path / "remote").iterdir()) == []
    unpack_result(job, files)
    (model,) = models.list_models(tmp_path / "home")
    assert model.name == row.model

    # the second time it takes the model along
    again, more_files = run_in_folder(job, pack_job(job), ignore)
    assert (again.reused, more_files, again.block_bits) == (True, {}, row.block_bits)
    retrained = replace(job, retrain=True)
    assert not run_in_folder(retrained, pack_job(retrained), ignore)[0].reused


@pytest.mark.slow
def test_a_plugin_file_is_sent_and_its_model_has_the_original_path(tmp_path: Path) -> None:
    spec = write_plugin(tmp_path, "fit", "pass")
    job = make_job(spec, tmp_path / "home")
    row, files = run_in_folder(job, pack_job(job), ignore)
    assert row.status == "ok", row
    unpack_result(job, files)
    (model,) = models.list_models(tmp_path / "home")
    assert model.card.spec == spec
    assert model.card.source
    assert model.card.training.spec == row.spec == spec
    assert model.load()


@pytest.mark.slow
def test_what_a_plugin_file_imports_from_its_folder_is_sent_along(tmp_path: Path) -> None:
    spec = write_plugin(tmp_path, "fit", "from package import part")
    for name in ("package/__init__.py", "package/part.py", "unused.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"NAME = {name!r}\n", encoding="utf-8")
    job = make_job(spec)
    (tmp_path / "remote").mkdir()
    path = unpack_job(job, pack_job(job), tmp_path / "remote").spec.path
    assert path is not None
    assert path.is_relative_to(tmp_path / "remote")
    files = {file.relative_to(path.parent).as_posix() for file in path.parent.rglob("*.py")}
    assert files == {"toy.py", "package/__init__.py", "package/part.py"}


def test_a_path_that_cannot_be_part_of_a_spec_is_refused(tmp_path: Path) -> None:
    write_plugin(tmp_path, "fit", "pass")
    (tmp_path / "toy.py").rename(tmp_path / "t(o)y.py")
    job = make_job(str(tmp_path / "t(o)y.py"))
    with pytest.raises(UserError, match="cannot be sent to another machine: rename it"):
        pack_job(job)


@pytest.mark.slow
def test_a_damaged_model_is_not_stored(tmp_path: Path) -> None:
    job = make_job("markov-char:order=2", tmp_path / "home")
    _, files = run_in_folder(job, pack_job(job), ignore)
    with pytest.raises(UserError, match="damaged"):
        unpack_result(job, files | {"learned.json": files["learned.json"] + b" "})
    assert list((tmp_path / "home").iterdir()) == []


SAVES = (
    "context.record(notes=[str((context.resume() or {}).get('step'))]); "
    "[(context.save({'step': n}), context.report(Progress(n / 3)), time.sleep(0.6)) for n in range(3)]"
)


@pytest.mark.slow
def test_checkpoints_are_sent_back_and_included_in_the_next_job(tmp_path: Path) -> None:
    job = make_job(write_plugin(tmp_path, "fit", SAVES), tmp_path / "home")
    messages: list[TaskMessage] = []
    row, _ = run_in_folder(job, pack_job(job), messages.append)
    states = [message for message in messages if isinstance(message, bytes)]
    assert '{"progress": ' in str(messages)
    assert row.notes == ["None"]
    assert states
    checkpoint = job_checkpoint(job)
    assert checkpoint is not None
    checkpoint.save_packed(states[-1])
    again, _ = run_in_folder(job, pack_job(job), ignore)
    assert again.notes in (["1"], ["2"])


def test_generators_that_count_start_first_each_by_its_first_seed() -> None:
    specs = ["lstm-char", "mixture:parts=markov-char+lstm-char", "markov-char", "mixture:parts=markov-char+markov-word"]
    jobs = [
        Job("cats", TEXT, "", "", spec, counting=known.counting, seed=seed)
        for spec, known in describe_specs(specs)
        for seed in (0, 1)
    ]
    order = [(specs.index(str(jobs[index].spec)), jobs[index].seed) for index in starting_order(jobs)]
    assert order == [(2, 0), (3, 0), (2, 1), (3, 1), (0, 0), (1, 0), (0, 1), (1, 1)]


@pytest.mark.slow
def test_a_job_is_stopped_while_it_runs_and_before_it_starts(tmp_path: Path) -> None:
    executor = LocalExecutor(1)
    sleeper = write_plugin(tmp_path, "fit", "context.report(Progress(0.1)); time.sleep(100)")
    jobs = [make_job(sleeper), make_job("markov-char"), make_job("markov-char")]
    errors = {}
    for index, event in executor.run(jobs):
        if isinstance(event, Row):
            errors[index] = event.error
        else:
            executor.stop(0)
            executor.stop(1)
    assert errors == {0: STOPPED, 1: STOPPED, 2: None}


@pytest.mark.parametrize("missing", ["ray", "optuna"])
def test_a_missing_package_is_reported_in_one_sentence(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    installs = {"ray": r"'ray\[client\]'", "optuna": "optuna"}[missing]
    settings = CompareSettings(["pell"], ["markov-char"], executor="ray" if missing == "ray" else "local", halving=3)
    with pytest.raises(UserError, match=f"pip install {installs}"):
        run_comparison(settings)


def test_an_address_where_nothing_answers_is_reported_in_one_sentence() -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install 'ray[client]'")
    with pytest.raises(UserError, match=r"no Ray cluster answers at 127\.0\.0\.1:9"):
        compare("pell", "markov-char", executor="127.0.0.1:9")
