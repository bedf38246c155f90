"""Memory curves and minimal pairs: chains of a known order, text without memory, and cases by hand."""

import io
import json
import random
from collections import Counter
from pathlib import Path

import pytest
from doubles import Fixed
from rich.console import Console
from test_cli import run

import genbench
from genbench import UserError, scoring
from genbench.analysis.memory import (
    ContextBits,
    MemoryReport,
    ModelMemory,
    context_curve,
    context_lengths,
    find_targets,
    shuffle_far_words,
)
from genbench.analysis.minimal_pairs import LECTURE, MinimalPair, pair_effects, read_pairs
from genbench.generator import Generator, Text, TrainContext, ignore
from genbench.registry import create
from genbench.report.html.charts import Series
from genbench.report.html.tables import memory as memory_table
from genbench.report.terminal.memory import show_memory

ROOT = Path(__file__).parent.parent
ORDER = 5


def train_chain(train: str, order: int = ORDER) -> Generator:
    chain = create(f"markov-char:order={order}")
    chain.fit(Text(train), Text(train[-2000:]), TrainContext())
    return chain


def curve_of(generator: Generator, text: str, longest: int = 64, targets: int = 60) -> dict[int, ContextBits]:
    spans = find_targets(text, longest, targets)
    return {point.context: point for point in context_curve(generator, text, spans, longest, ignore)}


def test_the_curve_of_a_chain_is_flat_from_its_order_on() -> None:
    corpus = genbench.corpus("thorne")
    curve = curve_of(train_chain(str(corpus.train)), str(corpus.test))
    assert curve[1].bits_per_character > curve[2].bits_per_character > curve[4].bits_per_character
    flat = curve[ORDER - 1].bits_per_character
    for context in (8, 16, 32, 64):
        assert curve[context].bits_per_character == pytest.approx(flat, abs=1e-12)
        assert curve[context].beyond == pytest.approx(0, abs=1e-12)
    assert curve[32].half_shuffled == pytest.approx(flat, abs=1e-12)
    assert curve[16].half_shuffled is None


def test_the_longest_context_gives_the_bits_of_the_score() -> None:
    corpus = genbench.corpus("thorne")
    test, longest = str(corpus.test), 32
    chain = train_chain(str(corpus.train))
    spans = find_targets(test, longest, 40)
    bits = scoring.score(chain, test).character_bits
    expected = sum(bits[start:end].sum() for start, end in spans) / sum(end - start for start, end in spans)
    curve = context_curve(chain, test, spans, longest, ignore)
    assert curve[-1].bits_per_character == pytest.approx(expected)


@pytest.mark.parametrize(("interval", "mark"), [
    ((0.0, 0.0), ""), ((1e-16, 2e-16), ""), ((0.0001, 0.0004), ""), ((0.001, 0.002), "*"), ((-0.002, -0.001), ""),
    ((-0.0004, -0.0002), ""),
])  # fmt: skip
def test_only_a_gain_that_is_shown_is_marked(interval: tuple[float, float], mark: str) -> None:
    gain = sum(interval) / 2
    point = ContextBits(4, 2.0, (1.9, 2.1), None, gain, interval)
    report = MemoryReport("a", 1, 2, {"g": ModelMemory([point], [], None)})
    out = io.StringIO()
    show_memory(report, Console(file=out, width=120))
    bounds = f"[{interval[0]:z.3f}, {interval[1]:z.3f}]"
    assert "-0.000" not in out.getvalue()
    assert f" {mark}{gain:z.3f} {bounds}" in out.getvalue().replace("\t", " ")

    # the same in the report
    (line,) = memory_table("a", [(Series("g", 0), [point])]).lines
    assert line.cells[-1].css_class == ("best" if mark else "")


def test_without_memory_all_contexts_give_the_same_bits() -> None:
    text = "ab ba " * 60
    curve = curve_of(Fixed("ab ", (0.5, 0.25, 0.25)), text)
    assert len({round(point.bits_per_character, 9) for point in curve.values()}) == 1


