"""Jobs, rows, worker processes, and what `compare` refuses."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import Unigram, run_job
from processes import write_plugin

from genbench import Comparison, Sampling, UserError
from genbench.corpus.loading import load_corpus
from genbench.experiments import measurements
from genbench.experiments.compare import compare
from genbench.experiments.executors.local import LocalExecutor
from genbench.experiments.job import Job, train_job
from genbench.experiments.plan import CompareSettings, describe_specs, make_jobs
from genbench.experiments.row import Row
from genbench.generator import Progress
from genbench.sampling import resolve_prompt
from genbench.spec import Spec
from genbench.training import json_values, resolve_device

ROW_KEYS = {
    *("author", "generator", "options", "seed", "seeds", "status", "error", "doubtful", "ancestors"),
    *("canonical_bits", "canonical_bits_per_character", "further_samples", "snapshots", "pretrained"),
    *("bits", "characters", "bytes", "words", "tokens", "spelled_share"),
    *(
        "bits_per_character",
        "bits_per_byte",
        "word_perplexity",
        "token_perplexity",
        "interval",
        "spelled_share",
        "upper_bound",
        "audit",
    ),
    *("spread", "block_bits", "splits", "validation_bits_per_character"),
    *("cpu_seconds", "core_share", "time_budget", "flops"),
    *("parameters", "steps", "passes", "train_seconds", "train_characters_per_second", "score_characters_per_second"),
    *("generate_characters_per_second", "peak_memory_mb", "curve", "adaptive", "spec", "details", "model", "reused"),
    *("seeded", "seed_variance"),
    *("notes", "samples", "novelty", "memory", "cross_scores", "style"),
}
BREAKING_CODE = {  # and the reason that the row shows
    "raise ValueError('no such luck')": "no such luck",
    "sys.exit(3)": "exit code 3",
    "os.kill(os.getpid(), 9)": "signal 9",
    "raise MemoryError": "not enough memory",
    "raise SystemExit": "exit code",
}


def ignore(progress: Progress) -> None: ...


def make_job(spec: str, **fields: Any) -> Job:
    text = "the cat sat on the mat. " * 60
    return Job("cats", text, text[:200], text[:300], Spec.parse(spec), samplings=[Sampling(20, 1.0)], **fields)


def test_a_row_has_the_documented_keys() -> None:
    row = run_job(make_job("markov-char:order=3", prompts=["the c"], seed=4), ignore)
    assert set(row.to_dict()) == ROW_KEYS
    assert (row.author, row.generator, row.seed, row.status) == ("cats", "markov-char", 4, "ok")
    assert row.options == {"order": 3, "smoothing": "modified-kneser-ney", "adaptive": False}
    assert row.bits is not None
    assert row.bits_per_character == pytest.approx(row.bits / 300)
    (sample,) = row.samples
    assert (sample.temperature, sample.prompt, len(sample.text)) == (1.0, "the c", 20)
    assert "".join(word for word, _ in sample.surprisal) == sample.text
    assert row.parameters
    assert row.parameters > 10
    assert row.train_characters_per_second
    assert row.train_characters_per_second > 0


def test_figures_of_samples_rest_on_twenty_texts_of_each_temperature(monkeypatch: pytest.MonkeyPatch) -> None:
    samplings = [Sampling(20, 1.0), Sampling(20, 0.5), Sampling(20, 0.0)]
    job = replace(make_job("markov-char:order=3", prompts=["the c", ""]), samplings=samplings)
    monkeypatch.setattr("genbench.experiments.measurements.MIN_SECONDS", 1000.0)
    further = run_job(job, ignore).further_samples
    assert {name: len(texts) for name, texts in further.items()} == {
        "1": 18,
        "0.5": 18,
    }  # a greedy text is always the same
    assert len(set(further["1"])) > 9

    # a generator that is too slow makes fewer, and those are the same
    monkeypatch.setattr("genbench.experiments.measurements.MIN_SECONDS", 0.0)
    assert run_job(job, ignore).further_samples == {}

    # texts that took more than all that was left are the last ones
    monkeypatch.setattr("genbench.experiments.measurements.MIN_SECONDS", 50.0)
    monkeypatch.setattr("genbench.processes.clock.Stopwatch.cpu_seconds", property(lambda _: 60.0))
    assert [len(texts) for texts in run_job(job, ignore).further_samples.values()] == [3]

    monkeypatch.undo()
    monkeypatch.setattr("genbench.experiments.measurements.MIN_SECONDS", 1000.0)
    monkeypatch.setattr("genbench.experiments.measurements.STATISTICS_SAMPLES", 5)
    fewer = run_job(job, ignore).further_samples
    assert [len(texts) for texts in fewer.values()] == [3, 3]


def test_the_speed_of_sampling_is_that_of_a_longer_text_after_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is prepared for the first text is in no figure, and a slow generator is asked for what it can write."""
    seconds, asked, per_character = [0.0], list[int](), 1e-5

    def generate_slowly(generator: Any, prompts: list[str], samplings: list[Sampling], *_: Any) -> list[str]:
        first = not asked
        asked.append(samplings[0].characters)
        seconds[0] += (10.0 if first else 0.0) + samplings[0].characters * per_character
        return ["c" * sampling.characters for sampling in samplings]

    class Watch:
        def __init__(self) -> None:
            self.start = seconds[0]

        wall_seconds = property(lambda self: seconds[0] - self.start)
        cpu_seconds = wall_seconds

    _, model = train_job(make_job("markov-char:order=3"), ignore)
    monkeypatch.setattr(measurements, "generate_many", generate_slowly)
    monkeypatch.setattr(measurements, "Stopwatch", Watch)
    job = make_job("markov-char:order=3")
    assert model is not None
    for per_character, characters in ((1e-5, [1, 3000]), (1e-3, [1, 500]), (1.0, [1])):
        asked.clear()
        row = measurements.generate_samples(Row.blank(job), model, job, lambda share: None)
        assert row.generate_characters_per_second == round(1 / per_character)
        assert asked[: 1 + len(characters)] == [20, *characters]  # each as long as the last one promised


