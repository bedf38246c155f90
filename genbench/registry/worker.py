"""The process that imports a plugin file to describe its generator, so that no other process has to."""

from __future__ import annotations

from typing import Any

from genbench.errors import GenbenchError, UserError, format_error
from genbench.processes.child import Receive, Send, serve
from genbench.registry.description import Description, Refusal, describe_here
from genbench.spec import Spec
from genbench.storage.memory import limit_memory
from genbench.storage.records import to_json


def main() -> None:
    """Describe the SPECs on standard input: a JSON list of their texts."""
    limit_memory()
    serve(_answer)


def _answer(receive: Receive, send: Send) -> None:
    answers: list[Any] = [to_json(_describe(text)) for text in receive()]
    send(answers)


def _describe(text: str) -> Description | Refusal:
    try:
        return describe_here(Spec.parse(text))
    except GenbenchError as error:
        return Refusal(str(error), isinstance(error, UserError))
    except (Exception, SystemExit) as error:  # raised by the class, when it is created
        return Refusal(f"{text} cannot be used: {format_error(error)}", by_user=False)


if __name__ == "__main__":
    main()
