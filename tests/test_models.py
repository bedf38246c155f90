"""Kept models: found by what they were trained on, whole or not at all, refused when damaged."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from test_cli import run

import genbench
from genbench import Sampling, UserError
from genbench.corpus import Corpus
from genbench.storage import models

pytestmark = pytest.mark.slow

CHAIN = "markov-char:order=3"


@pytest.fixture
def pell() -> Corpus:
    return genbench.corpus("pell")


def test_a_kept_model_is_found_and_predicts_the_same(pell: Corpus) -> None:
    trained = genbench.train(pell, CHAIN, seed=3)
    (model,) = models.kept(models.home())
    loaded = genbench.load(model.name)
    ids = trained.tokenizer.encode(pell.test)
    assert np.array_equal(trained.token_log_probs(ids), loaded.token_log_probs(ids))
    card = model.card
    assert (card["author"], card["generator"], card["options"], card["seed"]) == (
        "pell",
        "markov-char",
        {"order": 3, "smoothing": "modified-kneser-ney", "adaptive": False},
        3,
    )
    assert (card["sha256"], card["books"]) == (pell.sha256, list(pell.books))
    assert set(card["files"]) == {"learned.json", "arrays.safetensors"}
    assert card["training"]["train_seconds"] > 0


def test_only_the_very_same_training_is_reused(pell: Corpus) -> None:
    def reused(**how: int) -> bool:
        found = genbench.compare([pell], [CHAIN], samplings=[], **how)
        return bool(found.results[0].get("reused"))

    assert [reused(), reused(), reused(seed=1), reused(steps=3), reused(seed=1)] == [False, True, False, False, True]
    assert not genbench.compare([pell], [CHAIN], samplings=[], fresh=True).results[0].get("reused")
    assert not genbench.compare([pell], ["markov-char:order=4"], samplings=[]).results[0].get("reused")


def test_a_reused_row_has_the_same_numbers_and_says_so(pell: Corpus) -> None:
    first, second = (genbench.compare([pell], [CHAIN]).results[0] for _ in range(2))
    assert first["bits"] == second["bits"]
    assert first["samples"] == second["samples"]
    assert first["train_seconds"] == second["train_seconds"]
    assert any("--fresh" in note for note in second["notes"])
    assert not any("--fresh" in note for note in first["notes"])


def test_ready_takes_the_newest_that_fits_what_is_given(pell: Corpus) -> None:
    genbench.train(pell, CHAIN, seed=1)
    genbench.train(pell, CHAIN, seed=2)
    genbench.ready(pell, CHAIN)
    genbench.ready(pell, CHAIN, seed=1)
    assert len(models.kept(models.home())) == 2
    genbench.ready(pell, CHAIN, seed=5)
    assert [model.card["seed"] for model in models.kept(models.home())] == [5, 2, 1]


def test_another_text_of_the_same_name_is_another_model(prose_file: Path, pell: Corpus) -> None:
    genbench.train(str(prose_file), CHAIN)
    prose_file.write_text(prose_file.read_text(encoding="utf-8").replace("eggs", "nets"), encoding="utf-8")
    genbench.ready(str(prose_file), CHAIN)
    assert len(models.kept(models.home())) == 2


@pytest.mark.parametrize("file", ["learned.json", "arrays.safetensors"])
def test_a_damaged_model_is_refused_and_compare_trains_anew(file: str, pell: Corpus) -> None:
    genbench.train(pell, CHAIN)
    (model,) = models.kept(models.home())
    data = bytearray((model.folder / file).read_bytes())
    data[len(data) // 2] ^= 1
    (model.folder / file).write_bytes(data)
    with pytest.raises(UserError, match=f"{file} of model .* is damaged"):
        genbench.load(model.name)
    row = genbench.compare([pell], [CHAIN], samplings=[]).results[0]
    assert (row["status"], row["reused"]) == ("ok", False)
    assert genbench.load(model.name)


def test_what_is_no_model_is_passed_over(pell: Corpus) -> None:
    genbench.train(pell, CHAIN)
    home = models.home()
    (home / "empty").mkdir()
    (home / "broken").mkdir()
    (home / "broken" / "model.json").write_text("{")
    assert len(models.kept(home)) == 1


def test_a_model_that_cannot_be_kept_costs_a_note_and_leaves_nothing(
    pell: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.rename", refuse)
    assert run(monkeypatch, "train", "pell", "-g", CHAIN) == 0
    assert "could not be kept" in capsys.readouterr().err
    assert list(models.home().iterdir()) == []


def test_a_home_that_cannot_be_written_costs_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / "file"))
    row = genbench.compare(["pell"], [CHAIN], samplings=[]).results[0]
    assert row["status"] == "ok"
    assert any("could not be kept" in note for note in row["notes"])


def test_models_are_listed_shown_and_removed(
    pell: Corpus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    genbench.train(pell, CHAIN)
    name = models.kept(models.home())[0].name
    assert run(monkeypatch, "models", "list") == 0
    assert name in capsys.readouterr().out
    assert run(monkeypatch, "models", "show", name) == 0
    assert json.loads(capsys.readouterr().out)["author"] == "pell"
    assert run(monkeypatch, "models", "remove", "pell-nothing") == 2
    assert run(monkeypatch, "models", "remove", name) == 0
    assert models.kept(models.home()) == []


def test_generate_streams_exactly_what_was_asked_for(
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


def test_generate_stops_before_a_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "generate", "pell", "-g", CHAIN, "--length", "3000", "--stop", ".") == 0
    assert "." not in capsys.readouterr().out


def test_score_reads_a_file_and_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes(b"The goat ate the weathercock.\r\n")
    assert run(monkeypatch, "score", "pell", str(path), "-g", CHAIN, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["characters"], found["words"]) == (30, 5)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert run(monkeypatch, "score", "pell", "-", "-g", CHAIN, "--json") == 0
    assert json.loads(capsys.readouterr().out)["bits"] == found["bits"]
    assert run(monkeypatch, "score", "pell", str(path), "-g", CHAIN) == 0
    assert "bits per character" in capsys.readouterr().out


def test_score_shows_a_long_text_and_refuses_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.txt"
    path.write_text("The goat ate the weathercock, and was sorry.\n" * 300)
    assert run(monkeypatch, "score", "pell", str(path), "-g", CHAIN) == 0
    assert " to " in capsys.readouterr().out  # the interval
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b" \n")))
    assert run(monkeypatch, "score", "pell", "-", "-g", CHAIN) == 2
    assert "standard input is empty" in capsys.readouterr().err


def test_a_model_is_named_by_how_its_name_begins(pell: Corpus) -> None:
    genbench.train(pell, CHAIN, seed=1)
    genbench.train(pell, CHAIN, seed=2)
    one, two = (model.name for model in models.kept(models.home()))
    assert models.named(models.home(), one[:-1]).name == one
    with pytest.raises(UserError, match="2 models' names begin with 'pell'"):
        models.named(models.home(), "pell")
    assert one != two


def test_a_card_without_what_is_needed_is_no_model(pell: Corpus) -> None:
    genbench.train(pell, CHAIN)
    (model,) = models.kept(models.home())
    card = {key: value for key, value in model.card.items() if key != "created"}
    (model.folder / "model.json").write_text(json.dumps(card))
    assert models.kept(models.home()) == []


def test_a_plugin_that_changed_is_not_taken_for_what_was_trained(pell: Corpus, tmp_path: Path) -> None:
    source = Path(__file__).with_name("doubles.py").read_text(encoding="utf-8")
    plugin = tmp_path / "unigram.py"
    plugin.write_text(
        source[: source.index("@dataclass\nclass Fixed")] + source[source.index("@dataclass\nclass Unigram") :]
    )
    genbench.train(pell, str(plugin))
    (model,) = models.kept(models.home())
    assert model.generator()
    plugin.write_text(plugin.read_text() + "\n# another\n")
    with pytest.raises(UserError, match="has changed since"):
        model.generator()


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


def test_a_reader_that_goes_away_is_no_error() -> None:
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
    made = genbench.train(pell, CHAIN, keep=False)
    assert models.kept(models.home()) == []
    assert len("".join(genbench.stream(made, "The goat", Sampling(length=80), seed=2))) == 80


def test_a_model_trained_without_a_book_is_another_one() -> None:
    whole, without = genbench.corpus("marrow"), genbench.corpus("marrow", held_out=["river"])
    genbench.train(whole, CHAIN)
    found = genbench.compare([without], [CHAIN], samplings=[])
    assert not found.results[0].get("reused")
    assert found.corpora["marrow"]["held_out"] == "The River Book"
