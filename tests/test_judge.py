"""The judge: it learns what differs, reads short passages too, and stands beside human text in a comparison."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from test_cli import run
from torch import nn

import genbench
from genbench import Sampling
from genbench.analysis.style_judge import SAMPLES, stylist
from genbench.neural.classifier import LENGTH, PAD, UNK, Classifier, Network, Words

pytestmark = pytest.mark.slow
pytest.importorskip("gensim", reason="word2vec vectors come from the extra genbench[word2vec]")

RIVER = "the old man and the child went from the house to the river . "
HILL = "a young woman with her dog came over this hill by night . "
ONE, OTHER = RIVER * 80, HILL * 80


@pytest.fixture(scope="module")
def words() -> Words:
    return Words([ONE, OTHER], 0)


def test_words_have_rows_and_unknown_ones_share_one_or_have_their_own(words: Words) -> None:
    known, unknown, again = words.read("river hill"), words.read("zebra"), words.read("quagga")
    assert (known > UNK).all()
    assert unknown.tolist() == again.tolist() == [UNK]
    drawn = Words([ONE, OTHER], 0, "random")
    rows = [int(drawn.read(word)[0]) for word in ("zebra", "quagga", "zebra")]
    assert rows[0] == rows[2] != rows[1]
    assert max(rows) < len(drawn.table)
    assert not words.table[PAD].any()


def test_passages_are_cut_and_padded_to_400(words: Words) -> None:
    for padding in ("before", "after"):
        judge = Classifier(words, [ONE, OTHER], "rnn", steps=0, padding=padding)  # type: ignore[arg-type]
        short, long = words.read("the river"), words.read(ONE)
        rows = judge._padded([short, long, words.read("")]).numpy()
        assert rows.shape == (3, LENGTH)
        kept = rows[0, -2:] if padding == "before" else rows[0, :2]
        assert kept.tolist() == short.tolist()
        assert (rows[0] == PAD).sum() == LENGTH - 2
        assert rows[1].tolist() == long[:LENGTH].tolist()
        assert (rows[2] == PAD).all()


def test_the_thought_vector_is_the_last_output() -> None:
    table = torch.randn(5, 64)
    network = Network(table, "lstm", 3)
    rows = torch.tensor([[1, 2, 3, 4]])
    _, (last, _) = network.core(table[rows])
    assert torch.allclose(network(rows), nn.functional.log_softmax(network.dense(last[0]), dim=-1))
    assert not network.vectors.weight.requires_grad


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_it_learns_whose_words_these_are(words: Words, cell: str) -> None:
    judge = Classifier(words, [ONE, OTHER], cell, steps=30)  # type: ignore[arg-type]
    texts = ["the old man", "her young dog", RIVER * 3, HILL * 30]
    found = judge.log_probs(texts)
    assert np.exp(found).sum(axis=1) == pytest.approx(1)
    assert found.argmax(axis=1).tolist() == [0, 1, 0, 1]
    assert judge.log_probs([]).shape == (0, 2)
    again = Classifier(words, [ONE, OTHER], cell, steps=30)  # type: ignore[arg-type]
    assert np.array_equal(found, again.log_probs(texts))


def test_those_who_judge_share_no_text_with_the_generators() -> None:
    corpora = [genbench.corpus(author) for author in ("thorne", "pell")]
    texts, found = stylist(corpora, 0, lambda sentence: None)
    assert len(set(map(len, found.aside))) == 1
    for text, aside, corpus in zip(texts, found.aside, corpora, strict=True):
        assert aside[100:200] in corpus.train
        assert aside[100:200] not in text.train
        assert text.test == corpus.test


def test_a_comparison_judges_samples_beside_human_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("genbench.neural.classifier.STEPS", 5)
    monkeypatch.setattr("genbench.analysis.style_judge.LENGTHS", (50, 200))
    files = [tmp_path / name for name in ("o.json", "o.csv", "o.md")]
    asked = [
        "compare",
        "thorne",
        "pell",
        "--style",
        "--length",
        "150",
        "-g",
        "markov-char:order=5",
        "-g",
        "markov-word",
    ]
    outputs = ["--json", str(files[0]), "--csv", str(files[1]), "--markdown", str(files[2])]
    assert run(monkeypatch, *asked, *outputs) == 0
    out = capsys.readouterr().out
    assert "LSTM judge" in out
    assert "held-out text" in out
    found = json.loads(files[0].read_text(encoding="utf-8"))
    for row in found["results"]:
        assert row["style"]["bits"]["passages"] == len(row["style"]["texts"]) == SAMPLES
        assert row["style"]["bits"]["accuracy"] > 0.5
        assert {"rnn", "lstm"} < set(row["style"])
    assert [each["length"] for each in found["style"]["by_length"]] == [50, 200]
    assert found["style"]["human"]["length"] == 150
    assert set(found["style"]["lost_word"]) == {"bits", "rnn", "lstm"}
    assert "style of" in files[2].read_text(encoding="utf-8")
    assert "style" not in files[1].read_text(encoding="utf-8").splitlines()[0].split(",")


def test_without_samples_there_is_nothing_to_judge() -> None:
    found = genbench.compare(["thorne", "pell"], ["markov-char:order=3"], samplings=[Sampling(length=60)])
    assert found.style is None
    assert "style" not in found.results[0]
