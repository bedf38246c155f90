"""Bits split by kinds of place: every character has one kind, as worked by hand, and sums stay whole."""

import json
from pathlib import Path

import numpy as np
import pytest
from doubles import Fixed
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_cli import run

import genbench
from genbench import UserError
from genbench.analysis.novelty import Known
from genbench.analysis.strata import BY, Places, places, split
from genbench.experiments.job import Job, blank
from genbench.experiments.significance import by_kind

TEXTS = st.text("ab \n\u00e9", max_size=30)


def named(by: str, train: str, test: str) -> list[str]:
    found = places(by, Known(train), test)
    return [found.names[kind] for kind in found.kinds]


@given(train=TEXTS, test=TEXTS)
@example(train="", test="ab")
@example(train="ab", test="")
@settings(deadline=None)
def test_every_character_has_one_kind_and_the_sums_stay_whole(train: str, test: str) -> None:
    bits = np.arange(1.0, len(test) + 1)
    for by in BY:
        told = split(bits, Places.unpack(places(by, Known(train), test).pack()))
        assert sum(kind["characters"] for kind in told.values()) == len(test)
        assert sum(kind["bits"] for kind in told.values()) == pytest.approx(bits.sum())


def test_words_by_how_often_they_stand_in_the_training_text() -> None:
    train = "the " * 1000 + "sea " * 99 + "Sea, " * 10 + "one"
    found = named("word-frequency", train, "the sea Sea one two")
    kinds = ["1,000 or more"] * 3, ["10 to 99"] * 3, ["10 to 99"] * 3, ["1 to 9"] * 3, ["never"] * 3
    assert found == [kind for word in kinds for kind in [*word, "between words"]][:-1]


@given(train=st.text("ab", max_size=60), test=st.text("abc", max_size=40))
@settings(deadline=None)
def test_the_context_seen_is_the_longest_that_stands_in_the_training_text(train: str, test: str) -> None:
    kinds = [(0, "0 to 4"), (5, "5 to 7"), (8, "8 to 11"), (12, "12 to 19"), (20, "20 or more")]
    expected = []
    for place in range(len(test)):
        seen = max(n for n in range(place + 1) if test[place - n : place] in train)
        expected.append(max(kind for kind in kinds if kind[0] <= seen)[1])
    assert named("context-seen", train, test) == expected


def test_copied_text_has_long_contexts_and_random_letters_have_none() -> None:
    corpus = genbench.corpus("thorne")
    letters = "".join(np.random.default_rng(0).choice(sorted(set(corpus.train)), 1000))
    for text, kind in ((corpus.train[500:1500], "20 or more"), (letters, "0 to 4")):
        assert named("context-seen", corpus.train, text).count(kind) > 970


def test_letters_of_words_by_hand() -> None:
    between, *letters = "between words", "1st letter", "2nd", "3rd", "4th or later"
    assert named("position", "", "I sailed.") == [letters[0], between, *letters, letters[3], letters[3], between]


def test_newlines_by_hand() -> None:
    found = named("newline", "", "a\n\n" + "b" * 45)
    assert (
        found
        == ["1 to 5 after", "newline", "newline"]
        + ["1 to 5 after"] * 5
        + ["6 to 40 after"] * 35
        + ["41 or more after"] * 5
    )


def test_a_uniform_generator_needs_the_same_everywhere() -> None:
    corpus = genbench.corpus("pell")
    letters = sorted(set(corpus.train + corpus.test))
    score = genbench.score(Fixed("".join(letters), (1 / len(letters),) * len(letters)), corpus.test)
    known = Known(corpus.train)
    for by in BY:
        for kind in split(score.character_bits, places(by, known, corpus.test)).values():
            if kind["characters"]:
                assert kind["bits"] / kind["characters"] == pytest.approx(np.log2(len(letters)), abs=1e-4)


def test_who_wins_where_is_told_with_an_interval() -> None:
    # 20 blocks of 1,000 characters, half of them in each kind of place: a is 0.2 better here, b 0.3 better there
    def row(generator: str, here: float, there: float) -> dict[str, object]:
        kinds = {"here": here, "there": there, "nowhere": 0.0}
        told = {
            kind: {
                "characters": 10_000 * (bits > 0),
                "bits": 10_000 * bits,
                "block_characters": [500.0 * (bits > 0)] * 20,
                "block_bits": [500 * bits] * 20,
            }
            for kind, bits in kinds.items()
        }
        made = blank(Job("x", "", "", "", generator))
        return made | {"characters": 20_000, "by": {"place": told}}

    here, there = by_kind([row("a", 1.8, 2.3), row("b", 2.0, 2.0)], "place")  # nowhere is left out
    assert (here["kind"], here["share"], here["bits_per_character"]) == ("here", 0.5, {"a": 1.8, "b": 2.0})
    assert [here["verdicts"][0][key] for key in ("better", "by", "sure")] == ["a", pytest.approx(0.2), True]
    assert [there["verdicts"][0][key] for key in ("better", "by", "sure")] == ["b", pytest.approx(0.3), True]
    assert there["verdicts"][0]["interval"] == pytest.approx([0.3, 0.3])


def test_another_way_to_split_is_refused_with_the_choices() -> None:
    with pytest.raises(UserError, match=r"word-frequency, context-seen, position, newline: did you mean newline\?"):
        genbench.compare(["thorne"], ["markov-char"], by=["newlines"])


@pytest.mark.slow
def test_a_comparison_splits_its_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["compare", "marrow", "-g", "markov-char:order=3", "-g", "markov-char:order=6", "--length", "0"]
    words += [word for by in BY for word in ("--by", by)]
    outputs = [
        "--json",
        str(tmp_path / "o.json"),
        "--markdown",
        str(tmp_path / "o.md"),
        "--csv",
        str(tmp_path / "o.csv"),
    ]
    assert run(monkeypatch, *words, *outputs) == 0
    out = capsys.readouterr().out
    assert "Bits per character by how many characters stand between" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80
    found = json.loads((tmp_path / "o.json").read_text())
    for row in found["results"]:
        for by in BY:
            assert sum(kind["bits"] for kind in row["by"][by].values()) == pytest.approx(row["bits"])
    kinds = found["splits"]["marrow"]["context-seen"]
    short, long = (kinds[place]["bits_per_character"]["markov-char order=6"] for place in (0, 2))
    assert short > long
    assert "| context-seen | 0 to 4 |" in (tmp_path / "o.md").read_text()
