"""The interactive prompt: lines are prompts or commands, and only quitting ends a session."""

import io
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import Fixed
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

import genbench
from genbench import Model
from genbench.cli.repl.prompt import CommandCompleter, line_reader
from genbench.cli.repl.session import Session
from genbench.cli.repl.settings import COMMANDS, Settings, parse_command, with_constraint, with_sampling
from genbench.errors import UserError
from genbench.sampling import Constraints, Sampling

STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture
def session(prose_file: Path) -> Session:
    text = genbench.corpus(prose_file)
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    return Session(text, Settings("ferry", ("markov-char:order=3",), genbench.Sampling(length=40)), console)


def typed(session: Session, *lines: Any) -> list[str]:
    """Return the output of the session after each line; an exception in place of a line is raised."""
    waiting: Iterator[Any] = iter(lines)
    outputs: list[str] = []
    out = session.console.file
    assert isinstance(out, io.StringIO)

    def read_line(settings: Settings) -> str:
        outputs.append(STYLE.sub("", out.getvalue()))
        out.truncate(0)
        out.seek(0)
        line = next(waiting, EOFError())
        if isinstance(line, BaseException):
            raise line
        return str(line)

    session.run(read_line)
    return [*outputs[1:], STYLE.sub("", out.getvalue())]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_line_is_a_prompt_that_is_continued(session: Session) -> None:
    output, *_ = typed(session, "/seed 5", "The old")[1:]
    model = session.models["markov-char:order=3"]
    text = "".join(genbench.stream(model, "The old", genbench.Sampling(length=40), seed=5))
    assert flat(output) == flat("The old" + text)


def test_again_repeats_the_prompt_and_more_continues_the_text(session: Session) -> None:
    _, first, again, more, _ = typed(session, "/seed 1", "The", "/again", "/more", EOFError())
    assert first == again
    whole = "The" + "".join(session.texts["markov-char:order=3"])
    assert len(whole) == 3 + 80
    assert flat(whole) == flat(first + more)


def test_without_a_seed_each_text_is_another(session: Session) -> None:
    _, first, again, _ = typed(session, "/n 200", "The", "/again", EOFError())
    assert first != again


@pytest.mark.parametrize(
    ("line", "named", "value"),
    [
        ("/t 0.25", "temperature", 0.25),
        ("/n 7", "length", 7),
        ("/length 9", "length", 9),
        ("/top-p 0.9", "top_p", 0.9),
        ("/min-p 0.1", "min_p", 0.1),
        ("/top-k 3", "top_k", 3),
        ("/overlap 4", "max_overlap", 4.0),
        ("/penalty 1.2", "repetition_penalty", 1.2),
        ("/stop the end", "stop", ("the end",)),
        ("/keep-stop on", "keep_stop", True),
        ("/spelling off", "spelling", False),
    ],
)
def test_a_command_sets_one_parameter(session: Session, line: str, named: str, value: Any) -> None:
    before = session.settings.sampling
    typed(session, line)
    assert getattr(session.settings.sampling, named) == value
    assert {n: v for n, v in vars(before).items() if n != named} == {
        n: v for n, v in vars(session.settings.sampling).items() if n != named
    }
    if getattr(COMMANDS[parse_command(line)[0]], "optional", False):
        typed(session, f"{line.split()[0]} off")
        assert not getattr(session.settings.sampling, named)


def test_parameters_that_are_not_set_are_those_of_each_generator(session: Session) -> None:
    typed(session, "/set")
    assert "markov-char:order=3, temperature 0.8, 40 characters" in session.settings.summary()
    typed(session, "/g markov-char:order=3 markov-word:order=2")
    assert "markov-char:order=3 (temperature 0.8) + markov-word:order=2 (temperature 0.9)" in session.settings.summary()
    typed(session, "/top-p 0.5", "/t 0.7")
    assert "markov-word:order=2, temperature 0.7, top-p 0.5, 40" in session.settings.summary()
    typed(session, "/t off")
    assert session.settings.sampling.temperature is None


def test_stop_strings_add_up(session: Session) -> None:
    typed(session, "/stop .", "/stop ?", "/stop .")
    assert session.settings.sampling.stop == (".", "?")
    assert "stop before '.' or '?'" in session.settings.summary()
    typed(session, "/keep-stop maybe")
    assert not session.settings.sampling.keep_stop


