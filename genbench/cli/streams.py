"""Standard error that cannot fail: progress and messages that cannot be written end no command."""

from __future__ import annotations

import contextlib
from typing import Any


class BestEffortStream:
    """A text stream around another that drops what cannot be written, as to a full disk or a closed pipe.

    >>> BestEffortStream(None).write("the stream was closed before the command started")
    48
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text, or drop it; return its length."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream, or do nothing."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self.stream.flush()

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self.stream is not None and bool(self.stream.isatty())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
