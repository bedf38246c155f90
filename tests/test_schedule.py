"""The learning-rate schedule in steps, and how a budget is kept."""

import pytest

from genbench.errors import SpecError
from genbench.neural.schedule import (
    KNOTS,
    PARTS,
    Schedule,
    format_schedule,
    learning_rate_share,
    parse_schedule,
    split_steps,
)
from genbench.registry import create


@pytest.mark.parametrize("steps", [1, 2, 13, 40, 997])
def test_parts_add_up_to_the_steps(steps: int) -> None:
    assert len(split_steps(steps)) == PARTS
    assert sum(split_steps(steps)) == steps
    assert parse_schedule(format_schedule(split_steps(steps))) == split_steps(steps)


def test_with_steps_every_learning_rate_is_planned_at_once() -> None:
    run = Schedule(split_steps(1000))
    rates, boundaries = [], []
    while not run.done:
        boundaries += [run.step] if run.at_part_boundary else []
        rates.append(learning_rate_share(run.fraction))
        run.step += 1
    assert len(rates) == 1000
    assert max(rates) == rates[30] == 1.0
    assert rates[15] == pytest.approx(0.5)
    assert rates[30:] == sorted(rates[30:], reverse=True)
    assert boundaries == [round(1000 * knot) for knot in KNOTS[:-1]]
    assert run.at_part_boundary
    assert run.fraction == 1


@pytest.mark.parametrize("slowdown", [1.0, 2.5])
def test_a_budget_is_kept_on_a_machine_that_slows_down(slowdown: float) -> None:
    now = 0.0
    run = Schedule([], 60.0, lambda: now)
    pace, validation = 0.02, 0.2

    # a loop like that of the trainer, on a simulated clock
    while not run.done:
        if run.at_part_boundary:
            measured = run.seconds_per_step() if run.step else pace
            now += validation
            run.plan_part(measured, validation * sum(knot > run.fraction for knot in KNOTS))
        if run.done:
            break
        now += pace * (slowdown if now > 30 else 1)
        run.step += 1
    assert len(run.planned) == PARTS
    assert sum(run.planned) == run.step
    assert 57 <= now <= 63


@pytest.mark.parametrize(("pace", "steps"), [(20.0, 1), (3.0, 2), (0.5, 10)])
def test_a_run_that_is_too_slow_for_its_budget_ends_when_it_is_spent(pace: float, steps: int) -> None:
    now = 0.0
    run = Schedule([], 5.0, lambda: now)
    while not run.done:
        if run.at_part_boundary:
            if run.exhausted:
                run.end()
                break
            run.plan_part(pace, 0.0)
        now += pace
        run.step += 1
    assert run.done
    assert run.fraction == 1
    assert (run.step, sum(run.planned), len(run.planned)) == (steps, steps, PARTS)


def test_an_invalid_schedule_is_refused() -> None:
    with pytest.raises(SpecError, match="schedule is '3/x'"):
        create("lstm-char:schedule=3/x")
    with pytest.raises(SpecError, match="up to 12 numbers"):
        create("lstm-char:schedule=" + "/".join("1" * 13))
