"""Damaged runs: each costs its own line in the list, and one sentence everywhere else."""

import copy
import io
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pages
import pytest
from rich.console import Console
from rows import scored_row
from test_cli import run

from genbench.errors import GenbenchError, UserError
from genbench.experiments.compare import load_run
from genbench.experiments.consistency import SCORES
from genbench.experiments.diff import diff_comparisons
from genbench.experiments.plan import CompareSettings
from genbench.report.export.files import as_csv, as_json, as_markdown
from genbench.report.terminal.comparison import show_comparison
from genbench.report.terminal.runs import show_differences, show_runs
from genbench.sampling import Sampling
from genbench.storage import files, runs

MISSING = object()
WRONG: list[Any] = [MISSING, None, True, 3, -1, 0.5, 10**30, 1e308, float("nan"), "x", "", [], {}, [[]], {"a": 1}]
TRIES = 100  # of some 400 places
OLD = time.time() - 2 * files.LEFTOVER_SECONDS


def stored(name: str = "rich") -> Path:
    """Store a small comparison with every kind of measurement; return the file of the run."""
    rows = [pages.row("austen", name, bits, options={"order": 3}) for name, bits in (("a", 2.0), ("b", 2.5))]
    settings = CompareSettings(authors=["austen"], generators=["markov-char"], samplings=[Sampling(max_overlap=3)])
    complete = pages.comparison(
        *rows, pages.failed_row("austen", "c", "no"), title="t", notes="n", expected="e", style=pages.judge_report()
    )
    values = complete.to_dict() | {"settings": settings.__dict__ | {"samplings": [asdict(settings.samplings[0])]}}
    for row in values["results"]:  # too few blocks for an interval, which takes time
        short = scored_row("", blocks=row["block_bits"][:5]) if row["status"] == "ok" else None
        sums = ("block_bits", "words", "word_perplexity", *SCORES)
        row |= {name: getattr(short, name) for name in sums} if short else {}
        for stratum in (stratum for split in row["splits"].values() for stratum in split.values()):
            stratum |= {"block_bits": stratum["block_bits"][:5], "block_characters": stratum["block_characters"][:5]}
    return runs.store_run(values, name).folder / runs.FILE


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a JSON value, of each list the first item: its container and its key."""
    for key in list(value) if isinstance(value, dict) else range(min(len(value), 1)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places(value[key])


def use(name: str) -> None:
    """Do with a run what the commands do with it."""
    console, whole = Console(file=io.StringIO(), width=80, force_terminal=True), load_run("whole")
    show_runs(runs.scan_runs(), console)
    comparison = load_run(name)
    show_comparison(comparison, console)
    for export in (as_json, as_csv, as_markdown):
        export(comparison)
    for a, b in ((whole, comparison), (comparison, whole)):
        show_differences(diff_comparisons(a, b), console)
    if comparison.settings:
        comparison.settings.validate()


def outcome(name: str) -> str:
    """Return the sentence with which a run is refused, "" where it works; other errors are raised."""
    try:
        use(name)
    except GenbenchError as error:
        return str(error)
    return ""


@pytest.mark.slow
def test_a_run_with_one_wrong_value_works_or_is_refused_in_one_sentence() -> None:
    stored("whole")
    path, rng, sentences = stored(), random.Random(1), list[str]()
    whole = json.loads(path.read_text(encoding="utf-8"))
    for index in rng.sample(range(len(list(places(whole)))), TRIES):
        values = copy.deepcopy(whole)
        holder, key = list(places(values))[index]
        holder[key] = wrong = rng.choice(WRONG)
        if wrong is MISSING:
            del holder[key]
        path.write_text(json.dumps(values), encoding="utf-8")
        try:
            sentences.append(outcome("rich"))
        except Exception as error:
            raise AssertionError(f"{key} is {wrong!r}") from error
    assert sum(map(bool, sentences)) > TRIES / 3
    assert not any("\n" in sentence or len(sentence) > 600 for sentence in sentences)


def write(content: str) -> Callable[[Path], None]:
    """Return a function that replaces a file by this content."""
    return lambda path: path.write_text(content, encoding="utf-8") and None


DAMAGE: list[tuple[Callable[[Path], None], str]] = [
    (os.mkfifo, "run.json is missing or not a regular file"),
    (lambda path: path.symlink_to("/dev/zero"), "run.json is missing or not a regular file"),
    (Path.mkdir, "run.json is missing or not a regular file"),
    (write('{"format": 2, "comp'), "Unterminated string"),
    (write('{"format": 2, "comparison": {"created": "x", "corpora": 3, "results": []}}'), "corpora: 3 is a int"),
    (write('{"format": 2, "comparison": {"created": "x", "corpora": {}}}'), "results is missing"),
    (write('{"format": 2, "comparison": NaN}'), "JSON with NaN"),
    (write("[" * 100_000), "JSON that is nested too deep"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_a_damaged_run_costs_its_own_line(
    damage: Callable[[Path], None], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored("whole")
    path = stored()
    path.unlink()
    damage(path)
    assert run(monkeypatch, "runs", "list") == 0
    out, err = capsys.readouterr()
    assert [line.split("\t")[0] for line in out.splitlines()] == ["run", "whole", "rich"]
    assert reason in out
    assert "1 run cannot be read: compare again, and remove with genbench runs remove rich" in err
    for words in (["show", "rich"], ["report", "rich"], ["rerun", "rich"], ["diff", "rich", "whole"]):
        assert run(monkeypatch, "runs", *words) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        assert f"genbench: run 'rich' is damaged ({reason}" in message
    assert load_run("last").name == "whole"
    assert run(monkeypatch, "runs", "remove", "rich") == 0
    assert runs.run_names() == ["whole"]


Stratum = dict[str, Any]
BLOCKS: dict[str, Callable[[dict[str, Any], Stratum], Any]] = {  # changes of a row, or of a stratum of it
    "a block less": lambda row, stratum: row["block_bits"].pop(),
    "no blocks": lambda row, stratum: row.update(block_bits=[]),
    "another text": lambda row, stratum: row.update(characters=4000, block_bits=row["block_bits"][:4]),
    "a stratum without characters": lambda row, stratum: stratum.update(characters=0),
    "blocks without characters": lambda row, stratum: stratum.update(block_characters=[0.0] * 5),
    "a block of a stratum less": lambda row, stratum: stratum["block_bits"].pop(),
    "a size of a stratum less": lambda row, stratum: stratum["block_characters"].pop(),
    "larger blocks than the stratum": lambda row, stratum: stratum.update(block_characters=[1e6] * 5),
    "other places": lambda row, stratum: stratum.update(block_characters=[400.0] * 5),
    "a block that is not a number": lambda row, stratum: stratum["block_bits"].append(float("nan")),
    "other bits": lambda row, stratum: row.update(bits=row["bits"] - 2),
    "other bits per character": lambda row, stratum: row.update(bits_per_character=row["bits_per_character"] - 0.01),
    "other bits per byte": lambda row, stratum: row.update(bits_per_byte=row["bits_per_byte"] - 0.01),
    "blocks of other bits": lambda row, stratum: row.update(block_bits=[bits + 1 for bits in row["block_bits"]]),
    "no stratum": lambda row, stratum: row["splits"]["word-frequency"].pop("never"),
}


@pytest.mark.parametrize("change", BLOCKS)
def test_blocks_that_do_not_fit_their_text_are_refused_in_one_sentence(change: str) -> None:
    stored("whole")
    path = stored()
    values = json.loads(path.read_text(encoding="utf-8"))
    row = values["comparison"]["results"][0]
    BLOCKS[change](row, row["splits"]["word-frequency"]["never"])
    path.write_text(json.dumps(values), encoding="utf-8")
    assert "is damaged" in (sentence := outcome("rich")) or "the results are damaged" in sentence
    assert "\n" not in sentence


def test_runs_of_different_texts_with_one_checksum_have_no_difference() -> None:
    rows = [pages.row("austen", "a", 2.0), pages.row("austen", "a", 2.0, characters=4000, block_bits=[2.0] * 4)]
    (row,) = diff_comparisons(*map(pages.comparison, rows)).rows
    assert (row.difference, row.interval) == (None, None)


def test_a_run_with_a_byte_order_mark_is_read() -> None:
    path = stored()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_run("rich").name == "rich"


def test_an_empty_folder_does_not_use_up_a_name() -> None:
    folder = runs.runs_folder() / "mine"
    folder.mkdir(parents=True)
    runs.require_unused_name("mine")
    assert stored("mine").parent == folder
    with pytest.raises(UserError, match="a run 'mine' exists; remove it"):
        runs.require_unused_name("mine")
    (runs.runs_folder() / "yours").mkdir()
    (runs.runs_folder() / "yours" / "letter").touch()
    with pytest.raises(UserError, match="exists and is not a run"):
        runs.require_unused_name("yours")


def test_abandoned_folders_of_runs_are_removed_after_a_day() -> None:
    stored("whole")
    old, young, foreign = (runs.runs_folder() / name for name in ("old", "young", "foreign"))
    for folder in (old, young, foreign):
        folder.mkdir()
    (foreign / "letter").touch()
    (old / f"{files.TEMPORARY_PREFIX}x").touch()
    for path in (old / f"{files.TEMPORARY_PREFIX}x", old, foreign):
        os.utime(path, (OLD, OLD))
    stored("next")
    assert {path.name for path in runs.runs_folder().iterdir()} == {"whole", "young", "foreign", "next"}


def test_a_run_that_another_process_removes_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    stored("whole")
    monkeypatch.setattr(runs, "run_names", lambda: ["gone", "whole"])
    assert [run.name for run in runs.list_runs()] == ["whole"]
    assert runs.remove_runs(["gone", "whole"]) == ["gone", "whole"]
