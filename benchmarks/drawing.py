"""make bench-drawing: characters and sentences a second, drawn one by one and many side by side, beside their peers.

    python benchmarks/drawing.py [AUTHOR]        # NLTK's gutenberg corpus is needed for austen

Processor time of one thread, the median of three readings; what is compared takes turns. The networks have had a few
steps of training only: drawing takes as long from a good one. "plain" is what people write: `nn.LSTM` called with one
character and its state, a linear layer, a softmax at the temperature, `torch.multinomial`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import nn

import genbench
from genbench import Generator, Run, Sampling
from genbench.overlap import TrainingWords

READINGS = 3
AT_ONCE = (1, 16, 256, 1024)
SENTENCES = 60  # that markovify is asked for in one reading
LIMIT = 7  # words in a row that may be copied; see `novel`


def seconds(work: Callable[[], object]) -> float:
    """The processor time of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def rates(works: dict[str, tuple[int, Callable[[], object]]]) -> dict[str, float]:
    """How many of the things that each call does it does a second: medians of readings that take turns."""
    for _, work in works.values():
        work()
    found = {name: [n / seconds(work) for n, work in [works[name]] * 1] for name in works}
    for _ in range(READINGS - 1):
        for name, (n, work) in works.items():
            found[name].append(n / seconds(work))
    return {name: statistics.median(each) for name, each in found.items()}


class Plain:
    """One stream of an LSTM as it is written by hand, at the sizes of genbench's."""

    def __init__(self, letters: int, hidden: int) -> None:
        self.embedding, self.head = nn.Embedding(letters, 64), nn.Linear(hidden, letters)
        self.lstm = nn.LSTM(64, hidden, batch_first=True)

    @torch.inference_mode()
    def draw(self, characters: int) -> list[int]:
        """So many characters."""
        drawn, state = [0], None
        for _ in range(characters):
            values, state = self.lstm(self.embedding(torch.tensor([[drawn[-1]]])), state)
            shares = torch.softmax(self.head(values[0, 0]) / 0.8, dim=-1)
            drawn.append(int(torch.multinomial(shares, 1)))
        return drawn


def made(spec: str, corpus: genbench.Corpus) -> Generator:
    """A generator that has had a few steps of training."""
    generator = genbench.make(spec)
    generator.fit(corpus.train, corpus.valid, Run(steps=20))
    generator.training_words = TrainingWords.of(corpus.train)
    return generator


def one_stream(corpus: genbench.Corpus) -> None:
    """A plain step in a loop beside genbench's."""
    print("\n| one stream, characters/s | plain nn.LSTM loop | genbench | ratio |\n| --- | ---: | ---: | ---: |")
    for hidden in (256, 512):
        plain = Plain(len(set(corpus.train)), hidden)
        ours = made(f"lstm-char:hidden={hidden},dropout=0", corpus)
        how = Sampling(length=1000)
        found = rates(
            {
                "plain": (500, lambda plain=plain: plain.draw(500)),
                "genbench": (1000, lambda ours=ours: genbench.generate(ours, "", how)),
            }
        )
        print(
            f"| {hidden} units | {found['plain']:,.0f} | {found['genbench']:,.0f} | {found['genbench'] / found['plain']:.1f} |"
        )


def side_by_side(corpus: genbench.Corpus) -> None:
    """Many texts at once."""
    print(
        f"\n| texts side by side, characters/s | {' | '.join(map(str, AT_ONCE))} |\n| --- |{' ---: |' * len(AT_ONCE)}"
    )
    for spec in ("markov-char", "markov-word", "lstm-char:hidden=256,dropout=0", "lstm-char:hidden=512,dropout=0"):
        generator, works = made(spec, corpus), {}
        for count in AT_ONCE:
            length = max(40, 1000 // count)
            how = Sampling(length=length)
            works[str(count)] = (
                count * length,
                lambda how=how, count=count: genbench.generate(generator, "", how, count=count),
            )
        print(f"| {spec} | {' | '.join(f'{each:,.0f}' for each in rates(works).values())} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    text = genbench.corpus(sys.argv[1] if len(sys.argv) > 1 else "austen", lines="keep")
    one_stream(text)
    side_by_side(text)
