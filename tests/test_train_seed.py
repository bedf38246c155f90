"""Another sample trains no other model, and a chain is stored once whatever its seed and budget."""

import json
from pathlib import Path

import pytest
from test_cli import run

import genbench
from genbench.storage import models

NETWORK = "lstm-char:hidden=16,embedding=16,batch=4"


def stored() -> list[models.StoredModel]:
    return models.list_models(models.models_folder())


def test_the_seed_of_generate_and_novelty_is_that_of_sampling(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], prose_file: Path
) -> None:
    genbench.train(genbench.corpus(prose_file), NETWORK, steps=3, seed=4)
    texts = []
    for seed in ("1", "1", "2"):
        words = ["generate", str(prose_file), "-g", NETWORK, "--steps", "3", "--length", "60", "--seed", seed]
        assert run(monkeypatch, *words) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != texts[2]
    assert run(monkeypatch, "novelty", str(prose_file), "-g", NETWORK, "--length", "60", "--seed", "9") == 0
    assert [model.card.seed for model in stored()] == [4]

    # the seed of training has its own option
    words = ["generate", str(prose_file), "-g", NETWORK, "--steps", "3", "--length", "9", "--train-seed", "5"]
    assert run(monkeypatch, *words) == 0
    assert sorted(model.card.seed for model in stored()) == [4, 5]


def test_a_chain_is_stored_once_for_all_seeds_and_larger_budgets(prose_file: Path) -> None:
    text = genbench.corpus(prose_file)
    first = genbench.train(text, "markov-char:order=2", budget="60s")
    for seed, budget in ((1, "60s"), (0, "90s"), (2, "10m")):
        model = genbench.train(text, "markov-char:order=2", budget=budget, seed=seed)
        assert model.reused
        assert model.id == first.id
    assert genbench.train(text, "markov-char:order=2", steps=7, seed=3).id == first.id
    assert len(stored()) == 1

    # trained again, it replaces the earlier one
    for limits in ({"budget": "2m"}, {"steps": 7}, {"flops": 1e9}, {"budget": 1e-6}):
        model = genbench.train(text, "markov-char:order=2", **limits, seed=2, retrain=True)
        assert (model.reused, model.id) == (False, first.id)
    assert [model.card.seed for model in stored()] == [2]

    # a network learns longer with a larger budget, and other things with another seed
    assert not genbench.train(text, NETWORK, steps=3).reused
    assert not genbench.train(text, NETWORK, steps=4).reused
    assert not genbench.train(text, NETWORK, steps=3, seed=1).reused


def test_json_lines_hold_the_texts_that_python_generates(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], prose_file: Path
) -> None:
    words = ["generate", str(prose_file), "-g", "markov-char:order=3", "--json", "--length", "40", "--seed", "7"]
    assert run(monkeypatch, *words, "--count", "2", "--prompt", "The ") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    model = genbench.load(rows[0]["model"])
    assert [row["text"] for row in rows] == model.generate("The ", length=40, count=2, seed=7)
    assert [(row["prompt"], row["seed"]) for row in rows] == [("The ", 7), ("The ", 8)]
    for row in rows:
        assert 0 <= row["copied_share"] <= 1
        both, alone = model.score("The " + row["text"]).bits, model.score("The ").bits
        assert row["bits_per_character"] == pytest.approx((both - alone) / 40, rel=1e-9)


def test_every_line_of_a_file_is_a_prompt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], prose_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("The \r\n\nrandom\n-\n", newline="")
    words = ["generate", str(prose_file), "-g", "markov-char:order=3", "--length", "9", "--seed", "7"]
    assert run(monkeypatch, *words, "--json", "--count", "2", "--prompt-file", str(file)) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    prompts = ["The ", "The ", "random", "random", "-", "-"]
    assert [(row["prompt"], row["seed"]) for row in rows] == list(zip(prompts, range(7, 13), strict=True))
    model = genbench.load(rows[0]["model"])
    assert rows[3]["text"] == model.generate("random", length=9, seed=10)[0]

    # records are not streamed; without a prompt, or with two sources of prompts, nothing is written
    assert run(monkeypatch, *words, "--json", "--stream") == 2
    assert "leave one of them out" in capsys.readouterr().err
    assert run(monkeypatch, *words, "--prompt-file", str(file), "--prompt", "The") == 2
    assert "--prompt and --prompt-file are given" in capsys.readouterr().err
    file.write_text("\ufeff\n")
    assert run(monkeypatch, *words, "--prompt-file", str(file)) == 2
    assert "prompts.txt" in capsys.readouterr().err
    assert run(monkeypatch, *words, "--prompt-file", str(tmp_path / "none.txt")) == 2
    assert "none.txt" in capsys.readouterr().err
