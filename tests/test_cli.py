"""The command line: valid commands, invalid input, and interrupts."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from processes import write_plugin

from genbench.cli.main import main

CHAINS = ["-g", "markov-char:order=4", "-g", "markov-word"]


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run `genbench words...` in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["genbench", *words])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_help_loads_no_torch() -> None:
    code = "import sys; from genbench.cli.main import app; app(['--help'], standalone_mode=False)"
    code += "; assert not {'torch', 'nltk', 'numpy'} & set(sys.modules), 'too much is loaded'"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "compare" in process.stdout


@pytest.mark.parametrize("group", ["", "models", "runs", "corpora", "generators"])
def test_lists_of_commands_are_not_cut_off(
    group: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(monkeypatch, *group.split(), "--help") == 0
    commands = capsys.readouterr().out.partition("Commands:")[2].splitlines()
    assert len(commands) > 3
    assert not [line for line in commands if line.endswith("...")]


def test_the_version_is_that_of_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from importlib.metadata import version

    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"genbench {version('genbench')}\n"


@pytest.mark.slow
def test_a_comparison_prints_tables_and_writes_files(
    prose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = [tmp_path / name for name in ("o.json", "o.csv", "o.md")]
    files = [
        word
        for option, path in zip(("--json", "--csv", "--markdown"), outputs, strict=True)
        for word in (option, str(path))
    ]

    # the output in the terminal
    sampled = ["--temperature", "0.5", "--temperature", "1", "--length", "47", "--prompt", "The fer"]
    assert run(monkeypatch, "compare", str(prose_file), *CHAINS, *sampled, *files) == 0
    out, err = capsys.readouterr()
    assert "markov-char" in out
    assert "ferry at temperature 0.5, after 'The fer'" in out
    assert "bits/char" in err

    # JSON: rows with their options and samples
    results = json.loads(outputs[0].read_text(encoding="utf-8"))
    assert [row["status"] for row in results["results"]] == ["ok", "ok"]
    shared = {"smoothing": "modified-kneser-ney", "adaptive": False}
    options = [row["options"] for row in results["results"]]
    assert options == [{"order": 4, **shared}, {"order": 3, "min_count": 2, "spelling": "words", **shared}]
    samples = [sample for row in results["results"] for sample in row["samples"]]
    assert [(len(s["text"]), s["prompt"], s["temperature"]) for s in samples] == [
        (47, "The fer", 0.5),
        (47, "The fer", 1.0),
    ] * 2
    assert results["command"][:2] == ["genbench", "compare"]

    # CSV and Markdown
    assert len(list(csv.reader(outputs[1].read_text(encoding="utf-8").splitlines()))) == 3
    assert outputs[2].read_text(encoding="utf-8").startswith("### ferry")


@pytest.mark.slow
def test_an_embedded_author_and_a_network_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "o.json"
    words = ["compare", "Pell", "-g", "lstm-word:hidden=16", "--steps", "10", "--length", "20", "--json", str(path)]
    assert run(monkeypatch, *words) == 0
    (row,) = json.loads(path.read_text(encoding="utf-8"))["results"]
    assert (row["author"], row["status"], row["steps"], row["options"]["hidden"]) == ("pell", "ok", 10, 16)


@pytest.mark.slow
def test_without_the_corpus_the_embedded_authors_are_used(tmp_path: Path) -> None:
    code = (
        "import sys, genbench.cli.main as m; from genbench.corpus import loading as c\n"
        "c.is_local = lambda book: False\n"
        "def no(book, **k): raise c.CorpusError('no')\n"
        "c.read_book, read = (lambda b, **k: no(b) if b.nltk else read(b, **k)), c.read_book\n"
        "sys.argv = ['genbench', 'compare', '-g', 'markov-char:order=2', '--length', '0']; m.main()"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert process.returncode == 0, process.stderr
    assert "embedded authors" in " ".join(process.stderr.split())
    assert all(f"{name}:" in process.stdout for name in ("thorne", "pell", "marrow"))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["austn"], "did you mean austen"),
        (["thorne", "-g", "lstm-chr"], "did you mean lstm-char"),
        (["thorne", "-g", "markov-char:ordr=3"], "did you mean order"),
        (["thorne", "-g", "markov-char:order"], "key=value"),
        (["thorne", "-g", "markov-char:order=many"], "a whole number"),
        (["thorne", "-g", "missing.py"], "there is no file 'missing.py'"),
        (["thorne", "--budget", "soon"], "30s, 2m or 1h"),
        (["thorne", "--budget", "0s"], "above 0"),
        (["thorne", "--steps", "0"], "steps is 0"),
        (["thorne", "--jobs", "0"], "jobs is 0"),
        (["thorne", "--seeds", "0"], "seeds is 0"),
        (["thorne", "--device", "gpu"], "auto, cpu, cuda, mps"),
        (["thorne", "--lines", "some"], "join"),
        (["thorne", "--temperature", "-1"], "temperature is -1.0"),
        (["thorne", "--length", "-1"], "length is -1"),
        (["thorne", "--top-p", "2"], "top-p is 2.0"),
        (["thorne", "--json", "no/such/folder/x.json"], "there is no folder"),
        (["thorne", "--bogus"], "see genbench compare --help"),
        (["thorne", "--steps", "few"], "--steps"),
        (["thorne", "--seed", str(2**32)], "from 0 to 4,294,967,295"),
        (["thorne", "--json", "x" * 300], "cannot be written"),
        (["thorne", "-g", "markov-char:order=65"], "from 1 to 32"),
        (["missing.txt"], "missing.txt"),
        (["empty.txt"], "empty.txt"),
        (["short.txt"], "1,000"),
        (["binary.txt"], "binary.txt"),
        (["latin.txt"], "iconv"),
        (["utf16.txt"], "--encoding utf-16-le"),
        (["thorne", "--encoding", "cp12520"], "cp12520"),
        (["/dev/zero"], "is a device"),
        (["folder/"], "folder"),
    ],
)
@pytest.mark.usefixtures("no_progress")
def test_bad_input_is_one_sentence_and_exit_code_2(
    words: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # files that are not texts
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name, data in {
        "empty": b"",
        "short": b"too short",
        "binary": bytes(range(256)) * 20,
        "latin": "caf\u00e9 ".encode("latin-1") * 500,
        "utf16": ("plain text " * 200).encode("utf-16-le"),
    }.items():
        (tmp_path / f"{name}.txt").write_bytes(data)

    # one sentence on standard error, and no file is written
    before = sorted(tmp_path.rglob("*"))
    words = [*words, "-g", "markov-char"] if "-g" not in words else words
    assert run(monkeypatch, "compare", *words) == 2
    out, err = capsys.readouterr()
    assert named in err
    assert "Traceback" not in err
    assert not out
    assert len(err.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_exit_code_1_if_every_row_fails(prose_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = write_plugin(tmp_path, "fit", "raise ValueError('broken on purpose')")
    assert run(monkeypatch, "compare", str(prose_file), "-g", plugin) == 1


def test_corpora_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "corpora", "list") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("austen", "melville", "thorne", "embedded"))


def test_a_corpus_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "corpora", "show", "thorne") == 0
    out = capsys.readouterr().out
    assert "sha256" in out
    assert "Third of March." in out
    assert run(monkeypatch, "corpora", "fetch", "thorne", "pell") == 0


def test_an_export_is_the_text_that_generators_receive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genbench import corpus

    for lines in ("join", "keep"):
        assert run(monkeypatch, "corpora", "export", "marrow", str(tmp_path / lines), "--lines", lines) == 0
        text = corpus("marrow", lines=lines)
        for part in ("train", "valid", "test"):
            assert (tmp_path / lines / f"{part}.txt").read_bytes() == str(getattr(text, part)).encode()
    assert (tmp_path / "join" / "train.txt").read_bytes() != (tmp_path / "keep" / "train.txt").read_bytes()


def test_an_export_to_a_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    assert run(monkeypatch, "corpora", "export", "thorne", str(tmp_path / "file")) == 2
    assert run(monkeypatch, "corpora", "export", "thorne", str(tmp_path / "no" / "where")) == 2
    assert (tmp_path / "file").read_text() == "mine"


def test_generators_are_listed_and_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "generators", "list") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("lstm-char", "markov-word"))
    assert run(monkeypatch, "generators", "show", "lstm-char") == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "character-level LSTM" in out
    assert "layers a whole number 1 " in out
    assert run(monkeypatch, "generators", "show", "lstm-chr") == 2


SLEEPS = """
import os, time
from dataclasses import dataclass
from pathlib import Path
from genbench import Generator

