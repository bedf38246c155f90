"""train_model: reuse, interruption, failures to store, and statistics that a plugin reports wrongly."""

from __future__ import annotations

import errno
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import Fixed, Unigram
from processes import write_plugin

import genbench
from genbench import Model, UserError, registry
from genbench.errors import ContractError
from genbench.experiments.job import add_training
from genbench.experiments.row import Row
from genbench.generator import Generator, Text, TrainContext
from genbench.spec import Spec
from genbench.storage import checkpoints, models, untrusted
from genbench.storage.cards import FIRST_HALF, TrainingRecord
from genbench.tokenization.tokenizer import Tokenizer
from genbench.training import (
    ProgressListener,
    TrainingInterrupted,
    TrainingText,
    TrainSettings,
    describe_reuse,
    report_interrupt,
    train_model,
    validation,
)

SPEC = Spec.parse("markov-char:order=2")
TEXT = TrainingText("thorne", "the cat sat on the mat.\n" * 30, "the dog sat.\n" * 5, sha256="0" * 64, books=["Cats"])


def train(folder: Path | None, generator: Generator | None = None, spec: Spec = SPEC, **options: Any) -> Model:
    """Return a model of the small text; `options` are those of `train_model`, and the seed."""
    settings = TrainSettings(seed=options.pop("seed", 0), steps=5)
    return train_model(generator or registry.create(spec), spec, TEXT, settings, folder=folder, **options)


# Reuse


def test_the_same_training_is_reused(tmp_path: Path) -> None:
    first, second = train(tmp_path), train(tmp_path)
    assert (first.reused, second.reused) == (False, True)
    assert second.id == first.id
    assert second.fingerprint == first.fingerprint
    assert describe_reuse(second).endswith("and stored; --retrain trains it again")
    assert train(tmp_path, seed=1).id == first.id  # it reads no seed
    assert describe_reuse(train(tmp_path, seed=1), seed=1) == "trained once for all seeds: its training reads none"


def test_an_exception_of_a_plugin_is_one_sentence_with_its_line(tmp_path: Path) -> None:
    file = Path(write_plugin(tmp_path, "fit", "1 // 0"))
    with pytest.raises(ContractError, match=rf"cannot be trained: ZeroDivisionError: .* \({file.name}, line \d+\)"):
        genbench.train("pell", str(file), keep=False)


def test_retrain_trains_again_and_removes_the_checkpoint(tmp_path: Path) -> None:
    first = train(tmp_path)
    assert first.card is not None
    checkpoint = checkpoints.checkpoint_of(tmp_path, first.card.key)
    checkpoint.save({"step": 1})
    again = train(tmp_path, retrain=True)
    assert not again.reused
    assert again.fingerprint == first.fingerprint
    assert checkpoint.resume() is None
    assert len(models.list_models(tmp_path)) == 1


def test_a_damaged_model_is_trained_again(tmp_path: Path) -> None:
    first = train(tmp_path)
    (tmp_path / first.id / "learned.json").write_bytes(b"{}")
    again = train(tmp_path)
    assert not again.reused
    assert again.fingerprint == first.fingerprint
    assert train(tmp_path).reused


def test_a_generator_whose_restore_sets_no_tokenizer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = models.get_model(tmp_path, train(tmp_path).id)
    monkeypatch.setattr(type(registry.create(SPEC)), "restore", lambda *_: None)
    with pytest.raises(UserError, match="restore sets no tokenizer: dump has to return it, and restore to set it"):
        stored.load()


@pytest.mark.parametrize(
    ("learned", "reason"),
    [
        ({}, "KeyError: 'tokenizer'"),
        ({"array": np.array([1.0, np.nan])}, "weights that are not numbers"),
        ({"long": [0] * (untrusted.MAX_JSON_VALUES + 1)}, "JSON of more than 2,000,000 values"),
    ],
)
def test_a_model_that_could_not_be_loaded_again_is_not_stored(
    learned: Any, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unigram, "dump", lambda _: learned)
    model = train(tmp_path, Unigram(), Spec.parse("unigram"))
    assert model.card is not None
    assert (model.id, models.list_models(tmp_path)) == ("", [])
    (note,) = model.card.training.notes
    assert note.startswith("the model is not stored, because it could not be loaded again: ")
    assert reason in note


def test_without_a_folder_nothing_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / "home"))
    model = train(None)
    assert (model.id, model.reused) == ("", False)
    assert model.card is not None
    assert (model.card.author, model.card.books, model.card.spec) == ("thorne", ["Cats"], str(SPEC))
    assert not (tmp_path / "home").exists()


# Interruption and failures


@dataclass
class Interrupted(Unigram):
    """Is interrupted by Ctrl-C: after it has learned something, or before."""

    learned: bool = True

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        if self.learned:
            super().fit(train, valid, context)
            context.record(steps=312, passes=0.8)
        raise KeyboardInterrupt


