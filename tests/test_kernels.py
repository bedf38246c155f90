"""Compiled kernels: found on disk by later processes, also by one that may not write, and valid for their source."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from genbench_plugins.markov import compiling, kernels
from genbench_plugins.markov.backoff_building import build_model
from genbench_plugins.markov.ngram import MarkovChar
from genbench_plugins.markov.packed_tree import PackedTree
from genbench_plugins.markov.smoothing import Smoothing

from genbench import registry
from genbench.generator import Text, TrainContext
from genbench.processes.isolation import _landlock_version

ISOLATED = """
import os, sys
from pathlib import Path
from genbench.processes.isolation import isolate

os.chdir(sys.argv[1])
isolate([], Path(sys.argv[1]))
from genbench_plugins.markov import kernels
from genbench_plugins.markov.ngram import MarkovChar
from genbench.generator import Text, TrainContext

chain = MarkovChar(3)
chain.fit(Text("the tide is out"), Text(""), TrainContext())
chain.log_probs(chain.start())
print(kernels.fill_distribution.stats.cache_misses, len(kernels.fill_distribution.stats.cache_hits))
"""


def trained() -> MarkovChar:
    chain = MarkovChar(3)
    chain.fit(Text("the tide is out"), Text(""), TrainContext())
    return chain


@pytest.mark.slow
@pytest.mark.skipif(not _landlock_version(), reason="this system has no Landlock, which isolates files")
def test_an_isolated_process_compiles_nothing(tmp_path: Path) -> None:
    chain = trained()
    chain.log_probs(chain.start())
    command = [sys.executable, "-c", ISOLATED, str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.stdout.split(), result.stderr) == (["Counter()", "1"], "")


@pytest.mark.parametrize("spec", ["markov-word", "markov-word:spelling=characters", "markov-subword:adaptive=true"])
def test_chains_of_all_states_train_before_anything_is_compiled(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[bool] = []
    monkeypatch.setattr(compiling, "is_compiled", lambda function: compiled.append(False))
    chain = registry.create(spec)
    chain.fit(Text("the tide is out, the tide is in"), Text("the tide"), TrainContext())
    assert compiled
    assert np.exp(chain.log_probs(chain.start())).sum() == pytest.approx(1)


def test_a_kernel_needs_no_folder_for_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling._Implementation, "_locator_classes", ())

    def double(value: int) -> int:
        return 2 * value

    assert compiling.kernel(double)(3) == 6


def test_a_process_compiles_once() -> None:
    trained()
    assert compiling.is_compiled(kernels.score)


@pytest.mark.parametrize("smoothing", ["modified-kneser-ney", "fitted"])
def test_arrays_that_do_not_cover_the_tree_are_refused(smoothing: str) -> None:
    # the kernels do not check indices
    tree, base = trained()._tree, np.full(3, 1 / 3)
    with pytest.raises(ValueError, match="discounts"):
        build_model(tree, Smoothing(smoothing, np.empty((1, 3)), np.empty((1, 6))), base)


def test_a_model_of_another_tree_is_refused() -> None:
    chain = trained()
    learned = chain.dump()
    learned["counts"]["backoff_form"]["probabilities"] = np.empty(1)
    with pytest.raises(ValueError, match="another suffix tree"):
        chain.restore(learned)


@pytest.mark.parametrize("token", [-1, 10_000])
def test_ids_outside_the_vocabulary_are_refused(token: int) -> None:
    with pytest.raises(IndexError, match="ids are from 0 to"):
        trained().token_log_probs(np.array([token]))


def test_a_token_that_never_occurred_leads_to_the_empty_context() -> None:
    chain = trained()
    tree: PackedTree = chain._tree
    assert chain.static_advance(chain.start(), 0) == (tree.root, 0)
