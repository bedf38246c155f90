"""Run the notebooks of examples/notebooks, and store their outputs without what they print on standard error.

python docs/notebooks.py      updates both notebooks (make notebooks)
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parent.parent / "examples" / "notebooks"


def main() -> None:
    """Run each notebook in a new folder, and write it with its outputs."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as folder:
            NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()

        # progress bars and warnings are of the machine
        for cell in notebook.cells:
            cell.get("metadata", {}).pop("execution", None)
            if "outputs" in cell:
                cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
