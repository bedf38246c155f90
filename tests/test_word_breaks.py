"""Words of scripts without spaces: separated by ICU, everything else unchanged, and then word models work."""

import importlib
from pathlib import Path

import pytest
from test_cli import run

from genbench.corpus.loading import load_corpus
from genbench.corpus.word_breaks import separate_words
from genbench.errors import UserError
from genbench.scoring import split_words
from genbench.tokenization.segmentation import separates_words

CHINESE = "老师修好了地图。我的姐姐在桥上看见了那封信。\n"

pytest.importorskip("icu4py")


def test_words_are_separated_by_hand() -> None:
    assert separate_words("老师修好了地图。\n") == ("老师 修好 了 地图。\n", 3)
    assert separate_words("今日は良い天気です。") == ("今日 は 良い 天気 です。", 4)
    assert separate_words("สวัสดีชาวโลก") == ("สวัสดี ชาว โลก", 2)


@pytest.mark.parametrize("text", [
    "", "It's 3D, isn't it?  Yes--no.\r\n\n", "हिन्दी किताब", "e\u0301te\u0301 l'\u00e9t\u00e9", "ACGTACGT" * 20,
    "می\u200cخواهم", "안녕하세요 세계",
])  # fmt: skip
def test_texts_with_spaces_stay_as_they_are(text: str) -> None:
    assert separate_words(text) == (text, 0)


def test_only_spaces_are_added() -> None:
    text = CHINESE * 20 + "He said 你好 twice.\n\n"
    separated, spaces = separate_words(text)
    assert len(separated) == len(text) + spaces
    assert separated.replace(" ", "") == text.replace(" ", "")
    assert not separates_words(text)
    assert separates_words(separated)


def test_the_command_makes_word_models_possible(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    source, target = tmp_path / "chinese.txt", tmp_path / "words.txt"
    source.write_text(CHINESE * 60, encoding="utf-8")
    assert run(monkeypatch, "corpora", "segment", str(source), "-o", str(target)) == 0
    assert "720 spaces are put between words" in capsys.readouterr().err
    corpus = load_corpus(target)
    assert separates_words(str(corpus.test))
    assert "修好" in [word.strip() for word in split_words(str(corpus.test))]


def test_without_the_package_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UserError, match="needs icu4py: pip install icu4py"):
        separate_words("老师")
