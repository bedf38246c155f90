"""Comparisons and surprisal reports for the tests of the pages: complete, minimal and with hostile strings."""

import math
import re
from dataclasses import replace
from typing import Any

from rows import scored_row

from genbench.analysis.attribution import Accuracy
from genbench.analysis.memory import ContextBits
from genbench.analysis.novelty import CopiedRun, NoveltyStatistics
from genbench.analysis.strata import StratumBits
from genbench.analysis.style_judge import JudgedPassages, JudgeReport, LostWord
from genbench.analysis.surprisal import ModelSurprisal, SurprisalReport
from genbench.experiments.comparison import Comparison, CorpusInfo
from genbench.experiments.row import CopyStats, Row, Sample, StyleScores
from genbench.scoring import WordSurprisal, split_words
from genbench.storage.cards import Snapshot

HOSTILE = [
    "</script><script>alert(1)</script>",
    "</style></title></svg><img src=x onerror=alert(2)>",
    '"onmouseover="alert(3)" x="',
    "'><a href=javascript:alert(4)>a</a>",
    "javascript:alert(5)",
    "{{7*7}}{% raw %}${7*7}",
    "]]><!--<script>alert(6)</script>-->&lt;b&gt;&#60;i&#62;",
    "url(https://example.org/x.png);} * {display:none}",
    "\x1b[31mred\x1b]8;;https://example.org\x07",
    "abc\u202edcba\u2066\u200f",
    "nul\x00 lone\udcff half\ud800",
    "$x^2$ $\\frac{1}{0}$ $",
]
HARM = " ".join(HOSTILE)
TEXT = "She had no idea of the world, and every body said so.\n\nBut he was at the ball again."
STATS = NoveltyStatistics(
    texts=1,
    words=60,
    longest_copy=23.0,
    copied_share=0.125,
    unseen=[0.1, 0.375, 0.8] + [1.0] * 7,
    distinct=[0.8, 0.95, 1.0],
    self_bleu=None,
)
AUTHORS = ("austen", "carroll")
JUDGED = Accuracy(20, 15, 0.75, (0.6, 0.9), 0.7, {a: {b: 15 if a == b else 5 for b in AUTHORS} for a in AUTHORS})
JUDGES = dict.fromkeys(("bits", "lstm", "rnn"), JUDGED)


def word_bits(text: str, scale: float = 1.0) -> list[WordSurprisal]:
    """Return the words of a text with bits in proportion to their lengths."""
    return [WordSurprisal(word, round(scale * len(word), 2)) for word in split_words(text)]


def copy_stats(temperature: float) -> CopyStats:
    """Return statistics of the samples at one temperature."""
    return CopyStats(**vars(STATS), temperature=temperature)


def sample(text: str, temperature: float = 0.8, prompt: str = "", scale: float = 1.0) -> Sample:
    """Return a sample whose second to seventh words are copied."""
    words = [match.span() for match in re.finditer(r"\S+", text)]
    start, end = (words[1][0], words[6][1]) if len(words) > 7 else (0, 0)
    return Sample(
        temperature,
        prompt,
        text,
        surprisal=[(word, bits) for word, bits in word_bits(text, scale)],
        longest_copy=20,
        copied_from=CopiedRun("Emma", 1234, text[start:end]) if end else None,
        copies=[[start, end]] if end else [],
        copied_share=0.3,
        unseen=[0.1],
    )


def row(author: str, generator: str, bits: float, **changes: Any) -> Row:
    """Return a row with every kind of measurement."""
    texts = [sample(f"{generator} {t} {p} {TEXT}", t, p) for p in ("", "It was") for t in (0.5, 1.0)]
    stratum = StratumBits(10_000, 10_000 * bits, [500.0] * 20, [500 * bits] * 20)
    full = scored_row(
        generator,
        bits,
        author=author,
        token_perplexity=1000.0,
        spelled_share=1000.0,
        interval=(bits - 0.1, bits + 0.1),
        splits={"word-frequency": {"never": stratum, "1 to 9": stratum}},
        validation_bits_per_character=1000.0,
        parameters=1000,
        steps=1000,
        train_seconds=9.0,
        train_characters_per_second=1000.0,
        curve=[(0.5 * k, bits + 3 * math.exp(-k / 3)) for k in range(1, 18)] if "lstm" in generator else [],
        snapshots=[Snapshot(s, 10, s / 25, 4 - s / 5, "It was", " a ball.") for s in (1.0, 5.0)]
        * ("lstm" in generator),
        spec=generator,
        model="m-1",
        reused=True,
        score_characters_per_second=1000.0,
        generate_characters_per_second=1000.0,
        peak_memory_mb=1000.0,
        samples=texts,
        novelty=[copy_stats(0.8)],
        memory=[
            ContextBits(2**k, bits + 2 / 2**k, (bits, bits + 3 / 2**k), None, 2 / 2**k, (0.1, 0.2)) for k in range(8)
        ],
        cross_scores={"austen": bits + 0.5, "carroll": bits + 0.4},
        style=StyleScores(300, [], JUDGES),
    )
    return replace(full, **changes)


