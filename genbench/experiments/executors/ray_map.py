"""Run the parts of one training on the machines of a Ray cluster.

The process of a job connects to the cluster of its node when its training first asks. Every machine gets a part in
turn, busy or not: a job keeps its core while it waits, so parts that waited for cores of their own could wait forever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from genbench import __version__
from genbench.experiments.executors.ray_cluster import connect
from genbench.generator import PartFunction


def map_on_cluster(address: str, function: PartFunction, parts: Iterable[Any]) -> Iterator[tuple[Any, str]]:
    """Yield what a function returns for each part, in order, and the id of the node of each call.

    A part whose node cannot run it, as without the module of the function, or with another genbench, runs here; so the
    exceptions are those of the function.
    """
    with connect(address):
        nodes, calls = _Nodes(), deque[tuple[Any, Any]]()
        for part in parts:
            if len(calls) == len(nodes):
                yield nodes.result(function, *calls.popleft())
            calls.append((part, nodes.call(function, part)))
        while calls:
            yield nodes.result(function, *calls.popleft())


def run_part(version: str, function: PartFunction, part: Any) -> tuple[Any, str]:
    """Return what a function returns for a part, and the id of this node: the function of the Ray task."""
    import ray

    if version != __version__:
        raise ValueError(f"this node has genbench {__version__}, and the job {version}")
    return function(part), ray.get_runtime_context().get_node_id()


class _Nodes:
    """The machines of a cluster that have cores, each of which is called in turn."""

    def __init__(self) -> None:
        import ray

        self.ray: Any = ray
        self.here = self.ray.get_runtime_context().get_node_id()
        alive = [node for node in self.ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        self.ids = deque([str(node["NodeID"]) for node in alive] or [self.here])
        self.task = self.ray.remote(num_cpus=0)(run_part)

    def __len__(self) -> int:
        return len(self.ids)

    def call(self, function: PartFunction, part: Any) -> Any:
        """Return a reference to the result of a function on the next node, or on another one where that has died."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self.ids.rotate(-1)
        on_node = NodeAffinitySchedulingStrategy(self.ids[-1], soft=True)
        return self.task.options(scheduling_strategy=on_node).remote(__version__, function, part)

    def result(self, function: PartFunction, part: Any, reference: Any) -> tuple[Any, str]:
        """Return the result of a call, and where it was computed: here if it failed there."""
        from ray.exceptions import RayError

        try:
            result: tuple[Any, str] = self.ray.get(reference)
        except RayError:
            return function(part), self.here
        return result
