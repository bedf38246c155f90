"""The texts that a trained generator writes for its row: the samples, and more of them for the judges of style."""

from __future__ import annotations

import time
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from genbench import scoring
from genbench.model import Model
from genbench.sampling.loop import Sampling, generate_many
from genbench.scoring import surprisal_by_word

if TYPE_CHECKING:
    from genbench.experiments.job import Job


def samples(model: Model, job: Job) -> dict[str, Any]:
    """The samples, drawn side by side and timed together, each with the bits of its words, as the generator sees it."""
    began = time.perf_counter()
    asked = list(product(job.prompts, job.samplings))
    prompts, hows = [prompt for prompt, _ in asked], [Sampling(**how) for _, how in asked]
    rngs = [np.random.default_rng([job.seed, place]) for place in range(len(asked))]
    texts = generate_many(model.generator, prompts, hows, rngs, training_words=model.training_words)
    seconds, characters = time.perf_counter() - began, sum(map(len, texts))
    bits = scoring.score_each(model.generator, [prompt + text for prompt, text in zip(prompts, texts, strict=True)])
    surprisal = [surprisal_by_word(each[len(each) - len(text) :], text) for each, text in zip(bits, texts, strict=True)]
    return {
        "samples": [
            {"temperature": how.temperature, "prompt": prompt, "text": text, "surprisal": words}
            for prompt, how, text, words in zip(prompts, hows, texts, surprisal, strict=True)
        ],
        "generate_characters_per_second": round(characters / seconds) if characters else None,
    }


def for_judges(model: Model, job: Job) -> list[str]:
    """As many more texts as are to be judged, by the first sampling and without a prompt."""
    how = Sampling(**job.samplings[0]) if job.samplings else Sampling()
    rngs = [np.random.default_rng([job.seed, place, job.judged]) for place in range(job.judged)]
    return generate_many(
        model.generator, [""] * job.judged, [how] * job.judged, rngs, training_words=model.training_words
    )
