"""Memory curves, minimal pairs and distances: chains of a known order, text without memory, and cases by hand."""

import json
import random
import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from doubles import Fixed
from test_cli import run

import genbench
from genbench import TrainContext, UserError, make, scoring
from genbench.analysis import minimal_pairs as pairs
from genbench.analysis import recall
from genbench.analysis.memory import curve, lengths, shuffled, targets
from genbench.analysis.remembering import units
from genbench.generator import Generator

ROOT = Path(__file__).parent.parent
ORDER = 5


def chain(train: str, order: int = ORDER) -> Generator:
    made = make(f"markov-char:order={order}")
    made.fit(train, train[-2000:], TrainContext())
    return made


def bits(generator: Generator, text: str, longest: int = 64) -> dict[int, dict[str, float]]:
    spans = targets(text, longest, 60)
    return {row["context"]: row for row in curve(generator, text, spans, longest, lambda share: None)}


def test_a_chain_goes_flat_at_its_order_and_not_before() -> None:
    corpus = genbench.corpus("thorne")
    found = bits(chain(corpus.train), corpus.test)
    assert found[1]["bits_per_character"] > found[2]["bits_per_character"] > found[4]["bits_per_character"]
    flat = found[ORDER - 1]["bits_per_character"]
    for context in (8, 16, 32, 64):
        assert found[context]["bits_per_character"] == pytest.approx(flat, abs=1e-12)
        assert found[context]["beyond"] == pytest.approx(0, abs=1e-12)
    assert found[32]["half_shuffled"] == pytest.approx(flat, abs=1e-12)
    assert found[16]["half_shuffled"] is None


def test_the_whole_curve_of_a_chain_is_that_of_its_score() -> None:
    corpus = genbench.corpus("thorne")
    made, longest = chain(corpus.train), 32
    spans = targets(corpus.test, longest, 40)
    whole = scoring.score(made, corpus.test).character_bits
    wanted = sum(whole[start:end].sum() for start, end in spans) / sum(end - start for start, end in spans)
    assert curve(made, corpus.test, spans, longest, lambda share: None)[-1]["bits_per_character"] == pytest.approx(
        wanted
    )


def test_without_memory_every_context_is_alike() -> None:
    text = "ab ba " * 60
    found = bits(Fixed("ab ", (0.5, 0.25, 0.25)), text)
    assert len({round(row["bits_per_character"], 9) for row in found.values()}) == 1


def test_a_copier_needs_the_far_context_and_its_order() -> None:
    # lines that differ in their first word alone: what comes at the end of a line is decided 23 characters back
    lines = [f"{a}{b} one and two and three {b}{a}\n" for a in "abcdefgh" for b in "abcdefgh"]
    random.Random(0).shuffle(lines)
    text = "".join(lines)
    found = bits(chain(text, order=32), text, 32)
    assert found[16]["bits_per_character"] > found[32]["bits_per_character"] + 0.1
    assert found[16]["beyond_interval"][0] > 0
    assert found[32]["half_shuffled"] > found[32]["bits_per_character"] + 0.03


def test_shuffled_words_are_the_same_words_and_the_near_half_stays() -> None:
    text = "some of the words that stand here are mixed and others are not"
    found = shuffled(text, 20, 50, 3)
    assert found != text
    assert found[30:] == text[30:]
    assert Counter(found.split()) == Counter(text.split())
    assert shuffled(text, 50, 50, 3) == text


def test_contexts_and_targets_that_cannot_be_had() -> None:
    assert lengths(1024) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert lengths(1) == [1]
    for longest, most, said in ((0, 5, "longest is 0"), (5, 0, "targets is 0"), (500, 5, "--longest 125")):
        with pytest.raises(UserError, match=said):
            targets("a few words only", longest, most)


def test_the_pull_of_a_far_word_by_hand() -> None:
    pair = pairs.Pair(("The man", "The boy"), " of the old town by the sea", " went", (" a", " b"))
    found = pairs.pull(Fixed("ab The", (0.3, 0.1, 0.2, 0.2, 0.2)), pair)
    assert found["near"]["pull"] == pytest.approx(0)
    text = "The man went a\nThe boy went b\n" * 50
    found = pairs.pull(chain(text, order=12), pair)
    assert found["near"]["pull"] > 8  # both ways round, each a hundred to one
    (first, second), (third, fourth) = found["near"]["bits"]
    assert found["near"]["pull"] == pytest.approx(second - first - (fourth - third))
    assert abs(found["far_away"]["pull"]) < 0.5


