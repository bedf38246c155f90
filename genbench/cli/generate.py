"""genbench generate"""

from __future__ import annotations

import secrets
import sys

from genbench.cli import parameters as p


def generate(
    author: p.AuthorOne,
    generators: p.Spec,
    prompt: p.Start = "",
    temperature: p.Temperature = 0.8,
    top_k: p.TopK = None,
    top_p: p.TopP = None,
    min_p: p.MinP = None,
    repetition_penalty: p.Penalty = 1.0,
    max_overlap: p.MaxOverlap = None,
    stop: p.Stop = None,
    length: p.Length = 300,
    count: p.Count = 1,
    seed: p.AnySeed = None,
    budget: p.Budget = None,
    steps: p.Steps = None,
    device: p.AnyDevice = None,
    lines: p.Lines = "join",
) -> None:
    """Write in an author's style: one text as it is drawn, several side by side; trains first if no model is kept."""
    from genbench import api
    from genbench.bench.plan import start
    from genbench.report.live import Live, console
    from genbench.report.stream import speak
    from genbench.sampling import Sampling

    api.require_prompt(prompt)
    sampling = Sampling(length, temperature, top_k, top_p, min_p, repetition_penalty, stop, max_overlap)
    with Live(console(stderr=True)) as live:
        text = api.corpus(author, lines=lines, watcher=live)
        limits = p.limits(budget, steps, seed, device)
        made = api.ready(text, p.only(generators), lines=lines, watcher=live, **limits)
    first = seed if seed is not None else secrets.randbelow(2**32)
    prompts = [start(prompt, text.train, first + place) for place in range(count)]
    if count == 1:
        speak(prompts[0], api.stream(made, prompts[0], sampling, first), sys.stdout)
        return
    texts = api.generate(made, prompts, sampling, count=count, seed=first)
    for place, (begun, each) in enumerate(zip(prompts, texts, strict=True), 1):
        speak(begun, [each], sys.stdout, last=place == count)
