"""Texts as JSON lines for scripts: what `genbench generate --json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genbench.corpus.corpus import Corpus
    from genbench.model import Model
    from genbench.sampling import Sampling


def print_records(
    models: Mapping[str, Model], corpus: Corpus, prompts: Sequence[str], sampling: Sampling, first_seed: int
) -> None:
    """Print one JSON object per text, by all models for one prompt after the other; progress on standard error.

    Its names are text, prompt, seed, bits_per_character (of the text after the prompt, under the model that wrote it;
    null for an empty text), copied_share (of its words, in runs of five words or more of the training text), model and
    sampling (temperature, top_p and so on, as they were used).
    """
    from genbench import api, scoring
    from genbench.analysis.novelty import TrainingIndex
    from genbench.report.terminal.live import Live
    from genbench.report.terminal.screen import make_console, print_json

    # sample and score all texts side by side, which is faster
    with Live(make_console(stderr=True)) as live:
        texts, bits = {}, {}
        for spec, model in models.items():
            texts[spec] = api.generate(model, prompts, sampling, count=len(prompts), seed=first_seed, listener=live)
            whole = [prompt + text for prompt, text in zip(prompts, texts[spec], strict=True)]
            with live.stage("scoring the texts"):
                bits[spec] = scoring.score_each(model.generator, whole)
        with live.stage("comparing with the training text"):
            index = TrainingIndex(str(corpus.train), corpus.book_starts)
            index.read([text for written in texts.values() for text in written])

    for number, prompt in enumerate(prompts):
        for spec, model in models.items():
            text = texts[spec][number]
            of_text = bits[spec][number][len(prompt) :]
            print_json(
                {
                    "text": text,
                    "prompt": prompt,
                    "seed": first_seed + number,
                    "bits_per_character": float(of_text.sum()) / len(text) if text else None,
                    "copied_share": index.text_novelty(text).copied_share,
                    "model": model.id or spec,
                    "sampling": model.sampling(sampling).choices,
                }
            )
