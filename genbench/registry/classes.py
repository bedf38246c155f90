"""What a generator class must be, whether it is installed or defined in a file of the user."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

from genbench.errors import ContractError, format_error
from genbench.generator import Generator
from genbench.spec import field_default

CONTRACT = 2  # the version of the contract that this genbench supports
RENAMED_IN_2 = (
    "rename begin to start and predict to log_probs, return the tokenizer from dump and set it in restore, "
    "and report statistics with context.record"
)


def checked_class(kind: Any, where: str) -> type[Generator]:
    """Return the class if it is a complete generator for the supported contract; raises ContractError otherwise."""
    # a generator class with all abstract methods
    if not (inspect.isclass(kind) and issubclass(kind, Generator)):
        raise ContractError(f"{where} is not a Generator")
    _require_contract(kind, where)
    if inspect.isabstract(kind):
        missing = ", ".join(sorted(kind.__abstractmethods__))
        raise ContractError(f"{where}: class {kind.__name__} lacks {missing}")

    # hyper-parameters are the fields of a dataclass, and each has a default
    if "__dataclass_fields__" not in vars(kind):
        raise ContractError(f"{where} must be a dataclass: put @dataclass above class {kind.__name__}")
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    without = [f.name for f in fields if f.init and field_default(f) is dataclasses.MISSING]
    if without:
        raise ContractError(
            f"{where}: every option needs a default, and {', '.join(without)} of {kind.__name__} has none"
        )
    return kind


def _require_contract(kind: type[Generator], where: str) -> None:
    """Raise ContractError for a class that implements another version of the contract."""
    first_edition = kind.contract == 1 or (hasattr(kind, "predict") and "log_probs" in kind.__abstractmethods__)
    if first_edition:
        raise ContractError(f"{where} was written for contract 1, and this genbench supports 2: {RENAMED_IN_2}")

    # newer or older than this genbench supports
    if kind.contract != CONTRACT:
        newer = isinstance(kind.contract, int) and kind.contract > CONTRACT
        remedy = "pip install --upgrade genbench" if newer else "look for a newer version of it"
        raise ContractError(
            f"{where} was written for contract {kind.contract!r}, and this genbench supports {CONTRACT}; {remedy}"
        )


def describe_import_error(error: BaseException, file: str | None = None) -> str:
    """Return an error as text, with a hint if the plugin imports a name that this version of genbench does not have."""
    missing = isinstance(error, ImportError) and (error.name or "").split(".")[0] == "genbench"
    if not missing:
        return format_error(error, file)
    return f"{format_error(error, file)}: it was written for another version of genbench; {RENAMED_IN_2}"
