"""Merge, update, forget: a model of joined texts is that of a training on these texts, to the last bit."""

import errno
import os
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from genbench_plugins.markov.chain import MarkovChain

import genbench
from genbench import Model, UserError, api
from genbench.corpus import text_files
from genbench.generator import Text, TrainContext
from genbench.spec import Spec, create_generator
from genbench.storage import models
from genbench.storage.models import StoredModel
from genbench.storage.texts import TEXTS, KeptTexts, read_texts
from genbench.testing.counterexamples import require_same
from genbench.training.combination import _remove
from genbench.training.listener import ProgressListener

QUICK = "markov-char:order=4"
LATER = "Then it rained, and the quails went home.\n\nNobody had asked the quails.\n"


def write_book(path: Path, thing: str, number: int) -> Path:
    """Write a text of paragraphs that differ, with words that occur once in each text."""
    lines = [
        f"The {thing} number {n} was {'old' if n % 3 else 'new'} on day {n * number}, zebra{n}." for n in range(60)
    ]
    path.write_text("\n\n".join(lines) + "\n")
    return path


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_book(tmp_path / "glass.txt", "glass", 7)
    write_book(tmp_path / "stone.txt", "stone", 11)
    (tmp_path / "later.txt").write_text(LATER)
    return tmp_path


def trained(author: str, spec: str = QUICK) -> Model:
    return genbench.train(author, spec)


def fitted(spec: str, train: str | Text, valid: str) -> genbench.Generator:
    """Return a generator that was trained directly, without a store."""
    generator = genbench.api.registry.create(Spec.parse(spec))
    generator.fit(Text(train), Text(valid), TrainContext())
    return generator


def weighted(pieces: Sequence[tuple[Text, int]]) -> Text:
    """Return a text with weights from parts that end with their paragraphs, so that nothing is added between them."""
    return Text("".join(str(piece) * weight for piece, weight in pieces), [(len(piece), w) for piece, w in pieces])


def stored_models() -> list[StoredModel]:
    return models.list_models(models.models_folder())


SPECS = [
    QUICK,
    "markov-char:order=unbounded,smoothing=kneser-ney",
    "markov-char:smoothing=fitted,adaptive=true",
    "markov-word",
    "markov-word:spelling=characters",
    "markov-subword:vocabulary=300",
    "markov-class:classes=8",
    "mixture:parts=(markov-char:order=3)+(markov-word:order=2)",
    "nltk-lm",
]


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_a_merged_model_is_that_of_the_joined_texts(books: Path, spec: str) -> None:
    glass, stone = (genbench.corpus(f"{name}.txt") for name in ("glass", "stone"))
    first, second = trained("glass.txt", spec), trained("stone.txt", spec)
    merged = api.merge_models(f"2*{first.id}+{second.id}")

    train, valid = weighted([(glass.train, 2), (stone.train, 1)]), f"{glass.valid}{stone.valid}"
    expected = fitted(spec, train, valid)
    require_same(expected, merged.generator, f"{stone.test}{glass.test} and zebras, quails", "merged and trained")
    assert not merged.reused


def test_counts_of_a_merged_model_by_hand(books: Path) -> None:
    """Maximum likelihood by a counter, which shares no code with the chains."""
    spec = "markov-char:order=2,smoothing=mle"
    models_ = [trained("glass.txt", spec), trained("stone.txt", spec)]
    merged = api.merge_models(f"3*{models_[0].id}+{models_[1].id}")
    texts = [str(genbench.corpus(f"{name}.txt").train) for name in ("glass", "stone")]
    text = "\n" + texts[0] * 3 + texts[1]
    pairs, singles = Counter(pairwise(text)), Counter(text[:-1])

    chain = merged.generator
    assert isinstance(chain, MarkovChain)
    for left, right in ("th", "he", "ss", "on", "\n\n", ".\n", "ze"):
        state = chain.advance(chain.start(), int(chain.tokenizer.encode(left)[0]))
        probability = np.exp(chain.log_probs(state))[chain.tokenizer.encode(right)[0]]
        assert probability == pytest.approx(pairs[left, right] / singles[left], abs=0.002), (left, right)


