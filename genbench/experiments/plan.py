"""From what was asked to a list of jobs; everything that can be refused is refused here, before any work begins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from genbench import registry
from genbench.corpus import Corpus
from genbench.errors import ContractError, UserError
from genbench.experiments.job import Job
from genbench.sampling.loop import Sampling

GENERATORS = ("markov-char", "markov-word", "lstm-char", "lstm-word")
BUDGET = 30.0  # seconds
BUDGETS, MINUTE, PACE = 3, 60.0, 1000  # a deadline: so many budgets, a minute, a second for so many test characters
LARGEST_SEED = 2**32
RANDOM, STRETCH = "random", 40  # a prompt, and how many characters it is
DEVICES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Training:
    """How long, where, and from which seed on; with neither budget nor steps, the budget is 30 seconds."""

    budget: float | None = None  # seconds
    steps: int | None = None
    seed: int = 0
    seeds: int = 1
    device: str = "auto"
    here: bool = True  # whether the device has to be one of this machine

    def __post_init__(self) -> None:
        if self.budget is not None and not 0 < self.budget < float("inf"):
            raise UserError(f"budget is {self.budget!r} seconds, and must be above 0; give it as in --budget 30s")
        for name in ("steps", "seeds"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{name} is {value}, and must be 1 or more")
        if not 0 <= self.seed < LARGEST_SEED:
            raise UserError(f"seed is {self.seed}, and must be from 0 to below 2 ** 32")
        if self.device not in DEVICES:
            raise UserError(f"device is {self.device!r}; choose one of {', '.join(DEVICES)}")
        if self.here:
            _require_device(self.device)

    def limits(self) -> dict[str, Any]:
        """Budget and steps as a job takes them."""
        budget = BUDGET if self.budget is None and self.steps is None else self.budget
        return {"budget": budget, "steps": self.steps}


def _require_device(name: str) -> None:
    if name not in ("cuda", "mps"):
        return
    import torch

    there = torch.cuda.is_available() if name == "cuda" else torch.backends.mps.is_available()
    if not there:
        raise UserError(f"this machine's PyTorch finds no {name} device; choose --device cpu or auto")


def require_specs(specs: Sequence[str]) -> None:
    """Refuse SPECs that no generator answers to; one whose plugin is broken costs its own row, later."""
    for spec in specs:
        try:
            registry.make(spec)
        except ContractError:
            continue


def require_prompt(prompt: str) -> None:
    """Refuse a prompt that is no valid Unicode string, as the command line may hand over."""
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"the prompt is not valid text at character {error.start}; give it in UTF-8") from error


def start(prompt: str, text: str, seed: int = 0) -> str:
    """What a sample goes on from: the prompt, or for the word `random` 40 characters of the text, by seed."""
    if prompt != RANDOM:
        return prompt
    place = int(np.random.default_rng(seed).integers(max(len(text) - STRETCH, 0) + 1))
    return text[place : place + STRETCH]


def jobs(
    corpora: Sequence[Corpus],
    specs: Sequence[str],
    training: Training,
    samplings: Sequence[Sampling] = (),
    prompts: Sequence[str] = ("",),
    **kept: Any,
) -> list[Job]:
    """One job for each author, generator and seed; `kept` is where models are kept, and whether to train anew.

    Raises UserError for two texts of one name.
    """
    names = [corpus.author for corpus in corpora]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"two of the texts are called {name!r}; rename one of the files")
    return [
        Job(
            author=corpus.author,
            train=corpus.train,
            valid=corpus.valid,
            test=corpus.test,
            spec=spec,
            seed=seed,
            device=training.device,
            prompts=[start(prompt, corpus.train, training.seed + place) for place, prompt in enumerate(prompts)],
            samplings=[asdict(sampling) for sampling in samplings],
            corpus={name: corpus.describe()[name] for name in ("books", "lines", "sha256", "held_out")},
            **training.limits(),
            **kept,
        )
        for corpus in corpora
        for spec in specs
        for seed in range(training.seed, training.seed + training.seeds)
    ]


def deadline(job: Job, given: float | None) -> float | None:
    """Seconds that a job may take until its row is there: those that are given, else by its budget; None: any."""
    if given is not None or job.budget is None:
        return given
    return BUDGETS * job.budget + MINUTE + sum(map(len, (job.test, *job.others.values()))) / PACE


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
