"""How often texts without a prompt begin in lower case, and end at the end of a sentence, by generator.

    python benchmarks/beginnings.py [AUTHOR] [--steps 200 | --budget 30s] [--count 200] [-g SPEC ...]

Every shipped generator is trained, networks for a few steps or a budget, and writes texts. The author's own paragraphs
come first.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import regex

import genbench
from genbench import api, registry

ENDS = regex.compile(r"[.!?…。！？؟।]['\"_*)\]’”»]*$")


def begins_in_lower_case(text: str) -> bool:
    """Return whether the first letter of a text is a small one."""
    first = regex.search(r"\p{L}", text)
    return bool(first and first.group().islower())


def print_row(name: str, texts: Sequence[str]) -> None:
    """Print the shares of texts that begin in lower case, begin with a blank line, and end with a sentence."""
    lower = sum(map(begins_in_lower_case, texts)) / len(texts)
    blank = sum(text.startswith("\n") for text in texts) / len(texts)
    ended = sum(bool(ENDS.search(text)) for text in texts) / len(texts)
    print(f"| {name} | {lower:.1%} | {blank:.1%} | {ended:.1%} |", flush=True)


def main() -> None:
    """Train every generator and print the table."""
    parser = argparse.ArgumentParser(description="How texts without a prompt begin and end.")
    parser.add_argument("author", nargs="?", default="austen")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--budget", help="CPU time of a training, instead of --steps")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("-g", "--generator", action="append")
    arguments = parser.parse_args()

    steps = 200 if arguments.steps is None and arguments.budget is None else arguments.steps
    corpus = api.corpus(arguments.author)
    print("| texts | begin in lower case | begin with a blank line | end with a sentence |\n| --- | --- | --- | --- |")
    print_row("the author's paragraphs", [part for part in str(corpus.train).split("\n\n") if part.strip()])
    for spec in arguments.generator or registry.registered():
        try:
            model = api.train(corpus, spec, steps=steps, budget=arguments.budget, keep=False)
        except genbench.GenbenchError as error:
            print(f"| {spec} | {error} | | |", flush=True)
            continue
        print_row(spec, model.generate(count=arguments.count))


if __name__ == "__main__":
    main()
