"""Option groups: a dataclass that a command takes as one parameter becomes single options of Typer."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from genbench.cli.options import ModelOptions, OptionGroup, TrainingOptions, accepts_groups, option, single
from genbench.errors import UserError


@dataclass(frozen=True)
class Paint(OptionGroup):
    """A group with a required option and two with defaults."""

    color: Annotated[str, option("--color", metavar="NAME", help="The color of the paint.")]
    coats: Annotated[int, option(metavar="N", help="Number of coats. [default: two]")] = 2
    glossy: Annotated[bool, typer.Option("--glossy", help="Shine.")] = False


@dataclass(frozen=True)
class Brush(OptionGroup):
    """A second group."""

    width: Annotated[float, typer.Option(metavar="W", help="Width of the brush.")] = 1.5


def run(*arguments: str) -> tuple[int, str, list[Any]]:
    """Return the exit code, the output and the received parameters of a command with two groups."""
    received: list[Any] = []

    @accepts_groups
    def command(
        wall: Annotated[str, typer.Argument(help="The wall.")],
        paint: Paint,
        brush: Brush,
        quick: Annotated[bool, typer.Option("--quick", help="Hurry.")] = False,
    ) -> None:
        """Paint a wall."""
        received.extend([wall, paint, brush, quick])

    app = typer.Typer(rich_markup_mode=None)
    app.command()(command)
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output, received


def test_a_group_receives_its_options() -> None:
    code, _, received = run("north", "--color", "red", "--coats", "3", "--glossy", "--width", "2", "--quick")
    assert code == 0
    assert received == ["north", Paint("red", 3, True), Brush(2.0), True]


def test_missing_options_have_the_defaults_of_the_fields() -> None:
    code, _, received = run("north", "--color", "red")
    assert code == 0
    assert received == ["north", Paint("red"), Brush(), False]


def test_a_field_without_a_default_is_required() -> None:
    code, output, received = run("north")
    assert code == 2
    assert "--color" in output
    assert received == []


def test_a_value_of_the_wrong_type_is_refused() -> None:
    code, output, received = run("north", "--color", "red", "--coats", "many")
    assert code == 2
    assert "--coats" in output
    assert received == []


def test_the_help_lists_the_options_of_all_groups() -> None:
    code, output, _ = run("--help")
    assert code == 0
    assert "Paint a wall." in output
    for text in ("--color NAME", "The color of the paint.", "--coats N", "[default: two]", "--glossy", "--width W"):
        assert text in output
    assert "--paint" not in output
    assert output.count("[default: two]") == 1  # `option` shows no second default


def test_the_options_of_a_group_stand_in_its_place() -> None:
    _, output, _ = run("--help")
    assert output.index("--color") < output.index("--coats") < output.index("--width") < output.index("--quick")


def test_training_options_are_those_of_the_api() -> None:
    @accepts_groups
    def train(training: TrainingOptions) -> None: ...

    names = list(train.__annotations__)
    assert names == ["lines", "encoding", "column", "seed", "budget", "steps", "flops", "device", "retrain"]
    assert (ModelOptions().seed, TrainingOptions().seed) == (None, 0)  # any stored model; the seed of a new one


def test_a_command_for_one_generator_refuses_several() -> None:
    assert single(["markov-char"]) == "markov-char"
    with pytest.raises(UserError, match="2 generators are given, and one is expected; genbench compare takes several"):
        single(["markov-char", "markov-word"])
