"""The style judge: it learns how authors differ, accepts short passages, and is shown beside human text."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from test_cli import run
from torch import nn

import genbench
from genbench import Sampling
from genbench.analysis.style_judge import SAMPLES_PER_ROW, train_style_judge
from genbench.neural.classifier import PAD, PASSAGE_WORDS, UNK, Classifier, ClassifierNetwork, PassageEncoder

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_process")]
pytest.importorskip("gensim", reason="gensim is an extra: pip install gensim")

RIVER = "the old man and the child went from the house to the river . "
HILL = "a young woman with her dog came over this hill by night . "
ONE, OTHER = RIVER * 80, HILL * 80


@pytest.fixture(scope="module")
def encoder() -> PassageEncoder:
    return PassageEncoder([ONE, OTHER], 0)


def test_unknown_words_share_a_vector_or_have_one_by_their_spelling(encoder: PassageEncoder) -> None:
    known, unknown, again = encoder.encode("river hill"), encoder.encode("zebra"), encoder.encode("quagga")
    assert (known > UNK).all()
    assert unknown.tolist() == again.tolist() == [UNK]
    random = PassageEncoder([ONE, OTHER], 0, "random")
    rows = [int(random.encode(word)[0]) for word in ("zebra", "quagga", "zebra")]
    assert rows[0] == rows[2] != rows[1]
    assert max(rows) < len(random.table)
    assert not encoder.table[PAD].any()


def test_passages_are_truncated_and_padded_to_400_words(encoder: PassageEncoder) -> None:
    for padding in ("before", "after"):
        judge = Classifier(encoder, [ONE, OTHER], "rnn", steps=0, padding=padding)  # type: ignore[arg-type]
        short, long = encoder.encode("the river"), encoder.encode(ONE)
        rows = judge._pad([short, long, encoder.encode("")]).numpy()
        assert rows.shape == (3, PASSAGE_WORDS)
        words = rows[0, -2:] if padding == "before" else rows[0, :2]
        assert words.tolist() == short.tolist()
        assert (rows[0] == PAD).sum() == PASSAGE_WORDS - 2
        assert rows[1].tolist() == long[:PASSAGE_WORDS].tolist()
        assert (rows[2] == PAD).all()


def test_predictions_depend_on_the_last_output_of_the_core() -> None:
    table = torch.randn(5, 64)
    network = ClassifierNetwork(table, "lstm", 3)
    rows = torch.tensor([[1, 2, 3, 4]])
    _, (last, _) = network.core(table[rows])
    assert torch.allclose(network(rows), nn.functional.log_softmax(network.dense(last[0]), dim=-1))
    assert not network.vectors.weight.requires_grad


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_classifier_learns_the_words_of_the_authors(encoder: PassageEncoder, cell: str) -> None:
    judge = Classifier(encoder, [ONE, OTHER], cell, steps=30)  # type: ignore[arg-type]
    texts = ["the old man", "her young dog", RIVER * 3, HILL * 30]
    log_probs = judge.log_probs(texts)
    assert np.exp(log_probs).sum(axis=1) == pytest.approx(1)
    assert log_probs.argmax(axis=1).tolist() == [0, 1, 0, 1]
    assert judge.log_probs([]).shape == (0, 2)
    again = Classifier(encoder, [ONE, OTHER], cell, steps=30)  # type: ignore[arg-type]
    assert np.array_equal(log_probs, again.log_probs(texts))


def test_the_judges_share_no_training_text_with_the_generators() -> None:
    corpora = [genbench.corpus(author) for author in ("thorne", "pell")]
    remaining, judge = train_style_judge(corpora, 0, lambda message: None)
    assert len(set(map(len, judge.aside))) == 1
    for rest, aside, corpus in zip(remaining, judge.aside, corpora, strict=True):
        assert aside[100:200] in str(corpus.train)
        assert aside[100:200] not in str(rest.train)
        assert rest.test == corpus.test


def test_a_comparison_judges_samples_beside_human_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("genbench.neural.classifier.STEPS", 5)
    monkeypatch.setattr("genbench.analysis.style_judge.LENGTHS", (50, 200))

    # a comparison with few steps of training and short passages
    files = [tmp_path / name for name in ("o.json", "o.csv", "o.md")]
    generators = ["-g", "markov-char:order=5", "-g", "markov-word"]
    arguments = ["compare", "thorne", "pell", "--style", "--length", "150", *generators]
    outputs = ["--json", str(files[0]), "--csv", str(files[1]), "--markdown", str(files[2])]
    assert run(monkeypatch, *arguments, *outputs) == 0
    out = capsys.readouterr().out
    assert "LSTM judge" in out
    assert "held-out text" in out

    # JSON: the judges of each row, and their accuracy on human text
    comparison = json.loads(files[0].read_text(encoding="utf-8"))
    for row in comparison["results"]:
        accuracy = row["style"]["accuracy"]
        assert accuracy["bits"]["passages"] == len(row["style"]["texts"]) == SAMPLES_PER_ROW
        assert accuracy["bits"]["accuracy"] > 0.5
        assert set(accuracy) == {"bits", "rnn", "lstm"}
    assert [passages["length"] for passages in comparison["style"]["by_length"]] == [50, 200]
    assert comparison["style"]["human"]["length"] == 150
    assert set(comparison["style"]["lost_word"]) == {"bits", "rnn", "lstm"}

    # Markdown has the table, CSV does not
    assert "style of" in files[2].read_text(encoding="utf-8")
    assert "style" not in files[1].read_text(encoding="utf-8").splitlines()[0].split(",")


def test_without_style_nothing_is_judged() -> None:
    comparison = genbench.compare(["thorne", "pell"], ["markov-char:order=3"], samplings=[Sampling(length=60)])
    assert comparison.style is None
    assert comparison.results[0].style is None
