"""genbench anchors: standard texts of the field, and the results that others have published on them."""

from __future__ import annotations


def anchors() -> None:
    """List standard texts, and what others reached on them."""
    from genbench.corpus.anchors import load_anchors
    from genbench.report.anchors import describe, where
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_heading, print_text

    console = make_console()
    for index, (name, anchor) in enumerate(load_anchors().items()):
        if index:
            print_text("", console)
        print_heading(f"{name}: {anchor.title}", console)
        print_text(where(anchor), console)
        for result in anchor.published:
            print_text(f"- {describe(result)}", console, "bright_black")
