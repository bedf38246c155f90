"""The pages of docs/commands: every console block is run, and holds what the program prints.

    python docs/build.py            writes the blocks anew (make docs)
    python docs/build.py score.md   those of one page

A block begins with ```console; each line in it that begins with "$ " is run, in a folder and a GENBENCH_HOME of the
page's own, on a terminal of 80 columns without colours. What goes to standard error is shown where a command fails.
Where the fence says "about", the test lets numbers differ: times and the bits of networks depend on the machine.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

PAGES = Path(__file__).parent / "commands"
BLOCK = re.compile(r"^```console(?P<about> about)?\n(?P<said>.*?)^```$", re.MULTILINE | re.DOTALL)
STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
NUMBER = re.compile(r"\*?[-+]?\d[\d.,:]*[kMG%]?")
COLUMNS = 80
PLAIN = {
    "COLUMNS": str(COLUMNS),
    "LINES": "24",
    "TERM": "dumb",
    "NO_COLOR": "1",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
}


def built(text: str) -> str:
    """A page with its blocks run anew, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "here").mkdir()
        return BLOCK.sub(lambda block: _block(block, Path(folder)), text)


def _block(block: re.Match[str], folder: Path) -> str:
    lines = [line for line in block["said"].splitlines() if line.startswith("$ ")]
    said = "".join(f"{line}\n{printed(line[2:], folder)}" for line in lines)
    return f"```console{block['about'] or ''}\n{said}```"


def printed(command: str, folder: Path) -> str:
    """What a command prints on a terminal; of one that fails, its complaint too."""
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = os.environ | PLAIN | {"PATH": beside, "GENBENCH_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    env.pop("FORCE_COLOR", None)
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with tempfile.TemporaryFile() as complaint:
        words = ["sh", "-c", command]
        process = subprocess.Popen(
            words, cwd=folder / "here", env=env, stdin=subprocess.DEVNULL, stdout=end, stderr=complaint
        )
        os.close(end)
        said = _read(terminal)
        if process.wait():
            complaint.seek(0)
            said += complaint.read()
    text = STYLE.sub("", said.decode()).replace("\r\n", "\n").replace(str(folder), "")
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _read(terminal: int) -> bytes:
    """All that is written to a terminal until its last writer ends."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # Linux says so when the other end is closed
            part = b""
        if not part:
            os.close(terminal)
            return b"".join(parts)
        parts.append(part)


def comparable(text: str) -> str:
    """A page as the test compares it: in blocks that say "about" every number is the same, and so are widths.

    >>> comparable("```console about\\na 1.5 --\\n```") == comparable("```console about\\na 27.25 -\\n```")
    True
    """

    def masked(block: re.Match[str]) -> str:
        if not block["about"]:
            return block[0]
        lines = [NUMBER.sub("#", line) for line in block["said"].splitlines()]
        return "\n".join(re.sub(r"[\s\u2500-]+", " ", line).strip() for line in lines)

    return BLOCK.sub(masked, text)


def main() -> None:
    """Write the pages that are named, or all."""
    for page in [PAGES / name for name in sys.argv[1:]] or sorted(PAGES.glob("*.md")):
        page.write_text(built(page.read_text(encoding="utf-8")), encoding="utf-8")
        print(page.name)


if __name__ == "__main__":
    main()
