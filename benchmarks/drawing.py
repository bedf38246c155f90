"""make bench-drawing: characters and sentences a second, drawn one by one and many side by side, beside their peers.

    python benchmarks/drawing.py [AUTHOR]        # NLTK's gutenberg corpus is needed for austen

Processor time of one thread, medians of three readings; what is compared takes turns. The networks have weights as they
begin: drawing takes as long from a good one. "plain" is what people write: `nn.LSTM` called with one character and its
state, a linear layer, a softmax at the temperature, `torch.multinomial`.

A novel sentence is one that markovify's own test lets pass: no run of more than 15 words, or of 70 % of its words where
that is fewer, stands in the training text. markovify draws one, tests it, and draws again. genbench draws texts of 600
characters at temperature 1 with max_overlap=10 (words); its sentences are those that markovify's splitter finds, the
last of each text left out, that pass the same test, which is asked when the clock has stopped.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import markovify
import torch
from markovify.splitters import split_into_sentences
from torch import nn

import genbench
from genbench import Model, Sampling
from genbench.corpus.corpus import Corpus
from genbench.generator import TrainContext
from genbench.registry import create
from genbench.sampling import TrainingWords
from genbench.tokenization import Text

READINGS = 3
AT_ONCE = (1, 16, 256, 1024)
SENTENCES = 60  # that markovify is asked for in one reading
TEXTS = 128  # that genbench draws in one reading
NOVEL = Sampling(length=600, temperature=1.0, max_overlap=10)
FOR_NETWORKS = 30_000  # characters that a network whose weights do not matter is made from

Work = tuple[Callable[[], object], Callable[[object], float]]  # what is timed, and how many things came of it


def rates(works: dict[str, Work]) -> dict[str, float]:
    """Things a second by each work: medians of readings that take turns."""
    for work, _ in works.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(READINGS):
        for name, (work, count) in works.items():
            began = time.process_time()
            things = work()
            seconds = time.process_time() - began
            found[name].append(count(things) / seconds)
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
        return drawn[1:]


def build_model(spec: str, corpus: Corpus) -> Model:
    """Return a trained chain, or a network with its initial weights."""
    generator = create(spec)
    train = corpus.train if spec.startswith("markov") else corpus.train[:FOR_NETWORKS]
    generator.fit(Text(train), Text(corpus.valid[:2_000]), TrainContext(steps=1))
    return Model(generator, training_words=TrainingWords.from_text(str(train)))


def sampling_work(model: Model, count: int, length: int) -> Work:
    """Texts side by side, counted in characters."""
    how = Sampling(length=length)
    return lambda: genbench.generate(model, "", how, count=count), lambda texts: sum(map(len, texts))


def one_stream(corpus: Corpus) -> None:
    """A plain step in a loop beside genbench's."""
    print("\n| one stream, characters/s | plain nn.LSTM loop | genbench | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for hidden in (256, 512):
        ours = build_model(f"lstm-char:hidden={hidden},dropout=0", corpus)
        plain = Plain(ours.generator.tokenizer.size - 256, hidden)
        found = rates({"plain": (lambda plain=plain: plain.draw(300), len), "ours": sampling_work(ours, 1, 1_000)})
        ratio = found["ours"] / found["plain"]
        print(f"| {hidden} units | {found['plain']:,.0f} | {found['ours']:,.0f} | {ratio:.1f} |", flush=True)


def side_by_side(corpus: Corpus) -> None:
    """Many texts at once."""
    print(f"\n| texts side by side, characters/s | {' | '.join(map(str, AT_ONCE))} |")
    print("| --- |" + " ---: |" * len(AT_ONCE))
    for spec in ("markov-char", "markov-word", "lstm-char:hidden=256,dropout=0", "lstm-char:hidden=512,dropout=0"):
        model = build_model(spec, corpus)
        found = rates({str(count): sampling_work(model, count, max(20, 1_000 // count)) for count in AT_ONCE})
        print(f"| {spec} | {' | '.join(f'{each:,.0f}' for each in found.values())} |", flush=True)


def sentences(corpus: Corpus) -> None:
    """Novel sentences beside markovify's."""
    peer, ours = markovify.Text(str(corpus.train), state_size=2), build_model("markov-word", corpus)

    def passing(texts: list[str]) -> float:
        drawn = [sentence.split() for text in texts for sentence in split_into_sentences(text)[:-1]]
        return sum(peer.test_sentence_output(words, 0.7, 15) for words in drawn)

    works: dict[str, Work] = {
        "markovify": (lambda: [peer.make_sentence() for _ in range(SENTENCES)], lambda all: sum(map(bool, all))),
        "genbench": (lambda: genbench.generate(ours, "", NOVEL, count=TEXTS), passing),
    }
    found = rates(works)
    print("\n| novel sentences/s | markovify | genbench, markov-word | ratio |\n| --- | ---: | ---: | ---: |")
    ratio = found["genbench"] / found["markovify"]
    print(f"| {corpus.author} | {found['markovify']:,.0f} | {found['genbench']:,.0f} | {ratio:.1f} |")


PARTS = {"stream": one_stream, "batch": side_by_side, "sentences": sentences}

if __name__ == "__main__":
    torch.set_num_threads(1)
    text = genbench.corpus(sys.argv[1] if len(sys.argv) > 1 else "austen", lines="keep")
    for name, part in PARTS.items():
        if name in (sys.argv[2:] or PARTS):
            part(text)