def test_rows_and_jobs_are_the_same_after_json() -> None:
    job = make_job("markov-char:order=3", prompts=["the c"], strata={"position": {"names": ["a"], "kinds": "0" * 300}})
    row = run_job(job, ignore)
    assert Row.from_dict(json.loads(json.dumps(row.to_dict(), allow_nan=False))) == row
    assert Job.from_dict(json.loads(json.dumps(job.to_dict(), allow_nan=False))) == job
    for stop in (".", (".", "?")):
        stopped = replace(job, samplings=[Sampling(stop=stop, keep_stop=True, spelling=False)])
        assert Job.from_dict(json.loads(json.dumps(stopped.to_dict(), allow_nan=False))) == stopped


def test_each_prompt_is_sampled_at_each_temperature() -> None:
    job = make_job("markov-char:order=3", prompts=["the c", "a"])
    samples = run_job(replace(job, samplings=[Sampling(20, 0.5), Sampling(20, 1.0)]), ignore).samples
    pairs = [(sample.prompt, sample.temperature) for sample in samples]
    assert pairs == [("the c", 0.5), ("the c", 1.0), ("a", 0.5), ("a", 1.0)]


def test_a_random_prompt_is_from_the_author_and_the_same_for_all_rows() -> None:
    corpora = [load_corpus(name) for name in ("thorne", "marrow")]
    specs = describe_specs(["markov-char", "markov-word"])
    jobs = make_jobs(CompareSettings(seeds=2, prompts=["It is", "random"]), corpora, specs)
    for corpus in corpora:
        ((fixed, random),) = {tuple(job.prompts) for job in jobs if job.author == corpus.author}
        assert fixed == "It is"
        assert len(random) == 40
        assert random in str(corpus.train)
    assert resolve_prompt("random", "short") == "short"
    others = make_jobs(CompareSettings(seed=5, prompts=["random", "random"]), corpora, specs)[0].prompts
    assert len({*others, jobs[0].prompts[1]}) == 3


@pytest.mark.slow
@pytest.mark.parametrize("code", BREAKING_CODE)
def test_a_generator_that_raises_an_error_fails_its_own_row(code: str, tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path, "fit", f"print('hello'); {code}")
    jobs = [make_job("markov-char"), make_job(plugin), make_job("markov-word")]
    rows = {index: event for index, event in LocalExecutor(2).run(jobs) if isinstance(event, Row)}
    assert [rows[index].status for index in range(3)] == ["ok", "failed", "ok"], rows
    assert rows[1].generator == "toy.py"
    assert rows[1].error
    assert BREAKING_CODE[code] in rows[1].error


@pytest.mark.slow
def test_probabilities_that_sum_to_more_than_one_fail_the_row(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path, "log_probs", "return self.table + np.log(1.3)")
    comparison = compare("thorne", [plugin, "markov-char"], length=10)
    broken, chain = comparison.results
    assert (broken.status, chain.status) == ("failed", "ok")
    assert broken.error
    assert "sum to 1.3" in broken.error
    assert comparison.ranked("thorne") == [chain, broken]


