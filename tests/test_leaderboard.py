"""Leaderboards: runs of several people in one table for each text, with what a proof confirms."""

import csv
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rows import scored_row
from test_cli import run as run_command
from test_proof import CHAIN, edit_json, ferry, make_run, seal

from genbench import UserError, api
from genbench.experiments.comparison import Comparison, CorpusInfo
from genbench.experiments.leaderboard import Leaderboard
from genbench.experiments.proof import check
from genbench.experiments.proof.prove import Proof, prove
from genbench.experiments.row import Ancestor, Row
from genbench.report.export.leaderboard import as_csv, as_html, as_markdown

PARTS = {"train": "1" * 64, "valid": "2" * 64, "test": "3" * 64}
HOSTILE = "<script>alert(1)</script>"


def write_run(path: Path, rows: Sequence[Row], parts: dict[str, str] = PARTS, **changes: Any) -> Path:
    """Write a run of one text, whose parts have these checksums."""
    info = CorpusInfo("0" * 64, 200_000, 160_000, 20_000, 20_000, ["A Book"], "join", part_sha256=parts)
    author = rows[0].author
    comparison = Comparison("0.1.0", {author: info}, list(rows))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(comparison.to_dict() | changes))
    return path


def names(board: Leaderboard, place: int = 0) -> list[str]:
    return [entry.label for entry in board.boards[place].entries]


def test_rows_of_the_same_texts_are_ranked_together_whatever_they_are_called(tmp_path: Path) -> None:
    write_run(tmp_path / "ada.json", [scored_row("chain", 2.0), scored_row("net", 2.2)])
    write_run(tmp_path / "team/ben.json", [scored_row("other", 2.1, author="b")])
    board = api.leaderboard(tmp_path)
    assert [part.authors for part in board.boards] == [["a", "b"]]
    assert names(board) == ["chain", "other", "net"]
    assert [entry.sources for entry in board.boards[0].entries] == [["ada"], ["team/ben"], ["ada"]]
    assert not board.notes
    assert not board.left_out


@pytest.mark.parametrize("part", list(PARTS))
def test_another_text_of_the_same_name_has_a_table_of_its_own(tmp_path: Path, part: str) -> None:
    write_run(tmp_path / "ada.json", [scored_row("chain", 2.0)])
    write_run(tmp_path / "ben.json", [scored_row("chain", 1.0)], PARTS | {part: "f" * 64})
    board = api.leaderboard(tmp_path)
    assert [len(part.entries) for part in board.boards] == [1, 1]
    assert board.notes == [
        f"a is not the same text everywhere (sha256 of {part}), so each text has its own table: ada; ben"
    ]


@pytest.mark.parametrize("blocks", [[2000.0] * 19, [2000.0] * 21])
def test_a_text_of_another_size_has_a_table_of_its_own_although_its_checksums_agree(
    tmp_path: Path, blocks: list[float]
) -> None:
    write_run(tmp_path / "ada.json", [scored_row("chain", 2.0), scored_row("net", 2.1)])
    write_run(tmp_path / "liar.json", [scored_row("chain", blocks=blocks)])
    board = api.leaderboard(tmp_path)
    assert [[entry.sources for entry in part.entries] for part in board.boards] == [[["ada"], ["ada"]], [["liar"]]]
    assert board.notes == [
        "a has one test text by its sha256, and not one size, so each size has its own table, and all but one are "
        f"wrong: 20,000 characters in 20,000 bytes in ada; {1000 * len(blocks):,} characters in "
        f"{1000 * len(blocks):,} bytes in liar"
    ]


@pytest.mark.parametrize("parts", [{}, PARTS | {"test": "=cmd()|<b>"}])
def test_rows_without_the_checksums_of_their_texts_are_left_out(tmp_path: Path, parts: dict[str, str]) -> None:
    write_run(tmp_path / "ada.json", [scored_row("chain", 2.0)])
    write_run(tmp_path / "old.json", [scored_row("chain", 1.0)], parts)
    board = api.leaderboard(tmp_path)
    assert names(board) == ["chain"]
    assert "it has no sha256 of its texts" in board.left_out["old: row 1, a chain"]


