"""Unicode normal forms: a text in another form than the training text is noticed, and nothing is changed."""

import unicodedata

import pytest

import genbench
from genbench.tokenization import Tokenizer
from genbench.tokenization.normal_form import better_form, differing_forms, form_notes
from genbench.training import ProgressListener

FRENCH = "Élodie a déjà posé la clé près du café, à côté du théâtre. "
KOREAN = "낯선 사람은 저녁 식사 전에 바퀴를 잊었다. "
PLAIN = "The miller hid the lantern under the bridge. "


def form(name: str, text: str) -> str:
    return unicodedata.normalize(name, text)


@pytest.mark.parametrize("text", [FRENCH, KOREAN])
@pytest.mark.parametrize("trained", ["NFC", "NFD"])
@pytest.mark.parametrize("make", [Tokenizer.characters, Tokenizer.words])
def test_the_form_of_the_training_text_is_named(text, trained, make):
    tokenizer = make(form(trained, text) * 3)
    other = {"NFC": "NFD", "NFD": "NFC"}[trained]
    (note,) = form_notes(tokenizer, form(other, text))
    assert f"not in the Unicode form {trained}" in note
    assert form_notes(tokenizer, form(trained, text)) == []


@pytest.mark.parametrize("text", [FRENCH, KOREAN, PLAIN, ""])
def test_unknown_characters_alone_are_not_noticed(text):
    assert better_form(set(PLAIN + FRENCH.lower()), form("NFC", KOREAN)) == ""
    assert better_form(set(text), PLAIN) == ""


def test_authors_of_different_forms_are_named():
    texts = {"one": form("NFC", FRENCH), "two": form("NFD", FRENCH), "three": PLAIN}
    (note,) = differing_forms(texts)
    assert note.startswith("two is not in the Unicode form NFC, as one is")


def test_scoring_reports_the_form(tmp_path):
    class Messages(ProgressListener):
        def __init__(self):
            self.texts = []

        def message(self, text):
            self.texts.append(text)

    (tmp_path / "french.txt").write_text(form("NFC", FRENCH) * 40, encoding="utf-8")
    model = genbench.train(str(tmp_path / "french.txt"), "markov-char", keep=False)
    messages = Messages()
    genbench.api.score(model, form("NFD", FRENCH), listener=messages)
    assert [text[:44] for text in messages.texts] == ["the text is not in the Unicode form NFC, as "]
