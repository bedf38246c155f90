"""The pages of docs: one for each command, console blocks show the output of the program, and links lead somewhere."""

import re
import sys
from dataclasses import fields
from html import unescape
from pathlib import Path
from typing import Any

import pages
import pytest
from typer.main import get_command

from genbench.cli.main import app
from genbench.experiments.comparison import CorpusInfo
from genbench.report.columns import columns_for
from genbench.report.comparison_tables import NOVELTY_HEADINGS
from genbench.report.pairs import NEXT_HEADING

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted((DOCS / "commands").glob("*.md"))
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))


def command_names(group: Any, prefix: str = "") -> list[str]:
    """Return the names of the commands of a group and of the groups in it, as they are typed."""
    commands = getattr(group, "commands", {}).items()
    return [name for word, command in commands for name in (prefix + word, *command_names(command, f"{prefix}{word} "))]


@pytest.mark.parametrize("name", command_names(get_command(app)))
def test_each_command_has_a_page_with_its_help(name: str) -> None:
    (page,) = (page for page in PAGES if f"$ genbench {name} --help\n" in page.read_text(encoding="utf-8"))
    assert f"(commands/{page.name})" in (DOCS / "commands.md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="the blocks are run on a terminal of Unix")
@pytest.mark.parametrize("page", [*PAGES, *TUTORIALS], ids=lambda page: page.stem)
def test_a_page_shows_the_output_of_the_program(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    from build import build_page, comparable  # type: ignore[import-not-found]

    text = page.read_text(encoding="utf-8")
    assert comparable(text) == comparable(build_page(text)), f"make docs ARGS={page.name} updates it"


def picture_lines(svg: str) -> list[str]:
    """Return the lines of text in a picture of a terminal."""
    lines: dict[str, str] = {}
    for line, text in re.findall(r'url\(#[\w-]+-line-(\d+)\)">([^<]*)</text>', svg):
        lines[line] = f"{lines.get(line, '')} {unescape(text)}".replace("\xa0", " ")
    return list(lines.values())


def test_the_picture_of_the_readme_has_the_columns_of_the_program() -> None:
    svg = (DOCS / "table.svg").read_text(encoding="utf-8")
    lines = picture_lines(svg)
    assert lines[0].strip() == "$ genbench compare austen"
    assert not re.search(r"https?://(?!www\.(w3\.org|textualize\.io))", svg)

    # the two lines of headings above each rule
    rules = [at for at, line in enumerate(lines) if set(line.strip()) == {"─"}]
    headings = [sorted(" ".join(lines[at - 2 : at]).split()) for at in rules]
    rows = [pages.row("austen", name, bits) for name, bits in (("lstm-char", 1.7), ("markov-char", 1.6))]
    hidden = re.search(r"Not shown in 80 columns: (.*?); genbench", " ".join(" ".join(lines).split()))
    assert hidden is not None
    shown = [column.heading for column in columns_for(rows) if column.name not in hidden[1].split(", ")]
    results = ["generator", NEXT_HEADING, *shown]
    assert headings[0] == sorted(" ".join(results).split())
    novelty = {word for words in headings[1:] for word in words}
    assert novelty == set(" ".join(["samples of", *NOVELTY_HEADINGS]).split())


@pytest.mark.parametrize("page", [*DOCS.glob("**/*.md"), DOCS.parent / "README.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


JSON_KEYS = {field.name for field in fields(CorpusInfo)}  # names in results, which may begin like a test


def test_the_tests_named_in_the_docs_exist() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py"))
    for page in DOCS.glob("**/*.md"):
        for name in set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))) - JSON_KEYS:
            assert f"def {name}(" in tests, f"{page.name}: {name}"


@pytest.mark.parametrize("page", [*PAGES, *TUTORIALS], ids=lambda page: page.stem)
def test_a_command_whose_output_is_filtered_shows_some_of_it(page: Path) -> None:
    for block in re.findall(
        r"^```console[^\n]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        for command, output in re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", block, re.MULTILINE):
            if command.startswith("genbench ") and "|" in command and ">" not in command:
                assert output.strip(), command
