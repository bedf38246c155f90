"""Stored models: found by what they were trained on, complete or absent, refused when damaged."""

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from doubles import unigram_source
from processes import HEADER
from test_cli import run

import genbench
from genbench import Sampling, UserError, api
from genbench.corpus.corpus import Corpus
from genbench.storage import checkpoints, models

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_process")]

CHAIN = "markov-char:order=3"
SEEDED = "rnn-char:hidden=4"


@pytest.fixture
def pell() -> Corpus:
    return genbench.corpus("pell")


def test_a_stored_model_is_found_and_predicts_the_same(pell: Corpus) -> None:
    trained = genbench.train(pell, CHAIN, seed=3)
    (model,) = models.list_models(models.models_folder())
    loaded = genbench.load(model.name)
    before, after = (model.score(str(pell.test)) for model in (trained, loaded))
    assert np.array_equal(before.character_bits, after.character_bits)
    card = model.card
    assert (card.author, card.generator, card.seed) == ("pell", "markov-char", 3)
    assert card.options == {"order": 3, "smoothing": "modified-kneser-ney", "adaptive": False}
    assert (card.sha256, card.books) == (pell.sha256, list(pell.books))
    assert set(card.files) == {"learned.json", "arrays.safetensors"}
    assert (card.training.seconds or 0) > 0


def test_only_a_model_of_the_same_training_is_reused(pell: Corpus) -> None:
    def reused(seed: int = 0, steps: int | None = None) -> bool:
        return genbench.compare([pell], [CHAIN], samplings=[], seed=seed, steps=steps).results[0].reused

    assert [reused(), reused(), reused(seed=1), reused(steps=3)] == [False, True, True, True]  # a chain ignores both
    assert not genbench.compare([pell], [CHAIN], samplings=[], retrain=True).results[0].reused
    assert not genbench.compare([pell], ["markov-char:order=4"], samplings=[]).results[0].reused


def test_a_reused_row_has_the_same_figures_and_a_note(pell: Corpus) -> None:
    first, second = (genbench.compare([pell], [CHAIN]).results[0] for _ in range(2))
    assert first.bits == second.bits
    assert first.samples == second.samples
    assert first.train_seconds == second.train_seconds
    assert any("--retrain" in note for note in second.notes)
    assert not any("--retrain" in note for note in first.notes)


def test_load_or_train_returns_the_newest_model_that_fits(pell: Corpus) -> None:
    genbench.train(pell, SEEDED, seed=1, steps=1)
    genbench.train(pell, SEEDED, seed=2, steps=1)
    api.load_or_train(pell, SEEDED)
    api.load_or_train(pell, SEEDED, seed=1)
    assert len(models.list_models(models.models_folder())) == 2
    api.load_or_train(pell, SEEDED, seed=5, steps=1)
    assert [model.card.seed for model in models.list_models(models.models_folder())] == [5, 2, 1]


def test_a_training_that_reads_no_seed_serves_all_seeds(pell: Corpus) -> None:
    comparison = genbench.compare([pell], [CHAIN], samplings=[], seeds=3, seed=4, jobs=1)
    first, *others = comparison.results
    assert [row.seed for row in comparison.results] == [4, 5, 6]
    assert (first.reused, first.seeded) == (False, False)
    assert all(row.reused and (row.model, row.bits) == (first.model, first.bits) for row in others)
    assert "trained once for all seeds: its training reads none" in others[0].notes
    assert api.load_or_train(pell, CHAIN, seed=9).id == first.model


def test_another_text_of_the_same_name_is_another_model(prose_file: Path, pell: Corpus) -> None:
    genbench.train(str(prose_file), CHAIN)
    prose_file.write_text(prose_file.read_text(encoding="utf-8").replace("eggs", "nets"), encoding="utf-8")
    api.load_or_train(str(prose_file), CHAIN)
    assert len(models.list_models(models.models_folder())) == 2


@pytest.mark.parametrize("file", ["learned.json", "arrays.safetensors"])
def test_a_damaged_model_is_refused_and_compare_trains_again(file: str, pell: Corpus) -> None:
    genbench.train(pell, CHAIN)
    (model,) = models.list_models(models.models_folder())
    data = bytearray((model.folder / file).read_bytes())
    data[len(data) // 2] ^= 1
    (model.folder / file).write_bytes(data)
    with pytest.raises(UserError, match=f"{file} of model .* is damaged"):
        genbench.load(model.name)
    row = genbench.compare([pell], [CHAIN], samplings=[]).results[0]
    assert (row.status, row.reused) == ("ok", False)
    assert genbench.load(model.name)


def test_folders_without_a_model_are_ignored(pell: Corpus) -> None:
    genbench.train(pell, CHAIN)
    folder = models.models_folder()
    (folder / "empty").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "model.json").write_text("{")
    assert len(models.list_models(folder)) == 1


