"""Run one genbench command in a process that the fork server has forked; build.py starts it.

The server has imported numba and torch, which takes longer than most commands; it forks the workers of a command too.
"""

from __future__ import annotations

import atexit
import json
import os
import sys

WORDS, OUTPUT, ERRORS = "DOCS_WORDS", "DOCS_OUTPUT", "DOCS_ERRORS"  # variables: the command, and its files


def main() -> None:
    """Run the command, and end with its exit code."""
    sys.argv = ["genbench", *json.loads(os.environ.pop(WORDS))]

    # the files are opened anew: the server passes pipes
    for stream, name in ((sys.stdout, OUTPUT), (sys.stderr, ERRORS)):
        descriptor = os.open(os.environ.pop(name), os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - buffered as its file requires
    from genbench.cli.main import main as run

    try:
        run()
    finally:
        atexit._run_exitfuncs()  # which a forked process does not do by itself


if __name__ == "__main__":
    main()
