"""lm-evaluation-harness: models of genbench in it, and any model of it on our test texts, with the real package."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rows import scored_row
from test_leaderboard import write_run

import genbench
from genbench import Model, UserError, api
from genbench.experiments.comparison import Comparison
from genbench.experiments.pretrained import read_harness, read_pretrained
from genbench.experiments.proof.rows import find_row_model
from genbench.experiments.reference_chain import Reference, with_doubts
from genbench.report.export.files import as_csv, as_html, as_markdown
from genbench.report.terminal.comparison import show_comparison
from genbench.report.terminal.screen import make_console

SPEC = "markov-char:order=3"
TASK = "genbench-pell"
TEXT = "The affair was over by six."


@cache
def pell() -> Model:
    return genbench.train("pell", SPEC, keep=False)


@cache
def results() -> dict[str, Any]:
    """Return results as the harness writes them, of a model named gpt2 with 2 bits per byte."""
    corpus = genbench.corpus("pell")
    test = str(corpus.test)
    sizes = {"characters": len(test), "bytes": len(test.encode()), "words": len(test.split())}
    about = {"author": "pell", "text": json.loads(json.dumps(corpus.describe())), "sizes": sizes}
    return {
        "results": {TASK: {"alias": TASK, "bits_per_byte,none": 2.0, "bits_per_byte_stderr,none": "N/A"}},
        "configs": {TASK: {"task": TASK, "metadata": {"version": 1.0, "genbench": about}}},
        "config": {"model": "hf", "model_args": {"pretrained": "gpt2"}},
        "model_name": "gpt2",
    }


def write_results(path: Path, edit: Callable[[Any], object] = lambda values: None) -> Path:
    """Write `results` with a change; return the path."""
    values = json.loads(json.dumps(results()))
    edit(values)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))
    return path


def test_results_of_the_harness_are_rows_marked_as_pretrained() -> None:
    row = read_harness(results()).results[0]
    assert (row.author, row.generator, row.pretrained) == ("pell", "gpt2", True)
    assert row.bits == 2.0 * len(str(genbench.corpus("pell").test).encode())
    assert not row.comparable


def test_a_leaderboard_has_them_beside_the_rows_of_the_same_text(tmp_path: Path) -> None:
    parts = genbench.corpus("pell").part_sha256
    write_run(tmp_path / "ada.json", [scored_row("chain", 2.5, author="pell")], parts)
    (tmp_path / "results_2026.json").write_text(json.dumps(results()))
    board = api.leaderboard(tmp_path)
    assert [(part.kind, part.entries[0].label) for part in board.boards] == [
        ("static", "chain"),
        ("pretrained", "gpt2 (pretrained)"),
    ]


def test_a_comparison_has_them_as_marked_rows_in_no_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_results(tmp_path / "board/gpt2/results_2026.json")
    again = genbench.compare("pell", SPEC, length=0, by="newline", pretrained=tmp_path / "board", keep=False)
    comparison = Comparison.from_dict(json.loads(json.dumps(again.to_dict())))
    assert [(row.generator, row.pretrained) for row in comparison.ranked("pell")] == [
        ("markov-char", False),
        ("gpt2", True),
    ]
    assert comparison.verdicts("pell") == []
    assert comparison.settings
    assert comparison.settings.pretrained == [str(tmp_path / "board")]

    # in every format, marked
    show_comparison(comparison, make_console())
    outputs = [capsys.readouterr().out, as_html(comparison), as_markdown(comparison).replace("\\", "")]
    assert all("gpt2 (pretrained)" in output for output in outputs)
    assert "markov-char needs" in outputs[1]  # is compared with nothing
    assert as_csv(comparison).count("gpt2") == 1


def test_a_pretrained_row_is_never_doubtful_and_cannot_be_proved() -> None:
    (row,) = read_harness(results()).results
    with pytest.raises(UserError, match="is a pretrained model"):
        find_row_model(row, "a-run")
    assert with_doubts(row, {"pell": Reference(3.0, None, lowest=2.5)}) == row


def test_the_last_result_of_a_model_is_used_and_arguments_tell_models_apart(tmp_path: Path) -> None:
    def half(values: Any) -> None:
        values["config"]["model_args"] |= {"dtype": "float16", "token": "secret"}

    write_results(tmp_path / "results_1.json", lambda values: values["results"][TASK].update({"bits_per_byte,none": 3}))
    write_results(tmp_path / "results_2.json")
    write_results(tmp_path / "results_3.json", half)
    (tmp_path / "run.json").write_text("{}")  # another file of the folder
    rows = read_pretrained([str(tmp_path)], [genbench.corpus("pell")])
    assert [(row.bits_per_byte, row.options) for row in rows] == [(2.0, {}), (2.0, {"dtype": "float16"})]


def _another_text(values: Any) -> None:
    values["configs"][TASK]["metadata"]["genbench"]["text"]["part_sha256"]["test"] = "0" * 64


@pytest.mark.parametrize(
    ("author", "edit", "reason"),
    [
        ("pell", _another_text, r"gpt2 on another test text of pell than this comparison \(sha256 0{12} and"),
        ("thorne", lambda values: None, "has no result of lm-evaluation-harness on a test text .* [(]thorne[)]"),
        ("pell", lambda values: values.clear(), "has no result of lm-evaluation-harness"),
        ("pell", lambda values: values["results"].clear(), "has no bits_per_byte"),
    ],
)
def test_results_that_fit_no_text_are_refused_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, author: str, edit: Any, reason: str
) -> None:
    monkeypatch.setattr("genbench.experiments.compare.make_jobs", None)
    with pytest.raises(UserError, match=reason):
        genbench.compare(author, SPEC, pretrained=[write_results(tmp_path / "results.json", edit)])
    with pytest.raises(UserError, match="missing"):
        genbench.compare(author, SPEC, pretrained=str(tmp_path / "missing.json"))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda values: values["results"].clear(), "has no bits_per_byte"),
        (lambda values: values["results"][TASK].update({"bits_per_byte,none": "N/A"}), "has no bits_per_byte"),
        (lambda values: values["results"][TASK].update({"bits_per_byte,none": -1}), "has no bits_per_byte"),
        (lambda values: values["configs"].clear(), "no result of a task of genbench"),
        (lambda values: values["configs"][TASK].update(metadata=5), "no result of a task of genbench"),
        (lambda values: values["configs"][TASK]["metadata"]["genbench"].pop("sizes"), "sizes is missing"),
        (lambda values: values["configs"][TASK]["metadata"]["genbench"]["sizes"].update(bytes=0), "is empty"),
    ],
)
def test_results_that_are_damaged_are_refused_with_the_reason(edit: Any, reason: str) -> None:
    values = json.loads(json.dumps(results()))
    edit(values)
    with pytest.raises(ValueError, match=reason):
        read_harness(values)


def test_without_the_package_the_command_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "lm_eval.py").write_text("raise ImportError")
    command = [sys.executable, "-m", "genbench.integrations.lm_eval", "--model", "hf"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stderr == "genbench: genbench.integrations.lm_eval needs lm_eval: pip install 'lm_eval[hf]'\n"


# With the real package


@pytest.fixture(scope="module")
def harness() -> Iterator[Any]:
    """Return `genbench.integrations.lm_eval`; nothing is downloaded, and no telemetry is sent."""
    pytest.importorskip("lm_eval")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
            patch.setenv(name, "1")
        from genbench.integrations import lm_eval

        yield lm_eval


def requests(*arguments: tuple[Any, ...]) -> list[Any]:
    from lm_eval.api.instance import Instance

    return [Instance("loglikelihood", {}, values, number) for number, values in enumerate(arguments)]


@pytest.mark.slow
def test_log_likelihoods_are_those_of_the_six_methods(harness: Any) -> None:
    model = harness.GenbenchLM(pell())
    generator = pell().generator
    state, total, tokens = generator.start(), 0.0, generator.tokenizer.encode(TEXT)
    steps = []
    for token in tokens:
        steps.append(float(generator.log_probs(state)[token]))
        state = generator.advance(state, token)
    total = sum(steps)
    assert model.loglikelihood_rolling(requests((TEXT,), ("",))) == pytest.approx([total, 0.0])

    # a continuation after its context; greedy sampling writes its own text
    (after, _), (whole, _) = model.loglikelihood(requests((TEXT[:10], TEXT[10:]), ("", TEXT)))
    assert after == pytest.approx(sum(steps[10:]))
    assert whole == pytest.approx(total)
    greedy = pell().generate(TEXT[:10], length=8, temperature=0)[0]
    assert [flag for _, flag in model.loglikelihood(requests((TEXT[:10], greedy), (TEXT[:10], "qqq")))] == [True, False]


@pytest.mark.slow
def test_texts_are_generated_until_the_first_stop_text(harness: Any) -> None:
    model = harness.GenbenchLM(pell())
    options = {"until": ["\n", " "], "max_gen_toks": 20}
    (text,) = model.generate_until(requests((TEXT, options)))
    assert " " not in text.strip()
    assert len(model.generate_until(requests((TEXT, {"max_gen_toks": 10, "do_sample": True})))[0]) == 40


@pytest.mark.slow
def test_bad_arguments_are_one_sentence(harness: Any) -> None:
    with pytest.raises(UserError, match="takes model=NAME, and not pretrained; genbench models list"):
        harness.GenbenchLM(pretrained="gpt2")
    with pytest.raises(UserError, match="none"):
        harness.GenbenchLM("none")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--tasks", "arc,genbench-pell"], ["--tasks", "arc,PELL"]),
        (["--tasks=genbench-pell,arc", "-x"], ["--tasks=PELL,arc", "-x"]),
        (["run", "-t", "genbench-pell", "genbench-thorne", "-x"], ["run", "-t", "PELL", "THORNE", "-x"]),
        (["--output_path", "genbench-pell"], ["--output_path", "genbench-pell"]),
    ],
)
def test_the_tasks_of_the_command_are_files(
    harness: Any, tmp_path: Path, words: list[str], expected: list[str]
) -> None:
    """However --tasks is written, the harness reads the file of the task, and an --include_path stays the user's."""
    files = {name.upper(): str(tmp_path / f"genbench-{name}.yaml") for name in ("pell", "thorne")}
    result = harness.with_tasks(words, tmp_path)
    assert [word.replace(files["PELL"], "PELL").replace(files["THORNE"], "THORNE") for word in result] == expected
    assert all(Path(file).exists() for file in files.values() if any(file in word for word in result))


