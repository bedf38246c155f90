"""Descriptions of generators: a plugin file is imported in another process, and what that answers is checked."""

import importlib
import subprocess
import sys
from inspect import getdoc
from pathlib import Path
from typing import Any

import pytest
from doubles import unigram_source
from hypothesis import given
from hypothesis import strategies as st
from processes import DAEMON, HEADER, wait_for_end, write_distribution, write_plugin

from genbench.errors import ContractError, PluginWarning, SpecError
from genbench.experiments.compare import compare
from genbench.registry import Description, describe, load_registered, registered, summaries
from genbench.registry.description import _read_answer
from genbench.registry.listing import CACHE
from genbench.spec import Spec
from genbench.storage.files import home
from genbench.storage.records import to_json

SPEC = Spec.parse("./toy.py:smoothing=2")
FILES = {
    "syntax error": ("def (", "SyntaxError"),
    "no class": ("x = 1", "defines none"),
    "ends the process": ("import os; os._exit(0)", r"ended with exit code 0; try python"),
    "sys.exit": ("import sys; sys.exit(3)", "SystemExit"),
    "kills the process": ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9"),
}


def describe_one(text: str, seconds: float = 60.0) -> Description:
    """Return the description of one SPEC."""
    (description,) = describe([Spec.parse(text)], seconds)
    return description


def test_an_installed_generator_is_described_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "3").touch()
    description = describe_one("markov-char:order=3")
    assert (description.values["order"], description.files) == (3, [])
    assert description.docstring
    assert [option.name for option in description.options] == list(description.values)


@pytest.mark.slow
def test_a_file_that_an_option_names_must_be_a_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vectors").touch()
    spec = Spec.parse("mixture:parts=(lstm-word:embeddings=vectors)+markov-char")
    (description,) = describe([spec])
    assert description.paths(spec) == [Path("vectors")]
    for name in ("nowhere", "/dev/zero", str(tmp_path)):
        with pytest.raises(SpecError, match=r"embeddings is '.*', but must be learned, word2vec or a file"):
            describe_one(f"lstm-word:embeddings={name}")


@pytest.mark.slow
def test_a_plugin_file_is_imported_in_another_process(tmp_path: Path) -> None:
    path = write_plugin(tmp_path, "fit", "pass")
    before = set(sys.modules)
    specs = [Spec.parse(f"{path}:smoothing={value}") for value in (1, 2)]
    first, second = describe(specs)
    assert (first.values, second.values) == ({"smoothing": 1.0}, {"smoothing": 2.0})
    assert first.paths(specs[0]) == [Path(path)]
    assert not [name for name in set(sys.modules) - before if "toy" in name]
    with pytest.raises(SpecError, match="has no option 'smothing': did you mean smoothing"):
        describe_one(f"{path}:smothing=1")


@pytest.mark.slow
@pytest.mark.parametrize("fault", FILES)
def test_a_comparison_with_an_unusable_file_is_refused_before_it_starts(fault: str, tmp_path: Path) -> None:
    source, reason = FILES[fault]
    path = tmp_path / "broken.py"
    path.write_text(source, encoding="utf-8")
    with pytest.raises(ContractError, match=reason):
        compare("pell", ["markov-char:order=1", f"mixture:parts={path}+markov-char"])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")
def test_what_a_file_starts_when_it_is_imported_ends_with_its_description(tmp_path: Path) -> None:
    path, started = tmp_path / "starts.py", tmp_path / "started"
    code = f"open({str(started)!r}, 'w').write(subprocess.check_output(['sh', '-c', {DAEMON!r}], text=True))\n"
    path.write_text(HEADER + code + unigram_source(), encoding="utf-8")
    assert describe_one(str(path)).docstring
    wait_for_end(int(started.read_text(encoding="utf-8")))


@pytest.mark.slow
def test_a_file_that_does_not_return_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loops.py"
    path.write_text(HEADER + "while True: print('x' * 9999)", encoding="utf-8")
    with pytest.raises(ContractError, match="did not return within 1 seconds"):
        describe_one(str(path), seconds=1.0)


