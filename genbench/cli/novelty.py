"""genbench novelty"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli.options import (
    Author,
    Budget,
    Count,
    Device,
    Flops,
    Length,
    OneSpecOrBest,
    PrintJson,
    Prompt,
    ReadingOptions,
    SamplingOptions,
    Steps,
    TrainSeed,
    accepts_groups,
    single_or_best,
)
from genbench.cli.progress import show_progress
from genbench.cli.prompts import read_prompts


@accepts_groups
def novelty(
    author: Author,
    *,
    generators: OneSpecOrBest = None,
    prompt: Prompt = "",
    sampling: SamplingOptions,
    length: Length = 1000,
    count: Count = 5,
    words: Annotated[int, typer.Option(metavar="N", min=1, help="A run of N words or more counts as copied.")] = 5,
    json: PrintJson = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of sampling.")] = 0,
    train_seed: TrainSeed = None,
    budget: Budget = None,
    steps: Steps = None,
    flops: Flops = None,
    device: Device = "auto",
    reading: ReadingOptions,
) -> None:
    """Show what generated texts copy from the author. And what is new in them; trains a model if none is stored."""
    from genbench.report.terminal.analysis import show_novelty
    from genbench.report.terminal.screen import make_console, print_json
    from genbench.sampling import Sampling, describe_choices, require_prompt, resolve_prompt

    [prompt] = read_prompts([prompt], reading.encoding)
    require_prompt(prompt)
    parameters = Sampling(length, **vars(sampling))
    with show_progress() as live:
        from genbench import api

        text = reading.corpus(author, live)
        model = api.load_or_train(
            text,
            single_or_best(generators),
            budget=budget,
            steps=steps,
            flops=flops,
            seed=train_seed,
            device=None if device == "auto" else device,
            listener=live,
        )

        live.message(f"sampling with {describe_choices(model.sampling(parameters).choices)}")

        # sample with the seeds that `genbench generate` uses
        prompts = [resolve_prompt(prompt, text.train, seed + index) for index in range(count)]
        texts = api.generate(model, prompts, parameters, count=count, seed=seed, listener=live)
        report = api.novelty(texts, text, words=words, listener=live)
    if json:
        print_json(report.to_dict())
    else:
        show_novelty(report, make_console())
