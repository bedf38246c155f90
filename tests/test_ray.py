"""The executor on a Ray cluster: three nodes on this machine, one killed and one added while 30 jobs run."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import HEAD, TOY

import genbench
from genbench.experiments import plan
from genbench.experiments.executors import job_bundle as luggage
from genbench.experiments.executors.base import STOPPED
from genbench.experiments.executors.ray import RayExecutor
from genbench.experiments.job import Job, Row
from genbench.experiments.progress import Watcher
from genbench.generator import Progress
from genbench.storage import models

pytest.importorskip("ray", reason="Ray is an extra: pip install 'genbench[ray]'")
pytestmark = pytest.mark.slow

AUTHORS = ["pell", "thorne", "marrow"]
CHAINS = [*(f"markov-char:order={n}" for n in range(2, 8)), "markov-word", "markov"]
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
SLOW = """
        began = (context.resume() or {"step": 0})["step"]
        open(f"{PLACE}-{len(train)}", "w").write(str(os.getpid()))
        self.facts = {"notes": [f"resumed at step {began}"] if began else []}
        for step in range(began, 60):
            time.sleep(0.1)
            context.save({"step": step + 1})
            context.report(Progress(step / 60, step))"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head, where nothing runs but the driver, and three nodes that work; sockets want a short path."""
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="r", dir="/tmp")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Cluster(
        initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False, "temp_dir": folder}
    )
    try:
        for _ in range(3):
            made.add_node(wait=False, **NODE)
        made.wait_for_nodes()
        yield made
    finally:
        made.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def slow(folder: Path) -> tuple[str, Path]:
    """A generator that takes some seconds, keeps checkpoints, and says which process it is."""
    head, place = "    def fit(self", folder / "pids"
    body = "@dataclass\nclass Unigram" + TOY[1].split("\n\n\n__all__")[0]
    before, after = body.split(head)
    line, rest = after.split("\n", 1)
    path = folder / "slow.py"
    told = SLOW.replace("PLACE", repr(str(place)))
    written = f"{HEAD}from genbench import Progress\n{before}{head}{line}\n{told}\n{rest}\n"
    path.write_text(written, encoding="utf-8")
    return str(path), place


def parents(process: int) -> list[int]:
    """Who started a process, and who started that."""
    found = []
    while process > 1:
        process = int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        found.append(process)
    return found


class Breaking(Watcher):
    """Kills the node on which the slow generator runs, once it has a checkpoint at home, and adds another."""

    def __init__(self, cluster: Any, pids: Path) -> None:
        self.cluster, self.pids, self.killed = cluster, pids, False
        self.notes: list[str] = []

    def watch(self, jobs: Any, place: int, said: Progress | Row) -> None:
        if isinstance(said, Progress):
            self.notes.append(said.note)
            if not self.killed and jobs[place].spec.endswith("slow.py") and self.at_home(jobs[place]):
                with contextlib.suppress(FileNotFoundError):  # it has just come to its end
                    self.kill(parents(int(Path(f"{self.pids}-{len(jobs[place].train)}").read_text())))

    def at_home(self, job: Job) -> bool:
        kept = luggage.checkpoint(job)
        return kept is not None and kept.resume() is not None

    def kill(self, above: list[int]) -> None:
        for node in self.cluster.list_all_nodes():
            if node.all_processes["raylet"][0].process.pid in above:
                self.cluster.remove_node(node, allow_graceful=False)
                self.cluster.add_node(wait=False, **NODE)
                self.killed = True


def same(row: Row) -> Row:
    """What a row says that depends on no clock and no machine."""
    timed = {"train_seconds", "peak_memory_mb", "curve", "notes", "model"}
    return {key: value for key, value in row.items() if key not in timed and not key.endswith("_per_second")}


def test_the_file_for_ray_up_is_one_that_ray_takes() -> None:
    import yaml
    from ray.autoscaler._private.util import prepare_config, validate_config

    said = yaml.safe_load((Path(__file__).parent.parent / "examples" / "ray-cluster.yaml").read_text(encoding="utf-8"))
    validate_config(prepare_config(said))


def test_thirty_jobs_with_a_node_killed_and_one_added_give_the_rows_of_this_machine(
    cluster: Any, tmp_path: Path
) -> None:
    spec, pids = slow(tmp_path)
    asked: dict[str, Any] = {"steps": 20, "prompts": ["The "]}
    specs = [spec, "lstm-char:hidden=16", *CHAINS]
    breaking = Breaking(cluster, pids)
    found = genbench.compare(AUTHORS, specs, executor=cluster.address, watcher=breaking, **asked)
    assert len(found.results) == 30
    assert [row.get("error") for row in found.results] == [None] * 30
    assert breaking.killed
    assert "sent again: its node is gone" in breaking.notes
    kept = {model.name for model in models.kept(models.home())}
    assert {row["model"] for row in found.results} == kept
    assert any("resumed at step" in note for row in found.results for note in row["notes"])
    for model in models.kept(models.home()):
        assert genbench.generate(model.generator(), "", genbench.Sampling(10))
    again = genbench.compare(["pell"], specs[:3], executor=cluster.address, **asked)
    assert all(row["reused"] for row in again.results)
    assert [row["block_bits"] for row in again.results] == [row["block_bits"] for row in found.results[:3]]
    os.environ["GENBENCH_HOME"] = str(tmp_path / "other")
    here = genbench.compare(AUTHORS, specs, **asked)
    for row, local in zip(found.results, here.results, strict=True):
        assert same(row) == same(local)


def test_jobs_are_stopped_and_a_mailbox_that_dies_is_replaced(cluster: Any, tmp_path: Path) -> None:
    import ray

    spec, _ = slow(tmp_path)
    jobs = plan.jobs([genbench.corpus("pell")], [spec, "markov-char:order=2"], plan.Training(steps=1, seeds=2))
    executor, rows, heard = RayExecutor(cluster.address), dict[int, Row](), 0
    for place, said in executor.run(jobs):
        if isinstance(said, dict):
            rows[place] = said
        elif place == 0 and not heard:
            heard = 1
            executor.stop(1)
            ray.kill(executor._grid.mailbox, no_restart=False)  # type: ignore[union-attr]
        elif place == 0:
            heard += 1
    assert [rows[place].get("error") for place in range(4)] == [None, STOPPED, None, None]
    assert heard > 1
