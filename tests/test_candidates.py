"""What completion offers: the truth, without loading what takes long."""

import subprocess
import sys
from pathlib import Path

import pytest

from genbench import api, registry
from genbench import spec as options
from genbench.cli import candidates


@pytest.mark.parametrize("name", sorted(registry.found()))
def test_the_options_read_from_the_source_are_those_of_the_class(name: str) -> None:
    assert candidates.options(name) == list(options.options_of(registry.load(name)))


def test_the_options_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from dataclasses import dataclass, field\nfrom genbench import Generator\n\n@dataclass\n"
        "class Mine(Generator):\n    order: int = 3\n    table: dict = field(init=False)\n",
        encoding="utf-8",
    )
    assert candidates.options(str(path)) == ["order"]
    path.write_text("class (", encoding="utf-8")
    candidates._body.cache_clear()
    assert candidates.options(str(path)) == []
    assert candidates.options(str(tmp_path / "none.py")) == []


def test_a_spec_is_completed_to_names_then_to_options_that_it_has_not_yet() -> None:
    assert candidates.specs("lstm-") == ["lstm-char", "lstm-window", "lstm-word"]
    assert "markov-char:order=3,smoothing=" in candidates.specs("markov-char:order=3,")
    assert "markov-char:order=3,order=" not in candidates.specs("markov-char:order=3,")
    assert candidates.specs("nobody:") == candidates.specs("mixture:parts=(ma") == []


def test_authors_models_and_runs(prose_file: Path) -> None:
    assert ("austen", "Jane Austen") in candidates.authors()
    assert candidates.kept() == candidates.compared() == []
    api.train(api.corpus(prose_file), "markov-char:order=2")
    assert [spec for _, spec in candidates.kept()] == ["markov-char:order=2"]


def test_nothing_heavy_is_loaded() -> None:
    code = "import sys; from genbench import candidates; assert candidates.specs('lstm-char:'); candidates.authors()"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"], check=True)
