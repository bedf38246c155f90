"""Text as it is drawn: made safe and wrapped at words on a terminal, plain in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from rich.cells import cell_len
from rich.console import Console

from genbench.report.formatting import printable
from genbench.report.terminal.screen import painted

DIM, PLAIN = "\x1b[2m", "\x1b[0m"


def speak(prompt: str, texts: Iterable[str], console: Console, *, last: bool = True) -> None:
    """Write a prompt, set apart where there are colours, and texts as they come; two have a blank line between them."""
    out = console.file
    for piece in _safe(prompt, texts, console) if console.is_terminal else chain([prompt], texts):
        out.write(piece)
        out.flush()
    out.write("\n" if last else "\n\n")
    out.flush()


def _safe(prompt: str, texts: Iterable[str], console: Console) -> Iterator[str]:
    """The pieces as a terminal gets them."""
    wrap = Wrap(console.width)
    shown = printable(prompt)
    yield wrap.feed(f"{DIM}{shown}{PLAIN}" if prompt and painted(console) else shown)
    try:
        for text in texts:
            yield wrap.feed(printable(text))
    finally:
        console.file.write(wrap.flush())


class Wrap:
    """Ends lines between words: a word is held back until it is whole, and begins the next line if it has no room."""

    def __init__(self, width: int) -> None:
        self.width = self.left = width
        self.word = ""

    def feed(self, text: str) -> str:
        r"""What is settled by now.

        >>> wrap = Wrap(8)
        >>> wrap.feed("One two thr") + wrap.feed("ee four\n") + wrap.flush()
        'One two \nthree \nfour\n'
        """
        return "".join(self._one(character) for character in text)

    def flush(self) -> str:
        """The word that is held back."""
        word, self.word = self.word, ""
        room = _wide(word)
        broken = "\n" if room > self.left and self.left < self.width else ""
        self.left = (self.width if broken else self.left) - room
        return broken + word

    def _one(self, character: str) -> str:
        if character == "\n":
            said = self.flush() + character
            self.left = self.width
        elif character == " ":
            said = self.flush()
            said += " " if self.left > 0 else ""
            self.left -= 1
        else:
            said = self.flush() if _wide(self.word + character) > self.width else ""
            self.word += character
        return said


def _wide(word: str) -> int:
    """The columns that a word takes."""
    return cell_len(word.replace(DIM, "").replace(PLAIN, ""))
