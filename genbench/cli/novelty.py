"""genbench novelty"""

from __future__ import annotations

from typing import Annotated

import typer

from genbench.cli import options as p
from genbench.experiments.durations import seconds


def novelty(
    author: p.AuthorOne,
    generators: p.Spec,
    prompt: p.Start = "",
    temperature: p.Temperature = 0.8,
    top_k: p.TopK = None,
    top_p: p.TopP = None,
    min_p: p.MinP = None,
    repetition_penalty: p.Penalty = 1.0,
    length: p.Length = 1000,
    count: p.Count = 5,
    words: Annotated[int, typer.Option(metavar="N", min=1, help="A run of so many words counts as copied.")] = 5,
    json: p.PrintJson = False,
    seed: Annotated[int, typer.Option(metavar="N", help="The seed of drawing.")] = 0,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Draw texts, and tell what they copy from the author's training text and what is new in them."""
    from genbench import api
    from genbench.analysis import measuring
    from genbench.experiments.plan import start
    from genbench.report.terminal import novelty, screen
    from genbench.report.terminal.live import Live, console
    from genbench.sampling.loop import Sampling

    api.require_prompt(prompt)
    sampling = Sampling(length, temperature, top_k, top_p, min_p, repetition_penalty)
    with Live(console(stderr=True)) as live:
        text = api.corpus(author, lines=lines, watcher=live)
        limits = {"budget": seconds(budget), "steps": steps, "device": device}
        made = api.ready(text, p.only(generators), lines=lines, watcher=live, **limits)
        prompts = [start(prompt, text.train, seed + place) for place in range(count)]
        texts = api.generate(made, prompts, sampling, count=count, seed=seed, watcher=live)
        found = measuring.novelty(texts, text, words=words)
    if json:
        screen.values(found)
    else:
        novelty.show(found, console())
