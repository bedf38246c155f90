"""The `genbench` command: it imports the command line, and ends in silence where Ctrl-C comes before that is done."""

from __future__ import annotations

import os
import signal
import sys

from genbench.cli import INTERRUPTED


def main() -> None:
    """Run the command line. Imports take a quarter of a second, and nothing is to be saved until they are done."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # not ignored, as in the background of a script
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from genbench.cli.main import main as run

    signal.signal(signal.SIGINT, handler)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # end in order: progress hides the cursor of a terminal
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        run()
    except KeyboardInterrupt:  # before a command runs, or while its end is printed
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
