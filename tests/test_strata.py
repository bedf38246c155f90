"""Strata: every character is in one stratum, as computed by hand, and their bits add up."""

import json
from pathlib import Path

import numpy as np
import pytest
from doubles import Fixed
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rows import scored_row
from test_cli import run

import genbench
from genbench import UserError, scoring
from genbench.analysis.novelty import TrainingIndex
from genbench.analysis.strata import STRATIFIERS, Strata, StratumBits, bits_by_stratum, stratify
from genbench.experiments.row import Row
from genbench.experiments.significance import compare_strata

pytestmark = pytest.mark.usefixtures("in_process")  # the tests are not about processes

TEXTS = st.text("ab \n\u00e9", max_size=30)


def strata_names(by: str, train: str, test: str) -> list[str]:
    """Return the name of the stratum of each character."""
    strata = stratify(by, TrainingIndex(train), test)
    return [strata.names[index] for index in strata.indices]


@given(train=TEXTS, test=TEXTS)
@example(train="", test="ab")
@example(train="ab", test="")
@settings(deadline=None)
def test_every_character_has_one_stratum_and_bits_add_up(train: str, test: str) -> None:
    bits = np.arange(1.0, len(test) + 1)
    for by in STRATIFIERS:
        strata = Strata.unpack(stratify(by, TrainingIndex(train), test).pack())
        sums = bits_by_stratum(bits, strata).values()
        assert sum(stratum.characters for stratum in sums) == len(test)
        assert sum(stratum.bits for stratum in sums) == pytest.approx(bits.sum())
        for stratum in sums:  # the end of the text included
            assert sum(stratum.block_characters) == stratum.characters
            assert sum(stratum.block_bits) == pytest.approx(stratum.bits, abs=0.001 * len(stratum.block_bits))


def test_word_frequencies_by_hand() -> None:
    train = "the " * 1000 + "sea " * 99 + "Sea, " * 10 + "one"
    words = ["1,000 or more"] * 3, ["10 to 99"] * 3, ["10 to 99"] * 3, ["1 to 9"] * 3, ["never"] * 3
    expected = [name for word in words for name in [*word, "between words"]][:-1]
    assert strata_names("word-frequency", train, "the sea Sea one two") == expected


@given(train=st.text("ab", max_size=60), test=st.text("abc", max_size=40))
@settings(deadline=None)
def test_the_context_seen_is_the_longest_in_the_training_text(train: str, test: str) -> None:
    ranges = [(0, "0 to 4"), (5, "5 to 7"), (8, "8 to 11"), (12, "12 to 19"), (20, "20 or more")]
    expected = []
    for place in range(len(test)):
        seen = max(n for n in range(place + 1) if test[place - n : place] in train)
        expected.append(max(named for named in ranges if named[0] <= seen)[1])
    assert strata_names("context-seen", train, test) == expected


def test_copied_text_has_long_contexts_and_random_letters_have_none() -> None:
    corpus = genbench.corpus("thorne")
    letters = "".join(np.random.default_rng(0).choice(sorted(set(str(corpus.train))), 1000))
    for text, kind in ((corpus.train[500:1500], "20 or more"), (letters, "0 to 4")):
        assert strata_names("context-seen", str(corpus.train), text).count(kind) > 970


def test_letters_of_words_by_hand() -> None:
    between, *letters = "between words", "1st letter", "2nd", "3rd", "4th or later"
    assert strata_names("position", "", "I sailed.") == [letters[0], between, *letters, letters[3], letters[3], between]


def test_newlines_by_hand() -> None:
    near, middle, far = (f"{characters} after" for characters in ("1 to 5", "6 to 40", "41 or more"))
    expected = [near, "newline", "newline", *[near] * 5, *[middle] * 35, *[far] * 5]
    assert strata_names("newline", "", "a\n\n" + "b" * 45) == expected


def test_a_uniform_generator_has_the_same_bits_in_every_stratum() -> None:
    corpus = genbench.corpus("pell")
    letters = sorted(set(str(corpus.train) + str(corpus.test)))
    uniform = Fixed("".join(letters), (1 / len(letters),) * len(letters))
    bits = scoring.score(uniform, str(corpus.test)).character_bits
    index = TrainingIndex(str(corpus.train))
    for by in STRATIFIERS:
        for stratum in bits_by_stratum(bits, stratify(by, index, str(corpus.test))).values():
            if stratum.characters:
                assert stratum.bits / stratum.characters == pytest.approx(np.log2(len(letters)), abs=1e-4)


def test_rows_are_compared_on_each_stratum_with_an_interval() -> None:
    # 20 blocks of 1,000 characters, half of them in each stratum: a is 0.2 better here, b 0.3 better there
    def row(generator: str, here: float, there: float) -> Row:
        strata = {
            name: StratumBits(10_000 * (bits > 0), 10_000 * bits, [500.0 * (bits > 0)] * 20, [500 * bits] * 20)
            for name, bits in {"here": here, "there": there, "nowhere": 0.0}.items()
        }
        return scored_row(generator, (here + there) / 2, splits={"place": strata})

    here, there = compare_strata([row("a", 1.8, 2.3), row("b", 2.0, 2.0)], "place")  # nowhere is left out
    assert (here.stratum, here.share, here.bits_per_character) == ("here", 0.5, {"a": 1.8, "b": 2.0})
    first, second = here.verdicts[0], there.verdicts[0]
    assert (first.better, first.difference, first.clear) == ("a", pytest.approx(0.2), True)
    assert (second.better, second.difference, second.clear) == ("b", pytest.approx(0.3), True)
    assert second.interval == pytest.approx((0.3, 0.3))


def test_an_unknown_stratifier_is_refused_with_the_choices() -> None:
    with pytest.raises(UserError, match=r"word-frequency, context-seen, position, newline: did you mean newline\?"):
        genbench.compare(["thorne"], ["markov-char"], by=["newlines"])


@pytest.mark.slow
def test_a_comparison_splits_its_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["compare", "marrow", "-g", "markov-char:order=3", "-g", "markov-char:order=6", "--length", "0"]
    command += [word for by in STRATIFIERS for word in ("--by", by)]
    files = {option: tmp_path / f"o.{option}" for option in ("json", "markdown", "csv")}
    command += [word for option, file in files.items() for word in (f"--{option}", str(file))]
    monkeypatch.setenv("COLUMNS", "80")
    assert run(monkeypatch, *command) == 0
    out = capsys.readouterr().out
    assert "Bits per character by their distance from the last newline" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80

    comparison = json.loads(files["json"].read_text())
    for row in comparison["results"]:
        for by in STRATIFIERS:
            assert sum(stratum["bits"] for stratum in row["splits"][by].values()) == pytest.approx(row["bits"])
            blocks = [sum(bits) for bits in zip(*(s["block_bits"] for s in row["splits"][by].values()), strict=True)]
            assert blocks == pytest.approx(row["block_bits"], abs=0.01)
        assert sum(row["block_bits"]) == pytest.approx(row["bits"], abs=0.1)
    strata = comparison["splits"]["marrow"]["context-seen"]
    short, long = (strata[index]["bits_per_character"]["markov-char order=6"] for index in (0, 2))
    assert short > long
    assert "| context-seen | 0 to 4 |" in files["markdown"].read_text()
