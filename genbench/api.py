"""The public functions, in the words of the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from genbench import registry
from genbench.analysis.explanations import explain as explain
from genbench.corpus import Corpus, decode, default_authors
from genbench.corpus import load as load_corpus
from genbench.corpus.cleaning import clean
from genbench.corpus.sources import read_path
from genbench.errors import CorpusError, UserError
from genbench.experiments import plan
from genbench.experiments.environment import require_room
from genbench.experiments.job import plain, trained
from genbench.experiments.job import test as tested
from genbench.experiments.plan import require_prompt as require_prompt
from genbench.experiments.progress import Watcher
from genbench.generator import Generator, ProgressCallback
from genbench.sampling.loop import Sampling, generate_many
from genbench.sampling.loop import stream as drawn
from genbench.storage import models
from genbench.storage.files import require_writable, write_whole

SILENT = Watcher()
DEFAULT = Sampling()
QUICK = "markov-char"  # what is taken where nobody says which generator


def corpus(
    author: str | Path, *, lines: str = "join", held_out: Sequence[str] = (), watcher: Watcher = SILENT
) -> Corpus:
    """An author's text, cleaned and split: a catalogue name, or a path to a .txt file or a folder of them.

    `held_out` names a book, by words of its title, that alone becomes the test text.

    Raises CorpusError for a text that cannot be had or used.
    """
    require_room(str(author))
    return load_corpus(str(author), lines=lines, held_out=held_out, on_progress=watcher.fetching)


def export(corpus: Corpus, folder: Path | str) -> list[Path]:
    """Write train.txt, valid.txt and test.txt, exactly as the generators get them, into a folder; returns the paths.

    Raises UserError where they cannot be written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        require_writable(folder)
        if folder.exists():
            raise UserError(f"{str(folder)!r} is a file; name a folder")
        folder.mkdir()
    paths = [folder / f"{part}.txt" for part in ("train", "valid", "test")]
    for path in paths:
        require_writable(path)
        write_whole(path, getattr(corpus, path.stem).encode())
    return paths


def train(
    author: str | Corpus,
    generator: str,
    *,
    budget: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    device: str = "auto",
    lines: str = "join",
    fresh: bool = False,
    keep: bool = True,
    watcher: Watcher = SILENT,
) -> Generator:
    """Train a generator on an author and keep it; the kept model of the very same training is taken unless `fresh`.

    `budget` is in seconds (30 where no `steps` are given). Raises UserError for what cannot be had, ContractError
    where the generator fails.
    """
    training = plan.Training(budget, steps, seed, 1, device)
    plan.require_specs([generator])
    (text,) = texts([author], lines, watcher)
    jobs = plan.jobs([text], [generator], training, models=models_folder(keep), fresh=fresh)
    found, said = trained(jobs[0], lambda progress: watcher.watch(jobs, 0, progress))
    for note in said["notes"]:
        watcher.told(note)
    if said.get("model"):
        watcher.told(f"kept as {said['model']}")
    return found


def ready(
    author: str | Corpus, generator: str, *, lines: str = "join", watcher: Watcher = SILENT, **how: Any
) -> Generator:
    """The newest kept model of an author's text and SPEC that fits what is given of budget, steps, seed and device.

    Where there is none, a new one is trained as `train` does, and kept.
    """
    plan.require_specs([generator])
    (text,) = texts([author], lines, watcher)
    given = {name: value for name, value in how.items() if value is not None}
    plan.Training(**given)
    wanted = models.key(generator, text.describe() | {"author": text.author}) | given
    old = models.find(models.home(), wanted)
    if old is not None:
        try:
            found = _loaded(old, watcher.working(f"loading {old.name}"))
            watcher.told(f"using {old.name}, trained on {old.card['created'][:10]}")
            return found
        except UserError as error:
            watcher.told(str(error))
    fitting = "".join(f", {name} {value}" for name, value in given.items())
    watcher.told(f"no kept model of {text.author} as {generator}{fitting}: training one")
    return train(text, generator, watcher=watcher, **given)