@pytest.mark.slow
def test_a_merged_model_takes_the_place_of_a_training_on_the_sum(books: Path) -> None:
    first, second = trained("glass.txt"), trained("stone.txt")
    merged = api.merge_models(f"2*{first.id}+{second.id}")
    again = trained("2*glass.txt+stone.txt")
    assert (again.reused, again.id) == (True, merged.id)
    assert merged.card is not None
    assert merged.card.sha256 == genbench.corpus("2*glass.txt+stone.txt").sha256
    assert merged.card.author == "2*glass+stone"
    assert merged.card.books == ["glass", "stone"]

    # its card and its rows say what it was made from
    assert merged.card.origin == f"2*{first.id} + {second.id}"
    assert [origin.sha256 for origin in merged.card.made_from] == [first.card.sha256, second.card.sha256]  # type: ignore[union-attr]
    row = genbench.compare(["2*glass.txt+stone.txt"], [QUICK], samplings=[]).results[0]
    assert row.reused
    assert any(f"from 2*{first.id} + {second.id}" in note for note in row.notes)


def test_models_are_named_by_their_authors_where_one_of_each_has_its_text(books: Path) -> None:
    for name in ("glass.txt", "stone.txt"):
        trained(name)
    assert trained("2*glass.txt+stone.txt").id == api.merge_models("2*glass+stone").id
    trained("glass.txt", "markov-word")
    with pytest.raises(UserError, match="models' names start with 'glass'"):
        api.merge_models("2*glass+stone")


def test_a_model_is_used_by_its_name(books: Path) -> None:
    first = trained("glass.txt")
    updated = api.update_model(first.id, "later.txt")
    assert api.load_or_train("glass.txt", QUICK, stored=updated.id).id == updated.id
    assert api.load_or_train("glass.txt", QUICK).id == first.id
    with pytest.raises(UserError, match="is markov-char:order=4, not markov-word; leave out -g"):
        api.load_or_train("glass.txt", "markov-word", stored=updated.id)


def test_merged_models_are_merged_again(books: Path) -> None:
    first, second = trained("glass.txt"), trained("stone.txt")
    both = api.merge_models(f"{first.id}+{second.id}")
    merged = api.merge_models(f"{both.id}+2*{second.id}")
    glass, stone = (genbench.corpus(f"{name}.txt") for name in ("glass", "stone"))
    expected = fitted(QUICK, weighted([(glass.train, 1), (stone.train, 1), (stone.train, 2)]), "x")
    require_same(expected, merged.generator, str(stone.test), "merged twice and trained")
    assert merged.card is not None
    assert merged.card.author == "(glass+stone)+2*stone"


def test_update_counts_all_of_a_file_and_forget_undoes_it(books: Path) -> None:
    first = trained("glass.txt", "markov-word")
    updated = api.update_model(first.id, "later.txt")
    corpus = genbench.corpus("glass.txt")
    expected = fitted("markov-word", f"{corpus.train}{LATER}", str(corpus.valid))
    require_same(expected, updated.generator, LATER, "updated and trained")
    assert updated.card is not None
    assert (updated.card.author, updated.card.origin) == ("glass+later", f"{first.id} + later")
    assert updated.card.sha256 != first.card.sha256  # type: ignore[union-attr]

    # it is no model of its first author, and forgetting leads back to that one
    assert trained("glass.txt", "markov-word").id == first.id
    forgotten = api.forget_text(updated.id, "later.txt")
    assert forgotten.id == first.id
    assert forgotten.fingerprint == first.fingerprint


def test_forget_a_book_that_was_split(books: Path) -> None:
    whole = trained("glass.txt+stone.txt", "markov-char:order=4,smoothing=fitted")
    left = api.forget_text(whole.id, "stone.txt")
    alone = trained("glass.txt", "markov-char:order=4,smoothing=fitted")
    require_same(alone.generator, left.generator, LATER, "one forgotten, and the other alone")
    assert left.card is not None
    assert (left.card.author, left.card.origin) == ("glass+stone-stone", f"{whole.id} - stone")
    assert left.card.books == ["glass"]


