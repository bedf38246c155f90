"""Generators by name and by path."""

import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest
from doubles import unigram_source
from processes import HEADER

from genbench import Generator, registry
from genbench.errors import ContractError, SpecError
from genbench.spec import Spec

TWO_GENERATORS = (Path(__file__).parent / "doubles.py").read_text(encoding="utf-8")
UNIGRAM = HEADER + unigram_source()


def test_the_generators_of_the_package_are_registered() -> None:
    assert {"markov-char", "markov-word", "lstm-char", "lstm-word"} <= set(registry.registered())


def test_metadata_is_read_again_only_after_an_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(name: str) -> None:
        info = {"METADATA": f"Name: {name}\nVersion: 1\n", "entry_points.txt": f"[genbench.generators]\n{name} = a:B\n"}
        write_files(tmp_path / f"{name}-1.dist-info", info)
        os.utime(
            tmp_path, (place := os.stat(tmp_path).st_mtime + 1, place)
        )  # two changes may share a tick of the clock

    monkeypatch.syspath_prepend(str(tmp_path))
    install("first")
    assert "first" in registry.registered()
    with monkeypatch.context() as unchanged:
        unchanged.setattr("genbench.registry.installed.entry_points", None)
        assert "first" in registry.registered()
    install("second")
    assert {"first", "second", "markov-char"} <= set(registry.registered())


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(SpecError, match="did you mean markov-char"):
        registry.create("markov-chr")


def test_a_file_with_one_generator_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(UNIGRAM, encoding="utf-8")
    generator = registry.create(f"{tmp_path}/mine.py:smoothing=0.25")
    assert isinstance(generator, Generator)
    assert generator.smoothing == 0.25  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1", "defines none"),
        (TWO_GENERATORS, "defines Fixed, Unigram"),
        ("raise ValueError('no')", "ValueError: no"),
        (UNIGRAM.replace("@dataclass\nclass", "class"), "must be a dataclass"),
        ("syntax error", "SyntaxError"),
    ],
)
def test_a_file_without_exactly_one_generator_is_refused(source: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(ContractError, match=reason):
        registry.create(f"{tmp_path}/mine.py")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no file"):
        registry.create(f"{tmp_path}/mine.py")


def test_listing_generators_and_creating_a_chain_loads_no_torch() -> None:
    code = (
        "import genbench.registry as r, sys; r.registered(); r.create('markov-char'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


CONTRACT_1 = UNIGRAM.replace("def start", "def begin").replace("def log_probs", "def predict")


@pytest.mark.parametrize("source", [CONTRACT_1, UNIGRAM.replace("smoothing:", "contract = 1\n    smoothing:")])
def test_a_plugin_for_contract_1_is_refused_with_the_names_to_change(source: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(ContractError, match=r"contract 1.*rename begin to start and predict to log_probs") as caught:
        registry.create(f"{tmp_path}/mine.py")
    assert "\n" not in str(caught.value)


def test_an_import_of_a_name_of_contract_1_is_refused_with_the_names_to_change(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from genbench import Run\n", encoding="utf-8")
    with pytest.raises(ContractError, match=r"another version of genbench; rename begin to start"):
        registry.create(f"{tmp_path}/mine.py")


def test_a_plugin_for_a_later_contract_asks_for_an_upgrade(tmp_path: Path) -> None:
    source = UNIGRAM.replace("smoothing:", "contract = 3\n    smoothing:")
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    with pytest.raises(ContractError, match=r"supports 2; pip install --upgrade genbench"):
        registry.create(f"{tmp_path}/mine.py")


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def test_the_files_that_a_plugin_imports_from_its_own_folder_are_found_without_running_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported = {
        "helper.py": "import os, json\nfrom package.deep import part, constant\n",
        "lazy.py": "",
        "named.py": "",
        "loaded.py": "import plugin\n",  # a circle ends
        "package/__init__.py": "from . import sibling\n",
        "package/sibling.py": "from .deep.below import *\n",
        "package/deep/__init__.py": "raise SystemExit\n",
        "package/deep/part.py": "from ..above import x\n",
        "package/deep/below.py": "not Python\n",
        "package/above.py": "",
        f"native{EXTENSION_SUFFIXES[0]}": "",
    }
    plugin = (
        "import numpy, helper as h, native\nfrom importlib import import_module\n"
        "def f():\n    from lazy import g\n    import_module('named')\n    spec_from_file_location('x', 'loaded.py')\n"
    )
    others = {"other.py": "", "package/unused.py": "", "text.txt": "helper", "deep/part.py": ""}
    write_files(tmp_path, {"plugin.py": plugin} | imported | others)

    # an isolated process may read these files, but not list their folders
    def refuse(*_: object) -> None:
        raise PermissionError

    for function in ("scandir", "listdir"):
        monkeypatch.setattr(os, function, refuse)
    found = registry.imported_files(tmp_path / "plugin.py")
    assert found[0] == tmp_path / "plugin.py"
    assert {path.relative_to(tmp_path).as_posix() for path in found[1:]} == set(imported)


def test_the_files_of_an_installed_generator_are_those_of_its_package() -> None:
    chain = {path.name for path in registry.installed_files(Spec.parse("mixture:parts=markov-char+nltk-lm"))}
    assert {"ngram.py", "suffix_tree.py", "mixture.py", "nltk_lm.py", "__init__.py"} <= chain
    assert registry.installed_files(Spec.parse("./plugin.py:order=3")) == []


def test_genbench_beside_a_plugin_file_is_not_its_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "genbench").mkdir()
    (tmp_path / "genbench" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "helper.py").write_text("", encoding="utf-8")
    plugin = tmp_path / "plugin.py"
    plugin.write_text("import genbench, helper\n", encoding="utf-8")
    monkeypatch.setattr("genbench.registry.code_files.OWN", tmp_path / "genbench")
    assert registry.imported_files(plugin) == [plugin, tmp_path / "helper.py"]