def test_adaptive_fine_tuned_and_doubtful_rows_are_apart(tmp_path: Path) -> None:
    rows = [
        scored_row("adapts", 1.0, adaptive=True),
        scored_row("tuned", 1.1, ancestors=[Ancestor("n", "f", "s", "a", "0", "", [], 1.0)]),
        scored_row("strange", 0.5, doubtful=True),
        scored_row("static", 2.0),
    ]
    write_run(tmp_path / "ada.json", rows)
    board = api.leaderboard(tmp_path)
    kinds = {part.kind: [entry.row.generator for entry in part.entries] for part in board.boards}
    assert kinds == {"static": ["static"], "adaptive": ["adapts"], "fine-tuned": ["tuned"], "doubtful": ["strange"]}


def test_the_same_figures_from_two_files_are_one_entry_with_both(tmp_path: Path) -> None:
    write_run(tmp_path / "ada.json", [scored_row("chain", 2.0, train_seconds=1.0)])
    write_run(tmp_path / "ben.json", [scored_row("chain", 2.0, train_seconds=9.0), scored_row("chain", 2.1, seed=1)])
    board = api.leaderboard(tmp_path)
    assert [entry.sources for entry in board.boards[0].entries] == [["ada", "ben"], ["ben"]]
    assert names(board) == ["chain seed=0", "chain seed=1"]


def test_a_difference_is_marked_as_a_tie_where_its_interval_includes_zero(tmp_path: Path) -> None:
    even = [2000.0] * 20
    noisy = [2001.0 + 400 * (-1) ** place for place in range(20)]  # a tenth of a percent worse, give or take a fifth
    write_run(tmp_path / "ada.json", [scored_row(name, blocks=blocks) for name, blocks in (("x", even), ("y", noisy))])
    write_run(tmp_path / "ben.json", [scored_row("z", blocks=[2100.0 + place % 3 for place in range(20)])])
    lines = as_markdown(api.leaderboard(tmp_path)).splitlines()
    cells = [[cell.strip() for cell in line.split("|")][1:4] for line in lines if line.startswith("| ")][2:]
    assert cells == [["1. x", "2.000", "-"], ["2. y", "2.001", "=0.001"], ["3. z", "2.101", "+0.101"]]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "it is not JSON in UTF-8, or not all of it: Expecting property name"),
        ("", "it is not JSON in UTF-8, or not all of it: Expecting value"),
        ('{"a": 1}', "it is not a file of genbench compare --json"),
        ("[1]", "it is not a file of genbench compare --json"),
        ('{"schema_version": 1, "results": [], "corpora": {}}', "results of schema version 1 cannot be read"),
        ('{"schema_version": 2, "results": 5, "corpora": {}}', "the results are damaged"),
        ('{"format": 99, "comparison": {}}', "stored by another version of genbench"),
        ("[" * 100_000, "nested too deep"),
        ('{"schema_version": 2, "results": [], "corpora": {}, "name": "\\ud800"}', "not Unicode"),
    ],
)
def test_a_damaged_or_foreign_file_costs_itself(tmp_path: Path, content: str, reason: str) -> None:
    write_run(tmp_path / "ada.json", [scored_row("chain", 2.0)])
    (tmp_path / "bad.json").write_text(content)
    board = api.leaderboard(tmp_path)
    assert names(board) == ["chain"]
    assert reason in board.left_out["bad.json"]


def test_linked_files_are_left_out_and_failed_rows_are_named(tmp_path: Path) -> None:
    failed = replace(Row("a", "broken"), status="failed", error="no memory")
    write_run(tmp_path / "board/ada.json", [scored_row("chain", 2.0), failed])
    (tmp_path / "board/link.json").symlink_to(write_run(tmp_path / "elsewhere.json", [scored_row("chain", 1.0)]))
    board = api.leaderboard(tmp_path / "board")
    assert names(board) == ["chain"]
    assert board.left_out == {
        "ada: row 2, a broken": "failed: no memory",
        "link.json": "link.json is missing or not a regular file",
    }


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ({"bits_per_character": 0.1}, "bits_per_character does not follow from its bits"),
        ({"word_perplexity": 2.0}, "word_perplexity does not follow from its bits"),
        ({"word_perplexity": -1.0}, "word_perplexity does not follow from its bits"),
        ({"words": 0}, "word_perplexity does not follow from its bits"),
        ({"parameters": -5}, "a score is out of range"),
    ],
)
def test_a_run_with_edited_figures_is_refused(tmp_path: Path, edit: dict[str, float], reason: str) -> None:
    write_run(tmp_path / "ada.json", [scored_row("chain", 2.0)])
    path = write_run(tmp_path / "ben.json", [scored_row("chain", 1.9)])
    edit_json(path, lambda run: run["results"][0].update(edit))
    board = api.leaderboard(tmp_path)
    assert [entry.sources for entry in board.boards[0].entries] == [["ada"]]
    assert reason in board.left_out["ben.json"]