@pytest.mark.parametrize(
    ("texts", "removed", "left", "count"),
    [
        (["one\n\ntwo\n\nsix\n"], "two\n", ["one\n\nsix\n"], 1),
        (["one\n\ntwo\n\nsix\n"], "one\n\ntwo", ["six\n"], 1),
        (["one\n\ntwo\n"], "two\n", ["one\n\n"], 1),
        (["two\n", "one\n\ntwo\n\ntwo\n\nsix", "two"], "\ntwo\n\n", ["one\n\nsix"], 4),
        (["one\ntwo\n\nsix\n", "two three\n"], "two\n", ["one\ntwo\n\nsix\n", "two three\n"], 0),
        (["one\n"], "\n", ["one\n"], 0),
    ],
)
def test_whole_paragraphs_are_removed(texts: list[str], removed: str, left: list[str], count: int) -> None:
    assert _remove(texts, removed) == (left, count)


def test_a_text_that_was_never_counted_cannot_be_forgotten(books: Path) -> None:
    first = trained("glass.txt")
    before = stored_models()
    for name in ("later.txt", "stone.txt"):
        with pytest.raises(UserError, match=rf"the text of {name[:-4]} was never counted by {first.id}, so nothing is"):
            api.forget_text(first.id, name)
    with pytest.raises(UserError, match="nothing would be left of"):
        api.forget_text(first.id, "glass.txt")
    assert stored_models() == before


def test_what_cannot_be_merged_is_refused_with_the_reason(books: Path) -> None:
    first, other = trained("glass.txt"), trained("stone.txt", "markov-char:order=5")
    network = genbench.train("glass.txt", "rnn-char:hidden=4", steps=1)
    before = stored_models()
    for expression, reason in (
        (first.id, "is one model; name several"),
        (f"{first.id}+{other.id}", "only models of one generator with the same options can be merged"),
        (f"{first.id}+{first.id}", r"has the text of .*; write 2\*MODEL to count it twice"),
        (f"{first.id}+nothing", "no model is called 'nothing'"),
        (f"2*{network.id}", "rnn-char does not learn by counting, and what its weights have of one text cannot"),
    ):
        with pytest.raises(UserError, match=reason):
            api.merge_models(expression)
    with pytest.raises(UserError, match="rnn-char does not learn by counting"):
        api.update_model(network.id, "later.txt")
    assert stored_models() == before

    # it keeps no text
    stored = models.get_model(models.models_folder(), network.id)
    assert stored.card.texts == ""
    assert not (stored.folder / TEXTS).exists()


def test_the_texts_of_a_model_are_those_that_it_was_trained_on(books: Path) -> None:
    trained("glass.txt")
    (stored,) = stored_models()
    corpus = genbench.corpus("glass.txt")
    assert read_texts(stored) == KeptTexts([str(corpus.train)], [str(corpus.valid)])

    # another text in their place is refused
    other = stored.folder / TEXTS
    other.write_bytes(other.read_bytes()[:-1] + b" ")
    with pytest.raises(UserError, match=f"the {TEXTS} of model {stored.name} is damaged"):
        api.update_model(stored.name, "later.txt")


def test_an_imported_model_has_no_text(books: Path) -> None:
    trained("glass.txt")
    api.export_model("glass.txt", QUICK, "shared")
    assert not (books / "shared" / TEXTS).exists()
    imported = api.import_model("shared")
    with pytest.raises(UserError, match="is not stored with it, because it was imported"):
        api.update_model(imported.name, "later.txt")


def test_a_card_with_origins_is_read_again(books: Path) -> None:
    first, second = trained("glass.txt"), trained("stone.txt")
    merged = api.merge_models(f"{first.id}+{second.id}")
    card = models.get_model(models.models_folder(), merged.id).card
    assert card.made_from == merged.card.made_from  # type: ignore[union-attr]
    assert not card.imported
    with pytest.raises(ValueError, match="weight"):
        type(card).from_dict(card.to_dict() | {"made_from": [{"weight": "2"}]})
    assert replace(card, made_from=[]).origin == ""


def test_the_generator_is_created_with_its_options(books: Path) -> None:
    first, second = trained("glass.txt", "markov-char:order=6"), trained("stone.txt", "markov-char:order=6")
    merged = api.merge_models(f"{first.id}+{second.id}")
    assert merged.card is not None
    kind = type(merged.generator)
    assert create_generator(kind, "markov-char", merged.card.options) == merged.generator


