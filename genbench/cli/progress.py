"""Progress of a command on standard error, from before the imports that take a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genbench.report.terminal.live import Live


@contextmanager
def show_progress() -> Iterator[Live]:
    """Show progress while the `with` block runs, which finds `genbench.api` imported."""
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console

    with Live(make_console(stderr=True)) as live:
        with live.stage("starting"):
            import genbench.api  # noqa: F401
        yield live
