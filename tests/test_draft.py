"""The draft that `generate` shows while the first model of an author is trained."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

import genbench
from genbench.cli.draft import show_draft
from genbench.corpus.corpus import Corpus
from genbench.report.terminal.live import Live
from genbench.sampling import Sampling


def draft(text: Corpus, prompt: str = "") -> str:
    out = io.StringIO()
    with Live(Console(file=out, width=200)) as live:
        show_draft(text, prompt, Sampling(length=40), 1, live)
    return out.getvalue()


def test_a_draft_names_its_model_and_comes_only_before_the_first_training(prose_file: Path) -> None:
    text = genbench.corpus(prose_file)
    shown = draft(text, "It was")
    assert "a draft by markov-char, while markov is trained, which writes the text you asked for:" in shown
    assert "It was" in shown.split("asked for:")[1]
    assert len(shown.split("asked for:")[1].strip()) >= 40
    assert draft(text, "It was").split("asked for:")[1] == shown.split("asked for:")[1]

    genbench.train(text, "markov-char:order=2")
    assert draft(text) == ""
