"""SPECs and options."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from doubles import Fixed

from genbench import spec as options
from genbench.errors import SpecError
from genbench.spec import Spec, convert, make, options_of, parse, values


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
        ("./b.py:parts=(c.py:d=1)", Spec("b", {"parts": "c.py:d=1"}, Path("b.py"))),
        ("dir/my_idea.py:b=1", Spec("my_idea", {"b": "1"}, Path("dir/my_idea.py"))),
    ],
)
def test_a_spec_is_taken_apart(text: str, spec: Spec) -> None:
    assert parse(text) == spec


@pytest.mark.parametrize(
    "text", ["", ":", "a:", "a:b", "a:b=", "a:=1", "a:b=1,", "a:b=(1", "a:b=1)", "a:b=1,b=2", ":b=1", "a.py:"]
)
def test_a_malformed_spec_is_refused_by_name(text: str) -> None:
    with pytest.raises(SpecError, match=r"SPEC") as caught:
        parse(text)
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
    assert getattr(make(Optional, "o", {key: text}), key) == value


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
        make(Optional, "o", {"ordr": "3"})


def test_options_written_out_make_the_same_generator() -> None:
    first = make(Optional, "o", {"order": "7", "drop": "0.1"})
    assert values(make(Optional, "o", values(first))) == values(first)
    assert "log_probs" not in values(first)  # no constructor argument, no option


def test_every_option_of_every_generator_says_what_it_is() -> None:
    from genbench import registry

    for name in registry.found():
        for option in options.options_of(registry.load(name)).values():
            assert option.help, f"{name}: {option.name}"
