"""Stored runs: unique names, the same figures when they are repeated, and the differences between two."""

import json
import os
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

import genbench
from genbench import Comparison, api
from genbench.cli.main import app
from genbench.errors import UserError
from genbench.experiments.compare import compare, load_run, rerun
from genbench.experiments.diff import diff_comparisons
from genbench.registry import file_spans
from genbench.report.comparison_tables import context_table, cross_author_table
from genbench.spec import Spec
from genbench.storage import runs

pytestmark = pytest.mark.slow

CHAINS = ["markov-char:order=2", "markov-char:order=3"]


@pytest.fixture
def first(in_process: None) -> Comparison:
    return compare("pell", CHAINS, length=40)


def run_command(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["runs", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_comparison_is_stored_completely(first: Comparison) -> None:
    assert first.name == "pell-1"
    assert load_run("pell-1") == first
    assert load_run("last").name == load_run("pel").name == "pell-1"


@pytest.mark.usefixtures("in_process")
def test_keep_false_stores_nothing() -> None:
    assert compare("pell", CHAINS[:1], length=40, keep=False).name == ""
    assert runs.list_runs() == []


def test_a_repeated_run_has_the_same_figures_with_stored_and_with_new_models(first: Comparison) -> None:
    for retrain in (False, True):
        again = rerun("pell-1", retrain=retrain)
        assert [row.reused for row in again.results] == [not retrain] * 2
        assert all(row.identical for row in diff_comparisons(first, again).rows)
    assert [run.name for run in runs.list_runs()][-1] == "pell-1"
    assert set(runs.run_names()) == {"pell-1", "pell-1-2", "pell-1-3"}


def test_a_network_retrained_for_the_same_steps_has_the_same_bits() -> None:
    first = compare("pell", "lstm-char:hidden=8", steps=40, length=40)
    again = rerun(first.name, retrain=True)
    assert [row.identical for row in diff_comparisons(first, again).rows] == [True]
    curve = first.results[0].curve
    assert len(curve) > 3
    assert [seconds for seconds, _ in curve] == sorted(seconds for seconds, _ in curve)
    assert 0 < curve[-1][1] < curve[0][1]


@pytest.mark.usefixtures("in_process")
def test_a_run_is_repeated_from_another_folder(
    prose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prose_file.parent)
    first = compare(prose_file.name, CHAINS[:1], length=40)
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    again = rerun(first.name)
    assert [row.identical for row in diff_comparisons(first, again).rows] == [True]


def test_every_file_that_a_spec_names_gets_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vectors.txt").touch()
    (tmp_path / "3").touch()

    def absolute(text: str) -> str:
        spec = Spec.parse(text)
        return spec.replace_files(list(file_spans(spec)), os.path.abspath)

    vectors = "mixture:parts=(lstm-word: hidden = 3,embeddings=./vectors.txt)+markov-char"
    assert absolute(vectors) == vectors.replace("./vectors.txt", str(tmp_path / "vectors.txt"))
    assert absolute("lstm-word:hidden=3,embeddings=3") == f"lstm-word:hidden=3,embeddings={tmp_path / '3'}"
    assert absolute("lstm-word:embeddings=learned") == "lstm-word:embeddings=learned"
    assert absolute("markov-char:order=3") == "markov-char:order=3"


@pytest.mark.usefixtures("in_process")
def test_a_run_on_a_text_without_a_name_cannot_be_repeated() -> None:
    first = compare(genbench.corpus("pell"), CHAINS[:1], length=40)
    with pytest.raises(UserError, match="made in Python from texts without a name"):
        rerun(first.name)


@pytest.mark.usefixtures("in_process")
def test_a_changed_text_is_another_text(prose_file: Path) -> None:
    first = compare(prose_file, CHAINS[:1], length=40)
    prose_file.write_text(prose_file.read_text(encoding="utf-8") * 2, encoding="utf-8")
    difference = diff_comparisons(first, rerun(first.name))
    assert difference.texts == {"ferry": "another"}
    assert (difference.rows[0].difference, difference.rows[0].identical) == (None, False)


def test_rows_that_differ_only_in_options_are_paired(first: Comparison) -> None:
    other = compare(["pell", "thorne"], ["markov-char:order=3", "markov-char:order=1"], length=40)
    difference = diff_comparisons(first, other)
    assert [(row.a, row.b, row.identical) for row in difference.rows] == [
        ("markov-char order=2", "markov-char order=1", False),
        ("markov-char order=3", "markov-char order=3", True),
    ]
    assert difference.texts == {"pell": "the same", "thorne": "in one only"}
    assert difference.only_b == ["markov-char order=3", "markov-char order=1"]
    bits_a, bits_b = difference.rows[0].bits_per_character
    assert bits_a
    assert bits_b
    assert difference.rows[0].difference == pytest.approx(bits_b - bits_a)


def test_folders_that_are_not_runs_are_skipped(first: Comparison) -> None:
    contents = {"empty": None, "half": '{"format": 2', "other": "[]", "wrong": '{"format": 2, "comparison": 3}'}
    for name, content in contents.items():
        (runs.runs_folder() / name).mkdir()
        if content is not None:
            (runs.runs_folder() / name / runs.FILE).write_text(content, encoding="utf-8")
    assert [run.name for run in runs.list_runs()] == ["pell-1"]
    with pytest.raises(UserError, match="there is no run 'empty'"):
        load_run("empty")


def test_a_run_of_another_version_is_refused_in_one_sentence(first: Comparison) -> None:
    path = runs.runs_folder() / first.name / runs.FILE
    path.write_text(path.read_text(encoding="utf-8").replace('"format": 2', '"format": 1', 1), encoding="utf-8")
    with pytest.raises(UserError, match="stored by another version of genbench: run the comparison again"):
        load_run(first.name)

    # it can be removed all the same
    assert runs.remove_runs([first.name, first.name]) == [first.name]
    assert runs.run_names() == []


def test_runs_stored_at_the_same_time_get_different_names(first: Comparison) -> None:
    values, names = first.to_dict(), list[str]()
    threads = [threading.Thread(target=lambda: names.append(runs.store_run(values).name)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == sorted(f"pell-{number}" for number in range(2, 22))


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "last", "a/b", "x" * 61, "-n"])
def test_a_name_that_is_not_valid_for_a_folder_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="not a valid name"):
        runs.require_unused_name(name)


def test_the_commands(first: Comparison, tmp_path: Path) -> None:
    assert "pell-1" in run_command("list")
    assert "markov-char order=3" in run_command("show", "pell-1", "--markdown", str(tmp_path / "x.md"))
    assert (tmp_path / "x.md").read_text(encoding="utf-8").startswith("### pell")
    assert run_command("rerun", "pell-1").count("identical") >= 2
    assert json.loads(run_command("diff", "pell-1", "last", "--json"))["rows"][0]["identical"]
    run_command("remove", "pell-1", "last")
    assert runs.list_runs() == []
    assert CliRunner().invoke(app, ["compare", "pell", "--name", "last"]).exit_code != 0


@pytest.mark.usefixtures("in_process")
def test_context_and_other_authors_are_measured_on_request() -> None:
    comparison = compare(["pell", "thorne"], CHAINS[:1], memory=True, cross_author=True, length=40)
    for row in comparison.results:
        other = next(name for name in comparison.corpora if name != row.author)
        model = api.load_or_train(row.author, CHAINS[0])
        expected = genbench.score(model, genbench.corpus(other).test).bits_per_character
        assert row.cross_scores == {other: pytest.approx(expected)}
        bits = {point.context: point.bits_per_character for point in row.memory}
        assert bits[2] == bits[256]  # an order of 2 reads one character back
        assert bits[1] >= bits[2] - 1e-9
        lines = comparison.lines(row.author)
        headings = cross_author_table(row.author, list(comparison.corpora), lines).headings
        assert list(headings) == [row.author, "pell", "thorne"]
        assert list(context_table(lines).headings)[:3] == ["context", "1", "2"]


def test_samples_have_the_bits_of_their_words_and_the_spans_that_they_copy(first: Comparison) -> None:
    model = api.load_or_train("pell", CHAINS[0])
    (sample,) = first.results[0].samples
    assert "".join(word for word, _ in sample.surprisal) == sample.text
    total = sum(bits for _, bits in sample.surprisal)
    assert total == pytest.approx(genbench.score(model, sample.text).bits, abs=0.2)
    assert all(0 <= start < stop <= len(sample.text) for start, stop in sample.copies)
