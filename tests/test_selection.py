"""Lists of models and runs: filters, the space they take, one line each at 80 columns; removing older models."""

import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from test_cli import run

from genbench import UserError, api
from genbench.report.terminal.models import show_models
from genbench.report.terminal.runs import show_runs
from genbench.storage import models
from genbench.storage.cards import ModelCard, TrainingRecord
from genbench.storage.runs import RowSummary, RunList, RunSummary, StoredRun
from genbench.storage.selection import Selection, prune_models
from genbench.storage.stored_model import StoredModel
from genbench.training.listener import ProgressListener

pytestmark = pytest.mark.usefixtures("in_process")  # the tests are not about processes

NETWORK = "rnn-char:hidden=4"  # each seed is another model


def model(author: str, spec: str, number: int = 0, **options: int) -> StoredModel:
    """Return a model that was not stored."""
    card = ModelCard(
        author=author,
        sha256="0",
        held_out="",
        books=["X"],
        lines="join",
        spec=spec,
        generator=spec.partition(":")[0],
        source="",
        options=dict(options),
        seed=number,
        budget=30.0,
        steps=None,
        device="auto",
        training=TrainingRecord(validation_bits_per_character=2.124),
        created=f"2026-11-28T00:00:0{number}",
    )
    return StoredModel(Path(f"/none/{author}-{card.generator}-{number:010x}"), card)


MODELS = [
    model("austen", "markov-char"),
    model("carroll", "lstm-char:hidden=64", hidden=64),
    model("austen", "lstm-char"),
]


def printed(*arguments: object, show: object = show_models) -> list[str]:
    """Return the lines that a list has on a terminal of 80 columns."""
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    show(*arguments, console)  # type: ignore[operator]
    return [line for line in console.file.getvalue().splitlines() if line.strip()]  # type: ignore[attr-defined]


def test_a_model_takes_one_line_of_80_columns_with_its_numbers_aligned_right() -> None:
    _, _, *lines = printed(MODELS)
    cells = [line.split() for line in lines[: len(MODELS)]]
    assert cells[1] == ["0000000000", "carroll", "lstm-char:hidden=64", "2.124", "30s", "0", "0", "kB", "2026-11-28"]
    assert len({len(line.rstrip()) for line in lines[: len(MODELS)]}) == 1


def test_a_long_spec_is_shortened_in_its_middle() -> None:
    spec = "mixture:parts=(markov-char:order=6)+(lstm-char:hidden=128)"
    _, _, line, *_ = printed([model("carroll", spec)])
    head, _, tail = line.split()[2].partition("…")
    assert len(head) > 5
    assert spec.startswith(head)
    assert spec.endswith(tail)


def test_an_imported_model_is_marked() -> None:
    (imported,) = [replace(MODELS[0], card=replace(MODELS[0].card, imported=True))]
    _, _, line, *notes = printed([imported])
    assert " markov-char † " in line
    assert "†: imported." in " ".join(notes)


def test_a_run_takes_one_line_of_80_columns() -> None:
    rows = [RowSummary("austen", "markov-char", "ok", {}, 2.1), RowSummary("austen", "lstm-word", "failed")]
    run = StoredRun(Path("austen-1"), {}, RunSummary("2026-11-28T21:44:00", {"austen": {}}, rows))
    _, _, *lines = printed(RunList([run], {"broken": "JSON that ends"}), show=show_runs)
    assert lines[0].split() == ["austen-1", "2026-11-28", "21:44", "austen", "1/2", "2.100", "markov-char"]
    assert lines[1].split() == ["broken", "-", "-", "-", "unreadable:", "JSON", "that", "ends"]


def test_a_plugin_file_is_listed_as_it_is_typed() -> None:
    rows = [RowSummary("austen", "backoff_trigram", "ok", {}, 2.1, "/home/me/backoff_trigram.py:order=3")]
    run = StoredRun(Path("austen-1"), {}, RunSummary("2026-11-28T21:44:00", {"austen": {}}, rows))
    assert "2.100 backoff_trigram.py" in "\n".join(printed(RunList([run]), show=show_runs))
    broken = replace(run, summary=replace(run.summary, results=[replace(rows[0], spec="a:")]))
    lines = [line.rstrip() for line in printed(RunList([broken]), show=show_runs)]
    assert any(line.endswith("2.100 backoff_trigram") for line in lines), lines


def specs(chosen: Iterable[StoredModel]) -> list[str]:
    return [f"{model.card.author} {model.card.spec}" for model in chosen]


def test_models_and_runs_are_selected_by_author_generator_and_options(tmp_path: Path) -> None:
    assert specs(Selection("austen").models(MODELS)) == ["austen markov-char", "austen lstm-char"]
    assert specs(Selection("", "lstm-char").models(MODELS)) == ["carroll lstm-char:hidden=64", "austen lstm-char"]
    assert specs(Selection("carroll", "lstm-char:hidden=64").models(MODELS)) == ["carroll lstm-char:hidden=64"]
    assert specs(Selection(str(tmp_path / "austen.txt"), "lstm-char:hidden=32").models(MODELS)) == []
    run = StoredRun(
        Path("a-1"), {}, RunSummary("", {"austen": {}}, [RowSummary("austen", "markov-char", "ok", {"order": 3})])
    )
    scan = RunList([run])
    assert Selection("austen", "markov-char:order=3").runs(scan) == Selection().runs(scan) == scan
    assert Selection("carroll").runs(scan) == Selection("", "lstm-char").runs(scan) == RunList()


@pytest.mark.slow
def test_prune_keeps_the_newest_of_each_author_and_generator(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        api.train("pell", NETWORK, seed=seed, steps=1)
    api.train("thorne", "markov-char:order=1")
    size = sum(model.size for model in models.list_models(models.models_folder()))
    with pytest.raises(UserError, match="keep is 0, but must be 1 or more"):
        prune_models(0)
    assert prune_models(1, "marrow").removed == []
    assert run(monkeypatch, "models", "list", "pell", "-g", "rnn-char") == 0
    assert "3 of 4 models, " in capsys.readouterr().err
    assert run(monkeypatch, "models", "prune", "--keep", "2") == 0
    message = capsys.readouterr().err
    assert message.startswith("removed pell-rnn-char-")
    assert "removed 1 model, which frees " in message
    assert "; kept 3, " in message
    assert message.endswith(" kB\n")
    left = models.list_models(models.models_folder())
    assert [(model.card.author, model.card.seed) for model in left] == [("thorne", 0), ("pell", 2), ("pell", 1)]
    api.train("pell", "rnn-char:hidden=5", steps=1)
    size = sum(model.size for model in models.list_models(models.models_folder()))
    pruned = api.prune_models(1)  # options belong to the generator
    assert [(model.card.spec, model.card.seed) for model in pruned.removed] == [(NETWORK, 1)]
    assert pruned.freed + pruned.size == size
    assert models.get_model(models.models_folder(), left[0].short_name).name == left[0].name


@pytest.mark.slow
def test_a_partly_trained_model_is_loaded_only_without_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(2):
        api.train("pell", NETWORK, seed=seed, steps=1)
    monkeypatch.setattr(ModelCard, "interrupted", property(lambda card: card.seed == 1))
    for spec in (NETWORK, None):
        model = api.load_or_train("pell", spec)
        assert model.card is not None
        assert model.card.seed == 0
    messages: list[str] = []
    listener = ProgressListener()
    monkeypatch.setattr(listener, "message", messages.append)
    api.load_or_train("pell", NETWORK, seed=1, listener=listener)
    assert messages[-1].endswith(", but its training was interrupted")
