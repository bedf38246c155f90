"""Fine-tuning: the weights of the parent, its vocabulary, the chain of ancestors, and what is refused."""

import csv
import io
import json
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import genbench
from genbench import Model, UserError, api
from genbench.errors import SpecError
from genbench.experiments.comparison import Comparison
from genbench.experiments.row import Row
from genbench.experiments.significance import labels
from genbench.generator import Text, TrainContext
from genbench.neural.fine_tuning import describe_unknown
from genbench.registry import create
from genbench.report.columns import columns_for
from genbench.report.export.files import as_csv, as_json, as_markdown
from genbench.sampling.overlap import TrainingWords
from genbench.scoring import score
from genbench.storage import cards, models
from genbench.tokenization.tokenizer import Tokenizer
from genbench.training.fine_tuning import FineTuning

FERRY = "The old ferry went over at six, and again at seven, if the tide would let it. Nobody hurried.\n" * 12
QUARTZ = "Quartz, jackdaws and sphinxes: vexing boxes at seven! The tide would let the ferry over, ñ. " * 6
SMALL = "hidden=16,embedding=16,batch=4"
NETWORKS = [
    f"lstm-char:{SMALL}",
    f"gru-word:{SMALL},min_count=1",
    f"gru-word:{SMALL},min_count=1,tied=false,subwords=false",
    f"lstm-subword:{SMALL},vocabulary=60",
    f"mingru-char:{SMALL}",
    f"lstm-word:{SMALL},min_count=1,base=markov-word",
    "lstm-window:hidden=8,window=8,batch=4",
]


@cache
def parent_of(spec: str) -> Any:
    return fitted(spec, FERRY, QUARTZ)


def fitted(spec: str, train: str, valid: str, parent: Any = None, **limits: Any) -> Any:
    generator = create(spec)
    if parent is not None:
        generator.start_from(parent)
    generator.fit(Text(train), Text(valid), TrainContext(**({"steps": 6} | limits)))
    return generator


def bits(generator: Any, text: str) -> float:
    return score(generator, text).bits_per_character


# The weights


@pytest.mark.parametrize("spec", NETWORKS)
def test_a_training_begins_at_the_predictions_of_the_parent(spec: str) -> None:
    parent = parent_of(spec)
    assert isinstance(parent, FineTuning)

    # at a rate of nothing, the weights stay what they are before the first step
    still = fitted(f"{spec},learning_rate=1e-12,muon_lr=0,weight_decay=0,dropout=0", FERRY, QUARTZ, parent)
    assert still.tokenizer.dump() == parent.tokenizer.dump()
    assert bits(still, QUARTZ) == pytest.approx(bits(parent, QUARTZ), abs=2e-3)
    ids = still.tokenizer.encode(QUARTZ)
    assert np.abs(still.token_log_probs(ids) - parent.token_log_probs(ids)).max() < 1e-3


@pytest.mark.parametrize("spec", NETWORKS)
def test_it_is_never_worse_on_validation_text_than_the_parent(spec: str) -> None:
    parent = parent_of(spec)
    tuned = fitted(f"{spec},learning_rate=5", QUARTZ, FERRY, parent)  # a rate that ruins the weights
    assert bits(tuned, FERRY) <= bits(parent, FERRY) + 0.005


def test_the_last_weights_are_kept_where_that_is_asked_for() -> None:
    parent = parent_of(NETWORKS[0])
    tuned = fitted(f"{NETWORKS[0]},learning_rate=5,keep=last", QUARTZ, FERRY, parent)
    assert bits(tuned, FERRY) > bits(parent, FERRY) + 0.1


def test_training_lowers_the_bits_of_the_new_text() -> None:
    spec = NETWORKS[0]
    parent = parent_of(spec)
    tuned = fitted(spec, QUARTZ, QUARTZ, parent, steps=60)
    assert bits(tuned, QUARTZ) < bits(parent, QUARTZ) - 0.5


def test_the_parent_is_kept_as_it_was() -> None:
    spec = NETWORKS[1]
    parent = parent_of(spec)
    before = {name: value.clone() for name, value in parent._network.state_dict().items()}
    fitted(spec, QUARTZ, FERRY, parent, steps=3)
    assert all(torch.equal(value, before[name]) for name, value in parent._network.state_dict().items())