def test_bits_below_what_a_reference_chain_allows_are_doubtful_whatever_the_file_says(tmp_path: Path) -> None:
    reference = {"test": 2.2, "validation": None, "lowest": 1.5}
    rows = [scored_row("chain", 2.0), scored_row("edited", 1.4)]
    write_run(tmp_path / "ada.json", rows, references={"a": reference})
    board = api.leaderboard(tmp_path)
    assert [(part.kind, part.entries[0].row.generator) for part in board.boards] == [
        ("static", "chain"),
        ("doubtful", "edited"),
    ]


def test_the_ending_of_a_file_may_have_capital_letters(tmp_path: Path) -> None:
    write_run(tmp_path / "ADA.JSON", [scored_row("chain", 2.0)])
    assert names(api.leaderboard(tmp_path)) == ["chain"]


def test_further_checksums_in_a_file_are_ignored(tmp_path: Path) -> None:
    write_run(tmp_path / "ada.json", [scored_row("chain", 2.0)])
    write_run(tmp_path / "ben.json", [scored_row("net", 2.1)], {"more": "=cmd()", "train": "f" * 64} | PARTS)
    write_run(tmp_path / "cy.json", [scored_row("net", 2.1)], PARTS | {"valid": "e" * 64, "more": "=cmd()"})
    assert "cmd" not in as_csv(api.leaderboard(tmp_path))


def test_the_formats_have_every_entry_and_no_markup_of_a_file(tmp_path: Path) -> None:
    rows = [scored_row(HOSTILE, 2.0, author="=cmd"), scored_row("net", 2.3, author="=cmd", options={"a|b": 1})]
    write_run(tmp_path / "ada.json", rows)
    board = api.leaderboard(tmp_path)
    lines = list(csv.DictReader(io.StringIO(as_csv(board))))
    assert [(line["generator"], line["place"], line["kind"]) for line in lines] == [
        (HOSTILE, "1", "static"),
        ("net", "2", "static"),
    ]
    assert lines[0]["authors"] == "'=cmd"  # no formula of a spreadsheet
    assert float(lines[1]["behind"]) == pytest.approx(0.3)
    assert lines[0]["test_sha256"] == PARTS["test"]
    page = as_html(board)
    assert "&lt;script&gt;alert(1)" in page
    assert HOSTILE not in page
    assert HOSTILE not in as_markdown(board)
    assert Row.from_dict(board.to_dict()["boards"][0]["entries"][1]["row"]) == rows[1]


@pytest.mark.parametrize(
    ("folder", "reason"),
    [
        ("none", "'none' is not a folder; genbench leaderboard takes one"),
        ("empty", "no run file in 'empty' can be used; genbench compare AUTHOR --json FILE writes one"),
        ("foreign", "no run file in 'foreign' can be used: a.json: it is not a file of genbench compare --json;"),
    ],
)
def test_a_folder_without_a_run_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: str,
    reason: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign/a.json").write_text("{}")
    assert run_command(monkeypatch, "leaderboard", folder) == 2
    assert reason in capsys.readouterr().err


def test_the_command_prints_tables_and_writes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "board/ada.json", [scored_row("chain", 2.0), scored_row("adapts", 1.0, adaptive=True)])
    assert run_command(monkeypatch, "leaderboard", "board", "--csv", "out.csv", "--html", "out.html") == 0
    printed = capsys.readouterr().out
    assert "1. chain\t2.000\t-" in printed
    assert "adaptive, which learn from the test text" in printed
    assert (tmp_path / "out.csv").read_text().count("\n") == 3
    assert (tmp_path / "out.html").read_text().startswith("<!DOCTYPE html>")


# Proofs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Proof]:
    """Return a run of two rows, one of them adaptive, and its proof."""
    folder = tmp_path_factory.mktemp("proofs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENBENCH_HOME", str(folder / "home"))
        run = make_run(ferry(folder), [CHAIN, f"{CHAIN},adaptive=true"])
        return run, prove(run, folder / "proof", characters=300)


