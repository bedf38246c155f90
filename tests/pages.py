"""Comparisons and readings for the tests of the pages: one with everything in it, and strings that mean harm."""

import math
import re
from typing import Any

from genbench.analysis.surprisal import pieces
from genbench.experiments.comparison import Comparison
from genbench.experiments.job import Job, blank

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
FIGURES: dict[str, Any] = {"texts": 1, "words": 60, "longest_copy": 23.0, "copied_share": 0.125}
FIGURES |= {"unseen": [0.1, 0.375, 0.8] + [1.0] * 7, "distinct": [0.8, 0.95, 1.0], "self_bleu": None}


def surprisal(text: str, scale: float = 1.0) -> list[list[Any]]:
    """Pieces of a text with some bits each, the more the longer the word."""
    return [[piece, round(scale * len(piece), 2)] for piece in pieces(text)]


def sample(text: str, temperature: float = 0.8, prompt: str = "", scale: float = 1.0) -> dict[str, Any]:
    """A sample as a row has it, its second to seventh word copied."""
    words = [found.span() for found in re.finditer(r"\S+", text)]
    made: dict[str, Any] = {"temperature": temperature, "prompt": prompt, "text": text, "longest_copy": 20}
    made |= {"copied_share": 0.3, "unseen": 0.1, "surprisal": surprisal(text, scale), "copies": []}
    if len(words) > 7:
        made["copies"] = [[words[1][0], words[6][1]]]
        made["copied_from"] = {"text": text[words[1][0] : words[6][1]], "book": "Emma", "character": 1234}
    return made


def row(author: str, generator: str, bits: float, **more: Any) -> dict[str, Any]:
    """A row with every kind of figure."""
    made = blank(Job(author, "", "", "", "g")) | {"generator": generator}
    numbers = dict.fromkeys([key for key, value in made.items() if value is None], 1000.0)
    numbers |= {"train_seconds": 9.0, "bits_per_character": bits, "interval": [bits - 0.1, bits + 0.1]}
    numbers |= {
        "block_bits": [1000 * bits + place % 3 for place in range(20)],
        "novelty": [{"temperature": 0.8} | FIGURES],
    }
    made |= numbers | {"characters": 20_000}
    texts = [sample(f"{generator} {t} {p} {TEXT}", t, p) for p in ("", "It was") for t in (0.5, 1.0)]
    made |= {"samples": texts, "facts": {"spec": generator}, "model": "m-1", "reused": True}
    made["curve"] = [[0.5 * k, bits + 3 * math.exp(-k / 3)] for k in range(1, 18)] if "lstm" in generator else []
    made["memory"] = [
        {"context": 2**k, "bits_per_character": bits + 2 / 2**k, "interval": [bits, bits + 3 / 2**k]}
        | {"half_shuffled": None, "beyond": 2 / 2**k, "beyond_interval": [0.1, 0.2]}
        for k in range(8)
    ]
    kind = {"characters": 10_000, "bits": 10_000 * bits}
    kind |= {"block_bits": [500 * bits] * 20, "block_characters": [500.0] * 20}
    made["by"] = {"word-frequency": {"never": kind, "1 to 9": kind}}
    made["elsewhere"] = {"austen": bits + 0.5, "carroll": bits + 0.4}
    judged = {"passages": 20, "right": 15, "accuracy": 0.75}
    made["style"] = {"length": 300, "texts": []} | dict.fromkeys(("bits", "lstm", "rnn"), judged)
    return made | more


def comparison(*rows: dict[str, Any], **more: Any) -> Comparison:
    """A comparison of these rows."""
    authors = list(dict.fromkeys(each["author"] for each in rows))
    text = {"sha256": "ab" * 32, "characters": 9, "train": 1_000_000, "valid": 9, "test": 99_999}
    text |= {"books": ["Emma"], "lines": "join"}
    floors = {"uniform": 6.0, "unigram": 4.0, "xz": 2.0}
    return Comparison(
        "1", ["genbench", "compare"], {a: dict(text) for a in authors}, dict.fromkeys(authors, floors), list(rows),
        human=dict.fromkeys(authors, FIGURES), machine={"system": "Linux", "torch": "2"}, created="2026-11-25T06:00:00",
        seconds=100.0, name="austen-1", **more,
    )  # fmt: skip


def everything() -> Comparison:
    """Two authors, three generators, and one that failed."""
    rows = [row(a, g, b) for a in ("austen", "carroll") for g, b in (("markov-char", 1.7), ("lstm-char", 1.9))]
    failed = row("austen", "bad", 0, status="failed", error="sums to 1.3", samples=[], novelty=[], notes=["slow"])
    return comparison(*rows, row("austen", "lstm-word", 1.6, notes=["slow"]), failed)


def harmful() -> Comparison:
    """Every place that a string can stand in holds strings that mean harm."""
    rows = []
    for author in HOSTILE[:3]:
        for generator in HOSTILE:
            texts = [sample(HARM, 0.5, prompt) for prompt in ("", HARM)]
            for each in texts:
                each |= {"surprisal": surprisal(HARM)} | {"copied_from": {"text": HARM, "book": HARM, "character": 1}}
            more: dict[str, Any] = {"samples": texts, "notes": [HARM], "options": {HARM: HARM}, "facts": {"spec": HARM}}
            more |= {"elsewhere": dict.fromkeys(HOSTILE[:3], 2.0), "model": HARM}
            rows.append(row(author, generator, 1.7, **more))
        rows.append(row(author, HARM, 0, status="failed", error=HARM, samples=[], novelty=[]))
    found = comparison(*rows, title=HARM, see=HARM, came_out=HARM)
    for text in found.corpora.values():
        text |= {"books": [HARM], "held_out": HARM, "lines": HARM, "sha256": HARM}
    found.machine.update({HARM: HARM})
    found.command.append(HARM)
    return found


def read(
    text: str = TEXT, author: str = "austen", names: tuple[str, ...] = ("markov-char", "lstm-char")
) -> dict[str, Any]:
    """What a reading found."""
    columns = {
        name: {"bits": 100.0, "bits_per_character": 2.0, "words": surprisal(text, 1 + place)}
        for place, name in enumerate(names)
    }
    return {"author": author, "name": "a page", "characters": len(text), "generators": columns}
