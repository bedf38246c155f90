"""The process that runs the checks of one generator, so that one that exits or loops ends no other process."""

from __future__ import annotations

from genbench.errors import GenbenchError, UserError, format_error
from genbench.processes.child import Receive, Send, serve
from genbench.registry.description import Refusal
from genbench.storage.memory import limit_memory
from genbench.storage.records import to_json
from genbench.testing.runner import run_checks
from genbench.testing.subject import Subject


def main() -> None:
    """Check the generator whose SPEC is on standard input; send a line for each result."""
    serve(_run)


def _run(receive: Receive, send: Send) -> None:
    spec = receive()
    limit_memory()
    try:
        for result in run_checks(Subject.of(spec)):
            send(to_json(result))
    except GenbenchError as error:
        send(to_json(Refusal(str(error), isinstance(error, UserError))))
    except Exception as error:  # raised by the class, when it is created
        send(to_json(Refusal(f"{spec} cannot be used: {format_error(error)}", by_user=False)))


if __name__ == "__main__":
    main()
