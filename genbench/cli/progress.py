"""What a command says on standard error: its progress, from before the imports that take a moment, and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from genbench.processes.clock import announced

if TYPE_CHECKING:
    from genbench.report.terminal.live import Live


def print_message(text: str) -> None:
    """Print a sentence on standard error; on a terminal it is wrapped at words, and only a longer word is broken."""
    from genbench.report.terminal.screen import make_console
    from genbench.report.terminal.tables import print_text

    print_text(text, make_console(stderr=True))


@contextmanager
def show_progress(watch: bool = False) -> Iterator[Live]:
    """Show progress while the `with` block runs, which finds `genbench.api` imported; `watch` prints texts as well."""
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console

    with Live(make_console(stderr=True), watch) as live:
        with live.stage("starting"):
            import genbench.api  # noqa: F401
        with announced(live.compiling):
            yield live