def test_a_model_that_cannot_be_stored_adds_a_note_and_leaves_nothing(
    pell: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.rename", fail)
    assert run(monkeypatch, "train", "pell", "-g", CHAIN) == 0
    assert "could not be stored" in capsys.readouterr().err
    assert {path.name for path in models.models_folder().iterdir()} == {".key"}  # what seals cards


def test_a_home_that_cannot_be_written_fails_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / "file"))
    row = genbench.compare(["pell"], [CHAIN], samplings=[]).results[0]
    assert row.status == "ok"
    assert any("could not be stored" in note for note in row.notes)


def test_models_are_listed_shown_and_removed(
    pell: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    genbench.train(pell, CHAIN)
    name = models.list_models(models.models_folder())[0].name
    assert run(monkeypatch, "models", "list") == 0
    assert name in capsys.readouterr().out
    assert run(monkeypatch, "models", "show", name) == 0
    shown = capsys.readouterr().out
    assert f"model\t{name}\n" in shown
    assert "lines\tjoin\n" in shown
    assert "budget\t30s\n" in shown
    assert run(monkeypatch, "models", "show", name, "--json") == 0
    assert json.loads(capsys.readouterr().out)["author"] == "pell"
    assert run(monkeypatch, "models", "remove", "pell-nothing") == 2
    assert run(monkeypatch, "models", "remove", name) == 0
    assert models.list_models(models.models_folder()) == []


def test_generate_streams_the_requested_characters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "pell", "-g", CHAIN, "--length", "50", "--seed", "0"]
    assert run(monkeypatch, *words, "--prompt", "The goat") == 0
    out, err = capsys.readouterr()
    assert out.startswith("The goat")
    assert len(out) == len("The goat") + 50 + 1
    assert run(monkeypatch, *words, "--prompt", "The goat") == 0
    again, err = capsys.readouterr()
    assert again == out
    assert "using pell-markov-char" in err
    assert run(monkeypatch, *words, "--prompt", "random", "--count", "2") == 0
    assert len(capsys.readouterr().out) == 2 * (40 + 50) + 3


def test_generate_stops_at_several_texts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", "pell", "-g", CHAIN, "--length", "3000", "--seed", "0", "--stop", ".", "--stop", "e"]
    assert run(monkeypatch, *words) == 0
    before = capsys.readouterr().out
    assert not set(".e") & set(before)
    assert run(monkeypatch, *words, "--keep-stop") == 0
    assert capsys.readouterr().out.rstrip("\n")[:-1] == before.rstrip("\n")
    assert run(monkeypatch, "generate", "pell", "-g", CHAIN, "--keep-stop") == 2
    assert "no --stop is given; add --stop TEXT" in capsys.readouterr().err


def test_generate_names_new_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.txt"
    path.write_text("".join(f"so it is {letter}x{letter} so it is\n" for letter in "abcdefghij" * 7), encoding="utf-8")
    words = ["generate", str(path), "-g", "markov-word:min_count=20", "--length", "900", "--seed", "0"]
    assert run(monkeypatch, *words, "--temperature", "1.5") == 0
    assert "markov-word:min_count=20 spelled " in (err := capsys.readouterr().err)
    assert "not in the training text" in " ".join(err.split())
    assert run(monkeypatch, *words, "--no-spelling") == 0
    out, err = capsys.readouterr()
    assert {*out.split()[:-1]} <= {"so", "it", "is"}
    assert "spelled" not in err
    assert run(monkeypatch, "generate", str(path), "-g", CHAIN, "--no-spelling") == 2
    assert "this generator writes letters and knows no words" in capsys.readouterr().err


