"""The command line: each command parses, calls one function, shows."""

INTERRUPTED = 130  # exit code of a command stopped with Ctrl-C