def test_the_pair_that_is_built_in_is_the_first_of_the_example() -> None:
    assert pairs.read(ROOT / "examples" / "pair.toml")[0] == pairs.LECTURE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nothing = 1", "no \\[\\[pair\\]\\]"),
        ("[[pair]]\nfar = ['a', 'b']", "must have far, between"),
        ("[[pair]]\nfar = ['a']\nbetween = ''\nthen = ''\ndepends = ['a', 'b']", "list of two texts"),
        ("[[pair]]\nfar = ['a', 'b']\nbetween = 1\nthen = ''\ndepends = ['a', 'b']", "must be texts"),
        ("no toml", "no valid TOML"),
    ],
)
def test_a_file_that_is_no_pair_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=said):
        pairs.read(path)
    with pytest.raises(UserError, match="cannot read"):
        pairs.read(tmp_path / "none.toml")


def test_the_synthetic_text_is_what_its_script_writes() -> None:
    made = runpy.run_path(str(ROOT / "examples" / "recall.py"))
    whole = (ROOT / "examples" / "recall.txt").read_text(encoding="utf-8")
    assert made["text"](200_000) == whole
    places = recall.places(whole)
    assert len(places) == whole.count("\n")
    closers = Counter(whole[slice(*each.span)] for each in places)
    assert len(closers) == 4 + 8
    for kind, alike in (("bracket", 4), ("name", 8)):
        counts = [closers[each] for each in {whole[slice(*p.span)] for p in places if p.kind == kind}]
        assert len(counts) == alike
        assert max(counts) < 1.3 * min(counts)


def test_a_chain_masters_what_its_order_reaches_and_costs_chance_beyond() -> None:
    corpus = genbench.corpus(str(ROOT / "examples" / "recall.txt"))
    made = chain(corpus.train, order=8)
    found = recall.table(scoring.score(made, corpus.test).character_bits, corpus.test, recall.places(corpus.test))
    for cell in found:
        assert cell["chance"] == (2 if cell["kind"] == "bracket" else 3)
        if cell["to"] <= 4:
            assert cell["mastered"]
        if cell["from"] > 8:
            assert not cell["mastered"]
            assert cell["bits"] == pytest.approx(cell["chance"], abs=0.5)


def test_distances_by_hand() -> None:
    text = "(ab)\n[ab]"  # two brackets to tell apart, one bit; they cost 0.1 and 0.3
    cost = np.array([9.0, 9, 9, 0.1, 9, 9, 9, 9, 0.3])
    (found,) = recall.table(cost, text, recall.places(text))
    assert (found["kind"], found["from"], found["to"], found["places"]) == ("bracket", 1, 4, 2)
    assert (found["bits"], found["chance"], found["recalled"]) == pytest.approx((0.2, 1, 0.8))
    assert found["mastered"]
    with pytest.raises(UserError, match=r"examples/recall\.txt"):
        recall.places("no brackets here, (\nand none) closes")


def test_the_command_prints_tables_and_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["memory", "thorne", "-g", "markov-char:order=3", "-g", "markov-word", "--longest", "16", "--targets", "20"]
    assert run(monkeypatch, *asked, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["generators"]) == {"markov-char:order=3", "markov-word"}
    for each in found["generators"].values():
        assert [row["context"] for row in each["curve"]] == [1, 2, 4, 8, 16]
        assert each["gradients"] is None
    assert run(monkeypatch, *asked, "--pair", str(ROOT / "examples" / "pair.toml")) == 0
    assert "The young woman / The young men" in capsys.readouterr().out
    asked = ["memory", str(ROOT / "examples" / "recall.txt"), "-g", "markov-char:order=4", "--distances"]
    assert run(monkeypatch, *asked) == 0
    assert "bracket 65-128" in capsys.readouterr().out
    assert run(monkeypatch, "memory", "thorne", "-g", "markov-char", "--longest", "100000") == 2
    assert "--longest 25000" in capsys.readouterr().err


@pytest.mark.slow
def test_a_network_shows_its_gradients_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["memory", "thorne", "-g", "rnn-char:hidden=8", "--steps", "3", "--longest", "8", "--targets", "12"]
    assert run(monkeypatch, *asked, "--scale", "0.3", "--scale", "3") == 0
    assert "untrained, x 0.3" in capsys.readouterr().out


def test_units_that_are_asked_for() -> None:
    found = {"layers": [{"memory": [[0.0] * 4]}, {"memory": [[0.0] * 3]}]}
    assert units(["3", "2:0"], found) == [(1, 3), (2, 0)]
    for word in ("4", "2:3", "3:0", "x", "0:1"):
        with pytest.raises(UserError, match="unit is"):
            units([word], found)