def _loaded(model: models.Model, progress: ProgressCallback) -> Generator:
    """The generator of a kept model; the first network takes seconds, because torch does."""
    progress(0.0)
    try:
        return model.generator()
    finally:
        progress(1.0)


def offered(text: Corpus) -> list[str]:
    """The SPECs of the kept models of an author's text, newest first; a chain that trains in a second where none is."""
    about = text.describe() | {"author": text.author}
    named = ("author", "sha256", "held_out")
    mine = [m for m in models.kept(models.home()) if all(m.card[name] == about[name] for name in named)]
    found = list(dict.fromkeys(model.card["spec"] for model in mine))
    return [spec for spec in found if registry.known(spec)] or [QUICK]


def load(name: str) -> Generator:
    """The kept model that `genbench models list` shows by this name, or the one in a folder.

    Raises UserError where there is none or it is damaged.
    """
    return models.at(name).generator()


def stream(generator: Generator, prompt: str = "", sampling: Sampling = DEFAULT, seed: int = 0) -> Iterator[str]:
    """Text in the generator's style, piece by piece as it is drawn, going on from a prompt."""
    plan.require_prompt(prompt)
    return drawn(generator, prompt, sampling, np.random.default_rng(seed))


def generate(
    generator: Generator,
    prompt: str | Sequence[str] = "",
    sampling: Sampling = DEFAULT,
    *,
    count: int = 1,
    seed: int = 0,
    watcher: Watcher = SILENT,
) -> list[str]:
    """`count` texts in the generator's style, drawn side by side, going on from a prompt, or each from its own.

    Text i is the one that `stream` gives with the seed + i. Raises UserError for a count below 1.
    """
    if count < 1:
        raise UserError(f"count is {count}, and must be 1 or more")
    prompts = [prompt] * count if isinstance(prompt, str) else list(prompt)
    if len(prompts) != count:
        raise UserError(f"{len(prompts)} prompts are given for {count} texts; give one, or one for each")
    for each in prompts:
        plan.require_prompt(each)
    rngs = [np.random.default_rng(seed + place) for place in range(count)]
    return generate_many(generator, prompts, [sampling] * count, rngs, watcher.working("drawing"))


def text_of(file: str, lines: str = "join") -> str:
    """The text of a file, or of standard input for "-", its hard line wraps joined as those of an author's text are.

    Raises CorpusError where it cannot be read, is empty or is no UTF-8 text.
    """
    if Path(file).is_dir():
        raise UserError(f"{file!r} is a folder; name a text file, or - for standard input")
    path, data = ("standard input", sys.stdin.buffer.read()) if file == "-" else read_path(Path(file))[0]
    text = clean(decode(data, name=str(path)), lines=lines)
    if not text:
        raise CorpusError(f"{path} is empty; name a file with text in it")
    return text


def numbers(generator: Generator, text: str, watcher: Watcher = SILENT) -> dict[str, Any]:
    """What `compare` says of a test text, of any text: bits, perplexities and their denominators, as JSON values."""
    found: dict[str, Any] = plain(tested(generator, text, {}, watcher.working("scoring")))
    return {name: value for name, value in found.items() if name not in ("block_bits", "by")}


def models_folder(keep: bool) -> str:
    """Where models are kept, as a job takes it."""
    return str(models.home()) if keep else ""


def texts(authors: Sequence[str | Corpus], lines: str, watcher: Watcher, held_out: Sequence[str] = ()) -> list[Corpus]:
    """The texts of authors; those of the default authors where none is named."""
    if not authors:
        authors, why = default_authors(watcher.fetching)
        if why:
            watcher.told(why)
    how: dict[str, Any] = {"lines": lines, "held_out": held_out, "watcher": watcher}
    return [each if isinstance(each, Corpus) else corpus(each, **how) for each in authors]
