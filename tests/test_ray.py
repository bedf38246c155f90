"""The Ray executor: three nodes on this machine, one killed and one added while eight jobs run."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from processes import HEADER, insert_code

from genbench.corpus.loading import load_corpus
from genbench.experiments.compare import compare
from genbench.experiments.executors.base import STOPPED
from genbench.experiments.executors.job_bundle import job_checkpoint
from genbench.experiments.executors.ray import RayExecutor
from genbench.experiments.job import Job
from genbench.experiments.plan import CompareSettings, describe_specs, make_jobs
from genbench.experiments.row import Row
from genbench.generator import Progress
from genbench.model import Model
from genbench.storage.models import list_models, models_folder
from genbench.training import ProgressListener

pytest.importorskip("ray", reason="Ray is an extra: pip install 'ray[client]'")
pytestmark = pytest.mark.slow

AUTHORS = ["pell", "thorne"]
CHAINS = ["markov-char:order=3", "markov-word"]
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
SLOW_FIT = """
        start = (context.resume() or {"step": 0})["step"]
        open(f"{PLACE}-{len(train)}", "w").write(str(os.getpid()))
        context.record(notes=[f"resumed at step {start}"] if start else [])
        for step in range(start, 1200):
            if os.path.exists(f"{PLACE}-end"):
                break
            time.sleep(0.1)
            context.save({"step": step + 1})
            context.report(Progress(step / 1200, step))"""

COUNTS_IN_PARTS = """
from dataclasses import dataclass

from genbench_plugins.markov.counting_by_parts import count_ngrams
from genbench_plugins.markov.ngram import MarkovChar

count_ngrams.__kwdefaults__["part"] = 1_000


@dataclass
class PartsChain(MarkovChar):
    pass
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head on which only the driver runs, and three nodes; the folder of its sockets must have a short path."""
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")
    Path("/tmp/ray").mkdir(exist_ok=True)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    head = {**NODE, "num_cpus": 0, "include_dashboard": False, "temp_dir": folder}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(3):
            cluster.add_node(wait=False, **NODE)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def write_slow_plugin(folder: Path) -> tuple[str, Path]:
    """Write a generator that trains until a file exists, stores checkpoints, and writes its process id to a file.

    Return its path, and the beginning of the names of those files; "-end" and the length of the training text follow.
    """
    pid_file, path = folder / "pid", folder / "slow.py"
    code = SLOW_FIT.replace("PLACE", repr(str(pid_file)))
    path.write_text(HEADER + insert_code("fit", code) + "\n", encoding="utf-8")
    return str(path), pid_file


def write_plugin_that_counts_in_parts(folder: Path) -> str:
    """Write a generator that counts 1,000 characters at a time, and return its path."""
    path = folder / "parts.py"
    path.write_text(COUNTS_IN_PARTS, encoding="utf-8")
    return str(path)


def end_training(pid_file: Path) -> None:
    """Let the slow generator end the training that runs, and every later one at once."""
    Path(f"{pid_file}-end").touch()


def ancestors(process: int) -> list[int]:
    """Return the ids of a process's parent, its parent, and so on."""
    parents = []
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        parents.append(process)
    return parents


class NodeKiller(ProgressListener):
    """Kills the node on which the slow generator runs, once its checkpoint has arrived here, and adds another node."""

    def __init__(self, cluster: Any, jobs: list[Job], pid_file: Path) -> None:
        self.cluster, self.jobs, self.pid_file, self.has_killed = cluster, jobs, pid_file, False
        self.notes: list[str] = []

    def job_progress(self, job: int, name: str, progress: Progress) -> None:
        self.notes.append(progress.note)
        if not self.has_killed and name.endswith("slow.py") and self.has_checkpoint(self.jobs[job]):
            with contextlib.suppress(FileNotFoundError):  # its process has just ended
                pid = Path(f"{self.pid_file}-{len(self.jobs[job].train)}").read_text(encoding="utf-8")
                self.kill_node(ancestors(int(pid)))

    def has_checkpoint(self, job: Job) -> bool:
        checkpoint = job_checkpoint(job)
        return checkpoint is not None and checkpoint.resume() is not None

    def kill_node(self, processes: list[int]) -> None:
        for node in self.cluster.list_all_nodes():
            if node.all_processes["raylet"][0].process.pid in processes:
                self.cluster.remove_node(node, allow_graceful=False)
                self.cluster.add_node(wait=False, **NODE)
                self.has_killed = True
                end_training(self.pid_file)


