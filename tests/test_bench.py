"""Plan, jobs, rows, and worker processes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import Unigram

import genbench
from genbench import UserError
from genbench.experiments import plan
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.job import Job, blank, carried, device, plain, run_job
from genbench.generator import Progress
from genbench.sampling.loop import Sampling

ROW = {
    *("author", "generator", "options", "seed", "status", "bits", "characters", "bytes", "words", "tokens"),
    *("bits_per_character", "bits_per_byte", "word_perplexity", "token_perplexity", "interval", "spelled_share"),
    "block_bits",
    "valid_bits_per_character",
    *("parameters", "steps", "train_seconds", "train_characters_per_second", "score_characters_per_second"),
    *("generate_characters_per_second", "peak_memory_mb", "facts", "notes", "samples"),
    *("novelty", "by", "curve", "memory", "elsewhere", "reused"),
}
TOY = (Path(__file__).parent / "doubles.py").read_text(encoding="utf-8")
TOY = TOY[: TOY.index("@dataclass\nclass Fixed")] + TOY[TOY.index("@dataclass\nclass Unigram") : TOY.index("__all__")]
BREAKS = {
    "raises": "raise ValueError('no such luck')",
    "exits": "import sys; sys.exit(3)",
    "dies": "import os; os.kill(os.getpid(), 9)",
    "starves": "raise MemoryError",
    "quits": "raise SystemExit",
}


def quiet(progress: Progress) -> None: ...


def job(spec: str, **more: Any) -> Job:
    text = "the cat sat on the mat. " * 60
    return Job("cats", text, text[:200], text[:300], spec, samplings=[{"length": 20, "temperature": 1.0}], **more)


def test_a_row_has_the_documented_keys() -> None:
    row = run_job(job("markov-char:order=3", prompts=["the c"], seed=4), quiet)
    assert set(row) == ROW
    assert (row["author"], row["generator"], row["seed"], row["status"]) == ("cats", "markov-char", 4, "ok")
    assert row["options"] == {"order": 3, "smoothing": "modified-kneser-ney", "adaptive": False}
    assert row["bits_per_character"] == pytest.approx(row["bits"] / 300)
    assert row["samples"][0].keys() == {"temperature", "prompt", "text", "surprisal"}
    assert len(row["samples"][0]["text"]) == 20
    assert row["parameters"] > 10
    assert row["train_characters_per_second"] > 0


def test_each_prompt_is_drawn_with_each_temperature() -> None:
    hows = [{"length": 20, "temperature": t} for t in (0.5, 1.0)]
    wanted = Job(**carried(job("markov-char:order=3", prompts=["the c", "a"])) | {"samplings": hows})
    samples = run_job(wanted, quiet)["samples"]
    drawn = [(sample["prompt"], sample["temperature"]) for sample in samples]
    assert drawn == [("the c", 0.5), ("the c", 1.0), ("a", 0.5), ("a", 1.0)]


def test_a_random_prompt_is_of_the_author_and_the_same_for_all() -> None:
    corpora = [genbench.corpus(name) for name in ("thorne", "marrow")]
    planned = plan.jobs(corpora, ["markov-char", "markov-word"], plan.Training(seeds=2), [], ["It is", "random"])
    for corpus in corpora:
        ((fixed, drawn),) = {tuple(each.prompts) for each in planned if each.author == corpus.author}
        assert fixed == "It is"
        assert len(drawn) == 40
        assert drawn in corpus.train
    assert plan.start("random", "short") == "short"
    other = plan.jobs(corpora, ["markov-char"], plan.Training(seed=5), [], ["random", "random"])[0].prompts
    assert len({*other, planned[0].prompts[1]}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("broken", BREAKS)
def test_a_generator_that_breaks_costs_its_own_row(broken: str, tmp_path: Path) -> None:
    path = tmp_path / f"{broken}.py"
    path.write_text(TOY.replace("self.tokenizer = ", f"print('hello'); {BREAKS[broken]}\n        self.tokenizer = "))
    jobs = [job("markov-char"), job(str(path)), job("markov-word")]
    rows = {place: said for place, said in LocalExecutor(2).run(jobs) if isinstance(said, dict)}
    assert [rows[place]["status"] for place in range(3)] == ["ok", "failed", "ok"]
    assert rows[1]["generator"] == broken
    expected = {
        "raises": "no such luck",
        "exits": "exit code 3",
        "dies": "signal 9",
        "starves": "not enough memory",
        "quits": "exit code",
    }
    assert expected[broken] in rows[1]["error"]


@pytest.mark.slow
def test_probabilities_that_sum_to_more_than_one_fail_the_row(tmp_path: Path) -> None:
    (tmp_path / "greedy.py").write_text(TOY.replace("return self.table", "return self.table + np.log(1.3)"))
    found = genbench.compare(["thorne"], [f"{tmp_path}/greedy.py", "markov-char"], samplings=[Sampling(length=10)])
    greedy, chain = found.results
    assert (greedy["status"], chain["status"]) == ("failed", "ok")
    assert "sum to 1.3" in greedy["error"]
    assert found.ranked("thorne") == [chain, greedy]


@pytest.mark.slow
def test_a_comparison_is_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "toy.py"
    path.write_text(TOY)
    found = genbench.compare(["marrow"], [str(path), "markov-char"], seeds=2, seed=3, samplings=[Sampling(length=5)])
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert set(written) == {"genbench", "command", "title", "see", "came_out", "corpora", "floors"} | {
        *("human", "name", "created", "seconds", "machine", "asked", "stopped"),
        "style",
        "splits",
        "verdicts",
        "results",
    }
    sizes = {"characters", "train", "valid", "test"}
    assert set(written["corpora"]["marrow"]) == sizes | {"sha256", "books", "lines", "held_out"}
    assert set(written["floors"]["marrow"]) == {"uniform", "unigram", "xz"}
    assert [(row["generator"], row["seed"]) for row in written["results"]] == [
        ("toy", 3),
        ("toy", 4),
        ("markov-char", 3),
        ("markov-char", 4),
    ]
    assert all("no interval" in row["notes"][-1] for row in written["results"])  # a short test text


@pytest.mark.slow
def test_leaving_early_ends_the_processes(tmp_path: Path) -> None:
    path = tmp_path / "sleeps.py"
    sleeps = TOY.replace("self.tokenizer = ", "context.report(P(0.5)); import time; time.sleep(600); self.tokenizer = ")
    path.write_text(sleeps.replace("import Generator,", "import Progress as P, Generator,"))
    executor = LocalExecutor(1)
    events = executor.run([job(str(path))])
    place, said = next(events)
    assert (place, said) == (0, Progress(0.5))
    processes = list(executor._running.values())
    events.close()
    assert [process.wait(timeout=10) for process in processes] == [-9]


@pytest.mark.slow
def test_steps_and_seed_reproduce_a_network_to_the_bit() -> None:
    rows = [run_job(job("lstm-char:hidden=16", steps=20, seed=1), quiet) for _ in range(2)]
    assert rows[0]["status"] == "ok"
    assert rows[0]["steps"] == 20
    assert (rows[0]["bits"], rows[0]["samples"]) == (rows[1]["bits"], rows[1]["samples"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget": 0},
        {"budget": float("inf")},
        {"steps": 0},
        {"seeds": 0},
        {"seed": -1},
        {"device": "gpu"},
        {"jobs": 0},
        {"prompts": ["It is", "\udcff"]},
        {"generators": ["nothing"]},
        {"generators": ["markov-char:order=x"]},
        {"authors": ["thorne", "thorne"]},
        {"lines": "maybe"},
    ],
)
def test_what_cannot_be_had_is_refused_before_any_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        genbench.compare(**({"authors": ["thorne"], "generators": ["markov-char"]} | wrong))


def test_the_budget_is_thirty_seconds_where_nothing_is_said() -> None:
    assert plan.Training().limits() == {"budget": 30.0, "steps": None}
    assert plan.Training(steps=5).limits() == {"budget": None, "steps": 5}


def test_auto_is_the_cpu_for_a_chain() -> None:
    assert device("cpu") == "cpu"
    assert device("auto") in ("cpu", "cuda", "mps")


def test_plain_values_are_json() -> None:
    odd = {"a": np.float64(1.5), 2: [np.int64(3), float("nan"), (np.array([1.0, np.inf]),)], "c": Unigram}
    found = plain(odd)
    assert json.dumps(found, allow_nan=False)
    assert found["2"] == [3, None, [[1.0, None]]]


def test_a_blank_row_has_every_key() -> None:
    assert set(blank(job("markov-char"))) == ROW


def test_a_comparison_prints_in_short() -> None:
    found = genbench.compare(["thorne"], ["markov-char:order=2"], samplings=[], keep=False)
    assert repr(found).splitlines()[1].startswith("  thorne: markov-char ")
    assert len(repr(found)) < 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "odd", ["self.facts = {'notes': None}", "self.facts = {'parameters': 'many'}", "context.report(P(float('nan')))"]
)
def test_odd_facts_and_progress_cost_nothing(odd: str, tmp_path: Path) -> None:
    source = TOY.replace("self.tokenizer = ", f"{odd}\n        self.tokenizer = ", 1)
    (tmp_path / "odd.py").write_text(source.replace("import Generator,", "import Progress as P, Generator,"))
    events = [said for _, said in LocalExecutor(1).run([job(str(tmp_path / "odd.py"))])]
    assert events[-1]["status"] == "ok"  # type: ignore[index]
    assert all(said.fraction >= 0 for said in events[:-1])  # type: ignore[union-attr]


def test_a_file_that_exits_when_imported_costs_its_row(tmp_path: Path) -> None:
    (tmp_path / "exits.py").write_text("import sys; sys.exit(3)")
    found = genbench.compare(["thorne"], [str(tmp_path / "exits.py"), "markov-char"], samplings=[], keep=False)
    assert [row["status"] for row in found.results] == ["failed", "ok"]
    assert "SystemExit" in found.results[0]["error"]