def test_a_length_ends_texts_there_and_off_with_a_sentence() -> None:
    settings = with_sampling(Settings("pell", ("markov-char",), Sampling()), "/n", "40")
    assert settings.sampling.length == 40
    assert with_sampling(settings, "/n", "off").sampling.length is None


def test_constraints_are_set_added_and_taken_back() -> None:
    settings = Settings("pell", ("markov-char",))
    for word, argument in (("/contains", "the"), ("/contains", "night"), ("/words", "5-9"), ("/meter", "0101")):
        settings = with_constraint(settings, word, argument)
    assert settings.sampling.constraints == Constraints(contains=("the", "night"), words=(5, 9), meter="0101")
    assert "contains 'the', contains 'night', has 5 to 9 words, has the metre 0101" in settings.summary()

    settings = with_constraint(with_constraint(settings, "/contains", "off"), "/words", "off")
    assert settings.sampling.constraints == Constraints(meter="0101")
    with pytest.raises(UserError, match="/sentences is 'two', but must be a whole number"):
        with_constraint(settings, "/sentences", "two")
    with pytest.raises(UserError, match="words is 'ten', but must be a number"):
        with_constraint(settings, "/words", "ten")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("/t warm", "/t is 'warm', but must be a number"),
        ("/t -1", "temperature is -1.0, but must be 0 (greedy) or more"),
        ("/penalty", "/penalty is '', but must be a number"),
        ("/n 1.5", "must be a whole number"),
        ("/keep-stop maybe", "/keep-stop is 'maybe', but must be on or off"),
        ("/g no-such-thing", "no generator is called 'no-such-thing'"),
        ("/g markov-char:order=none", "order is 'none'"),
        ("/author nobody", "nobody"),
        ("/author", "/author takes a catalogue name"),
        ("/seed -3", "/seed is '-3'"),
        ("/again now", "/again takes no argument"),
        ("/more", "there is no text to continue"),
        ("/tt 3", "there is no command /tt: did you mean /t?"),
    ],
)
def test_an_error_is_one_sentence_and_changes_nothing(session: Session, line: str, sentence: str) -> None:
    before = session.settings
    output, text, _ = typed(session, line, "The", EOFError())
    assert sentence in flat(output)
    assert "Traceback" not in output
    assert flat(text).startswith("The")
    assert session.settings == before


def test_two_slashes_start_a_text_with_a_slash(session: Session) -> None:
    assert flat(typed(session, "//The")[0]).startswith("/The")


def test_several_generators_are_shown_side_by_side(session: Session) -> None:
    output, text, *_ = typed(session, "/g markov-char:order=2 markov-word", "The old")
    assert session.settings.generators == ("markov-char:order=2", "markov-word")
    assert "markov-char:order=2 (temperature 0.8) + markov-word (temperature 0.9)" in flat(output)
    assert re.search(r"markov-char:order=2 .* markov-word ", text)
    assert [line for line in text.splitlines() if "The old" in line][-1].count("The old") == 2


def test_another_author_is_loaded_with_a_stored_generator_or_a_quick_one(
    session: Session, tmp_path: Path, prose_file: Path
) -> None:
    other = tmp_path / "boat.txt"
    other.write_text(prose_file.read_text(encoding="utf-8").replace("ferry", "boat"), encoding="utf-8")
    typed(session, f"/author {other}")
    assert (session.settings.author, session.settings.generators) == ("boat", ("markov",))
    assert session.text.author == "boat"


def test_another_author_is_loaded_with_the_best_stored_generator(session: Session, tmp_path: Path) -> None:
    other = tmp_path / "boat.txt"
    other.write_text(str(session.text.train) * 2, encoding="utf-8")
    for spec in ("markov-char:order=2", "markov-char:order=1"):
        genbench.train(str(other), spec)
    typed(session, f"/author {other}")
    assert session.settings.generators == ("markov-char:order=2",)


def test_help_lists_every_command_and_set_every_parameter(session: Session) -> None:
    output, settings, _ = typed(session, "/help", "/set", EOFError())
    assert all(word in output for word in COMMANDS)
    assert all(word in settings for word in ("/t", "/n", "/top-p", "/overlap", "/seed", "/author"))


@pytest.mark.parametrize("line", ["/quit", "/q", "/exit"])
def test_quit_ends_the_session(session: Session, line: str) -> None:
    assert len(typed(session, line, AssertionError("the session continues"))) == 1