def test_forgetting_the_last_update_leads_back_whatever_the_file_is_called(books: Path) -> None:
    first = trained("glass.txt")
    updated = api.update_model(first.id, "later.txt")
    (books / "other name.txt").write_bytes(LATER.replace("\n", "\r\n").encode())
    assert api.forget_text(updated.id, "other name.txt").id == first.id


def test_a_text_that_was_counted_in_another_form_is_not_forgotten_but_named(books: Path) -> None:
    first = trained("glass.txt")
    text = "Le café était fermé, déjà.\n\nL'été là-bas était très beau.\n"
    words = [
        "nobody",
        "in",
        "the",
        "whole",
        "harbour",
        "had",
        "ever",
        "seen",
        "such",
        "an",
        "astonishing",
        "quantity",
        "of",
        "quails",
        "at",
        "once",
    ]
    prose = " ".join(np.random.default_rng(0).choice(words, 300)).capitalize() + "."
    for form in ("NFC", "NFD"):
        (books / f"{form}.txt").write_text(unicodedata.normalize(form, text))
    (books / "wrapped.txt").write_text(textwrap.fill(prose, 60) + "\n")
    updated = api.update_model(first.id, "NFC.txt")
    kept = api.update_model(first.id, "wrapped.txt", lines="keep")
    before = stored_models()
    with pytest.raises(UserError, match=r"NFD was never counted by .*, so nothing is changed; .* `uconv -x nfc`"):
        api.forget_text(updated.id, "NFD.txt")
    with pytest.raises(UserError, match="so nothing is changed; it was counted with --lines keep"):
        api.forget_text(kept.id, "wrapped.txt")
    assert stored_models() == before
    assert api.forget_text(kept.id, "wrapped.txt", lines="keep").id == first.id


def test_an_update_says_what_is_odd_about_its_text(books: Path) -> None:
    class Messages(ProgressListener):
        def __init__(self) -> None:
            self.texts: list[str] = []

        def message(self, text: str) -> None:
            self.texts.append(text)

    (books / "nfc.txt").write_text("Déjà l'été, là-bas: café fermé.\n\n" * 40)
    first, accents = trained("glass.txt"), trained("nfc.txt")
    (books / "nfd.txt").write_text(unicodedata.normalize("NFD", "Là-bas, déjà, l'été était fermé.\n" * 3))
    listener = Messages()
    api.update_model(first.id, "stone.txt", listener=listener)
    assert not [text for text in listener.texts if "validation text of" in text or "Unicode" in text]
    api.update_model(first.id, "glass.txt", listener=listener)
    api.update_model(accents.id, "nfd.txt", listener=listener)
    assert any(f"the validation text of {first.id} stands in glass" in text for text in listener.texts)
    assert any("nfd is not in the Unicode form NFC" in text for text in listener.texts)


def test_a_long_file_is_counted_as_a_short_one(books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained("glass.txt")
    expected = api.update_model(first.id, "stone.txt")
    monkeypatch.setattr(text_files, "LONG", 100)
    updated = api.update_model(first.id, "stone.txt")
    assert (updated.id, updated.reused) == (expected.id, True)
    assert api.forget_text(updated.id, "stone.txt").id == first.id


def test_a_process_killed_while_it_replaces_a_model_leaves_one_of_both(
    books: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = trained("glass.txt")
    (stored,) = stored_models()
    deleted: list[bool] = []
    rmtree = models.files.shutil.rmtree

    def look(path: Path, **options: bool) -> None:
        deleted.append(stored.folder.exists())
        rmtree(path, **options)

    monkeypatch.setattr(models.files.shutil, "rmtree", look)
    genbench.train("glass.txt", QUICK, retrain=True)
    assert deleted
    assert all(deleted)
    assert Model.load(first.id).card is not None


def test_a_model_stays_where_the_new_one_cannot_take_its_place(books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trained("glass.txt")
    rename = os.rename

    def refuse(source: Path, target: Path) -> None:
        if Path(target).name == first.id and Path(source).name != first.id:
            raise OSError(errno.EIO, "input/output error")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    assert genbench.train("glass.txt", QUICK, retrain=True).id == ""
    assert [model.name for model in stored_models()] == [first.id]
