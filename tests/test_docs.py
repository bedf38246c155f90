"""The pages of docs/commands: one for every command, and every console block holds what the program prints."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from genbench.cli.main import app

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted((DOCS / "commands").glob("*.md"))


def names(command: Any, before: str = "") -> list[str]:
    """A command and those below it, as they are typed."""
    below = getattr(command, "commands", {})
    return [name for word, each in below.items() for name in (f"{before}{word}", *names(each, f"{before}{word} "))]


@pytest.mark.parametrize("name", names(get_command(app)))
def test_every_command_has_its_options_on_a_page_that_the_list_names(name: str) -> None:
    (page,) = (page for page in PAGES if f"$ genbench {name} --help\n" in page.read_text(encoding="utf-8"))
    assert f"(commands/{page.name})" in (DOCS / "commands.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the blocks are run on a terminal of Unix")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_holds_what_the_program_prints(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    from build import build_page, comparable  # type: ignore[import-not-found]

    text = page.read_text(encoding="utf-8")
    assert comparable(text) == comparable(build_page(text)), f"make docs ARGS={page.name} updates it"


@pytest.mark.parametrize("page", [*DOCS.glob("*.md"), *PAGES, DOCS.parent / "README.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
