"""Names that are not Unicode, from file names that are not UTF-8: they can be used, stored and shown."""

import io
import json
import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genbench.cli.main import app
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus
from genbench.errors import SpecError
from genbench.experiments.plan import CompareSettings
from genbench.report.terminal.screen import prepare_output
from genbench.spec import Spec
from genbench.storage.cards import read_card
from genbench.storage.models import list_models, models_folder
from genbench.storage.untrusted import parse_json
from genbench.storage.user_files import named_path
from genbench.tokenization.text import Text
from genbench.training.train import json_values

TEXT = "The cat sat on the mat, and the dog looked at it. " * 40

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working folder, with files whose names are not UTF-8."""
    monkeypatch.chdir(tmp_path)
    inner = os.fsencode(tmp_path) + b"/\xfe"
    os.mkdir(inner)
    for path in (os.fsencode(tmp_path) + b"/\xffx.txt", inner + b"/a\xfd.txt", inner + b"/b.txt"):
        Path(os.fsdecode(path)).write_text(TEXT, encoding="utf-8")
    return tmp_path


@linux_only
def test_a_file_can_be_named_as_it_is_and_as_results_show_it(folder: Path) -> None:
    corpus = load_corpus("\udcffx.txt")
    assert (corpus.author, corpus.books) == ("\\udcffx", ("\\udcffx",))
    assert load_corpus("\\udcffx.txt") == corpus
    assert load_corpus("\udcfe").books == ("a\\udcfd", "b")
    assert load_corpus("\\udcfe", held_out=["a\\udcfd"]).held_out == "a\\udcfd"


@linux_only
def test_a_file_of_the_name_itself_comes_first(folder: Path) -> None:
    assert named_path("\\udcffx.txt") == Path("\udcffx.txt")
    Path("\\udcffx.txt").touch()
    assert named_path("\\udcffx.txt") == Path("\\udcffx.txt")
    assert named_path("\\ud800.txt") == Path("\\ud800.txt")


@linux_only
def test_a_model_of_such_a_file_is_stored_and_found(folder: Path) -> None:
    for command in (["train"], ["generate", "--length", "5"]):
        result = CliRunner().invoke(app, [command[0], "\udcffx.txt", "-g", "markov-char:order=2", *command[1:]])
        assert result.exit_code == 0, result.output
    (model,) = list_models(models_folder())
    card = read_card(model.folder)
    assert card is not None
    assert card.author == "\\udcffx"


def test_nothing_that_is_stored_has_lone_surrogates() -> None:
    settings = CompareSettings(["\udcff"], held_out=["\udcff"], title="\ud800", column="\udcff")
    assert (settings.authors, settings.held_out, settings.title) == (["\\udcff"], ["\\udcff"], "\\ud800")
    assert settings.column == "\\udcff"
    text = Text(TEXT)
    corpus = Corpus("\udcff", text, text, text, ("\udcfe",), "join", "", 9, book_starts=((0, "\udcfe"),))
    assert (corpus.author, corpus.books, corpus.locate(1)[0]) == ("\\udcff", ("\\udcfe",), "\\udcfe")
    assert json_values({"a\udcff": ["\udcff"]}) == {"a\\udcff": ["\\udcff"]}
    with pytest.raises(SpecError, match="not valid Unicode text; rename a file"):
        Spec.parse("./\udcff.py")


@pytest.mark.parametrize("text", ["\ud83d", "a\udcff"])
def test_json_with_a_lone_surrogate_is_refused(text: str) -> None:
    for value in (text, {text: 1}, [{"a": [text]}]):
        with pytest.raises(ValueError, match="not Unicode"):
            parse_json(json.dumps(value))
    assert parse_json(json.dumps("\U0001f600 \\ud83d")) == "\U0001f600 \\ud83d"


def test_a_lone_surrogate_is_not_reported_as_lacking_in_an_encoding() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    handler = prepare_output([stream], {})
    stream.write("a\udcff")
    stream.flush()
    assert (stream.buffer.getvalue(), handler.sentence()) == (b"a?", "")  # type: ignore[attr-defined]