def comparable(row: Row) -> dict[str, Any]:
    """Return the figures of a row that depend neither on a clock nor on a machine."""
    timed = {"train_seconds", "cpu_seconds", "core_share", "peak_memory_mb", "curve", "notes", "model"}
    assert row.audit is not None
    values = replace(row, audit=replace(row.audit, seconds=0.0)).to_dict()
    return {key: value for key, value in values.items() if key not in timed and not key.endswith("_per_second")}


def test_ray_accepts_the_example_of_a_cluster_file() -> None:
    import yaml
    from ray.autoscaler._private.util import prepare_config, validate_config

    path = Path(__file__).parent.parent / "examples" / "ray-cluster.yaml"
    validate_config(prepare_config(yaml.safe_load(path.read_text(encoding="utf-8"))))


def test_a_cluster_with_a_killed_and_an_added_node_gives_the_rows_of_this_machine(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the beginnings of two books, since every training runs twice
    authors = [tmp_path / f"{name}.txt" for name in AUTHORS]
    for path in authors:
        path.write_text(load_corpus(path.stem).train[:8_000], encoding="utf-8")
    plugin, pid_file = write_slow_plugin(tmp_path)
    specs = [plugin, "lstm-char:hidden=16", *CHAINS]
    settings = CompareSettings(generators=specs, steps=20, prompts=["The "])
    corpora = [load_corpus(path) for path in authors]
    jobs = make_jobs(settings, corpora, settings.validate(), folder=str(models_folder()))

    # eight jobs, while a node is killed
    killer = NodeKiller(cluster, jobs, pid_file)
    comparison = compare(authors, specs, steps=20, prompts="The ", executor=cluster.address, listener=killer)
    assert len(comparison.results) == 8
    assert [row.error for row in comparison.results] == [None] * 8
    assert killer.has_killed
    assert "sent again: its node died" in killer.notes
    assert any("resumed at step" in note for row in comparison.results for note in row.notes)

    # every model is stored here, and used again
    stored = list_models(models_folder())
    assert {row.model for row in comparison.results} == {model.name for model in stored}
    for model in stored:
        assert Model.from_stored(model).generate()
    again = compare(authors[0], specs[:3], steps=20, prompts="The ", executor=cluster.address)
    assert all(row.reused for row in again.results)
    assert [row.block_bits for row in again.results] == [row.block_bits for row in comparison.results[:3]]

    # the same rows as on this machine
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / "other"))
    local = compare(authors, specs, steps=20, prompts="The ")
    for row, local_row in zip(comparison.results, local.results, strict=True):
        assert comparable(row) == comparable(local_row)


def test_jobs_are_stopped_and_a_mailbox_that_dies_is_replaced(cluster: Any, tmp_path: Path) -> None:
    import ray

    plugin, pid_file = write_slow_plugin(tmp_path)
    settings = CompareSettings(steps=1, seeds=2)
    jobs = make_jobs(settings, [load_corpus("pell")], describe_specs([plugin, "markov-char:order=2"]))
    executor, rows, reports = RayExecutor(cluster.address), dict[int, Row](), 0
    for index, event in executor.run(jobs):
        if isinstance(event, Row):
            rows[index] = event
        elif index == 0 and not reports:
            reports = 1
            executor.stop(1)
            ray.kill(executor._tasks.mailbox, no_restart=False)  # type: ignore[union-attr]
        elif index == 0:  # it came through the new mailbox
            reports += 1
            end_training(pid_file)
    assert [rows[index].error for index in range(4)] == [None, STOPPED, None, None]
    assert reports > 1


def test_the_parts_of_one_text_are_counted_on_all_machines(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "pell.txt"
    path.write_text(load_corpus("pell").train[:20_000], encoding="utf-8")
    spec = write_plugin_that_counts_in_parts(tmp_path)
    (spread,) = compare(path, [spec], executor=cluster.address).results
    (model,) = list_models(models_folder())

    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / "other"))
    (here,) = compare(path, [spec]).results
    (local_model,) = list_models(models_folder())

    # the same counts and bits, on three machines and on one
    assert comparable(spread) == comparable(here)
    assert model.card.files == local_model.card.files
    assert set(spread.notes) - set(here.notes) == {"parts of its training ran on 3 machines"}
