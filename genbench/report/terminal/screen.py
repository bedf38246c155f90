"""What commands print on: a console, whether its colours are seen, and JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console


def console(stderr: bool = False) -> Console:
    """A console as the commands use it."""
    return Console(stderr=stderr, highlight=False)


def painted(console: Console) -> bool:
    """Whether colours are seen: on a terminal that has some, or where FORCE_COLOR asks, unless NO_COLOR is set."""
    return console.is_terminal and console.color_system is not None and not console.no_color


def values(found: Any) -> None:
    """Print JSON, in ASCII: every encoding has that, and nothing is lost."""
    sys.stdout.write(json.dumps(found, allow_nan=False) + "\n")
