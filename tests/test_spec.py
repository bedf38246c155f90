"""SPEC strings, options and durations."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from doubles import Fixed

from genbench import registry
from genbench.errors import SpecError, UserError
from genbench.spec import Spec, convert, create_generator, option_values, options_of, parse_duration


@dataclass
class Optional(Fixed):
    """One option of each type."""

    order: int = 3
    rate: float = 0.5
    tied: bool = False
    cell: Literal["full", "diagonal"] = "full"
    drop: float | None = None
    name: str = "x"


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("lstm-char", Spec("lstm-char", {})),
        ("a:b=1,c=2", Spec("a", {"b": "1", "c": "2"})),
        ("a:parts=(b:c=1)+(d:e=2,f=3),g=4", Spec("a", {"parts": "(b:c=1)+(d:e=2,f=3)", "g": "4"})),
        ("a:b=(1,2)", Spec("a", {"b": "1,2"})),
        ("a:parts=(./b.py:c=1)+(d)", Spec("a", {"parts": "(./b.py:c=1)+(d)"})),
        ("./b.py:parts=(c.py:d=1)", Spec("b.py", {"parts": "c.py:d=1"}, Path("b.py"))),
        ("dir/my_idea.py:b=1", Spec("my_idea.py", {"b": "1"}, Path("dir/my_idea.py"))),
    ],
)
def test_a_spec_is_parsed(text: str, spec: Spec) -> None:
    assert Spec.parse(text) == spec


@pytest.mark.parametrize(
    "text", ["", ":", "a:", "a:b", "a:b=", "a:=1", "a:b=1,", "a:b=(1", "a:b=1)", "a:b=1,b=2", ":b=1", "a.py:"]
)
def test_a_malformed_spec_is_refused_by_name(text: str) -> None:
    with pytest.raises(SpecError, match=r"SPEC") as caught:
        Spec.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("order", "5", 5),
        ("rate", "1e-3", 0.001),
        ("tied", "yes", True),
        ("tied", "False", False),
        ("cell", "diagonal", "diagonal"),
        ("drop", "auto", None),
        ("drop", "0.2", 0.2),
        ("name", "none", "none"),
    ],
)
def test_a_value_is_read_by_its_type(key: str, text: str, value: object) -> None:
    assert getattr(create_generator(Optional, "o", {key: text}), key) == value


@pytest.mark.parametrize(
    ("key", "text"),
    [("order", "3.5"), ("rate", "inf"), ("rate", "nan"), ("tied", "maybe"), ("cell", "half"), ("drop", "x")],
)
def test_a_value_of_another_type_is_refused_with_the_choices(key: str, text: str) -> None:
    option = options_of(Optional)[key]
    with pytest.raises(SpecError) as caught:
        convert(text, option, "o")
    assert key in str(caught.value)
    assert option.choices in str(caught.value)


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"no option 'ordr'.*did you mean order"):
        create_generator(Optional, "o", {"ordr": "3"})


def test_options_written_out_make_the_same_generator() -> None:
    first = create_generator(Optional, "o", {"order": "7", "drop": "0.1"})
    assert option_values(create_generator(Optional, "o", option_values(first))) == option_values(first)
    assert "table" not in option_values(first)  # no constructor argument, no option


def test_every_option_of_every_generator_has_a_help_text() -> None:
    for name in registry.registered():
        for option in options_of(registry.load_registered(name)).values():
            assert option.help, f"{name}: {option.name}"


@pytest.mark.parametrize("text", ["", "s", "1x", "-1s", "0", "1e3", "nan", "1 2"])
def test_a_malformed_duration_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="budget"):
        parse_duration(text)


def test_a_spec_is_filled_with_the_options_that_training_chose() -> None:
    spec = Spec.parse("lstm-char:hidden=auto,batch=16")
    assert Spec.parse(spec.fill({"hidden": 64, "dropout": None})).options == {
        "hidden": "64",
        "batch": "16",
        "dropout": "auto",
    }