@pytest.mark.slow
def test_a_task_without_an_author_is_refused(harness: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the task genbench- names no author"):
        harness.with_tasks(["--tasks", "genbench-"], tmp_path)


@pytest.mark.slow
def test_the_command_scores_a_stored_model_on_a_test_text(
    harness: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = genbench.train("pell", SPEC)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.setattr(sys, "argv", [])
    arguments = ["--model", "genbench", "--model_args", f"model={model.id}", "--tasks", TASK]
    harness.main([*arguments, "--output_path", str(tmp_path / "out")])

    # the same bits as those of the model's own score, and a row of a leaderboard
    (written,) = (tmp_path / "out").glob("**/results_*.json")
    row = read_harness(json.loads(written.read_text())).results[0]
    expected = model.score(genbench.corpus("pell").test)
    assert row.bits == pytest.approx(expected.bits)
    assert row.word_perplexity == pytest.approx(expected.word_perplexity)
    assert row.characters == expected.characters


@pytest.mark.slow
def test_a_transformer_of_random_weights_is_scored_on_the_same_text(harness: Any, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    # a tokenizer of bytes, and a network that is drawn
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({char: place for place, char in enumerate(["<end>", *alphabet])}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>", bos_token="<end>")
    torch.manual_seed(1)
    shape = {"n_positions": 64, "n_embd": 16, "n_layer": 1, "n_head": 2, "bos_token_id": 0, "eos_token_id": 0}
    network = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=len(tokenizer), **shape)).eval()

    # a text of the user: the task has exactly its test part
    (tmp_path / "own").mkdir()
    (tmp_path / "own/train.txt").write_text(TEXT * 40 + "\n")
    (tmp_path / "own/test.txt").write_text("One café, and six eggs.")
    task = harness.write_task(tmp_path / "own", tmp_path / "tasks")
    test = str(genbench.corpus(tmp_path / "own").test)
    outcome = simple_evaluate(
        model=HFLM(pretrained=network, tokenizer=tokenizer, batch_size=1, max_length=64),
        tasks=[task],
        task_manager=TaskManager(include_path=str(tmp_path / "tasks"), include_defaults=False),
        bootstrap_iters=0,
    )
    row = read_harness(json.loads(json.dumps(outcome, default=str))).results[0]

    # the same by hand: each byte from those before it, the first from <end>
    ids = torch.tensor([[0, *tokenizer(test)["input_ids"]]])
    assert ids.shape[1] == 1 + len(test.encode())
    with torch.no_grad():
        log_probs = network(ids[:, :-1]).logits.log_softmax(-1)
    bits = -float(log_probs.gather(-1, ids[:, 1:, None]).sum()) / math.log(2)
    assert row.bits == pytest.approx(bits, rel=1e-5)
    assert row.bits_per_byte == pytest.approx(bits / len(test.encode()), rel=1e-5)
    assert row.pretrained

    # a row of a comparison of that text
    (tmp_path / "results.json").write_text(json.dumps(outcome, default=str))
    comparison = genbench.compare(tmp_path / "own", SPEC, length=0, pretrained=tmp_path / "results.json", keep=False)
    assert [other.pretrained for other in comparison.ranked("own")] == [False, True]
    assert comparison.results[1].bits == row.bits
    assert os.environ["HF_HUB_OFFLINE"] == "1"
