"""Prompts of a command: from the command line, from standard input, or from the lines of a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from genbench.errors import UserError

STANDARD_INPUT = "-"  # as a file or as a prompt


def prompts_of_command(prompt: str, file: str | None, encoding: str | None = None) -> list[str]:
    """Return the prompts of a command: the one given, or those in the lines of a file.

    Raises UserError if both are given, and as the functions below do.
    """
    if file is None:
        return read_prompts([prompt], encoding)
    if prompt:
        raise UserError("--prompt and --prompt-file are given, and one of them is expected")
    return read_prompt_file(file, encoding)


def read_prompt_file(file: str, encoding: str | None = None) -> list[str]:
    """Return the prompts in a file, or in standard input for "-": its lines that are not blank, as they are.

    Raises CorpusError for a file that cannot be read or is not text, UserError for one without a prompt.
    """
    from genbench.corpus.encoding import decode
    from genbench.corpus.sources import read_file
    from genbench.storage.user_files import read_standard_input

    # a line may end as on Windows; blanks at its end belong to a prompt
    name = "standard input" if file == STANDARD_INPUT else file
    data = read_standard_input() if file == STANDARD_INPUT else read_file(Path(file))
    prompts = [line.removesuffix("\r") for line in decode(data, encoding, name).split("\n")]
    if not (prompts := [prompt for prompt in prompts if prompt.strip()]):
        raise UserError(f"{name} has no prompt: one is expected on each line; --prompt TEXT takes one from the command")
    return prompts


def read_prompts(prompts: Sequence[str], encoding: str | None = None) -> list[str]:
    """Return the prompts of a command, with "-" replaced by standard input without the newline at its end.

    Input that is not UTF-8 is read as `encoding`.

    Raises CorpusError for input that is not text, UserError if standard input is closed.
    """
    if STANDARD_INPUT not in prompts:
        return list(prompts)

    # it can be read only once, so several hyphens stand for the same text
    from genbench.corpus.encoding import decode
    from genbench.storage.user_files import read_standard_input

    text = decode(read_standard_input(), encoding, "standard input").removesuffix("\n").removesuffix("\r")
    return [text if prompt == STANDARD_INPUT else prompt for prompt in prompts]
