"""StoredModel: one stored model, loaded with care: its files are checked, and the generator is tried out."""

from __future__ import annotations

import contextlib
import json
import os
import time
import traceback
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, NamedTuple

from genbench import registry, scoring
from genbench.errors import GenbenchError, UserError, format_error
from genbench.generator import Generator
from genbench.sampling.overlap import TrainingWords
from genbench.spec import Spec, create_generator
from genbench.storage import files, seal, untrusted
from genbench.storage.cards import ModelCard, read_card_and_values
from genbench.tokenization.tokenizer import Tokenizer

LOAD_ATTEMPTS = 20  # to read a model that other processes replace
REPLACING_POLLS, POLL_SECONDS = 20, 0.05  # to wait for a model that is being replaced
TRIAL_LETTERS, TRIAL_WORDS = 16, 4  # of its vocabulary, which a model scores once it is loaded

# The names of loaded models by the identity of their generator, for `model_at_fault`.
_loaded: dict[int, tuple[weakref.ref[Generator], str]] = {}


class LoadedModel(NamedTuple):
    """A generator that was loaded, the words of its training text, and the card of the files that were read."""

    generator: Generator
    training_words: TrainingWords | None
    card: ModelCard


@dataclass(frozen=True)
class StoredModel:
    """One stored model: its folder and its card."""

    folder: Path
    card: ModelCard
    allowed_files: tuple[Path, ...] | None = None  # plugin files that may be run for it; None: those in its SPEC

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def short_name(self) -> str:
        """The end of its name, which tells it from the others."""
        return self.name.rpartition("-")[2]

    @property
    def size(self) -> int:
        """Bytes on disk; 0 where another process has removed it."""
        with contextlib.suppress(FileNotFoundError):
            return sum(path.lstat().st_size for path in self.folder.iterdir())
        return 0

    @property
    def fingerprint(self) -> bytes:
        """16 bytes that differ from those of every model with other predictions."""
        return fingerprint_of(self.card.options, self.card.files)

    def load(self) -> LoadedModel:
        """Return the generator, ready to use, with the words of its training text and its card.

        Where another process replaces the model meanwhile, the new one is loaded. Raises UserError where a file is
        damaged, missing or forged, or a plugin has changed since the training.
        """
        model = self
        for _ in range(LOAD_ATTEMPTS):
            try:
                loaded = model.load_once()
            except UserError:
                newer = model._replacement()
                if newer is None:
                    raise
            else:
                # its files are those of one model if the card is still the same, or was removed with them
                newer = model._replacement()
                if newer is None:
                    return loaded
            model = newer
        raise UserError(f"model {self.name} is replaced again and again by other processes; try again later")

    def _replacement(self) -> StoredModel | None:
        """Return the model that has taken the place of this one; None where this one is still there, or none is."""
        for _ in range(REPLACING_POLLS):
            newer = read_stored(self.folder)
            if newer is not None:
                return None if newer._identity == self._identity else replace(self, card=newer.card)
            time.sleep(POLL_SECONDS)  # between the removal of the old one and the new one
        return None

    @property
    def _identity(self) -> tuple[str, dict[str, str]]:
        return self.card.created, self.card.files

    def load_once(self) -> LoadedModel:
        """Return what `load` does, of a folder that no other process replaces."""
        # the files are those that were stored
        for file, digest in self.card.files.items():
            if not has_digest(self.folder / file, digest):
                raise UserError(f"the {file} of model {self.name} is damaged; {self._remedy}")

        # the plugin is the one that was trained
        spec = Spec.parse(self.card.spec)
        with registry.allow_files(self.allowed_files):
            if self.allowed_files != () and source_digest(named_files(self.card)) != self.card.source:
                raise UserError(
                    f"{spec.path or spec.name}, or a file that it uses, has changed since {self.name} was trained: "
                    "train it again"
                )
            generator, words = self._restore(spec)

        # remember the name for `model_at_fault`
        key = id(generator)
        _loaded[key] = (weakref.ref(generator, lambda _: _loaded.pop(key, None)), self.name)
        return LoadedModel(generator, words, self.card)

    @property
    def _remedy(self) -> str:
        stored_here = self.folder.resolve().parent == models_folder().resolve()
        return f"genbench models remove {self.name}, and train it again" if stored_here else "get a new copy"

    def _restore(self, spec: Spec) -> tuple[Generator, TrainingWords | None]:
        """Restore the generator and try it out, since somebody else may have written the files."""
        kind = registry.resolve(spec)
        try:
            # a forged file may raise anything, or exhaust the memory
            generator = create_generator(kind, spec.name, self.card.options)
            words = files.load_generator(generator, self.folder)
            scoring.score(generator, _trial_text(generator.tokenizer))
        except (Exception, MemoryError) as error:
            reason = " ".join((str(error) if isinstance(error, GenbenchError) else format_error(error)).split())
            raise UserError(f"model {self.name} cannot be used ({reason[:300]}); {self._remedy}") from error
        return generator, words