def test_a_resumed_training_ends_at_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = NETWORKS[1]
    monkeypatch.setattr("genbench.neural.training.SAVE_EVERY", -1.0)
    saved: list[Any] = []
    whole = create(spec)
    whole.start_from(parent_of(spec))
    whole.fit(
        Text(QUARTZ), Text(FERRY), TrainContext(steps=8, on_checkpoint=lambda state: saved.append(deepcopy(state)))
    )
    resumed = create(spec)
    resumed.start_from(parent_of(spec))
    middle = saved[3]
    resumed.fit(Text(QUARTZ), Text(FERRY), TrainContext(steps=8, last_checkpoint=lambda: middle))
    ours, theirs = (each.dump()["weights"] for each in (whole, resumed))
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_fitted_cache_belongs_to_the_new_text() -> None:
    spec = f"lstm-char:{SMALL}"
    tuned = fitted(f"{spec},adaptive=true,cache=50", QUARTZ, QUARTZ, parent_of(spec))
    assert tuned._adaptation is not None
    assert tuned._adaptation.cache is not None


# The vocabulary


def test_what_the_parent_does_not_know_is_spelled_and_counted() -> None:
    words = Tokenizer.words("a ferry a ferry . .")
    text = "a ferry. Ωa a"
    assert words.decode(words.encode(text)) == text
    note = describe_unknown(words, words.encode(text))  # one of four words, with one letter that is unknown
    assert note.endswith("parent: 25.0 % of the words are spelled; 1 unknown characters are spelled in bytes")
    characters = Tokenizer.characters("abc")
    assert "2 unknown characters" in describe_unknown(characters, characters.encode("aΩbñ"))


# Stored models


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, thing in (("ferry", "ferry"), ("quay", "quay"), ("tide", "tide")):
        lines = [f"The {thing} number {n} was {'old' if n % 3 else 'new'} on day {n * 7}." for n in range(60)]
        (tmp_path / f"{name}.txt").write_text("\n\n".join(lines) + "\n")
    return tmp_path


def train(author: str, spec: str = f"lstm-char:{SMALL}", start_from: str | None = None, **options: Any) -> Model:
    return genbench.train(author, spec, steps=3, start_from=start_from, **options)


def test_the_card_names_all_ancestors(books: Path) -> None:
    first = train("ferry.txt")
    second = train("quay.txt", "lstm-char", first.id)
    third = train("tide.txt", "lstm-char:learning_rate=0.005", second.id)
    assert first.card
    assert second.card
    assert third.card
    assert [ancestor.name for ancestor in third.card.ancestors] == [first.id, second.id]
    assert [ancestor.sha256 for ancestor in third.card.ancestors] == [first.card.sha256, second.card.sha256]
    assert third.card.ancestors[0].books == ["ferry"]
    assert third.card.parent == second.fingerprint.hex()
    assert third.card.options["hidden"] == 16
    assert third.card.options["learning_rate"] == 0.005
    assert models.read_model(models.models_folder() / third.id).card == third.card  # type: ignore[union-attr]
    assert any(first.id in note and second.id in note for note in third.card.training.notes)

    # the words of all texts are known, for max_overlap
    numbers = [each.training_words.numbers for each in (first, second, third) if each.training_words]
    assert len(numbers[0]) < len(numbers[1]) < len(numbers[2])


def test_an_export_keeps_the_ancestors(books: Path) -> None:
    first = train("ferry.txt")
    second = train("quay.txt", "lstm-char", first.id)
    assert second.card
    api.export_model("quay.txt", second.card.spec, books / "out", stored=second.id)
    assert first.id in (books / "out" / "README.md").read_text()
    assert api.import_model(books / "out").card.ancestors == second.card.ancestors


def test_a_card_whose_parent_is_no_ancestor_is_refused(books: Path) -> None:
    card = train("quay.txt", "lstm-char", train("ferry.txt").id).card
    assert card
    values = json.loads(json.dumps(card.to_dict()))
    assert cards.ModelCard.from_dict(values) == card
    for forged in ({"parent": ""}, {"ancestors": []}, {"ancestors": [{"name": 3}]}):
        with pytest.raises(ValueError):  # noqa: PT011 - of any kind
            cards.ModelCard.from_dict(values | forged)


def test_a_fine_tuned_model_takes_no_other_models_place(books: Path) -> None:
    spec = f"lstm-char:{SMALL}"
    first = train("ferry.txt")
    tuned = train("quay.txt", "lstm-char", first.id)
    assert train("quay.txt", "lstm-char", first.id).reused
    assert tuned.card
    assert tuned.card.options == first.card.options  # type: ignore[union-attr]

    # a training on the text alone is another one, although the options are the same
    text = genbench.corpus("quay.txt")
    plain = api.load_or_train(text, spec, steps=3)
    assert (plain.id != tuned.id, plain.reused) == (True, False)
    assert api.load_or_train(text, spec, steps=3).id == plain.id

    # without a generator the best model is used, whatever it learned before
    best = api.load_or_train(text)
    assert best.id in (plain.id, tuned.id)
    key = tuned.card.key | {"parent": ""}
    found, named = (models.find_models(models.models_folder(), key, names) for names in ((), [tuned.id]))
    assert [model.name for model in found] == [plain.id]
    assert [model.name for model in named] == [tuned.id, plain.id]