@pytest.mark.slow
def test_a_plugin_that_changes_genbench_changes_no_other_row(tmp_path: Path) -> None:
    path = tmp_path / "patches.py"
    patch = "import genbench.scoring\ngenbench.scoring.score = None\nos.chdir('/')\n"
    path.write_text(HEADER + patch + unigram_source(), encoding="utf-8")
    rows = compare("pell", [str(path), "markov-char:order=2"], length=0, keep=False).results
    assert [row.status for row in rows] == ["failed", "ok"]
    assert Path.cwd() != Path("/")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=9), values, max_size=3),
    max_leaves=9,
)
VALID: dict[str, Any] = {"docstring": "", "options": [], "values": {"smoothing": 2}, "files": [[0, 8]]}
VALID |= {"memory": 0, "counting": False, "tokens": ""}


def test_a_valid_answer_is_a_description() -> None:
    description = _read_answer("toy.py", VALID, SPEC)
    assert (description.paths(SPEC), to_json(description)) == ([Path("toy.py")], VALID)


@given(key=st.sampled_from(["refused", *VALID]), value=JSON_VALUES)
def test_any_other_answer_is_refused(key: str, value: Any) -> None:
    try:
        description = _read_answer("toy.py", VALID | {key: value}, SPEC)
    except ContractError:
        return
    assert isinstance(to_json(description)[key], type(value))


@pytest.mark.parametrize("files", [[[0, 99]], [[3, 2]], [[2, 4], [3, 5]], [[-1, 2]]])
def test_places_outside_the_spec_are_refused(files: list[list[int]]) -> None:
    with pytest.raises(ContractError, match="its files are not in the SPEC"):
        _read_answer("toy.py", VALID | {"files": files}, SPEC)


@given(answer=JSON_VALUES)
def test_an_answer_of_another_type_is_refused(answer: Any) -> None:
    with pytest.raises(ContractError, match="its description is not valid"):
        _read_answer("toy.py", answer, SPEC)


@pytest.mark.slow
def test_the_descriptions_of_the_list_are_read_without_importing_a_plugin() -> None:
    expected = {name: (getdoc(load_registered(name)) or "").partition("\n")[0] for name in registered()}
    assert summaries() == expected
    code = (
        "import sys; from genbench.cli.main import main; sys.argv = ['genbench', 'generators', 'list']\n"
        "try:\n    main()\nfinally:\n    assert not {'torch', 'nltk', 'genbench_plugins'} & set(sys.modules)"
    )
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert listed.count("\n") == len(expected) + 1


def test_a_plugin_is_imported_again_only_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file, what is installed beside it, and a damaged cache are changes."""
    module = write_distribution(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()

    def is_imported() -> bool:
        sys.modules.pop("toy_plugin", None)
        assert summaries()["toy-plugin"].startswith("Predicts each character by its frequency")
        return "toy_plugin" in sys.modules

    assert [is_imported(), is_imported()] == [True, False]
    module.write_text(module.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert [is_imported(), is_imported()] == [True, False]
    (tmp_path / "another.dist-info").mkdir()
    assert [is_imported(), is_imported()] == [True, False]
    for damaged in ("[]", '{"a": 1}', "{", "\0"):
        (home() / CACHE).write_text(damaged, encoding="utf-8")
        assert [is_imported(), is_imported()] == [True, False]
    sys.modules.pop("toy_plugin", None)


def test_a_broken_plugin_is_reported_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(tmp_path, "import no_such_package")
    monkeypatch.syspath_prepend(tmp_path)
    for _ in range(2):
        with pytest.warns(PluginWarning, match="No module named 'no_such_package'"):
            assert "toy-plugin" not in summaries()


def test_descriptions_are_given_where_they_cannot_be_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path / "file"))
    assert "toy-plugin" in summaries()
    sys.modules.pop("toy_plugin", None)
