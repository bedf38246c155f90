"""Run the console blocks of docs/commands and docs/tutorials, and replace their output by what the program prints.

    python docs/build.py             updates all pages and the picture of the README (make docs)
    python docs/build.py score.md    updates one page
    python docs/build.py table.svg   updates the picture: the tables of a comparison with three networks, some minutes

A block begins with ```console; each line in it that begins with "$ " is a command. The commands of a page run in one
new folder with its own GENBENCH_HOME, on a terminal of 80 columns without colors. Standard error is shown where a
command fails. In a block that begins with ```console about the test ignores numbers: times and the bits of networks
depend on the machine.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

import forked_command
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from genbench.cli.main import app
from genbench.processes.forking import fork_process

DOCS = Path(__file__).parent
FOLDERS = ("commands", "tutorials")
BLOCK = re.compile(r"^```console(?P<about> about)?\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRESS = re.compile(rb"\A(?:(?!genbench: ).*\n)+(?=genbench: )")  # what a command prints before its error
MODEL_ID = re.compile(r"\b(?=[a-f]*[0-9])[0-9a-f]{10}\b")  # the end of a model's name, which its code decides
GENBENCH = re.compile(r"genbench (?P<words>[^|>]*)(?P<rest>[|>].*)?")  # no word has a | or > in it
HELP = re.compile(r"genbench [a-z -]*--help")
STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
NUMBER = re.compile(r"\*?[-+]?\d[\d.,:]*[kMG%]?")
COLUMNS, LINES = 80, 24
PICTURE, PICTURED = DOCS / "table.svg", "genbench compare austen"
SVG = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)  # without fonts from the network
SVG = re.sub(r"font-family: Fira Code\b", "font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono'", SVG)
SAMPLES = re.compile(r"^─+ \w+ with default sampling ─+$", re.MULTILINE)  # where the tables end
ENVIRONMENT = {
    "COLUMNS": str(COLUMNS),
    "LINES": str(LINES),
    "TERM": "dumb",
    "NO_COLOR": "1",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "OMP_NUM_THREADS": "1",
}


def build_page(page: str) -> str:
    """Return a page with the current output in its blocks; they run one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "here").mkdir()
        return BLOCK.sub(lambda block: _build_block(block, Path(folder)), page)


def _build_block(block: re.Match[str], folder: Path) -> str:
    """Return a block with its commands and what they print now."""
    commands = [line for line in block["content"].splitlines() if line.startswith("$ ")]
    content = "".join(f"{command}\n{run_command(command[2:], folder)}" for command in commands)
    return f"```console{block['about'] or ''}\n{content}```"


