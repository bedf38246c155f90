"""Authors and generators that are named twice are compared once, with a line that says so."""

import os
from pathlib import Path

import pytest
from processes import write_plugin

from genbench.corpus.loading import load_corpus
from genbench.errors import UserError
from genbench.experiments.compare import compare
from genbench.experiments.duplicates import require_distinct_names, unique_specs, unique_texts
from genbench.experiments.plan import describe_specs
from genbench.spec import Spec
from genbench.training import ProgressListener


@pytest.mark.parametrize(
    ("specs", "names", "message"),
    [
        (["markov-char", "markov-char"], ["markov-char"], "markov-char is named twice, and compared once; --seeds 2"),
        (
            ["markov-char", "markov-char:order=8", "markov-char:order=5"],
            ["markov-char", "markov-char:order=5"],
            "markov-char:order=8 is the same as markov-char, and compared once",
        ),
        (["markov-char:order=3", "markov-char:adaptive=false,order=3"], ["markov-char:order=3"], "is the same as"),
    ],
)
def test_a_generator_is_compared_once(specs: list[str], names: list[str], message: str) -> None:
    messages: list[str] = []
    assert [str(spec) for spec, _ in unique_specs(describe_specs(specs), messages.append)] == names
    assert len(messages) == 1
    assert message in messages[0]


@pytest.mark.slow
def test_a_plugin_file_is_compared_once(tmp_path: Path) -> None:
    path = write_plugin(tmp_path, "fit", "pass")
    (tmp_path / "other").mkdir()
    other = write_plugin(tmp_path / "other", "fit", "pass")
    specs = describe_specs([path, os.path.relpath(path), f"{path}:smoothing=1", other])
    messages: list[str] = []
    assert unique_specs(specs, messages.append) == [specs[0], *specs[2:]]
    assert len(messages) == 1


def test_two_plugin_files_of_one_name_are_refused() -> None:
    specs = [Spec.parse(spec) for spec in ("a/toy.py", "a/toy.py:smoothing=2", "markov-char", "toy", "b/toy.py")]
    require_distinct_names(specs[:-1])  # rows of the file are called toy.py, those of the installed generator toy
    with pytest.raises(UserError, match=r"^a/toy.py and b/toy.py have one name, so their rows look alike; rename a"):
        require_distinct_names(specs)


def test_an_author_is_compared_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("text", encoding="utf-8")
    corpus = load_corpus("pell")
    messages: list[str] = []
    texts = [str(path), "pell", path, os.path.relpath(path), "Pell", corpus, load_corpus("pell"), "thorne"]
    assert unique_texts(texts, messages.append) == [str(path), "pell", corpus, "thorne"]
    assert len(messages) == 4
    assert messages[-1] == "pell is named twice, and compared once"


@pytest.mark.slow
def test_a_comparison_says_what_it_leaves_out() -> None:
    class Listener(ProgressListener):
        def __init__(self) -> None:
            self.messages: list[str] = []

        def message(self, text: str) -> None:
            self.messages.append(text)

    listener = Listener()
    comparison = compare(["pell", "pell"], ["markov-char:order=2"] * 2, length=0, keep=False, listener=listener)
    assert len(comparison.results) == 1
    assert comparison.settings
    assert (comparison.settings.authors, comparison.settings.generators) == (["pell"], ["markov-char:order=2"])
    assert [message.split(",")[0] for message in listener.messages] == [
        "markov-char:order=2 is named twice",
        "pell is named twice",
    ]
