"""The notebooks of examples/notebooks run, and show what their stored outputs show."""

from pathlib import Path
from typing import Any

import pytest

nbclient = pytest.importorskip("nbclient", reason="development only: pip install nbclient ipykernel")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")
pytest.importorskip("pandas")

NOTEBOOKS = sorted((Path(__file__).parent.parent / "examples" / "notebooks").glob("*.ipynb"))


def kinds(cell: Any) -> set[str]:
    """Return the kinds of the results of a cell: HTML, text; what it prints meanwhile depends on the machine."""
    results = [output["data"] for output in cell.get("outputs", []) if "data" in output]
    return {kind for data in results for kind in data if kind in ("text/html", "text/plain")}


def test_there_are_two() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["first-comparison", "write-a-plugin"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the packages of Jupyter
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_it_stored(path: Path, tmp_path: Path) -> None:
    stored = nbformat.read(path, as_version=4)
    run = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(run, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    for before, after in zip(stored.cells, run.cells, strict=True):
        assert kinds(before) == kinds(after), after.source
    nbformat.validate(stored)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_are_complete_and_free_of_faults(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.execution_count, "run make notebooks"
            assert not [output for output in cell.outputs if output.output_type == "error"]