@pytest.mark.slow
def test_a_comparison_is_json_with_the_documented_keys(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path, "start", "pass")
    comparison = compare("marrow", [plugin, "markov-char"], seeds=2, seed=3, length=5)
    assert [row.error for row in comparison.results] == [None] * 4
    values = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert set(values) == {"schema_version", "verdicts", "splits"} | {field.name for field in fields(Comparison)}
    assert Comparison.from_dict(values) == comparison
    sizes = {"characters", "train", "valid", "test"}
    about = {
        "sha256",
        "part_sha256",
        "own_split",
        "books",
        "lines",
        "held_out",
        "notes",
        "shared_passages",
        "anchor",
        "test_tokens",
        "passage",
    }
    assert set(values["corpora"]["marrow"]) == sizes | about
    assert set(values["baselines"]["marrow"]) == {"uniform", "unigram", "xz"}
    assert [(row["generator"], row["seed"]) for row in values["results"]] == [
        ("toy.py", 3),
        ("toy.py", 4),
        ("markov-char", 3),
        ("markov-char", 4),
    ]
    assert all("measured on too little text" in row["notes"][-1] for row in values["results"])


def test_results_of_an_earlier_version_are_refused() -> None:
    with pytest.raises(UserError, match="schema version 1 cannot be read"):
        Comparison.from_dict({"genbench": "0.0.1", "results": []})


@pytest.mark.slow
def test_closing_an_executor_ends_its_processes(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path, "fit", "context.report(Progress(0.5)); time.sleep(600)")
    executor = LocalExecutor(1)
    events = executor.run([make_job(plugin)])
    assert next(events) == (0, Progress(0.0, note="starting"))
    assert any(event == Progress(0.5) for _, event in events)
    ((worker,),) = [processes._processes for processes in executor._running.values()]
    events.close()
    assert worker._child.process.wait(timeout=10) == -9


@pytest.mark.slow
def test_steps_and_seed_reproduce_a_network_to_the_bit() -> None:
    first, second = [run_job(make_job("lstm-char:hidden=16", steps=20, seed=1), ignore) for _ in range(2)]
    assert first.status == "ok"
    assert first.steps == 20
    assert (first.bits, first.samples) == (second.bits, second.samples)


@pytest.mark.parametrize(
    "invalid",
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
        {"lines": "maybe"},
        {"timeout": "soon"},
        {"temperatures": -1},
        {"by": "color"},
    ],
)
def test_invalid_arguments_are_refused_before_any_work(invalid: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        compare(**({"authors": ["thorne"], "generators": ["markov-char"]} | invalid))


def test_the_default_budget_is_thirty_seconds() -> None:
    settings = CompareSettings().train_settings()
    assert (settings.budget, settings.steps) == (30.0, None)
    settings = CompareSettings(steps=5).train_settings()
    assert (settings.budget, settings.steps) == (None, 5)


def test_the_device_of_a_chain_is_one_of_this_machine() -> None:
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") in ("cpu", "cuda", "mps")


def test_json_values_are_json() -> None:
    values = json_values(
        {"a": np.float64(1.5), 2: [np.int64(3), float("nan"), (np.array([1.0, np.inf]),)], "c": Unigram}
    )
    assert json.dumps(values, allow_nan=False)
    assert values["2"] == [3, None, [[1.0, None]]]


def test_a_blank_row_has_every_key() -> None:
    assert set(Row.blank(make_job("markov-char")).to_dict()) == ROW_KEYS


@pytest.mark.slow
def test_the_repr_of_a_comparison_is_short() -> None:
    comparison = compare("thorne", "markov-char:order=2", length=0, keep=False)
    assert repr(comparison).splitlines()[1].startswith("  thorne: markov-char ")
    assert len(repr(comparison)) < 200


@pytest.mark.slow
def test_python_accepts_what_the_command_line_accepts() -> None:
    comparison = compare(
        "pell", "markov-char:order=2", budget="30s", timeout="1m", length=30, temperatures=[0.5, 1], top_k=5
    )
    assert comparison.settings
    assert (comparison.settings.budget, comparison.settings.timeout) == (30.0, 60.0)
    assert comparison.settings.samplings == [Sampling(30, 0.5, top_k=5), Sampling(30, 1, top_k=5)]
    assert [len(sample.text) for sample in comparison.results[0].samples] == [30, 30]
