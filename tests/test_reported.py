"""What a generator reports of its training: converted to Python values within limits, or refused by name."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import Unigram

from genbench import reported
from genbench.errors import ContractError
from genbench.generator import Progress, Text, TrainContext, TrainStats
from genbench.spec import Spec
from genbench.testing import Subject, run_checks
from genbench.training import TrainingText, TrainSettings, train_model

TEXT = "the cat sat on the mat. " * 60
NESTED: list[Any] = []
NESTED.append(NESTED)


def recorded(**values: Any) -> TrainStats:
    context = TrainContext()
    context.record(**values)
    return context.stats


def test_numbers_of_any_type_are_recorded_as_python_values() -> None:
    torch = pytest.importorskip("torch")
    stats = recorded(
        parameters=np.int64(3),
        steps=torch.tensor([5.0]),
        flops=Fraction(1, 2),
        passes="2",
        curve=torch.tensor([[1.0, 2.5], [2.0, float("nan")]]),
        notes="one sentence",
        chosen={"hidden": np.int32(64), "rate": torch.tensor(0.5)},
        shares=[Fraction(1, 4), Decimal("0.5"), np.float64("inf"), None],
        weights={"a": torch.ones(2, requires_grad=True), 7: (True, "b")},
        mask=np.array([True]),
        file=Path("a/b"),
    )
    assert (stats.parameters, stats.steps, stats.flops, stats.passes) == (3, 5, 0.5, 2.0)
    assert (stats.curve, stats.notes) == ([[1.0, 2.5]], ["one sentence"])
    assert stats.chosen == {"hidden": 64, "rate": 0.5}
    assert stats.details == {
        "shares": [0.25, 0.5, None, None],
        "weights": {"a": [1.0, 1.0], "7": [True, "b"]},
        "mask": True,
        "file": "a/b",
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"parameters": "many"}, "reports parameters as 'many', but must report a number"),
        ({"parameters": 10**5000}, "reports parameters as a number that is too long to show, but must report a whole"),
        ({"steps": 2.5}, r"reports steps as 2\.5, but must report a whole number"),
        ({"steps": np.ones(2)}, r"reports steps as array\(\[1\., 1\.\]\), but must report a number"),
        ({"steps": -1}, "reports steps as -1"),
        ({"flops": float("inf")}, r"reports flops as inf, but must report a number from 0 to 1e\+30"),
        ({"passes": float("nan")}, "reports passes as nan"),
        ({"curve": [1, 2]}, "reports curve as 1, but must report pairs"),
        ({"curve": [[1, 2, 3]]}, r"reports curve as \[1, 2, 3\], but must report pairs"),
        ({"notes": [None]}, "reports notes as None, but must report sentences"),
        ({"notes": 5}, "reports notes as 5, but must report a list of sentences"),
        ({"notes": ["x" * 3000]}, "reports notes as .*, but must report sentences of at most 2,000 characters"),
        ({"notes": ["x"] * 100}, "reports 100 notes, but may report 50"),
        ({"chosen": [1]}, "reports chosen as"),
        ({"chosen": {"hidden": [1]}}, r"reports chosen\['hidden'\] as \[1\], but must report the value of an option"),
        ({"speed": object()}, "reports speed as <object .*, but must report text, numbers, and lists"),
        ({"speed": 10**30}, "reports speed as 1000000000"),
        ({"speed": NESTED}, "reports speed as .*, but must report at most 20 lists in lists"),
        ({"table": np.zeros(10**6)}, "reports table with over 200,000 characters as JSON"),
        ({"a": "x" * 150_000, "b": "x" * 150_000}, "reports details with over 200,000 characters as JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_valid_is_refused_by_name(values: dict[str, Any], expected: str) -> None:
    context = TrainContext()
    context.record(parameters=1, notes=["before"])
    with pytest.raises(ContractError, match=f"^it {expected}") as error:
        context.record(**values)
    assert "\n" not in str(error.value)
    assert context.stats == TrainStats(parameters=1, notes=["before"])


def test_a_step_beyond_64_bits_names_its_field() -> None:
    assert Progress(0.5, np.float32(7.9)).step == 7  # type: ignore[arg-type]
    with pytest.raises(ContractError, match=r"it reports step as \S+, but must report a whole number from 0"):
        Progress(0.5, 1e300)  # type: ignore[arg-type]


def test_lone_surrogates_are_escaped() -> None:
    stats = recorded(notes=["a\udcff"], chosen={"file": "\ud800"}, name={"\udcfe": ["\udcff"]})
    assert stats.notes == ["a\\udcff"]
    assert stats.chosen == {"file": "\\ud800"}
    assert stats.details == {"name": {"\\udcfe": ["\\udcff"]}}
    assert Progress(0.5, note="\udcff").note == "\\udcff"


@pytest.mark.slow
def test_a_long_curve_is_thinned_out_between_its_ends() -> None:
    curve = recorded(curve=[[second, 1.0] for second in range(123_457)]).curve
    assert len(curve) == reported.MAX_POINTS
    assert (curve[0], curve[-1]) == ([0.0, 1.0], [123_456.0, 1.0])
    steps = np.diff(np.array(curve)[:, 0])
    assert steps.max() - steps.min() <= 1


class Chooses(Unigram):
    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        context.record(chosen={"smoothin": 1.0})


class Tampers(Unigram):
    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        context.stats.parameters = "many"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(Chooses, r"it reports chosen\['smoothin'\], but has no option"), (Tampers, "it reports param")],
)
def test_a_training_and_the_checks_refuse_invalid_statistics(kind: type[Unigram], expected: str) -> None:
    (result,) = run_checks(Subject(kind))
    assert result.check == "learns"
    assert expected.replace("\\", "") in result.example
    with pytest.raises(ContractError, match=expected):
        train_model(kind(), Spec.parse("markov-char"), TrainingText("cats", TEXT, TEXT[:200]), TrainSettings())