def run_command(command: str, folder: Path) -> str:
    """Return what a command prints on a terminal, and its standard error if it fails."""
    if HELP.fullmatch(command):
        return _help_page(command.split()[1:])

    # without styles, trailing spaces and the name of the temporary folder
    text = STYLE.sub("", _print_on_terminal(command, folder)).replace("\r\n", "\n").replace(str(folder), "")
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def draw_tables(command: str = PICTURED) -> str:
    """Return a picture, as SVG, of the tables that a comparison prints on a terminal with colors."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "here").mkdir()
        printed = _print_on_terminal(command, Path(folder), TERM="xterm", NO_COLOR="")
    output = Text.from_ansi(printed.replace("\r\n", "\n"))
    end = SAMPLES.search(output.plain)
    assert end is not None, f"{command} printed no samples: {output.plain}"

    # the same identifiers for the same output, so that a picture changes only with it
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, _environ={})
    console.print(Text(f"$ {command}", style="bold"))
    console.print(output[: len(output.plain[: end.start()].rstrip())])
    return console.export_svg(title="genbench", code_format=SVG, unique_id="table")


def _print_on_terminal(command: str, folder: Path, **variables: str) -> str:
    """Return what a command prints on a terminal, with its styles; of variables that are empty none is set."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = os.environ | ENVIRONMENT | {"PATH": path, "GENBENCH_HOME": str(folder / "home")} | variables
    for name in ("FORCE_COLOR", *(name for name, value in variables.items() if not value)):
        environment.pop(name, None)

    # run it on a terminal of its own
    terminal, process_end = pty.openpty()
    fcntl.ioctl(process_end, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with tempfile.NamedTemporaryFile() as errors, ThreadPoolExecutor(1) as reader:
        output = reader.submit(_read_terminal, terminal)
        try:
            code = _run(command, folder / "here", environment, process_end, Path(errors.name))
        finally:
            os.close(process_end)
        printed = output.result()
        if code:
            # lines of progress depend on the time that a command takes
            printed += PROGRESS.sub(b"", errors.read(), count=1)
    return printed.decode()


def _run(command: str, folder: Path, environment: dict[str, str], output: int, errors: Path) -> int:
    """Run a command in a folder; return its exit code. A genbench command is forked, which saves its imports."""
    forked = GENBENCH.fullmatch(command)
    shell_command = command if forked is None else f"cat {forked['rest'] or ''}"
    with errors.open("ab") as stream:
        shell = subprocess.Popen(
            ["sh", "-c", shell_command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL if forked is None else subprocess.PIPE,
            stdout=output,
            stderr=stream,
        )
    if forked is None:
        return shell.wait()

    # what follows the genbench command reads its output from a pipe; without that, it writes to the terminal itself
    assert shell.stdin is not None
    with shell.stdin:
        target = shell.stdin.fileno() if forked["rest"] else output
        variables = {
            "PYTHONPATH": str(DOCS),
            forked_command.WORDS: json.dumps(shlex.split(forked["words"])),
            forked_command.OUTPUT: f"/proc/{os.getpid()}/fd/{target}",
            forked_command.ERRORS: str(errors),
        }
        process = fork_process(
            forked_command.__name__,
            "chains networks",
            environment=environment | variables,
            folder=folder,
            show_output=False,
            client=True,
        )
        process.stdin.close()
        code = process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    return shell.wait() if forked["rest"] else shell.wait() or code


def _help_page(arguments: list[str]) -> str:
    """Return what a command prints with --help; in this process, since a page has up to ten of these commands."""
    output = io.StringIO()
    with redirect_stdout(output), patch.dict(os.environ, ENVIRONMENT):
        app(arguments, prog_name="genbench", standalone_mode=False)
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def _read_terminal(terminal: int) -> bytes:
    """Return everything that is written to a terminal until its last writer exits."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # Linux reports the closed end in this way
            part = b""
        if not part:
            os.close(terminal)
            return b"".join(parts)
        parts.append(part)


def comparable(page: str) -> str:
    """Return a page for the test: in "about" blocks all numbers are the same, and so are widths.

    >>> comparable("```console about\\na 1.5 --\\n```") == comparable("```console about\\na 27.25 -\\n```")
    True
    """

    def mask(block: re.Match[str]) -> str:
        if not block["about"]:
            return block[0]
        lines = [NUMBER.sub("#", MODEL_ID.sub("#", line)) for line in block["content"].splitlines()]
        return "\n".join(re.sub(r"[\s\u2500-]+", " ", line).strip() for line in lines)

    return BLOCK.sub(mask, page)


def find_pages() -> list[Path]:
    """Return the pages with blocks that are run; no two of them have the same name."""
    return [page for folder in FOLDERS for page in sorted((DOCS / folder).glob("*.md"))]


def main() -> None:
    """Update the pages and the picture that are named, or all."""
    for page in [page for page in find_pages() if len(sys.argv) == 1 or page.name in sys.argv[1:]]:
        page.write_text(build_page(page.read_text(encoding="utf-8")), encoding="utf-8")
        print(page.name)
    if len(sys.argv) == 1 or PICTURE.name in sys.argv[1:]:
        PICTURE.write_text(draw_tables(), encoding="utf-8")
        print(PICTURE.name)


if __name__ == "__main__":
    main()