@pytest.fixture
def board_folder(made: tuple[Comparison, Proof], tmp_path: Path) -> Path:
    """Return a folder with the run and with a copy of the proof, which a test may change."""
    shutil.copytree(made[1].folder, tmp_path / "board/proof")
    (tmp_path / "board/ada.json").write_text(json.dumps(made[0].to_dict()))
    return tmp_path / "board"


def ways(board: Leaderboard) -> list[str]:
    return [entry.proof for part in board.boards for entry in part.entries]


def test_rows_of_a_proof_are_decoded_once_and_stay_so(board_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = api.leaderboard(board_folder)
    assert ways(before) == ["not checked"] * 2
    assert [entry.sources for part in before.boards for entry in part.entries] == [["ada", "proof"]] * 2
    assert ways(api.leaderboard(board_folder, decode=True)) == ["decoded"] * 2

    # remembered, and not decoded again
    monkeypatch.setattr(check.verify, "check_row", lambda *_: pytest.fail("decoded again"))
    assert ways(api.leaderboard(board_folder, decode=True)) == ["decoded"] * 2
    assert ways(api.leaderboard(board_folder / "proof")) == ["decoded"] * 2

    # another file in the same folder is another proof
    (board_folder / "proof/README.md").write_text("changed")
    changed = api.leaderboard(board_folder)
    assert ways(changed) == [""] * 2
    assert "README.md has been changed" in changed.left_out["proof"]


def test_a_row_that_its_proof_contradicts_is_left_out(board_folder: Path) -> None:
    def flatter(run: Any) -> None:
        row = run["results"][0]
        saved = row["bits"] / 10
        row["block_bits"][0] -= saved
        row["bits"] -= saved
        row["bits_per_character"] = row["bits"] / row["characters"]
        row["bits_per_byte"] = row["bits"] / row["bytes"]
        row["word_perplexity"] = 2 ** (row["bits"] / row["words"])
        run["verdicts"], run["splits"] = {}, {}

    edit_json(board_folder / "proof/run.json", flatter)
    seal(board_folder / "proof")
    (board_folder / "ada.json").unlink()
    board = api.leaderboard(board_folder, decode=True)
    assert [(part.kind, entry.proof) for part in board.boards for entry in part.entries] == [("adaptive", "decoded")]
    assert "its proof disagrees" in board.left_out["proof: row 1, ferry markov-char"]


def test_an_adaptive_row_that_claims_to_be_static_is_left_out(board_folder: Path) -> None:
    edit_json(board_folder / "proof/run.json", lambda run: run["results"][1].update(adaptive=False))
    seal(board_folder / "proof")
    board = api.leaderboard(board_folder, decode=True)
    assert "adaptive is False in the table" in board.left_out["proof: row 2, ferry markov-char"]
    assert [part.kind for part in board.boards] == ["static", "adaptive"]  # of the other file


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda values: values["rows"][0].update(model="../elsewhere"), "leads out of its folder"),
        (lambda values: values["rows"][0].update(index=7), "has a row that run.json does not have"),
        (lambda values: values["texts"]["ferry"].update(sha256="0" * 64), "is not the one in run.json"),
        (lambda values: values["rows"][0].pop("model"), "model is missing"),
    ],
)
def test_a_proof_that_does_not_fit_its_table_costs_itself(board_folder: Path, edit: Any, reason: str) -> None:
    edit_json(board_folder / "proof/proof.json", edit)
    seal(board_folder / "proof")
    board = api.leaderboard(board_folder, decode=True)
    assert reason in board.left_out["proof"]
    assert ways(board) == [""] * 2


def test_rows_of_plugin_files_and_unknown_generators_are_not_run(board_folder: Path) -> None:
    def need_others(values: Any) -> None:
        values["rows"][0].update(plugins=["plugins/mine.py"])
        values["rows"][1].update(spec="nobody-has-this")

    edit_json(board_folder / "proof/proof.json", need_others)
    seal(board_folder / "proof")
    board = api.leaderboard(board_folder, decode=True)
    assert ways(board) == ["not checked"] * 2
    assert not board.left_out


def test_a_proof_without_any_other_file_is_a_leaderboard_too(board_folder: Path) -> None:
    assert names(api.leaderboard(board_folder / "proof")) == ["markov-char"]
    (board_folder / "proof/run.json").write_text("{}")
    with pytest.raises(UserError, match="no run file"):
        api.leaderboard(board_folder / "proof")