@pytest.mark.slow
def test_a_long_dependency_needs_the_far_context_in_its_original_order() -> None:
    # lines that differ in their first word alone: what comes at the end of a line is decided 23 characters back
    lines = [f"{a}{b} one and two and three {b}{a}\n" for a in "abcdef" for b in "abcdef"]
    random.Random(0).shuffle(lines)
    text = "".join(lines)
    curve = curve_of(train_chain(text, order=32), text, 32, targets=500)  # all: a part of them is not at all places
    assert curve[16].bits_per_character > curve[32].bits_per_character + 0.1
    assert curve[16].beyond_interval is not None
    assert curve[16].beyond_interval[0] > 0
    assert curve[32].half_shuffled is not None
    assert curve[32].half_shuffled > curve[32].bits_per_character + 0.03


def test_shuffling_keeps_the_words_and_the_near_half() -> None:
    text = "some of the words that stand here are mixed and others are not"
    shuffled = shuffle_far_words(text, 20, 50, 3)
    assert shuffled != text
    assert shuffled[30:] == text[30:]
    assert Counter(shuffled.split()) == Counter(text.split())
    assert shuffle_far_words(text, 50, 50, 3) == text


def test_context_lengths_and_invalid_targets() -> None:
    assert context_lengths(1024) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert context_lengths(1) == [1]
    for longest, count, message in ((0, 5, "longest is 0"), (5, 0, "targets is 0"), (500, 5, "--longest 125")):
        with pytest.raises(UserError, match=message):
            find_targets("a few words only", longest, count)


def test_the_effect_of_a_far_word_by_hand() -> None:
    pair = MinimalPair(("The man", "The boy"), " of the old town by the sea", " went", (" a", " b"))
    effects = pair_effects(Fixed("ab The", (0.3, 0.1, 0.2, 0.2, 0.2)), pair)
    assert effects.near.effect == pytest.approx(0)
    text = "The man went a\nThe boy went b\n" * 50
    effects = pair_effects(train_chain(text, order=12), pair)
    assert effects.near.effect > 8  # both ways round, each a hundred to one
    (first, second), (third, fourth) = effects.near.bits
    assert effects.near.effect == pytest.approx(second - first - (fourth - third))
    assert abs(effects.far_away.effect) < 0.5


def test_the_default_pair_is_the_first_of_the_example() -> None:
    assert read_pairs(ROOT / "examples" / "pair.toml")[0] == LECTURE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing = 1", "no \\[\\[pair\\]\\]"),
        ("[[pair]]\nfar = ['a', 'b']", "must have far, between"),
        ("[[pair]]\nfar = ['a']\nbetween = ''\nthen = ''\ndepends = ['a', 'b']", "list of two texts"),
        ("[[pair]]\nfar = ['a', 'b']\nbetween = 1\nthen = ''\ndepends = ['a', 'b']", "must be texts"),
        ("no toml", "not valid TOML"),
    ],
)
def test_an_invalid_file_of_pairs_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_pairs(path)
    with pytest.raises(UserError, match="cannot read"):
        read_pairs(tmp_path / "none.toml")


@pytest.mark.slow
def test_the_command_prints_tables_and_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    specs = ["-g", "markov-char:order=3", "-g", "markov-word"]
    command = ["memory", "thorne", *specs, "--longest", "16", "--targets", "20"]
    assert run(monkeypatch, *command, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report["generators"]) == {"markov-char:order=3", "markov-word"}
    for model in report["generators"].values():
        assert [point["context"] for point in model["curve"]] == [1, 2, 4, 8, 16]
        assert model["gradients"] is None
    assert run(monkeypatch, *command, "--pair", str(ROOT / "examples" / "pair.toml")) == 0
    assert "The young woman / The young men" in capsys.readouterr().out
    assert run(monkeypatch, "memory", "thorne", "--longest", "16", "--targets", "20") == 0
    assert "thorne: markov-" in capsys.readouterr().err  # the best of the stored ones
    assert run(monkeypatch, "memory", "thorne", "-g", "markov-char", "--longest", "100000") == 2
    assert "--longest 25000" in capsys.readouterr().err


@pytest.mark.slow
def test_a_network_has_gradients(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["memory", "thorne", "-g", "rnn-char:hidden=8", "--steps", "3", "--longest", "8", "--targets", "12"]
    assert run(monkeypatch, *command, "--scale", "0.3", "--scale", "3") == 0
    assert "untrained, x 0.3" in capsys.readouterr().out
