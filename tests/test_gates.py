"""Gates: planted units are detected, noise is not, and the command shows colors or numbers."""

import json

import numpy as np
import pytest
from rich.console import Console
from test_cli import run

import genbench
from genbench import Model, UserError, api
from genbench.analysis.gates import (
    GateReport,
    LayerValues,
    Saturation,
    gate_saturation,
    inside_quotation,
    select_units,
    track_features,
)
from genbench.capabilities import LayerActivations
from genbench.generator import Text, TrainContext
from genbench.registry import create
from genbench.report.terminal.memory import show_gates
from genbench.tokenization.tokenizer import Ids

TEXT = 'He said, "No." She went\naway. "Why not?" she said; "it is late."\n\n"So it is."\n' * 8


def planted(text: str, rng: np.random.Generator) -> tuple[LayerActivations, Ids]:
    """Return a layer of noise in which unit 7 tracks quotation marks, and the ends of its tokens."""
    memory = rng.normal(size=(len(text), 30))
    memory[:, 7] = 3 - 2 * inside_quotation(text) + 0.1 * rng.normal(size=len(text))
    return LayerActivations(memory, {}), np.arange(1, len(text) + 1)


def test_a_planted_unit_is_found_and_noise_is_near_chance(rng: np.random.Generator) -> None:
    layer, ends = planted(TEXT, rng)
    tracked = track_features([LayerActivations(layer.memory[:, :3], {}), layer], TEXT, ends)
    quotes, _, words = tracked
    assert (quotes.feature, words.feature) == ("quotation marks", "word length")
    assert (quotes.layer, quotes.unit) == (2, 7)
    assert (quotes.correlation or 0) < -0.95
    assert abs(words.correlation or 1) < 0.3
    assert abs(words.chance or 1) < 0.3


def test_on_shuffled_text_the_planted_unit_tracks_nothing(rng: np.random.Generator) -> None:
    layer, ends = planted(TEXT, rng)
    shuffled = "".join(rng.permutation(list(TEXT)))
    assert abs(track_features([layer], shuffled, ends)[0].correlation or 1) < 0.4


def test_a_feature_that_does_not_occur_is_not_tracked(rng: np.random.Generator) -> None:
    layer = LayerActivations(rng.normal(size=(40, 4)), {})
    tracked = track_features([layer], "no marks at all " * 2 + "no lines", np.arange(1, 41))
    assert tracked[0].correlation is None
    assert tracked[0].unit is None
    assert tracked[2].correlation is not None


def test_saturation_by_hand() -> None:
    gate = np.array([[0.05, 0.5], [0.95, 0.99]])
    layers = [LayerActivations(gate, {"forget": gate}), LayerActivations(gate, {})]
    assert gate_saturation(layers) == [{"forget": Saturation(closed=0.25, open=0.5)}, {}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "gates"),
    [("lstm-char", {"forget", "input", "output"}), ("gru-char", {"reset", "update"}), ("rnn-word", set())],
)
def test_gates_over_a_text(spec: str, gates: set[str]) -> None:
    corpus = genbench.corpus("thorne")
    network = create(f"{spec}:hidden=5")
    network.fit(Text(corpus.train[:5000]), corpus.valid, TrainContext(steps=2))
    report = api.gates(Model(network), corpus, 'She said, "No \u4e2d."\n')
    assert "".join(report.pieces) == 'She said, "No \u4e2d."\n'
    (layer,) = report.layers
    assert set(layer.gates) == gates
    assert np.shape(layer.memory) == (len(report.pieces), 5)
    json.dumps(report.to_dict(), allow_nan=False)
    for terminal in (True, False):
        console = Console(force_terminal=terminal, width=80, color_system="truecolor" if terminal else None)
        with console.capture() as shown:
            show_gates(report, [(1, 4)], console)
        assert ("\x1b[38;2" in shown.get()) == terminal


@pytest.mark.slow
def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["gates", "thorne", "She was late.", "-g", "lstm-char:hidden=4", "--steps", "2"]
    assert run(monkeypatch, *command, "--unit", "3") == 0
    out = capsys.readouterr().out
    assert "memory of unit 3 in layer 1" in out
    assert "forget" in out
    assert run(monkeypatch, *command, "--unit", "4") == 2
    assert "units 0 to 3" in capsys.readouterr().err
    assert run(monkeypatch, *command, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["pieces"]) == len("She was late.")
    assert run(monkeypatch, "gates", "thorne", "", "-g", "lstm-char") == 2
    assert "no text" in capsys.readouterr().err


def test_a_chain_has_no_gates(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="lstm-char"):
        api.gates(Model(create("markov-char")), "thorne", "a")
    for spec in ("markov-char", "mixture"):  # refused before anything is trained
        assert run(monkeypatch, "gates", "thorne", "She", "-g", spec) == 2
        *stages, error = capsys.readouterr().err.splitlines()
        assert error.startswith("genbench: ")
        assert set(stages) <= {"loading the generator"}  # announced if it takes time


def test_units_are_selected_by_layer_and_number() -> None:
    layers = [LayerValues([[0.0] * 4], {}), LayerValues([[0.0] * 3], {})]
    report = GateReport("pell", ["a"], layers, [], [])
    assert select_units(["3", "2:0"], report) == [(1, 3), (2, 0)]
    for name in ("4", "2:3", "3:0", "x", "0:1"):
        with pytest.raises(UserError, match="unit is"):
            select_units([name], report)