def test_ctrl_c_at_the_prompt_says_how_to_end_the_session(session: Session) -> None:
    assert "Ctrl-D or /quit ends the session" in typed(session, KeyboardInterrupt())[0]


class Endless(Fixed):
    """Sends Ctrl-C once, after some tokens."""

    left = 30

    def advance(self, state: Any, token: int) -> Any:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")
@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_stops_a_text_and_not_the_session_and_keeps_what_was_generated(session: Session, count: int) -> None:
    session._load(session.settings)
    specs = tuple(f"endless-{place}" for place in range(count))
    session.models = {spec: Model(Endless()) for spec in specs}
    session.settings = Settings("ferry", specs, genbench.Sampling(length=100_000))
    stopped, output, _ = typed(session, "ab", "/set", EOFError())
    assert "stopped" in stopped
    assert "/author" in output
    assert 0 < len("".join(session.texts[specs[0]])) < 100_000


def test_no_control_character_reaches_the_terminal(session: Session) -> None:
    session._load(session.settings)
    shares = np.full(5, 0.2)
    session.models = {"evil": Model(Fixed(text="\x1b]0;\x07\u202e", shares=tuple(shares)))}
    session.settings = Settings("ferry", ("evil",), genbench.Sampling(length=300))
    output, _ = typed(session, "a\x1b[2J", EOFError())
    assert not set(output) & {"\x1b", "\x07", "\u202e"}


def completions(text: str, stored: Callable[[], Any] = tuple) -> list[str]:
    return [completion.text for completion in CommandCompleter(stored).get_completions(Document(text), CompleteEvent())]


def test_completion_knows_commands_generators_options_and_authors(tmp_path: Path) -> None:
    assert completions("/to") == ["/top-k", "/top-p"]
    assert completions("/g lstm-c") == ["lstm-char"]
    assert completions("/g markov-char lstm-char:hid") == ["lstm-char:hidden="]
    assert completions("/g mar", lambda: ["markov-word:order=9"])[0] == "markov-word:order=9"
    assert "austen" in completions("/author aus")
    (tmp_path / "mine.txt").touch()
    assert completions(f"/author {tmp_path}/mi") == ["ne.txt"]
    assert completions("It was") == completions("//top") == []


def test_the_prompt_reads_keys_and_stores_lines(session: Session, tmp_path: Path) -> None:
    with create_pipe_input() as keys:
        keys.send_text("/n 12\r/se\t 4\rThe\r\x03\x04")
        session.run(line_reader(tmp_path / "home", tuple, keys, DummyOutput()))
    assert session.settings.sampling.length == 12
    assert session.prompt == "The"
    assert len("".join(session.texts["markov-char:order=3"])) == 12
    history = (tmp_path / "home" / "history").read_text(encoding="utf-8")
    assert "+The\n" in history


def test_a_home_that_cannot_be_written_costs_only_the_history(session: Session, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with create_pipe_input() as keys:
        keys.send_text("The\r\x04")
        session.run(line_reader(tmp_path / "file", tuple, keys, DummyOutput()))
    assert session.prompt == "The"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a Unix terminal")
def test_on_a_real_terminal_ctrl_c_stops_a_text_and_ctrl_d_leaves(prose_file: Path) -> None:
    import pty

    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover - another process
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-m", "genbench.cli.main", "generate", str(prose_file)])
    output = bytearray()
    threading.Thread(target=_answer, args=(terminal, output), daemon=True).start()

    def until(words: bytes) -> None:
        start = time.monotonic()
        while words not in output:
            assert time.monotonic() - start < 60, output.decode(errors="replace")[-2000:]
            time.sleep(0.02)
        del output[: output.index(words) + len(words)]

    until(b"ferry>")
    for keys, answer in (
        (b"/n 1000000\r", b"1,000,000 characters"),
        (b"The\r", b"Nobody"),
        (b"\x03", b"stopped"),
        (b"/n 20\r", b"20 characters"),
    ):
        os.write(terminal, keys)
        until(answer)
    time.sleep(0.5)
    os.write(terminal, b"\x04")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _answer(terminal: int, output: bytearray) -> None:
    """Read everything written to a terminal, and answer requests for the position of the cursor."""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:
            return
        if b"\x1b[6n" in part:
            os.write(terminal, b"\x1b[1;1R")
        output += part


def test_a_text_with_constraints_meets_them(session: Session) -> None:
    _, text = typed(session, "/contains ferry", "")[:2]
    assert re.search(r"\b[Ff]erry\b", text), text