def test_names_of_other_models_are_as_before(books: Path) -> None:
    card = train("ferry.txt").card
    assert card is not None
    assert "parent" in card.key
    assert "parent" not in card.identity
    assert "parent" in replace(card, parent="00").identity


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("lstm-char:hidden=32", "hidden=32 contradicts .* hidden=16"),
        ("gru-char", "is lstm-char, not gru-char"),
        ("lstm-char:base=markov-char", "base=markov-char contradicts"),
    ],
)
def test_options_that_do_not_fit_are_refused(books: Path, spec: str, problem: str) -> None:
    first = train("ferry.txt")
    with pytest.raises(UserError, match=problem):
        train("quay.txt", spec, first.id)
    with pytest.raises(SpecError, match="no option"):
        train("quay.txt", "lstm-char:hiden=3", first.id)


def test_what_is_not_trained_step_by_step_is_refused(books: Path) -> None:
    chain = genbench.train("ferry.txt", "markov-char:order=2")
    with pytest.raises(UserError, match=f"learns by counting.*genbench models update {chain.id} FILE"):
        train("quay.txt", "markov-char", chain.id)
    mixture = genbench.train("ferry.txt", f"mixture:parts=(lstm-char:{SMALL})+(markov-char:order=2)", steps=2)
    with pytest.raises(UserError, match="mixture fits parts and their weights together"):
        train("quay.txt", "mixture", mixture.id)
    with pytest.raises(UserError, match="no model is called 'nothing'"):
        train("quay.txt", "lstm-char", "nothing")


def test_a_model_in_a_folder_is_a_parent_too(books: Path) -> None:
    first = train("ferry.txt")
    first.save(books / "copy")
    tuned = train("quay.txt", "lstm-char", str(books / "copy"))
    assert tuned.card is not None
    assert tuned.card.ancestors[0].name == "copy"
    assert tuned.card.parent == first.fingerprint.hex()


def test_words_of_two_texts_keep_their_order() -> None:
    both = TrainingWords.from_text("b c").after(TrainingWords.from_text("a b"))
    assert (both.hash_runs(2)) == TrainingWords.from_text("a b b c").hash_runs(2)


# Comparisons


@pytest.mark.usefixtures("in_process")
def test_a_row_of_a_fine_tuned_model_is_marked_and_ranked_apart(books: Path) -> None:
    # the parent has learned the other text with the book on which the row is tested
    (books / "both.txt").write_text((books / "ferry.txt").read_text() + (books / "quay.txt").read_text())
    first = train("both.txt")
    tuned = train("quay.txt", "lstm-char", first.id)
    specs = [f"lstm-char:{SMALL}", "markov-char:order=2", "markov-char:order=3"]
    comparison = genbench.compare("quay.txt", specs, steps=3, imported=tuned.id, length=0)
    row = comparison.results[0]
    assert row.model == tuned.id
    assert [ancestor.name for ancestor in row.ancestors] == [first.id]
    assert any(first.id in note for note in row.notes)
    assert sum("of the test text stands in the text of an ancestor (both)" in note for note in row.notes) == 1

    # marked and last, in no verdict, in every format
    assert comparison.lines("quay")[-1].fine_tuned
    assert labels(comparison.ranked("quay"))[-1] == "lstm-char (fine-tuned)"
    assert all("lstm" not in verdict.sentence() for verdict in comparison.verdicts("quay"))
    assert "lstm-char (fine-tuned)" in as_markdown(comparison)
    assert Comparison.from_dict(json.loads(as_json(comparison))).results[0].ancestors == row.ancestors
    flags = [line["fine_tuned"] for line in csv.DictReader(io.StringIO(as_csv(comparison)))]
    assert flags == ["True", "False", "False"]

    # one that is not named is not used
    assert not genbench.compare("quay.txt", specs[:1], steps=3, length=0).results[0].fine_tuned


def test_a_winner_of_a_column_is_not_fine_tuned() -> None:
    ancestor = cards.Ancestor("a", "00", "lstm-char", "austen", "11", "")
    rows = [replace(Row("carroll", "g"), bits_per_character=bits) for bits in (2.0, 2.5)]
    best = replace(Row("carroll", "h"), bits_per_character=1.0, ancestors=[ancestor])
    column = next(column for column in columns_for([*rows, best]) if column.key == "bits_per_character")
    assert column.winner([*rows, best]) == 2.0
    assert not best.comparable
