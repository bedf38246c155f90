"""Kept runs: each by a name of its own, the same numbers when it is run again, and two of them side by side."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import genbench
from genbench import spec as options
from genbench.cli.main import app
from genbench.errors import UserError
from genbench.experiments.comparison import Comparison
from genbench.experiments.diff import differences
from genbench.report.terminal.extra_metrics import across, contexts
from genbench.storage import runs

pytestmark = pytest.mark.slow

CHAINS = ["markov-char:order=2", "markov-char:order=3"]
SHORT: dict[str, Any] = {"samplings": [genbench.Sampling(40)]}


@pytest.fixture
def first() -> Comparison:
    return genbench.compare(["pell"], CHAINS, **SHORT)


def called(*words: str) -> str:
    found = CliRunner().invoke(app, ["runs", *words])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_a_comparison_is_kept_whole(first: Comparison) -> None:
    assert first.name == "pell-1"
    assert genbench.run("pell-1").to_dict() == json.loads(json.dumps(first.to_dict()))
    assert genbench.run("last").name == genbench.run("pel").name == "pell-1"


def test_what_shall_not_be_kept_is_not() -> None:
    assert genbench.compare(["pell"], CHAINS[:1], keep=False, **SHORT).name == ""
    assert runs.kept() == []


def test_run_again_the_numbers_are_the_same_with_kept_models_and_with_new_ones(first: Comparison) -> None:
    for fresh in (False, True):
        again = genbench.rerun("pell-1", fresh=fresh)
        assert [row["reused"] for row in again.results] == [not fresh] * 2
        assert all(row["identical"] for row in differences(first, again)["rows"])
    assert [run.name for run in runs.kept()][-1] == "pell-1"
    assert set(runs.names()) == {"pell-1", "pell-1-2", "pell-1-3"}


def test_a_network_trained_anew_for_as_many_steps_has_the_same_bits() -> None:
    first = genbench.compare(["pell"], ["lstm-char:hidden=8"], steps=40, **SHORT)
    again = genbench.rerun(first.name, fresh=True)
    assert [row["identical"] for row in differences(first, again)["rows"]] == [True]
    curve = first.results[0]["curve"]
    assert len(curve) > 3
    assert [seconds for seconds, _ in curve] == sorted(seconds for seconds, _ in curve)
    assert 0 < curve[-1][1] < curve[0][1]


def test_paths_are_found_again_from_another_folder(
    prose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prose_file.parent)
    first = genbench.compare([prose_file.name], CHAINS[:1], **SHORT)
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path / "else")
    again = genbench.rerun(first.name)
    assert [row["identical"] for row in differences(first, again)["rows"]] == [True]


def test_every_file_that_a_spec_names_is_asked_for_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vectors.txt").touch()
    spec = "mixture:parts=(lstm-word:embeddings=./vectors.txt)+markov-char"
    found = options.with_files(spec, os.path.abspath)
    assert found == f"mixture:parts=(lstm-word:embeddings={tmp_path / 'vectors.txt'})+markov-char"
    assert options.with_files("markov-char:order=3", os.path.abspath) == "markov-char:order=3"


def test_a_text_without_a_name_cannot_be_found_again() -> None:
    first = genbench.compare([genbench.corpus("pell")], CHAINS[:1], **SHORT)
    with pytest.raises(UserError, match="was made from Python"):
        genbench.rerun(first.name)


def test_a_changed_text_is_said_to_be_another(prose_file: Path) -> None:
    first = genbench.compare([prose_file], CHAINS[:1], **SHORT)
    prose_file.write_text(prose_file.read_text(encoding="utf-8") * 2, encoding="utf-8")
    found = differences(first, genbench.rerun(first.name))
    assert found["texts"] == {"ferry": "another"}
    assert (found["rows"][0]["by"], found["rows"][0]["identical"]) == (None, False)


def test_rows_that_differ_in_options_alone_stand_side_by_side(first: Comparison) -> None:
    other = genbench.compare(["pell", "thorne"], ["markov-char:order=3", "markov-char:order=1"], **SHORT)
    found = differences(first, other)
    assert [(row["a"], row["b"], row["identical"]) for row in found["rows"]] == [
        ("markov-char order=2", "markov-char order=1", False),
        ("markov-char order=3", "markov-char order=3", True),
    ]
    assert found["texts"] == {"pell": "the same", "thorne": "in one only"}
    assert found["only_b"] == ["markov-char order=3", "markov-char order=1"]
    one, two = found["rows"][0]["bits"]
    assert found["rows"][0]["by"] == pytest.approx(two - one)


def test_what_is_no_run_is_passed_over(first: Comparison) -> None:
    for name, text in {
        "empty": None,
        "half": '{"format": 1',
        "other": "[]",
        "wrong": '{"format": 1, "comparison": 3}',
    }.items():
        (runs.home() / name).mkdir()
        if text is not None:
            (runs.home() / name / runs.FILE).write_text(text, encoding="utf-8")
    assert [run.name for run in runs.kept()] == ["pell-1"]
    with pytest.raises(UserError, match="no run is called 'half'"):
        genbench.run("half")


def test_many_at_once_get_a_name_each(first: Comparison) -> None:
    said, names = first.to_dict(), list[str]()
    threads = [threading.Thread(target=lambda: names.append(runs.keep(said).name)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == sorted(f"pell-{number}" for number in range(2, 22))


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "last", "a/b", "x" * 61, "-n"])
def test_a_name_that_cannot_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="cannot be called"):
        runs.require_free(name)


def test_the_commands(first: Comparison, tmp_path: Path) -> None:
    assert "pell-1" in called("list")
    assert "markov-char order=3" in called("show", "pell-1", "--markdown", str(tmp_path / "x.md"))
    assert (tmp_path / "x.md").read_text(encoding="utf-8").startswith("### pell")
    assert called("rerun", "pell-1").count("identical") >= 2
    assert json.loads(called("diff", "pell-1", "last", "--json"))["rows"][0]["identical"]
    called("remove", "pell-1", "last")
    assert runs.kept() == []
    assert CliRunner().invoke(app, ["compare", "pell", "--name", "last"]).exit_code != 0


def test_context_and_other_authors_are_measured_where_they_are_asked_for() -> None:
    found = genbench.compare(["pell", "thorne"], CHAINS[:1], memory=True, across=True, **SHORT)
    for row in found.results:
        other = next(name for name in found.corpora if name != row["author"])
        model = genbench.ready(row["author"], CHAINS[0])
        expected = genbench.score(model, genbench.corpus(other).test).bits_per_character
        assert row["elsewhere"] == {other: pytest.approx(expected)}
        bits = {each["context"]: each["bits_per_character"] for each in row["memory"]}
        assert bits[2] == bits[256]  # an order of 2 reads one character back
        assert bits[1] >= bits[2] - 1e-9
        lines = found.lines(row["author"])
        assert across(row["author"], list(found.corpora), lines)[0] == [row["author"], "pell", "thorne"]
        assert contexts(lines)[0][:3] == ["context", "1", "2"]


def test_samples_have_the_bits_of_their_words_and_the_places_of_what_they_copy(first: Comparison) -> None:
    model = genbench.ready("pell", CHAINS[0])
    (sample,) = first.results[0]["samples"]
    assert "".join(word for word, _ in sample["surprisal"]) == sample["text"]
    total = sum(bits for _, bits in sample["surprisal"])
    assert total == pytest.approx(genbench.score(model, sample["text"]).bits, abs=0.2)
    assert all(0 <= start < end <= len(sample["text"]) for start, end in sample["copies"])
