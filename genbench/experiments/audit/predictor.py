"""The process that predicts: it loads a model, isolates itself, and knows of the text what it is told token by token.

A word model that is ranked by the character (`charlevel/ranking.py`) predicts bytes and letters here.

It answers requests of five bytes and tokens: what to do, the number of tokens, and the tokens as int32. A process that
encodes the text, by a tokenizer class of the plugin's own, is asked for nothing else.

    S   begin at `start()`
    A   advance by these tokens
    P   send the log-probabilities of the next token, float64 in the order of the vocabulary
    D   send the text of these tokens: its length in bytes, int64, and UTF-8
    E   send the tokens of a text, UTF-8 of the number of bytes given: their number, that of those which spell words,
        the tokens, and the characters that each has read, all int64
"""

from __future__ import annotations

import json
import os
import struct
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from genbench import capabilities, scoring
from genbench.charlevel.ranking import ranked_model
from genbench.errors import ContractError, GenbenchError, format_error
from genbench.generator import Generator
from genbench.processes.child import redirect_stdout
from genbench.processes.isolation import code_beside, isolate
from genbench.processes.tree import become_subreaper
from genbench.storage.cards import read_card
from genbench.storage.records import JsonRecord, to_json
from genbench.storage.stored_model import StoredModel
from genbench.tokenization.subwords import SubwordTokenizer
from genbench.tokenization.tokenizer import Tokenizer

HEADER = struct.Struct("<cI")
START, ADVANCE, PREDICT, DECODE, ENCODE = b"S", b"A", b"P", b"D", b"E"
LENGTH = struct.Struct("<q")
TOKEN = np.dtype("<i4")
EXIT_CODE = 3  # after an error, whose message is the last line on standard error


@dataclass(frozen=True)
class Loaded(JsonRecord):
    """What a predictor says of its model before it gets any text."""

    size: int  # of the vocabulary
    tokenizer: dict[str, Any] | None  # as `Tokenizer.dump` returns it; None for a class that is not genbench's
    words: dict[str, Any] | None  # the tokenizer of a word model that is ranked by the character; None for others
    adaptive: bool
    window: int | None  # tokens that a prediction depends on at most; None where that is not declared
    isolation: list[str]


def main() -> None:
    """Load the model of the first line on standard input, describe it in a line, and answer requests."""
    answers = redirect_stdout()
    stdin = sys.stdin.buffer
    request = json.loads(stdin.readline())
    try:
        generator, loaded = _load(Path(request["model"]), list(map(Path, request["files"])), Path(request["empty"]))
        answers.write(json.dumps(to_json(loaded)) + "\n")
        answers.flush()
        _serve(generator, loaded.size, stdin, answers.fileno())
    except Exception as error:
        # the auditor shows the last line
        print(str(error) if isinstance(error, GenbenchError) else format_error(error), file=sys.stderr)
        sys.exit(EXIT_CODE)


def _load(folder: Path, files: list[Path], empty: Path) -> tuple[Generator, Loaded]:
    """Isolate this process, load the model, and make an empty folder the working one; `files` are plugin files."""
    become_subreaper()
    code = [path for file in files for path in (file.resolve(), *code_beside(file))]
    isolation = isolate([folder, *code], empty)

    # a folder that the auditor has checked, and files that the user named
    card = read_card(folder)
    if card is None:
        raise ContractError("the model has no valid card")
    stored = StoredModel(folder, card, tuple(file.resolve() for file in files))
    generator = stored.load_once().generator
    ranked = ranked_model(generator)
    if ranked is not generator:
        scoring.score(ranked, "\n")  # loads what its steps need: the time of the first ones decides how much is read
    os.chdir(empty)

    # what is known of it without any text
    tokenizer = ranked.tokenizer
    own = type(tokenizer) not in (Tokenizer, SubwordTokenizer)
    return ranked, Loaded(
        size=tokenizer.size,
        tokenizer=None if own else tokenizer.dump(),
        words=None if ranked is generator else generator.tokenizer.dump(),
        adaptive=capabilities.is_adaptive(generator),
        window=capabilities.context_window(generator),
        isolation=isolation,
    )


def _serve(generator: Generator, size: int, stdin: BinaryIO, stdout: int) -> None:
    """Answer requests until standard input closes."""
    state = generator.start()
    for header in iter(partial(stdin.read, HEADER.size), b""):
        action, count = HEADER.unpack(header)
        if action == ENCODE:
            _write(stdout, memoryview(_encode(generator.tokenizer, stdin.read(count).decode())))
            continue
        tokens = np.frombuffer(stdin.read(count * TOKEN.itemsize), TOKEN).tolist()
        if action == START:
            state = generator.start()
        elif action == ADVANCE:
            for token in tokens:
                state = generator.advance(state, token)
        elif action == PREDICT:
            log_probs = np.ascontiguousarray(generator.log_probs(state), dtype=np.float64)
            if log_probs.shape != (size,):
                raise ContractError(f"log_probs returns shape {log_probs.shape}, and the vocabulary has {size} tokens")
            _write(stdout, log_probs.data.cast("B"))
        else:
            text = generator.tokenizer.decode(tokens).encode()
            _write(stdout, memoryview(LENGTH.pack(len(text)) + text))


def _encode(tokenizer: Tokenizer, text: str) -> bytes:
    """Return the answer to the request for the tokens of a text."""
    ids, ends = scoring.encode(tokenizer, text)
    numbers = [len(ids), int(tokenizer.spelling_mask(ids).sum()), *ids.tolist(), *ends.tolist()]
    return np.array(numbers, np.int64).tobytes()


def _write(file: int, data: memoryview) -> None:
    while data:
        data = data[os.write(file, data) :]


if __name__ == "__main__":
    main()
