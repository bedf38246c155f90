"""What is written on a command line, as values."""

from __future__ import annotations

import re

from genbench.errors import UserError

SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}


def seconds(text: str | None, name: str = "budget") -> float | None:
    """A budget in seconds; raises UserError.

    >>> seconds("30s"), seconds("1.5m"), seconds("2h"), seconds("45")
    (30.0, 90.0, 7200.0, 45.0)
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*(s|m|min|h|)\s*", text)
    if not found or not float(found[1]):
        raise UserError(f"{name} is {text!r}, and must be a time above 0 such as 30s, 2m or 1h")
    return float(found[1]) * SECONDS[found[2]]
