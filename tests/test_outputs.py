"""Results are written where the user wants them: to files, standard output, devices and pipes."""

import csv
import io
import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from pages import complete_comparison, row
from test_cli import run

from genbench import UserError
from genbench.cli import runs
from genbench.report.export.files import Outputs, as_csv, as_markdown
from genbench.report.formatting import escape_markdown
from genbench.storage.outputs import is_standard_output, is_stream, require_writable, write_output

COMPARISON = complete_comparison()
CHAIN = "markov-char:order=2"


def read_pipe(path: Path) -> tuple[threading.Thread, list[bytes]]:
    """Read a named pipe to its end in a thread."""
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(path.read_bytes()), daemon=True)
    thread.start()
    return thread, received


# paths


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        require_writable(tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        require_writable(tmp_path / "none" / "x.json")
    require_writable(tmp_path / "x.json")
    (tmp_path / "old").symlink_to(tmp_path / "target")
    require_writable(tmp_path / "old")
    for path in (tmp_path / ("x" * 300), Path("/dev/fd/987")):
        with pytest.raises(UserError, match="cannot be written"):
            require_writable(path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old"]


def test_devices_pipes_and_open_files_are_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    thread, received = read_pipe(pipe)
    with (tmp_path / "log").open("wb") as log:
        log.write(b"before ")
        log.flush()
        for path in (Path("/dev/null"), link, pipe, Path(f"/dev/fd/{log.fileno()}")):
            assert is_stream(path)
            require_writable(path)
            write_output(path, b"result")
    thread.join(10)

    # each received the bytes, and none was replaced
    assert received == [b"result"]
    assert (tmp_path / "log").read_bytes() == b"before result"
    assert Path("/dev/null").is_char_device()
    assert link.is_symlink()
    assert pipe.is_fifo()
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_names_of_standard_output(name: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert is_standard_output(Path(name))
    require_writable(Path(name))
    print("text first")
    write_output(Path(name), b"\xff\x00\r\n")
    assert capsysbinary.readouterr().out == b"text first\n\xff\x00\r\n"


def test_ordinary_names_are_no_streams(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "new", tmp_path, Path("stdout"), Path("dev/null")):
        assert not is_stream(path)


# formats


def test_formats_are_written_to_standard_output(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    outputs = Outputs(json=Path("-"), csv=tmp_path / "rows.csv")
    assert outputs.to_standard_output
    outputs.write(COMPARISON)
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == COMPARISON.to_dict()
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8") == as_csv(COMPARISON)

    # the other formats as they are in files
    Outputs(markdown=Path("/dev/stdout"), json=tmp_path / "all.json").write(COMPARISON)
    assert capsys.readouterr().out == as_markdown(COMPARISON)
    assert not Outputs(json=tmp_path / "all.json").to_standard_output


def test_two_formats_cannot_share_standard_output() -> None:
    with pytest.raises(UserError, match="two formats cannot share standard output; name a file"):
        Outputs(json=Path("-"), csv=Path("/dev/stdout"))


def test_text_on_a_terminal_cannot_control_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = replace(COMPARISON, results=[row("austen", "a", 1.5, status="failed", error="\x1b[2J")])
    Outputs(csv=Path("-")).write(hostile)
    assert "\x1b[2J" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    Outputs(csv=Path("-")).write(hostile)
    assert "\u241b[2J" in capsys.readouterr().out


# commands


@pytest.mark.slow
def test_commands_print_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], prose_file: Path
) -> None:
    author = str(prose_file)
    assert run(monkeypatch, "compare", author, "-g", CHAIN, "--length", "20", "--json", "-") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["results"][0]["status"] == "ok"
    assert "bits" in err

    # a stored run, in each format
    assert run(monkeypatch, "runs", "show", "last", "--csv", "/dev/stdout") == 0
    assert len(list(csv.DictReader(io.StringIO(capsys.readouterr().out)))) == 1
    assert run(monkeypatch, "runs", "show", "last", "--markdown", "-", "--json", "/dev/null") == 0
    assert capsys.readouterr().out.startswith("### ")
    assert run(monkeypatch, "runs", "report", "last", "--html", "-") == 0
    out, err = capsys.readouterr()
    assert (out[:15], out.rstrip()[-7:], err) == ("<!DOCTYPE html>", "</html>", "")

    # a device that is full costs the file, not the table
    with pytest.raises(OSError, match="No space left on device"):
        runs.show("last", json=Path("/dev/full"))
    assert "bits" in capsys.readouterr().out

    # a page beside a table, but not beside JSON
    words = ["surprisal", author, author, "-g", CHAIN, "--html", "-"]
    assert run(monkeypatch, *words) == 0
    assert capsys.readouterr().out.rstrip().endswith("</html>")
    assert run(monkeypatch, *words, "--json") == 2
    assert "--html - and --json both print; name a file for the page" in capsys.readouterr().err


def test_a_text_is_compressed_and_restored_through_pipes(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], prose_file: Path, tmp_path: Path
) -> None:
    text = "She went over – naïve,\r\nas ever.\n".encode()
    (tmp_path / "in.txt").write_bytes(text)
    words = ["compress", str(prose_file), "-g", CHAIN, str(tmp_path / "in.txt"), "-o", "-"]
    assert run(monkeypatch, *words) == 0
    (tmp_path / "small").write_bytes(capsysbinary.readouterr().out)
    assert run(monkeypatch, "decompress", str(tmp_path / "small"), "-o", "-") == 0
    assert capsysbinary.readouterr().out == text

    # bytes are not for a terminal
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(monkeypatch, *words) == 2
    out, err = capsysbinary.readouterr()
    assert (out, b"cannot be shown on a terminal; name a file with -o" in err) == (b"", True)


# what names and errors may contain

MARKUP = [
    "[x](http://127.0.0.1)", "![x](y)", "`code`", "*x* _y_ __z__", "~~x~~", "<b>x</b>", "a|b", "&copy;", "x #",
    "\\`x\\`", "[a][b]", "[a](b)](c)", "http://127.0.0.1", "[x]: y", "a\nb", "<!-- x", "$x$",
]  # fmt: skip


@pytest.mark.parametrize("text", MARKUP)
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    escaped = escape_markdown(text)
    document = renderer.parse(f"### {escaped}\n\n| a |\n| --- |\n| {escaped} |\n\n- {escaped}\n")
    shown = [token for token in document if token.type == "inline" and token.content != "a"]
    assert len(shown) == 3
    for token in shown:
        children = token.children or []
        assert {child.type for child in children} <= {"text", "text_special"}
        assert "".join(child.content for child in children) == text.replace("\n", " ")


def test_addresses_are_no_links_and_names_stay_readable() -> None:
    assert escape_markdown("http://a, WWW.b") == r"http\://a, WWW\.b"  # links without brackets on some sites
    assert escape_markdown("nltk_lm:order=2, 1.5-1.7 (x)") == "nltk_lm:order=2, 1.5-1.7 (x)"


def test_authors_and_errors_are_escaped_in_markdown() -> None:
    failed = row("austen", "[a](b)", 1.5, status="failed", error="`x` ![y](z)")
    text = as_markdown(replace(COMPARISON, results=[failed]))
    assert r"| [a\](b) | failed: \`x\` ![y\](z) |" in text


@pytest.mark.parametrize("error", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_texts_in_csv_are_no_formulas_and_numbers_stay_numbers(error: str) -> None:
    rows = [row("austen", "a", 1.5, status="failed", error=error, train_seconds=-2.5)]
    line = next(csv.DictReader(io.StringIO(as_csv(replace(COMPARISON, results=rows)), newline="")))
    assert line["error"] == f"'{error}".replace("\r", "\n")
    assert float(line["train_seconds"]) == -2.5
