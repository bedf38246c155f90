"""The documentation site, which `make check` builds: its links, and that its reference has the functions of the API."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import genbench
from genbench import api

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs/site/python.rst").read_text(encoding="utf-8")


def public_functions() -> set[str]:
    """Return the functions of genbench.api: those that it defines, and those that it imports under their own name."""
    tree = ast.parse(Path(api.__file__).read_text(encoding="utf-8"))
    imports = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}
    return defined | {alias.name for alias in imports if alias.name == alias.asname}


def test_the_reference_has_every_function_of_the_api_once() -> None:
    listed = re.findall(r"^\.\. autofunction:: (\w+)$", REFERENCE, re.MULTILINE)
    assert sorted(listed) == sorted(public_functions())


def test_the_reference_has_every_public_name() -> None:
    for name in genbench.__all__:
        kind = getattr(genbench, name)
        assert re.search(rf"\b{kind.__module__}\b|:: {name}$", REFERENCE, re.MULTILINE), name


@pytest.mark.slow
def test_a_link_to_a_file_leads_to_its_page_and_one_to_nowhere_is_a_warning(tmp_path: Path) -> None:
    # a repository of two pages with the settings of ours
    (tmp_path / "README.md").write_text("# First\n\n[a](docs/a.md) [code](docs/code.py) [gone](docs/none.md)\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.md").write_text("# A page\n\n[up](../README.md#first) [code](code.py)\n")
    (tmp_path / "docs/code.py").write_text('SIGN = "<b>"\n')
    settings = (ROOT / "docs/site/conf.py").read_text(encoding="utf-8")
    settings = re.sub(r"^ROOT = .*$", f"ROOT = __import__('pathlib').Path({str(tmp_path)!r})", settings, flags=re.M)
    settings = re.sub(r"^NAVIGATION = \{.*?^\}$", 'NAVIGATION = {"Pages": ["docs/a"]}', settings, flags=re.M | re.S)
    (tmp_path / "site/templates").mkdir(parents=True)
    (tmp_path / "site/conf.py").write_text(settings)
    (tmp_path / "site/templates/redirect.html").write_text("")

    arguments = ["-q", "-w", "warnings.txt", "-c", "site", ".", "build"]
    subprocess.run([sys.executable, "-m", "sphinx", *arguments], cwd=tmp_path, check=True, capture_output=True)
    site = tmp_path / "build"
    assert 'href="source/docs/code.py.html"' in (site / "README.html").read_text()
    page = (site / "docs/a.html").read_text()
    assert 'href="../source/docs/code.py.html"' in page
    assert 'href="../README.html#first"' in page
    assert "&lt;b&gt;" in (site / "source/docs/code.py.html").read_text()
    warnings = (tmp_path / "warnings.txt").read_text()
    assert "docs/none.md" in warnings
    assert warnings.count("WARNING") == 1
