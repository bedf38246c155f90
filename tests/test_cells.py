"""Inside the cell: units planted by hand are found, noise is not, and the command shows colours and numbers."""

import json

import numpy as np
import pytest
from rich.console import Console
from test_cli import run

import genbench
from genbench import TrainContext, UserError, make
from genbench.analysis.gates import quotation, saturation, tracking
from genbench.generator import Layer
from genbench.report.terminal import gates as cells
from genbench.tokenization.tokenizer import Ids

TEXT = 'He said, "No." She went\naway. "Why not?" she said; "it is late."\n\n"So it is."\n' * 8


def planted(text: str, rng: np.random.Generator) -> tuple[Layer, Ids]:
    memory = rng.normal(size=(len(text), 30))
    memory[:, 7] = 3 - 2 * quotation(text) + 0.1 * rng.normal(size=len(text))
    return Layer(memory, {}), np.arange(1, len(text) + 1)


def test_a_planted_unit_is_found_and_noise_is_near_chance(rng: np.random.Generator) -> None:
    layer, ends = planted(TEXT, rng)
    found = {each["what"]: each for each in tracking([Layer(layer.memory[:, :3], {}), layer], TEXT, ends)}
    quotes = found["quotation marks"]
    assert (quotes["layer"], quotes["unit"]) == (2, 7)
    assert quotes["r"] < -0.95
    assert abs(found["word length"]["r"]) < 0.3
    assert abs(found["word length"]["chance"]) < 0.3


def test_on_shuffled_text_the_planted_unit_tracks_nothing(rng: np.random.Generator) -> None:
    layer, ends = planted(TEXT, rng)
    mixed = "".join(rng.permutation(list(TEXT)))
    found = tracking([layer], mixed, ends)
    assert abs(found[0]["r"]) < 0.4


def test_what_a_text_does_not_have_is_not_tracked(rng: np.random.Generator) -> None:
    found = tracking([Layer(rng.normal(size=(40, 4)), {})], "no marks at all " * 2 + "no lines", np.arange(1, 41))
    assert found[0]["r"] is None
    assert found[0]["unit"] is None
    assert found[2]["r"] is not None


def test_saturation_by_hand() -> None:
    gate = np.array([[0.05, 0.5], [0.95, 0.99]])
    assert saturation([Layer(gate, {"forget": gate}), Layer(gate, {})]) == [{"forget": {"shut": 0.25, "open": 0.5}}, {}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "gates"),
    [("lstm-char", {"forget", "input", "output"}), ("gru-char", {"reset", "update"}), ("rnn-word", set())],
)
def test_cells_over_a_text(spec: str, gates: set[str]) -> None:
    corpus = genbench.corpus("thorne")
    made = make(f"{spec}:hidden=5")
    made.fit(corpus.train[:5000], corpus.valid, TrainContext(steps=2))
    found = genbench.cells(made, 'She said, "No \u4e2d."\n', corpus)
    assert "".join(found["pieces"]) == 'She said, "No \u4e2d."\n'
    (layer,) = found["layers"]
    assert set(layer["gates"]) == gates
    assert np.shape(layer["memory"]) == (len(found["pieces"]), 5)
    json.dumps(found, allow_nan=False)
    for terminal in (True, False):
        console = Console(force_terminal=terminal, width=80, color_system="truecolor" if terminal else None)
        with console.capture() as shown:
            cells.show(found, [(1, 4)], console)
        assert ("\x1b[38;2" in shown.get()) == terminal


@pytest.mark.slow
def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["cells", "thorne", "She was late.", "-g", "lstm-char:hidden=4", "--steps", "2"]
    assert run(monkeypatch, *asked, "--unit", "3") == 0
    out = capsys.readouterr().out
    assert "memory of unit 3 in layer 1" in out
    assert "forget" in out
    assert run(monkeypatch, *asked, "--unit", "4") == 2
    assert "units 0 to 3" in capsys.readouterr().err
    assert run(monkeypatch, *asked, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["pieces"]) == len("She was late.")
    assert run(monkeypatch, "cells", "thorne", "", "-g", "lstm-char") == 2
    assert "no text" in capsys.readouterr().err


def test_a_chain_has_no_cell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="lstm-char"):
        genbench.cells(make("markov-char"), "a", genbench.corpus("thorne"))
    for spec in ("markov-char", "mixture"):  # said before anything is trained
        assert run(monkeypatch, "cells", "thorne", "She", "-g", spec) == 2
        assert capsys.readouterr().err.count("\n") == 1