def failed_row(author: str, generator: str, error: str, **changes: Any) -> Row:
    """Return a row that failed."""
    return Row(author, generator, status="failed", error=error, **changes)


def comparison(*rows: Row, **changes: Any) -> Comparison:
    """Return a comparison with these rows."""
    authors = list(dict.fromkeys(row.author for row in rows))
    text = CorpusInfo("ab" * 32, characters=9, train=1_000_000, valid=9, test=99_999, books=["Emma"], lines="join")
    text = replace(text, passage=TEXT)
    baselines = {"uniform": 6.0, "unigram": 4.0, "xz": 2.0}
    full = Comparison(
        "1",
        dict.fromkeys(authors, text),
        list(rows),
        baselines=dict.fromkeys(authors, baselines),
        held_out_text=dict.fromkeys(authors, STATS),
        name="austen-1",
        created="2026-11-25T06:00:00",
        seconds=100.0,
        command=["genbench", "compare"],
        environment={"system": "Linux", "torch": "2"},
    )
    return replace(full, **changes)


def complete_comparison() -> Comparison:
    """Return a comparison of two authors and three generators with every measurement and a failed row."""
    rows = [row(a, g, b) for a in AUTHORS for g, b in (("markov-char", 1.7), ("lstm-char", 1.9))]
    failed = failed_row("austen", "bad", "sums to 1.3", notes=["slow"])
    return comparison(*rows, row("austen", "lstm-word", 1.6, notes=["slow"]), failed)


def judge_report() -> JudgeReport:
    """Return the accuracy of the style judges."""
    passages = [JudgedPassages(length, JUDGES) for length in (300, 100)]
    lost_word = dict.fromkeys(JUDGES, LostWord(JUDGED, JUDGED, 0.1))
    return JudgeReport({"austen": 1000, "carroll": 1000}, passages[0], passages, lost_word)


def hostile_comparison() -> Comparison:
    """Return a comparison with a hostile string in every field that can contain one."""
    rows = []
    for author in HOSTILE[:3]:
        for generator in HOSTILE:
            hostile_samples = [
                replace(sample(HARM, 0.5, prompt), copied_from=CopiedRun(HARM, 1, HARM)) for prompt in ("", HARM)
            ]
            rows.append(
                row(
                    author,
                    generator,
                    1.7,
                    samples=hostile_samples,
                    snapshots=[Snapshot(1.0, 1, 0.1, 2.0, HARM, HARM, HARM)],
                    notes=[HARM],
                    options={HARM: HARM},
                    spec=HARM,
                    cross_scores=dict.fromkeys(HOSTILE[:3], 2.0),
                    model=HARM,
                )
            )
        rows.append(failed_row(author, HARM, HARM))

    # and in the comparison itself
    text = CorpusInfo(HARM, 9, 9, 9, 9, books=[HARM], lines=HARM, held_out=HARM)
    return comparison(
        *rows,
        title=HARM,
        notes=HARM,
        expected=HARM,
        corpora=dict.fromkeys(HOSTILE[:3], text),
        environment={HARM: HARM},
        command=["genbench", HARM],
    )


def surprisal_report(
    text: str = TEXT,
    author: str = "austen",
    generators: tuple[str, ...] = ("markov-char", "lstm-char"),
    name: str = "a page",
) -> SurprisalReport:
    """Return the surprisal of a text for two generators; the second needs twice the bits of the first."""
    columns = {
        generator: ModelSurprisal(100.0, 2.0, word_bits(text, 1 + place)) for place, generator in enumerate(generators)
    }
    return SurprisalReport(author, name, len(text), columns)
