"""Model: generate, stream and score; saved in a folder and loaded with the same bits."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import Fixed

import genbench
from genbench import Model, Sampling, UserError, registry
from genbench.generator import Text, TrainContext

TEXT = "the cat sat on the mat and the dog sat on the log.\n" * 20
SPEC = "markov-char:order=3"


@pytest.fixture
def trained(prose_file: Path) -> Model:
    """Return a stored chain with its card."""
    return genbench.train(str(prose_file), SPEC, seed=1)


@pytest.fixture
def fitted() -> Model:
    """Return a model of a generator that was fitted directly: without card and training words."""
    generator = registry.create(SPEC)
    generator.fit(Text(TEXT), Text(TEXT), TrainContext())
    return Model(generator)


def test_generate_and_stream_agree_for_each_seed(fitted: Model) -> None:
    sampling = Sampling(length=120, temperature=0.9, top_k=8)
    texts = fitted.generate("the ", sampling, count=3, seed=5)
    assert texts == ["".join(fitted.stream("the ", sampling, seed=5 + index)) for index in range(3)]
    assert len(set(texts)) == 3
    assert {len(text) for text in texts} == {120}
    assert fitted.generate("the ", sampling, seed=6) == texts[1:2]


@pytest.mark.slow
def test_length_and_temperature_replace_those_of_the_sampling(fitted: Model) -> None:
    text = fitted.generate("the ", Sampling(length=30, temperature=0.5), seed=2)
    assert fitted.generate("the ", Sampling(length=9), length=30, temperature=0.5, seed=2) == text
    assert "".join(fitted.stream("the ", length=30, temperature=0.5, seed=2)) == text[0]
    assert genbench.generate(fitted, "the ", length=30, temperature=0.5, seed=2) == text


def test_each_text_may_have_a_prompt_of_its_own(fitted: Model) -> None:
    sampling = Sampling(length=40)
    texts = fitted.generate(["the cat", "the dog"], sampling, count=2, seed=3)
    assert texts == [
        "".join(fitted.stream(prompt, sampling, seed=3 + i)) for i, prompt in enumerate(("the cat", "the dog"))
    ]
    with pytest.raises(UserError, match="2 prompts are given for 3 texts; give one, or one for each"):
        fitted.generate(["a", "b"], count=3)


def test_a_count_below_one_is_refused(fitted: Model) -> None:
    with pytest.raises(UserError, match="count is 0, but must be a whole number, 1 or more"):
        fitted.generate(count=0)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda model: model.generate(count="2"), "count is '2', but must be a whole number, 1 or more"),
        (lambda model: model.generate(seed="x"), "seed is 'x', but must be a whole number, 0 or more"),
        (lambda model: model.generate(seed=1.5), "seed is 1.5"),
        (lambda model: model.stream(seed=-1), "seed is -1"),
        (lambda model: model.stream(seed=None), "seed is None"),
        (lambda model: model.generate(None), "the prompt is of type NoneType, but must be a str"),
        (lambda model: model.generate(["a", 5], count=2), "the prompt is of type int"),
        (lambda model: model.stream(b"a"), "the prompt is of type bytes"),
        (lambda model: model.score(Path("a.txt")), "the text is of type PosixPath, but must be a str; .*read_text"),
        (lambda model: genbench.score(model, None), "the text is of type NoneType"),
        (lambda model: model.score("a\ud800"), "the text is not valid text at character 1"),
        (lambda model: model.surprisal(5), "the text is of type int"),
    ],
)
def test_arguments_of_another_type_are_refused(fitted: Model, call: Callable[[Model], Any], reason: str) -> None:
    """A path is not scored as a text of its characters, and a seed of None is not a random one."""
    with pytest.raises(UserError, match=reason):
        call(fitted)


def test_a_seed_may_be_a_number_of_numpy(fitted: Model) -> None:
    assert fitted.generate("the ", length=20, seed=np.arange(3)[2]) == fitted.generate("the ", length=20, seed=2)


@pytest.mark.parametrize("spec", [SPEC, pytest.param("lstm-char:hidden=8,embedding=8,batch=4", marks=pytest.mark.slow)])
def test_copies_predict_what_the_model_predicts(prose_file: Path, spec: str) -> None:
    """Compiled chains and networks hold what pickle cannot copy: a copy is restored from what they learned."""
    model = genbench.train(str(prose_file), spec, steps=2, keep=False)
    expected = model.score(TEXT).bits
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert again.score(TEXT).bits == expected
        assert again.card == model.card
        assert again.generate("the ", Sampling(max_overlap=4), length=20) == model.generate(
            "the ", Sampling(max_overlap=4), length=20
        )


def test_a_prompt_with_a_surrogate_is_refused(fitted: Model) -> None:
    with pytest.raises(UserError):
        fitted.generate("\ud800")
    with pytest.raises(UserError):
        next(fitted.stream("\ud800"))


def test_a_saved_model_is_loaded_with_the_same_bits(trained: Model, tmp_path: Path) -> None:
    folder = trained.save(tmp_path / "saved")
    loaded = Model.load(folder)
    assert np.array_equal(loaded.score(TEXT).character_bits, trained.score(TEXT).character_bits)
    assert loaded.fingerprint == trained.fingerprint
    assert len(loaded.fingerprint) == 16
    assert loaded.reused
    assert not trained.reused

    # the training words are saved too
    sampling = Sampling(length=80, max_overlap=6)
    assert loaded.generate("The ", sampling, seed=2) == trained.generate("The ", sampling, seed=2)


def test_other_predictions_have_another_fingerprint(trained: Model, prose_file: Path) -> None:
    assert genbench.train(str(prose_file), "markov-char:order=2").fingerprint != trained.fingerprint


def test_a_folder_that_is_not_empty_is_not_overwritten(trained: Model, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError):
        trained.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file() and path.suffix != ".txt"] == []


def test_a_model_without_card_cannot_be_saved(fitted: Model, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"without a card cannot be saved; genbench\.train\(author, SPEC\)"):
        fitted.save(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_loading_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        Model.load(tmp_path)


def test_max_overlap_without_training_words_is_refused(fitted: Model) -> None:
    with pytest.raises(UserError, match="max-overlap"):
        fitted.generate(sampling=Sampling(length=20, max_overlap=5))


def test_repr_names_the_model_spec_and_author(trained: Model, fitted: Model) -> None:
    assert trained.card is not None
    sample = " ".join(trained.generate(length=80, sampling=Sampling())[0].split())
    assert repr(trained) == f"<Model {trained.id}: {SPEC} trained on {trained.card.author}; writes {sample!r}>"
    assert repr(replace(trained, id="")).startswith("<Model (not stored): ")
    assert repr(fitted) == f"<Model of {fitted.generator!r}>"


def test_score_and_surprisal_read_the_same_bits() -> None:
    model = Model(Fixed("ab ", (0.5, 0.25, 0.25)))
    words = model.surprisal("ab ba")
    assert "".join(word.text for word in words) == "ab ba"
    assert sum(word.bits for word in words) == pytest.approx(model.score("ab ba").bits)