def models_folder() -> Path:
    """Return the folder of stored models: below GENBENCH_HOME, else in the user's data folder."""
    return files.home() / "models"


def read_stored(folder: Path) -> StoredModel | None:
    """Return the model in a folder of stored models; None where there is none."""
    found = None if folder.name.startswith(".") else read_card_and_values(folder)
    if found is None:
        return None

    # a folder that was copied here by hand, or a card that was edited, is not a training of this store; the seal is
    # that of the values in the file, so that a version with other fields knows it too
    card, values = found
    sealed = not card.imported and seal.has_seal(folder.parent, values, card.seal)
    return StoredModel(folder, replace(card, imported=not sealed))


def model_at_fault(error: BaseException) -> str:
    """Return the name of the loaded model in whose methods an error arose; "" where it arose elsewhere."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        generator, name = _loaded.get(id(frame.f_locals.get("self")), (None, ""))
        if generator is not None and generator() is frame.f_locals.get("self"):
            return name
    return ""


def has_digest(path: Path, digest: str) -> bool:
    """Return whether a file is a plain one and has this sha256."""
    try:
        untrusted.require_regular_file(path)
        return digest_of(path) == digest
    except (OSError, ValueError):
        return False


def digest_of(path: Path) -> str:
    """Return the sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def named_files(card: ModelCard) -> list[str]:
    """Return the files that the SPEC of a card names."""
    plugin = Spec.parse(card.spec).path
    return card.sources or ([] if plugin is None else [str(plugin)])  # an imported card may lack them


def source_digest(sources: Iterable[str | Path]) -> str:
    """Return the digest of the files that a SPEC names, such as a plugin or vectors; "" where there are none.

    A plugin file stands for the files too that it imports from its own folder.
    """
    paths = [Path(path) for path in dict.fromkeys(sources) if os.path.isfile(path)]
    return files_digest(
        file for path in paths for file in (registry.imported_files(path) if path.suffix == ".py" else [path])
    )


def files_digest(paths: Iterable[Path]) -> str:
    """Return a digest of the contents of files in their order; "" for none."""
    contents = b"".join(bytes.fromhex(digest_of(path)) for path in paths)
    return digest(contents) if contents else ""


def fingerprint_of(options: Mapping[str, Any], digests: Mapping[str, str]) -> bytes:
    """Return the fingerprint of a model by its options and the checksums of its files."""
    identity = json.dumps([options, sorted(digests.items())], sort_keys=True)
    return sha256(identity.encode()).digest()[:16]


def digest(data: bytes) -> str:
    """Return the sha256 of bytes."""
    return sha256(data).hexdigest()


def _trial_text(tokenizer: Tokenizer) -> str:
    """Return a short text of some of a tokenizer's words and letters."""
    letters = tokenizer.letters[:: len(tokenizer.letters) // TRIAL_LETTERS + 1]
    words = tokenizer.known_words[:: len(tokenizer.known_words) // TRIAL_WORDS + 1]
    return " ".join([*words, letters])
