"""The contract: training contexts and their parts, statistics, and scoring by steps."""

from typing import Any

import numpy as np
import pytest
from doubles import Fixed, Unigram

from genbench import capabilities
from genbench.errors import NotFittedError
from genbench.generator import Progress, TrainContext


def test_a_part_has_its_own_share_and_seed() -> None:
    context = TrainContext(seed=3, budget=60.0, steps=100, device="cpu")
    first, second = context.part("one", 0.25), context.part("two", 0.75)
    assert (first.budget, first.steps, first.device) == (15.0, 25, "cpu")
    assert len({context.seed, first.seed, second.seed}) == 3
    assert context.part("one", 0.25).seed == first.seed
    assert TrainContext().part("one", 0.5).budget is None


def test_a_part_reports_under_its_name() -> None:
    reports: list[Progress] = []
    part = TrainContext(on_progress=reports.append).part("lstm", 0.5)
    part.report(Progress(0.5, note="counting"))
    part.report(Progress(0.6))
    assert [progress.note for progress in reports] == ["lstm: counting", "lstm"]


def test_parts_keep_checkpoints_that_do_not_disturb_each_other() -> None:
    stored: dict[str, Any] = {}

    def store(state: dict[str, Any]) -> None:
        stored.clear()
        stored.update(state)

    context = TrainContext(on_checkpoint=store, last_checkpoint=lambda: dict(stored) or None)
    assert context.resume() is None
    first, second = context.part("one", 0.5), context.part("two", 0.5)
    first.save({"step": 1})
    second.save({"step": 2})
    first.save({"step": 3})
    assert (first.resume(), second.resume()) == ({"step": 3}, {"step": 2})
    assert first.part("inner", 1.0).resume() is None


def test_parts_have_statistics_of_their_own() -> None:
    context = TrainContext()
    part = context.part("one", 0.5)
    part.record(parameters=3, notes=["a note"], answered=0.5)
    context.record(notes=["first"])
    context.record(passes=2, notes=["second"])
    assert (part.stats.parameters, part.stats.notes, part.stats.details) == (3, ["a note"], {"answered": 0.5})
    assert (context.stats.parameters, context.stats.passes, context.stats.notes) == (None, 2, ["first", "second"])


def test_without_stream_scoring_a_text_is_scored_by_steps() -> None:
    fixed = Fixed()
    ids = fixed.tokenizer.encode("abca")
    assert np.array_equal(capabilities.token_log_probs(fixed, ids), fixed.table[ids])


def test_an_untrained_generator_raises_not_fitted_error() -> None:
    untrained = Unigram()
    assert not hasattr(untrained, "tokenizer")
    with pytest.raises(NotFittedError, match=r"Unigram has no attribute 'table' and is not trained"):
        untrained.log_probs(None)
