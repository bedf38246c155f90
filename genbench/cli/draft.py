"""A first text, while the first model of an author is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genbench.corpus.corpus import Corpus
    from genbench.report.terminal.live import Live
    from genbench.sampling import Sampling

DRAFT_GENERATOR = "markov-char"  # trained in a quarter of the time of the first model


def show_draft(text: Corpus, prompt: str, sampling: Sampling, seed: int | None, live: Live) -> None:
    """Print a text of a model that takes little time, on standard error, if a better one is to be trained now."""
    from genbench import api
    from genbench.training.choice import quick_generator, rank_models

    better = quick_generator(text)
    if better == DRAFT_GENERATOR or rank_models(text):
        return
    with live.stage(f"training {DRAFT_GENERATOR} for a draft"):
        draft = api.train(text, DRAFT_GENERATOR, keep=False)
        sample = draft.generate(prompt, sampling, seed=seed or 0)[0]
    live.message(f"a draft by {DRAFT_GENERATOR}, while {better} is trained, which writes the text you asked for:")
    live.message(f"\n{(prompt + sample).strip()}\n")
