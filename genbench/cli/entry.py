"""The `genbench` command: it imports the command line, and ends in silence where Ctrl-C comes before or after that."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys

from genbench.cli import INTERRUPTED


def main() -> None:
    """Run the command line. Imports take a quarter of a second, and nothing is to be saved until they are done."""
    handler = signal.getsignal(signal.SIGINT)
    _exit_on_interrupt()

    # modules live until the end: the garbage collector need not search them for cycles
    gc.disable()
    from genbench.cli.main import main as run

    gc.freeze()
    gc.enable()

    signal.signal(signal.SIGINT, handler)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # end in order: progress hides the cursor of a terminal
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        run()
    except KeyboardInterrupt:  # before a command runs, or while its end is printed
        sys.exit(INTERRUPTED)
    finally:  # Python still waits for threads and processes to end
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        _exit_on_interrupt()


def _exit_on_interrupt() -> None:
    """End the process at once where Ctrl-C comes, unless it is ignored, as in the background of a script."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))


if __name__ == "__main__":
    main()
