"""The documentation site: `make docs-site` builds it from the pages of this repository into build/site.

Sphinx reads the Markdown files where they are (its source folder is the root of the repository), so that a link works
in a checkout and on the site. README.md is the first page and NAVIGATION names the others; a page that it lacks, or a
link that leads nowhere, fails the build. A link to a source file leads to a page with that file. The reference of the
Python functions comes from their docstrings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

import genbench

ROOT = Path(__file__).resolve().parent.parent.parent
NAVIGATION = {
    "Tutorials": [
        "docs/tutorials/first-comparison",
        "docs/tutorials/reading-the-numbers",
        "docs/tutorials/your-own-text",
        "docs/writing-a-generator",
        "docs/tutorials/lesson-plan",
    ],
    "Commands": ["docs/commands", "docs/commands/*", "docs/terminal", "docs/report", "docs/examples", "docs/results"],
    "Python": ["docs/site/python", "docs/integrations", "docs/generators", "docs/cells", "examples/plugins/*/README"],
    "Measures": ["docs/numbers", "docs/measures", "docs/attribution-and-memory", "benchmarks/README", "docs/log/*"],
    "Project": [
        "docs/architecture",
        "docs/guarantees",
        "docs/scale",
        "docs/cluster",
        "docs/install",
        "corpora/README",
        "CONTRIBUTING",
        "CHANGELOG",
    ],
}

project = "genbench"
version = release = genbench.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "README"
include_patterns = ["*.md", "docs/**.md", "docs/site/*.rst", "benchmarks/*.md", "corpora/*.md", "examples/**/README.md"]
html_theme = "furo"
html_title = "genbench"
html_copy_source = False
html_show_sphinx = False
html_additional_pages = {"index": "redirect.html"}
templates_path = ["templates"]
highlight_language = "none"
default_role = "literal"  # docstrings have names in single backticks
myst_heading_anchors = 4  # the anchors that the repository's viewer gives headings
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True  # SILENT, not the repr of an object


def add_navigation(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add the tables of contents to the first page, where they are not shown: the sidebar shows them."""
    if docname == root_doc:
        for caption, pages in NAVIGATION.items():
            source[0] += "\n".join(
                ["\n```{toctree}", ":hidden:", ":glob:", f":caption: {caption}", "", *pages, "```\n"]
            )


class SourceLinks(SphinxTransform):
    """Turns a link to a source file, which MyST makes a download, into a link to a page with the file."""

    default_priority = 400

    def apply(self, **options: Any) -> None:
        """Replace the links of one page, and remember their files."""
        for node in list(self.document.findall(addnodes.download_reference)):
            path = (ROOT / self.env.docname).parent.joinpath(node["reftarget"]).resolve().relative_to(ROOT).as_posix()
            target = "../" * self.env.docname.count("/") + source_page(path) + ".html"
            node.replace_self(nodes.reference("", "", *node.children, refuri=target, internal=True))
            linked_files(self.app).add(path)


def source_page(path: str) -> str:
    """Return the name of the page that shows a file."""
    return f"source/{path}"


def linked_files(app: Sphinx) -> set[str]:
    """Return the files that pages link to, kept between builds with what Sphinx keeps of the pages."""
    if not hasattr(app.env, "genbench_linked_files"):
        app.env.genbench_linked_files = set()  # type: ignore[attr-defined]
    files: set[str] = app.env.genbench_linked_files  # type: ignore[attr-defined]
    return files


def source_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each file that is linked to."""
    for path in sorted(linked_files(app)):
        language = {".py": "python", ".toml": "toml", ".yaml": "yaml", ".json": "json"}.get(Path(path).suffix, "none")
        text = (ROOT / path).read_text(encoding="utf-8")
        body = app.builder.highlighter.highlight_block(text, language)  # type: ignore[attr-defined]
        yield source_page(path), {"title": path, "body": f"<h1>{path}</h1>{body}"}, "page.html"


def setup(app: Sphinx) -> None:
    """Connect the functions above."""
    app.connect("source-read", add_navigation)
    app.connect("html-collect-pages", source_pages)
    app.add_transform(SourceLinks)