@dataclass
class Sleeps(Generator):
    def fit(self, train, valid, context):
        Path("pid").write_text(str(os.getpid()))
        time.sleep(600)

    start = advance = log_probs = dump = restore = fit
"""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_exits_with_its_code_and_ends_the_workers(number: int, code: int, tmp_path: Path) -> None:
    (tmp_path / "sleeps.py").write_text(SLEEPS)
    words = [sys.executable, "-m", "genbench.cli.entry", "compare", "thorne", "-g", "sleeps.py"]
    default = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
    with_color = os.environ | {"FORCE_COLOR": "1", "TERM": "xterm"}  # which rich takes for a terminal
    process = subprocess.Popen(
        words, cwd=tmp_path, env=with_color, stderr=subprocess.PIPE, text=True, preexec_fn=default
    )
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert err.rfind("\x1b[?25h") >= err.rfind("\x1b[?25l")  # the cursor is shown again
    assert "Traceback" not in err
    assert gone(int(pid.read_text()))


MOMENTS = ["genbench.cli.main", "typer", "genbench.report.terminal.screen", "genbench.registry", "numpy"]


@pytest.mark.parametrize("module", MOMENTS)
def test_an_interrupt_while_modules_are_imported_leaves_no_traceback(module: str) -> None:
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it\n"
        "class Interrupts:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "sys.argv = ['genbench', 'generators', 'show', 'markov-char']\n"
        "from genbench.cli.entry import main; main()"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == 130
    assert "Traceback" not in process.stderr


def test_an_interrupt_while_python_ends_leaves_no_traceback() -> None:
    code = (
        "import atexit, os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it\n"
        "atexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
        "sys.argv = ['genbench', '--version']\n"
        "from genbench.cli.entry import main; main()"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (130, "")
    assert "genbench" in process.stdout


def gone(pid: int) -> bool:
    """Return whether a process ends within five seconds."""
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_file_that_begins_with_a_hyphen_is_suggested_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-x.txt").touch()
    assert run(monkeypatch, "train", "-x.txt", "-g", "markov-char") == 2
    assert "no such option: -x (./-x.txt is the file of that name); see genbench train" in capsys.readouterr().err