def test_ctrl_c_stores_the_partly_trained_model_and_says_how_good_it_is(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterrupted) as interrupt:
        train(tmp_path, Interrupted(), Spec.parse("unigram"))
    (stored,) = models.list_models(tmp_path)
    bits = stored.card.training.validation_bits_per_character
    assert str(interrupt.value) == (
        f"stored what was learned as {stored.name}: {bits:.3f} bits/char on validation text, 312 steps, 80 % of one "
        "pass over the training text; the same command starts the training again"
    )
    assert stored.card.training.notes == ["interrupted"]
    assert (stored.card.steps, stored.card.budget is None) == (None, False)  # the time that was spent


def test_ctrl_c_before_anything_was_learned_stores_and_promises_nothing(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterrupted) as interrupt:
        train(tmp_path, Interrupted(learned=False), Spec.parse("unigram"))
    assert str(interrupt.value) == "nothing was learned and stored yet; the same command starts the training again"
    assert models.list_models(tmp_path) == []


def test_ctrl_c_after_a_checkpoint_promises_that_the_training_resumes(tmp_path: Path) -> None:
    class WithCheckpoint(Interrupted):
        def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
            context.save({"step": 1})
            super().fit(train, valid, context)

    with pytest.raises(TrainingInterrupted) as interrupt:
        train(tmp_path, WithCheckpoint(), Spec.parse("unigram"))
    assert str(interrupt.value).endswith("; the same command resumes the training from its checkpoint")


def test_an_interrupt_is_reported_and_passed_on(tmp_path: Path) -> None:
    messages: list[str] = []
    listener = ProgressListener()
    listener.message = messages.append  # type: ignore[method-assign]
    with pytest.raises(TrainingInterrupted), report_interrupt(listener):
        train(tmp_path, Interrupted(), Spec.parse("unigram"))
    assert messages[0].startswith("stored what was learned as thorne-unigram-")


def test_an_interrupted_model_is_not_taken_for_the_whole_training(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Interrupted(), Spec.parse("unigram"))
    assert not train(tmp_path, Unigram(), Spec.parse("unigram")).reused


def test_a_full_disk_leaves_a_note_on_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(models, "store_model", full)
    model = train(tmp_path)
    assert model.id == ""
    assert model.card is not None
    assert model.card.training.notes[-1] == f"the model could not be stored in {tmp_path}: No space left on device"
    assert model.score("the cat").bits > 0


# Statistics


