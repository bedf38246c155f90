"""README.md of a proof: how to check it, what it proves, and how to train its models again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from genbench.experiments.comparison import Comparison
from genbench.experiments.proof.rows import ProvedRow

TEXT = """\
# Proof of {name}

The figures of a comparison of text generators by genbench {genbench}, and what is needed to check them. In this folder:

    python -m venv ../env
    ../env/bin/python -m pip install -r requirements.txt
    ../env/bin/python verify.py

`verify.py` is {lines} lines: read it. For each row it decodes the test text from the predictions of the row's model,
which has never had it, scores the text, and compares the figures with those of `run.json`: counts exactly, bits within
0.0001 per character, perplexities, intervals and verdicts as they follow from the bits. Where the processor rounds
predictions in another way than the one that wrote this folder, decoding is impossible; then the text is scored, and
the line says so.
Sums of floating-point numbers are repeatable on the same processor with the same versions (Python {python}, and
requirements.txt; a build such as torch+cpu is in a comment there, from the index of that package).

Not proved: times, memory, samples and their statistics, results by stratum, and that the models were trained on the
training text alone. That the models can be trained again from the text is what the commands below are for.

## Rows

{rows}

## Texts

The sha256 of each test text, to compare with your own copy. The texts are in this folder, so share it only as far as
you may share them; the models have a hash of each word of the training text.

{texts}
"""
PLUGINS = """
## Code that runs

These plugin files are run with `--plugins`, and only then, with what stands beside them. Read them first.

{plugins}
"""
MISSING = """
## Not in this folder

{missing}
"""
OTHERS = """
Some generators are of other packages, which requirements.txt names and this folder does not have: {distributions}.
"""


def readme(
    comparison: Comparison,
    texts: Mapping[str, Mapping[str, Any]],
    rows: Sequence[ProvedRow],
    missing: Sequence[str],
    python: str,
    script: str,
) -> str:
    """Return the text of README.md; names stand in code blocks, so that nothing in them is Markdown."""
    parts = [
        TEXT.format(
            name=comparison.name or "a comparison",
            genbench=comparison.genbench,
            lines=script.count("\n"),
            python=python,
            rows="\n\n".join(_describe_row(comparison, row) for row in rows),
            texts="\n".join(f"    {text['sha256']}  {_line(author)}" for author, text in texts.items()),
        )
    ]
    plugins = dict.fromkeys(path for row in rows for path in row.plugins)
    distributions = sorted({row.distribution for row in rows if row.distribution[:9] != "genbench "})
    parts += [OTHERS.format(distributions=_line(", ".join(distributions)))] if distributions else []
    parts += [PLUGINS.format(plugins="\n".join(f"    {_line(path)}" for path in plugins))] if plugins else []
    parts += [MISSING.format(missing="\n".join(f"    {_line(reason)}" for reason in missing))] if missing else []
    return "".join(parts)


def _describe_row(comparison: Comparison, row: ProvedRow) -> str:
    """Return the figures of a row and the command that trains its model again, as a code block."""
    result, command = comparison.results[row.index], ["genbench", "train", row.author, "-g", row.spec]
    info = comparison.corpora[row.author]
    command += ["--seed", str(row.seed), *(["--lines", "keep"] if info.lines == "keep" and not info.own_split else [])]
    part = "" if row.characters == result.characters else f" (the first {row.characters:,} characters)"
    lines = [
        f"{_line(row.label)}: {result.bits_per_character:.4f} bits per character, {row.compressed}{part}",
        _line(shlex.join(command)),
    ]
    return "\n".join(f"    {line}" for line in lines)


def _line(text: str) -> str:
    """Return a text in one line, without control characters."""
    return "".join(char if char.isprintable() else "?" for char in text)
