"""Values that no machine can carry out, and values of the wrong type: refused at once, in one sentence."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genbench import Sampling, registry
from genbench.errors import SpecError, UserError
from genbench.experiments import config
from genbench.experiments.compare import compare
from genbench.experiments.plan import MAX_ROWS
from genbench.experiments.sweep import expand_grid
from genbench.neural.memory_estimate import TrainingShape
from genbench.spec import Spec, parse_duration
from genbench.storage import memory
from genbench.storage.memory import require_memory
from genbench.training import TrainSettings

NETWORK = "rnn-char"
HUGE = [f"{name}=1000000000" for name in ("hidden", "embedding", "batch", "bptt")]


@pytest.mark.parametrize("option", [*HUGE, "hidden=9223372036854775807"])
def test_a_network_that_cannot_fit_names_the_memory_that_it_needs(option: str) -> None:
    with pytest.raises(UserError, match=rf"^{NETWORK}:{option} needs at least [\d,]+ GB of memory to train, and this"):
        compare("pell", f"{NETWORK}:{option}")


def test_a_mixture_needs_the_memory_of_its_largest_part() -> None:
    (part,) = registry.describe([Spec.parse(f"{NETWORK}:hidden=1000000")])
    (mixture,) = registry.describe([Spec.parse(f"mixture:parts=({NETWORK}:hidden=1000000)+markov-char")])
    assert mixture.memory == part.memory > 10**12
    assert registry.describe([Spec.parse("markov-char")])[0].memory == 0


def test_the_estimate_counts_weights_and_activations() -> None:
    # one gate of 2 x (3 + 2) weights, five times; two rows of four tokens with 3 inputs, and a gate and a state of 2
    assert TrainingShape(3, 2, 1, 1, 2, 4).bytes() == 4 * (5 * 2 * 5 + 2 * 4 * (3 + 2 * 2))
    assert TrainingShape(3, 2, 2, 1, 2, 4).bytes() == 4 * (5 * 2 * (5 + 4) + 2 * 4 * (3 + 2 * 2 * 2))


def test_memory_is_not_limited_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "total_memory", lambda: 3 << 30)
    require_memory("x", 3 << 30)
    with pytest.raises(UserError, match="x needs at least 4 GB of memory to train, and this machine has 3 GB"):
        require_memory("x", 4 << 30)
    monkeypatch.setattr(memory, "total_memory", lambda: None)
    require_memory("x", 4 << 30)


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("layers=100000", "at most 100"),
        ("learning_rate=1e308", "from 0 to 10"),
        ("muon_lr=1e308", "from 0 to 10"),
        ("weight_decay=-1", "from 0 to 10"),
        ("hidden=99999999999999999999", "at most 19 digits"),
    ],
)
def test_an_option_of_a_network_has_limits(option: str, reason: str) -> None:
    with pytest.raises(SpecError, match=rf"{option.partition('=')[0]} is .*{reason}"):
        registry.create(f"{NETWORK}:{option}")


@pytest.mark.slow
@given(order=st.integers(-(10**30), 10**30))
@settings(deadline=None)  # the first call imports the generator
def test_a_whole_number_is_written_in_one_way(order: int) -> None:
    for text in (f"+{order}", f"0{order}", f"{order:_}x", f"{order}.0", f"{order}_0"):
        with pytest.raises(SpecError, match="order is"):
            registry.create(f"markov-char:order={text}")


def test_spaces_around_a_value_are_dropped_and_other_digits_refused() -> None:
    assert Spec.parse("markov-char: order = 3 ").text == "markov-char:order=3"
    with pytest.raises(SpecError, match="must be a whole number or unbounded, as in 3"):
        registry.create("markov-char:order=\N{ARABIC-INDIC DIGIT THREE}")


@pytest.mark.slow
@given(
    value=st.floats(max_value=0)
    | st.floats(min_value=1e8)
    | st.just(float("nan"))
    | st.lists(st.integers(), max_size=2)
    | st.booleans()
    | st.integers(min_value=10**8, max_value=10**400)
    | st.integers(min_value=20_000).map("{}h".format)
)
def test_a_duration_is_above_zero_and_at_most_ten_thousand_hours(value: Any) -> None:
    with pytest.raises(UserError, match="budget is"):
        parse_duration(value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"jobs": "x"},
        {"seeds": 10**9},
        {"seeds": True},
        {"steps": "5"},
        {"steps": 10**12},
        {"seed": 0.5},
        {"budget": ["30s"]},
        {"timeout": float("nan")},
        {"length": "abc"},
        {"length": 10**12},
        {"temperatures": ["warm"]},
        {"top_k": 1.5},
        {"prompts": [None]},
        {"generators": [5]},
        {"device": 3},
    ],
    ids=str,
)
def test_an_argument_that_cannot_be_used_is_one_sentence(arguments: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        compare(**({"authors": "pell", "generators": "markov-char"} | arguments))
    assert "\n" not in str(caught.value)


@given(value=st.text(min_size=1, max_size=3) | st.floats() | st.lists(st.none(), max_size=1))
def test_whole_numbers_of_other_types_are_refused(value: Any) -> None:
    for refuse in (
        lambda: Sampling(length=value),
        lambda: TrainSettings(steps=value),
        lambda: TrainSettings(seed=value),
    ):
        with pytest.raises(UserError, match="must be a whole number"):
            refuse()


@pytest.mark.parametrize("line", ["timeout = nan", "timeout = 1e300", "budget = '100000000000h'", "steps = 9999999999"])
def test_a_comparison_file_has_the_same_limits(line: str, tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(UserError, match=rf"{line.split()[0]} is .* must be"):
        config.to_settings(config.read_config(path)).validate()


def test_a_sweep_of_too_many_combinations_is_refused_before_it_is_written_out() -> None:
    table = {"markov-char": {"order": list(range(1, 2001)), "adaptive": list(range(2000)), "smoothing": [1] * 2000}}
    with pytest.raises(UserError, match=rf"8,000,000,000 rows, but at most {MAX_ROWS:,}"):
        expand_grid(["markov-char"], table)


@pytest.mark.parametrize(("spec", "advice"), [("markov-char", ":order=3"), ("markov-char:adaptive=true", ",order=3")])
def test_an_option_among_the_authors_belongs_to_its_generator(spec: str, advice: str) -> None:
    with pytest.raises(UserError, match=f"'order=3' is no author; .* -g {spec}{advice}$"):
        compare(["pell", "order=3"], spec)
