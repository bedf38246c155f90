"""The default generator: the stored model of an author with the fewest bits per character on validation text."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_cli import run

import genbench
from genbench import UserError, api
from genbench.corpus.corpus import Corpus
from genbench.storage import models
from genbench.training import ProgressListener
from genbench.training.choice import rank_models, stored_specs


@pytest.fixture
def ferry(prose_file: Path) -> Corpus:
    return genbench.corpus(prose_file)


def store(text: Corpus, spec: str, bits: float | None, limited: bool = False, **changes: Any) -> models.StoredModel:
    """Store a small model whose card has this SPEC and these bits; `limited` as if its training had read its limits."""
    model = genbench.train(text, "markov-char:order=1", keep=False)
    assert model.card is not None
    record = replace(model.card.training, validation_bits_per_character=bits, limited=limited)
    card = replace(model.card, spec=spec, generator=spec, training=record, **changes)
    return models.store_model(model.generator, models.models_folder(), card, model.training_words)


@pytest.mark.slow
def test_the_model_with_the_fewest_bits_is_first_and_models_without_them_are_last(ferry: Corpus) -> None:
    old = store(ferry, "markov", None)
    worse = store(ferry, "markov-char", 2.5)
    best = store(ferry, "markov-word", 2.25)
    not_a_number = store(ferry, "markov-class", float("nan"))
    assert [model.name for model in rank_models(ferry)] == [model.name for model in (best, worse, not_a_number, old)]
    assert stored_specs(ferry) == ["markov-word", "markov-char", "markov-class", "markov"]


def test_of_equal_models_the_newest_is_first(ferry: Corpus) -> None:
    store(ferry, "markov-char", 2.0)
    newest = store(ferry, "markov-word", 2.0)
    assert rank_models(ferry)[0].name == newest.name
    assert rank_models(ferry, {"device": "cuda"}) == []


def test_models_of_other_texts_and_of_generators_that_are_gone_are_left_out(ferry: Corpus) -> None:
    store(ferry, "markov-char", 1.0, sha256="0" * 64)
    store(ferry, "markov-word", 1.0, held_out="Persuasion")
    store(ferry, "gone", 1.0)
    assert rank_models(ferry) == []
    assert stored_specs(ferry) == ["markov"]


@pytest.mark.slow
def test_without_a_generator_the_best_model_is_loaded_whatever_its_seed(ferry: Corpus) -> None:
    genbench.train(ferry, "markov-char:order=1")
    best = genbench.train(ferry, "markov-char:order=3")
    assert api.load_or_train(ferry, seed=5).id == best.id
    assert genbench.load("ferry").id == best.id
    assert api.load_or_train(ferry, budget="2s").id == best.id  # a chain needs no more time
    assert api.load_or_train(ferry, "markov-char:order=3", budget="2s").id == best.id


def test_where_no_stored_model_has_the_budget_it_is_named_as_it_is_typed(ferry: Corpus) -> None:
    store(ferry, "markov-char", 2.0, limited=True, budget=5.0, steps=3)
    listener, messages = ProgressListener(), list[str]()
    listener.message = messages.append  # type: ignore[method-assign]
    model = api.load_or_train(ferry, "markov-char:order=1", budget="90s", seed=3, listener=listener)
    assert "no stored model of ferry as markov-char:order=1, budget 90s, seed 3: training one" in messages
    assert model.card is not None
    assert model.card.budget == 90


def test_a_damaged_best_model_gives_way_to_the_next(ferry: Corpus) -> None:
    second = genbench.train(ferry, "markov-char:order=1")
    best = genbench.train(ferry, "markov-char:order=3")
    (models.models_folder() / best.id / "learned.json").write_text("{}")
    assert api.load_or_train(ferry).id == second.id


def test_load_takes_the_text_that_was_trained_on_last(ferry: Corpus) -> None:
    store(ferry, "markov-char", 1.0, sha256="0" * 64)
    newest = store(ferry, "markov-char", 2.0)
    assert genbench.load("ferry").id == newest.name
    with pytest.raises(UserError, match="no model is called 'boat'"):
        genbench.load("boat")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("generate", ["--prompt", "The", "--length", "20", "--seed", "1"]),
        ("score", ["FILE"]),
        ("surprisal", ["FILE"]),
        ("explain", ["The fer"]),
        ("novelty", ["--count", "1", "--length", "50"]),
    ],
)
def test_no_command_demands_a_generator(
    command: str,
    words: list[str],
    prose_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text, file = str(prose_file), str(prose_file)
    arguments = [command, text, *(file if word == "FILE" else word for word in words)]

    # nothing is stored: a quick chain is trained, which the second call uses
    assert run(monkeypatch, *arguments) == 0
    assert "no stored model of ferry: training markov," in " ".join(capsys.readouterr().err.split())
    assert run(monkeypatch, *arguments) == 0
    out, err = capsys.readouterr()
    assert re.search(r"^ferry: markov, \d\.\d\d bits per character on validation text, trained 20", err, re.M)
    assert "validation" not in out
