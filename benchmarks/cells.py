"""Compare the cells of the networks: bits at equal seconds and at equal steps, and memory by the recall test.

    python benchmarks/cells.py --seconds 30                                    prints Markdown
    python benchmarks/cells.py --seconds 30 --page docs/cells.md               writes it under "Figures" of that page
    python benchmarks/cells.py --seconds 10 --cells lstm-char mingru-char      some cells only

Texts are raw (`--lines keep`). At equal seconds of one core, the size is chosen by the usual rule; at equal steps, all
networks have UNITS hidden units. Options are those that validation text decided; test text is scored once per row. The
recall test is trained on the lines of `examples/recall.py`, for as many seconds. NLTK's gutenberg corpus must be on its
search path.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

import genbench
from genbench.analysis.recall import RecallRow, recall
from genbench.corpus.corpus import Corpus
from genbench.corpus.loading import load_corpus
from genbench.model import Model

CELLS = (
    "lstm-char",
    "gru-char",
    "rnn-char",
    "mogrifier-lstm-char",
    "mingru-char",
    "minlstm-char",
    "slstm-char",
    "mlstm-char",
    "gated-deltanet-char",
    "transformer-char",
)
UNITS = 128  # at equal steps
RECALL_CHARACTERS = 200_000
NEAR = 16  # characters: places of the recall test up to this distance are near
HEADING = "## Figures\n"


@dataclass(frozen=True)
class Figure:
    """One trained network: its size, its cost and its bits per character."""

    parameters: float
    units: float
    steps: float
    seconds: float  # of training, CPU
    valid: float
    test: float


def main() -> None:
    """Measure, and print or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="CPU seconds of each training")
    parser.add_argument("--steps", type=int, default=200, help="steps of each training at equal steps")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--authors", nargs="*", default=["austen", "carroll"])
    parser.add_argument("--cells", nargs="+", default=CELLS, metavar="SPEC")
    parser.add_argument("--no-recall", dest="recall", action="store_false", help="no recall test")
    parser.add_argument("--page", type=Path, help='a Markdown page whose section "Figures" is replaced')
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    # the tables, one after the other
    started, load = datetime.now(UTC), os.getloadavg()[0]
    lines = [*author_tables(arguments), *(recall_table(arguments) if arguments.recall else ())]
    seeds = f"{arguments.seeds} seed" + ("s, medians" if arguments.seeds > 1 else "")
    about = (
        f"{started:%Y-%m-%d}, {processor()}, one thread, {seeds}; `python benchmarks/cells.py --seconds "
        f"{arguments.seconds:g} --steps {arguments.steps} --seeds {arguments.seeds}`. Load of the machine, by its "
        f"{os.cpu_count()} cores: {load:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end; "
        "seconds are CPU seconds."
    )
    section = "\n".join([HEADING, about, "", *lines]) + "\n"
    if arguments.page is None:
        print(section)
    else:
        text = arguments.page.read_text(encoding="utf-8")
        arguments.page.write_text(text[: text.index(HEADING)] + section, encoding="utf-8")


def author_tables(arguments: argparse.Namespace) -> Iterable[str]:
    """Yield the lines of the tables of all authors."""
    for author in arguments.authors:
        corpus = load_corpus(author, lines="keep")
        yield from (
            f"**{corpus.author.capitalize()}**: bits per character of test text; in brackets, of validation text",
            "",
            f"| network | {arguments.seconds:g} s | units | parameters | steps "
            f"| {arguments.steps} steps of {UNITS} units | parameters | seconds |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        )
        for spec in arguments.cells:
            timed = measure(corpus, spec, arguments.seeds, seconds=arguments.seconds)
            stepped = measure(corpus, f"{spec}:hidden={UNITS}", arguments.seeds, steps=arguments.steps)
            yield (
                f"| {spec} | {timed.test:.3f} ({timed.valid:.3f}) | {timed.units:.0f} | {timed.parameters / 1e3:.0f}k "
                f"| {timed.steps:.0f} | {stepped.test:.3f} ({stepped.valid:.3f}) | {stepped.parameters / 1e3:.0f}k "
                f"| {stepped.seconds:.1f} |"
            )
        yield ""


def measure(corpus: Corpus, spec: str, seeds: int, *, seconds: float | None = None, steps: int | None = None) -> Figure:
    """Return the medians over the seeds of a network that is trained for some seconds, or some steps."""
    figures = []
    for seed in range(seeds):
        model = train(corpus, spec, seed, seconds, steps)
        record, units = model.card.training, model.generator._hidden  # type: ignore[attr-defined]
        test = model.score(str(corpus.test)).bits_per_character
        size = (record.parameters or 0, units, record.steps or 0, record.budget_seconds or 0.0)
        figures.append((*size, record.ranking_bits, test))
        print(f"{corpus.author} {spec} {figures[-1]}", file=sys.stderr, flush=True)
    return Figure(*(statistics.median(values) for values in zip(*figures, strict=True)))


def recall_table(arguments: argparse.Namespace) -> Iterable[str]:
    """Yield the lines of the table of the recall test."""
    yield from (
        "**Memory**: the share of the bits of closing brackets and repeated names that is saved "
        "([recall](attribution-and-memory.md)), by distance in characters",
        "",
        f"| network | brackets, 1 to {NEAR} | further | names, 1 to {NEAR} | further |",
        "| --- | ---: | ---: | ---: | ---: |",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recall.txt"
        path.write_text(recall_text(), encoding="utf-8")
        corpus = load_corpus(path)
        for spec in arguments.cells:
            models = {seed: train(corpus, spec, seed, arguments.seconds, None) for seed in range(arguments.seeds)}
            reports = [recall({spec: model}, corpus).generators[spec] for model in models.values()]
            print(f"recall {spec} {reports}", file=sys.stderr, flush=True)
            shares = [
                statistics.median(recalled(rows, kind, near) for rows in reports)
                for kind in ("bracket", "name")
                for near in (True, False)
            ]
            yield f"| {spec} | {' | '.join(f'{share:.2f}' for share in shares)} |"


def recalled(rows: Sequence[RecallRow], kind: str, near: bool) -> float:
    """Return the share of the bits of near or far places of one kind that is saved, weighted by places."""
    chosen = [row for row in rows if row.kind == kind and (row.max_distance <= NEAR) == near]
    return 1 - sum(row.bits * row.places for row in chosen) / sum(row.chance * row.places for row in chosen)


def recall_text() -> str:
    """Return the text of the recall test."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
    try:
        from recall import text
    finally:
        sys.path.pop(0)
    return str(text(RECALL_CHARACTERS))


def train(corpus: Corpus, spec: str, seed: int, seconds: float | None, steps: int | None) -> Model:
    """Return a network trained on a corpus, which is not stored."""
    return genbench.train(corpus, spec, budget=seconds, steps=steps, seed=seed, device="cpu", keep=False)


def processor() -> str:
    """Return the name of the processor, or "one processor" where the system does not tell."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "one processor"


if __name__ == "__main__":
    main()