def test_a_prompt_may_come_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", "pell", "-g", CHAIN, "--length", "20", "--seed", "0", "--prompt"]
    assert run(monkeypatch, *words, "It was\n") == 0
    typed = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"It was\n\n")))
    assert run(monkeypatch, *words, "-") == 0
    assert capsys.readouterr().out == typed

    # in another encoding
    assert run(monkeypatch, *words, "café") == 0
    typed = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("café\n".encode("cp1252"))))
    assert run(monkeypatch, *words, "-", "--encoding", "cp1252") == 0
    assert capsys.readouterr().out == typed

    # a hyphen is continued where it is piped; a closed input and bytes that are no text are refused
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"-")))
    assert run(monkeypatch, *words, "-") == 0
    assert capsys.readouterr().out.startswith("-")
    for closed, reason in ((None, "is closed"), (io.TextIOWrapper(io.BytesIO(b"\xff\xfe\x00")), "standard input is")):
        monkeypatch.setattr("sys.stdin", closed)
        assert run(monkeypatch, *words, "-") == 2
        assert reason in capsys.readouterr().err


def test_score_reads_a_file_and_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes(b"The goat ate the weathercock.\r\n")
    assert run(monkeypatch, "score", "pell", str(path), "-g", CHAIN, "--json") == 0
    score = json.loads(capsys.readouterr().out)
    assert (score["characters"], score["words"]) == (30, 5)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert run(monkeypatch, "score", "pell", "-", "-g", CHAIN, "--json") == 0
    assert json.loads(capsys.readouterr().out)["bits"] == score["bits"]
    assert run(monkeypatch, "score", "pell", str(path), "-g", CHAIN) == 0
    out, err = capsys.readouterr()
    assert "bits per character" in out
    assert "interval\t-\n" in out
    assert "no interval: the text is shorter than 10 blocks of 1,000 characters" in err


def test_score_shows_a_long_text_and_refuses_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.txt"
    path.write_text("The goat ate the weathercock, and was sorry.\n" * 300)
    assert run(monkeypatch, "score", "pell", str(path), "-g", CHAIN) == 0
    assert " to " in capsys.readouterr().out  # the interval
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b" \n")))
    assert run(monkeypatch, "score", "pell", "-", "-g", CHAIN) == 2
    assert "standard input contains no text" in capsys.readouterr().err


def test_a_model_is_found_by_the_beginning_of_its_name(pell: Corpus) -> None:
    genbench.train(pell, CHAIN)
    genbench.train(pell, "markov-word")
    first, second = (model.name for model in models.list_models(models.models_folder()))
    assert models.get_model(models.models_folder(), first[:-1]).name == first
    with pytest.raises(UserError, match="2 models' names start with 'pell'"):
        models.get_model(models.models_folder(), "pell")
    assert first != second


def test_an_incomplete_card_is_not_a_model(pell: Corpus) -> None:
    genbench.train(pell, CHAIN)
    (model,) = models.list_models(models.models_folder())
    card = {key: value for key, value in model.card.to_dict().items() if key != "created"}
    (model.folder / "model.json").write_text(json.dumps(card))
    assert models.list_models(models.models_folder()) == []


def test_a_model_of_a_changed_plugin_is_refused(pell: Corpus, tmp_path: Path) -> None:
    plugin = tmp_path / "unigram.py"
    plugin.write_text(HEADER + unigram_source())
    genbench.train(pell, str(plugin))
    (model,) = models.list_models(models.models_folder())
    assert model.load()
    plugin.write_text(plugin.read_text() + "\n# another\n")
    with pytest.raises(UserError, match="has changed since"):
        model.load()


def test_a_changed_module_beside_a_plugin_means_another_training(pell: Corpus, tmp_path: Path) -> None:
    helper, plugin = tmp_path / "counting.py", tmp_path / "unigram.py"
    source = HEADER + f"sys.path.append({str(tmp_path)!r})\nimport counting\n" + unigram_source()
    plugin.write_text(source.replace("+ self.smoothing", "+ counting.EXTRA"))
    helper.write_text("EXTRA = 0.5\n")
    first = genbench.train(pell, str(plugin))
    assert genbench.train(pell, str(plugin)).reused

    # another training, by the new code; the old model does not belong to it
    helper.write_text("EXTRA = 5.0\n")
    second = genbench.train(pell, str(plugin))
    assert not second.reused
    assert second.id != first.id
    assert second.score("the").bits != first.score("the").bits
    with pytest.raises(UserError, match=r"unigram.py, or a file that it uses, has changed since"):
        genbench.load(first.id)