class Reporting(Unigram):
    """Records the statistics of the test."""

    def __init__(self, statistics: dict[str, Any] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.statistics = statistics or {}

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        for name, value in self.statistics.items():
            setattr(context.stats, name, value)


def record_of(**statistics: Any) -> Any:
    """Return the training record of a generator that reports these statistics."""
    card = train(None, Reporting(statistics), Spec.parse("unigram")).card
    assert card is not None
    assert json.dumps(card.training.details, allow_nan=False)
    return card.training


def test_valid_statistics_are_recorded() -> None:
    record = record_of(parameters=np.int64(12), steps=3, passes=2.0, curve=[[0.5, 2.5], (1, 2)], notes=["a note"])
    assert (record.parameters, record.steps, record.notes) == (12, 3, ["a note"])
    assert record.curve == [[0.5, 2.5], [1.0, 2.0]]
    assert isinstance(record.parameters, int)
    assert record.seconds >= 0
    assert record.characters_per_second > 0


def test_chosen_options_are_in_the_spec_of_the_record() -> None:
    assert record_of(chosen={"smoothing": 0.25}).spec == "unigram:smoothing=0.25"


# Bits per character on validation text


HALVED = replace(TEXT, valid="aaaaaaaa\n\nbbbbbbbb\n")  # the first half ends after the blank line


@dataclass
class Remembering(Unigram):
    """Stores what `fit` got as validation text."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        context.record(valid=str(valid))


def test_the_card_has_the_bits_per_character_of_the_second_half_of_the_validation_text(tmp_path: Path) -> None:
    model = train_model(Remembering(), Spec.parse("unigram"), HALVED, TrainSettings(), folder=tmp_path)
    (stored,) = models.list_models(tmp_path)
    expected = model.score("bbbbbbbb\n").bits_per_character
    assert stored.card.training.validation_bits_per_character == pytest.approx(expected, abs=1e-4)
    assert stored.card.training.details["valid"] == HALVED.valid  # fitted on all of it


def test_a_training_with_half_of_the_validation_text_is_another_one(tmp_path: Path) -> None:
    whole = train_model(Remembering(), Spec.parse("unigram"), HALVED, TrainSettings(), folder=tmp_path)
    text = replace(HALVED, fitted_on=FIRST_HALF)
    half = train_model(Remembering(), Spec.parse("unigram"), text, TrainSettings(), folder=tmp_path)
    assert not half.reused
    assert half.id != whole.id
    assert half.card is not None
    assert half.card.training.details["valid"] == "aaaaaaaa\n\n"
    assert train_model(Remembering(), Spec.parse("unigram"), text, TrainSettings(), folder=tmp_path).id == half.id


def test_only_the_end_of_a_long_validation_text_is_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "VALIDATION_CHARACTERS", 2)
    generator = Fixed(shares=(0.5, 0.25, 0.125, 0.125))  # of a, b, c and d
    assert validation.validation_bits(generator, "cdbb") == pytest.approx(2.0, abs=1e-4)


def test_without_a_score_of_validation_text_the_card_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert validation.validation_bits(Fixed(), "") is None
    monkeypatch.setattr(Fixed, "log_probs", None)
    assert validation.validation_bits(Fixed(), "abcd") is None


# How far a network got


def notes(steps: int | None, bits: float | None, **training: Any) -> list[str]:
    """Return the notes of a network with these steps and bits; its 4 characters need 2 bits each by frequency."""
    record = TrainingRecord(steps=steps, validation_bits_per_character=bits, **training)
    return validation.undertrained_notes(Tokenizer.characters("abcd"), "abcd" * 99, "aabbccdd", record)


def test_a_network_hardly_better_than_frequencies_has_a_note() -> None:
    assert notes(17, 1.9, passes=0.02, seconds=30.0) == [
        "17 steps, 2 % of one pass over the training text: hardly better than unigram frequencies (1.90 and 2.00 bits "
        "per character on validation text); give it --budget 9m"
    ]


@pytest.mark.parametrize(
    ("bits", "training", "end"),
    [
        (1.9, {"passes": 5.0, "seconds": 30.0}, "give it --budget 9m"),  # 300 steps
        (1.9, {"passes": 0.001, "seconds": 60.0}, "give it --budget 10m"),  # not hours, by the speed of its first steps
        (1.9, {"passes": 0.5, "seconds": 1800.0}, "give it --budget 2h"),  # where half an hour was given
        (1.9, {"passes": 0.0, "seconds": 0.1}, "give it --steps 68"),
        (2.5, {"passes": 5.0, "seconds": 30.0}, "no better than unigram frequencies (2.50 and 2.00 bits per character"),
    ],
)
def test_the_note_recommends_a_longer_training(bits: float, training: dict[str, float], end: str) -> None:
    assert end in notes(17, bits, **training)[0]


def test_generators_that_are_good_enough_or_only_count_have_no_note() -> None:
    assert notes(17, 1.7) == notes(None, 1.9) == notes(17, None) == []


def test_the_unigram_bits_are_those_of_the_tokens_of_the_generator() -> None:
    tokenizer = Tokenizer.words("so it is so it is ", 1)
    assert validation.unigram_bits(tokenizer, "so it is " * 100, "so it is") == pytest.approx(3 * 1.585 / 8, abs=0.02)


def test_the_note_is_on_the_card_and_on_the_row(tmp_path: Path) -> None:
    network, text = Reporting({"steps": 17, "passes": 0.02}), replace(TEXT, valid="the cat sat.\n" * 10)
    model = train_model(network, Spec.parse("unigram"), text, TrainSettings(), folder=tmp_path)
    assert model.card is not None
    assert model.card.training.notes[-1].startswith("17 steps, 2 % of one pass over the training text: ")
    row = add_training(Row("thorne", "unigram"), model)
    assert (row.steps, row.passes, row.notes) == (17, 0.02, model.card.training.notes)


# Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": 0.0}, "budget is 0.0, but must be a time above 0"),
        ({"budget": math.inf}, "budget is inf"),
        ({"budget": math.nan}, "budget is nan"),
        ({"steps": 0}, "steps is 0, but must be a whole number from 1"),
        ({"flops": 0.5}, "flops is 0.5, but must be a number from 1 to 1e.24, such as 1e12"),
        ({"flops": math.nan}, "flops is nan"),
        ({"flops": 1e12, "steps": 5}, "choose one of them"),
        ({"seed": -1}, "seed is -1, but must be a whole number from 0 to 4,294,967,295"),
        ({"seed": 2**32}, "seed is 4294967296"),
        ({"device": "gpu"}, "device is 'gpu'; choose one of auto, cpu, cuda, mps"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TrainSettings(**settings)


def test_the_default_budget_applies_without_budget_and_steps() -> None:
    assert TrainSettings().with_default_budget().budget == 30.0
    assert TrainSettings(budget=5.0).with_default_budget().budget == 5.0
    assert TrainSettings(steps=7).with_default_budget() == TrainSettings(steps=7)
    assert TrainSettings(flops=1e9).with_default_budget() == TrainSettings(flops=1e9)


def test_a_device_that_is_absent_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    TrainSettings(device="cpu").require_device()
    with pytest.raises(UserError, match="finds no cuda device; choose --device cpu or auto"):
        TrainSettings(device="cuda").require_device()
