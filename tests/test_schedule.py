"""The schedule in steps, and how a budget is kept."""

import pytest

from genbench import SpecError, make
from genbench.neural import schedule
from genbench.neural.schedule import KNOTS, PARTS, Schedule, parts, rate, read, written


@pytest.mark.parametrize("steps", [1, 2, 13, 40, 997])
def test_parts_make_up_the_steps(steps: int) -> None:
    assert len(parts(steps)) == PARTS
    assert sum(parts(steps)) == steps
    assert read(written(parts(steps))) == parts(steps)


def test_given_steps_every_rate_is_known_at_once() -> None:
    run = Schedule(parts(1000))
    rates, turns = [], []
    while not run.done:
        turns += [run.step] if run.turning else []
        rates.append(rate(run.fraction))
        run.step += 1
    assert len(rates) == 1000
    assert max(rates) == rates[30] == 1.0
    assert rates[15] == pytest.approx(0.5)
    assert rates[30:] == sorted(rates[30:], reverse=True)
    assert turns == [round(1000 * knot) for knot in KNOTS[:-1]]
    assert run.turning
    assert run.fraction == 1


@pytest.mark.parametrize("slower", [1.0, 2.5])
def test_a_budget_is_kept_on_a_machine_that_slows_down(slower: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(schedule.time, "perf_counter", lambda: now)
    run = Schedule([], 60.0, began=0.0)
    pace, validation = 0.02, 0.2
    while not run.done:
        if run.turning:
            known = run.pace() if run.step else pace
            now += validation
            run.plan(known, validation * sum(knot > run.fraction for knot in KNOTS))
        if run.done:
            break
        now += pace * (slower if now > 30 else 1)
        run.step += 1
    assert len(run.planned) == PARTS
    assert sum(run.planned) == run.step
    assert 57 <= now <= 63


def test_a_schedule_that_is_none_is_refused() -> None:
    with pytest.raises(SpecError, match="schedule is '3/x'"):
        make("lstm-char:schedule=3/x")
    with pytest.raises(SpecError, match="up to 12 numbers"):
        make("lstm-char:schedule=" + "/".join("1" * 13))