def test_another_version_and_other_code_of_a_package_mean_another_training(
    pell: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = genbench.train(pell, CHAIN)
    monkeypatch.setattr("genbench.training.settings.__version__", "0.0.9")
    older = genbench.train(pell, CHAIN)
    assert genbench.train(pell, CHAIN).reused
    monkeypatch.setattr("genbench.registry.installed_files", lambda spec: [Path(__file__)])
    assert len({first.id, older.id, genbench.train(pell, CHAIN).id}) == 3
    assert genbench.load(first.id).generator  # every version's model can be used


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "pel", "-g", CHAIN],
        ["generate", "pell", "-g", "markov-chr"],
        ["generate", "pell", "-g", CHAIN, "--temperature", "-1"],
        ["generate", "pell", "-g", CHAIN, "--budget", "x"],
        ["generate", "pell", "-g", CHAIN, "--count", "0"],
        ["score", "pell", "missing.txt", "-g", CHAIN],
        ["score", "pell", ".", "-g", CHAIN],
        ["train", "pell", "-g", CHAIN, "--steps", "0"],
        ["train", "pell"],
        ["models", "show", "nothing"],
    ],
)
def test_bad_input_ends_with_exit_code_2(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 2
    out, err = capsys.readouterr()
    assert err
    assert not out
    assert "Traceback" not in err


def test_a_closed_pipe_is_not_an_error() -> None:
    code = "import sys; sys.argv[1:] = ['generate', 'pell', '-g', 'markov-char', '--length', '200000']; "
    code += "from genbench.cli.main import main; main()"
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stderr is not None
    with writer.stdout, writer.stderr:
        writer.stdout.read(10)
        writer.stdout.close()
        assert "Traceback" not in writer.stderr.read()
    assert writer.wait() == 1


def test_the_library_streams(pell: Corpus) -> None:
    model = genbench.train(pell, CHAIN, keep=False)
    assert models.list_models(models.models_folder()) == []
    assert len("".join(genbench.stream(model, "The goat", Sampling(length=80), seed=2))) == 80


def test_a_model_trained_without_the_held_out_book_is_another_one() -> None:
    whole, without = genbench.corpus("marrow"), genbench.corpus("marrow", held_out=["river"])
    genbench.train(whole, CHAIN)
    comparison = genbench.compare([without], [CHAIN], samplings=[])
    assert not comparison.results[0].reused
    assert comparison.corpora["marrow"].held_out == "The River Book"


def test_a_model_of_an_earlier_edition_is_refused_and_can_be_removed(
    pell: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    genbench.train(pell, CHAIN)
    (stored,) = models.list_models(models.models_folder())
    (stored.folder / "model.json").write_text(json.dumps(stored.card.to_dict() | {"format": 1}))
    assert models.list_models(models.models_folder()) == []
    with pytest.raises(
        UserError, match=rf"earlier edition .* genbench models remove {stored.name}, and train it again"
    ):
        genbench.load(stored.name)
    assert run(monkeypatch, "models", "show", stored.name) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert run(monkeypatch, "models", "list") == 0
    message = "1 model of an earlier edition cannot be read: train again, and remove with genbench models remove"
    assert f"{message} {stored.name}" in capsys.readouterr().err
    assert run(monkeypatch, "models", "remove", stored.name) == 0
    assert not stored.folder.exists()


def test_a_model_that_is_replaced_while_it_is_loaded_is_read_again(
    pell: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = genbench.train(pell, CHAIN, seed=1)
    (stored,) = models.list_models(models.models_folder())
    genbench.train(pell, CHAIN, seed=1, retrain=True)

    # the card was read before it was replaced
    damaged = replace(stored, card=replace(stored.card, files=dict.fromkeys(stored.card.files, "0" * 64)))
    assert damaged.load().card.created > stored.card.created
    assert damaged.load().generator.dump().keys() == first.generator.dump().keys()

    # the folder is missing for a moment
    hidden = stored.folder.with_name(".hidden")
    stored.folder.rename(hidden)
    monkeypatch.setattr("time.sleep", lambda _: hidden.exists() and hidden.rename(stored.folder))
    assert models.get_model(models.models_folder(), stored.name).name == stored.name
    stored.folder.rename(hidden)
    assert stored.load().card.created > stored.card.created


def test_models_that_another_process_removes_are_no_error(pell: Corpus) -> None:
    genbench.train(pell, CHAIN)
    (stored,) = models.list_models(models.models_folder())
    models.remove_model(stored.folder)
    models.remove_model(stored.folder)
    assert stored.size == 0


def test_old_checkpoints_are_removed_when_a_model_is_stored(pell: Corpus) -> None:
    old, young = (models.models_folder() / checkpoints.FOLDER / name for name in ("old", "young"))
    old.parent.mkdir(parents=True)
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    genbench.train(pell, CHAIN)
    assert (old.exists(), young.exists()) == (False, True)
