"""Kept models: a folder of JSON and safetensors each, that says everything about itself and is loaded by name.

    model.json           the card: what was trained on what, how, by which version, and a checksum of the other files
    learned.json         tokenizer, facts, and what was learned
    arrays.safetensors   the arrays of it

A folder appears whole or not at all. Nothing in it is executed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from genbench import __version__, registry, scoring
from genbench import spec as options
from genbench.errors import GenbenchError, UserError, nearest, told
from genbench.generator import Generator
from genbench.storage import cards, untrusted
from genbench.storage import files as store
from genbench.storage.cards import CARD as CARD
from genbench.storage.cards import FILES as FILES
from genbench.storage.cards import FORMAT
from genbench.storage.cards import KEY as KEY
from genbench.tokenization.tokenizer import Tokenizer

MANY = 5  # names in an error
TRIES = 100  # to put a model where other processes put theirs
LETTERS, WORDS = 16, 4  # of a model, that it is tried out on once it is loaded


@dataclass(frozen=True)
class Model:
    """One kept model: where it is, and its card."""

    folder: Path
    card: dict[str, Any]
    may_run: tuple[Path, ...] | None = None  # files that may be run for it; None: what its SPEC names

    @property
    def name(self) -> str:
        """What it is called: the name of its folder."""
        return self.folder.name

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.lstat().st_size for path in self.folder.iterdir())

    @property
    def fingerprint(self) -> bytes:
        """What tells it from every model that predicts otherwise, 16 bytes."""
        return _fingerprint(self.card["options"], self.card["files"])

    def generator(self) -> Generator:
        """The generator, ready to draw and score; UserError where a file is damaged, missing, or made up."""
        for file, digest in self.card["files"].items():
            if not undamaged(self.folder / file, digest):
                raise UserError(f"the {file} of model {self.name} is damaged; {self._instead}")
        spec = options.parse(self.card["spec"])
        with registry.only(self.may_run):
            if self.may_run != () and _source(spec) != self.card["source"]:
                raise UserError(f"{spec.path or spec.name} has changed since {self.name} was trained: train it anew")
            made = self._made(spec)
        made.kept_as = self.name
        return made

    @property
    def _instead(self) -> str:
        kept = self.folder.resolve().parent == home().resolve()
        return f"genbench models remove {self.name}, and train it anew" if kept else "get the folder anew"

    def _made(self, spec: options.Spec) -> Generator:
        """The generator of a SPEC with what was learned, tried out: somebody else may have written the files."""
        kind = registry.resolve(spec)
        try:
            made = options.make(kind, spec.name, self.card["options"])
            store.load(made, self.folder)
            scoring.score(made, _excerpt(made.tokenizer))
        except (Exception, MemoryError) as error:
            said = " ".join((str(error) if isinstance(error, GenbenchError) else told(error)).split())
            raise UserError(f"model {self.name} cannot be used ({said[:300]}); {self._instead}") from error
        return made


def home() -> Path:
    """Where models are kept: below GENBENCH_HOME, else in the user's data folder."""
    return store.home() / "models"


def key(spec: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """What makes two trainings the same: author and text, generator with its options, seed, budget or steps, device."""
    parsed = options.parse(spec)
    written = options.values(registry.make(spec))
    found = {"generator": parsed.name, "source": _source(parsed), "options": json.loads(json.dumps(written))}
    return found | {name: about[name] for name in KEY if name in about}


def kept(folder: Path) -> list[Model]:
    """All models in a folder, newest first; what is no model is passed over."""
    found = [model for path in folder.iterdir() if (model := _read(path))] if folder.is_dir() else []
    return sorted(found, key=lambda model: str(model.card["created"]), reverse=True)


def find(folder: Path, wanted: Mapping[str, Any]) -> Model | None:
    """The newest model whose card has all these values."""
    return next((m for m in kept(folder) if all(m.card.get(name) == value for name, value in wanted.items())), None)


def named(folder: Path, name: str) -> Model:
    """The model of that name, or whose name alone begins so; UserError where there is none."""
    known = kept(folder)
    found = [model for model in known if model.name == name] or [m for m in known if m.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    if not known:
        raise UserError(f"no model is called {name!r}: none is kept; genbench train AUTHOR -g SPEC keeps one")
    names = [model.name for model in found or known]
    which = f"{len(found)} models' names begin with" if found else "no model is called"
    raise UserError(f"{which} {name!r}: {nearest(name, names[:MANY])}; genbench models list shows all {len(known)}")


def at(place: str | Path) -> Model:
    """The model in a folder, else the kept one of that name; UserError where there is neither."""
    return inside(Path(place)) or named(home(), str(place))


def inside(folder: Path) -> Model | None:
    """The model in a folder that anybody may have written; None where there is none."""
    found = _read(folder) if folder.is_dir() else None
    return replace(found, may_run=()) if found and folder.resolve().parent != home().resolve() else found


def of(wanted: bytes) -> Model:
    """The kept model with this fingerprint; UserError where there is none."""
    found = next((model for model in kept(home()) if model.fingerprint == wanted), None)
    if found is None:
        raise UserError(
            f"no kept model has the fingerprint {wanted.hex()}; genbench decompress --model takes a folder with it, "
            "copied from the machine that compressed"
        )
    return found


def fingerprint(generator: Generator) -> bytes:
    """The same 16 bytes as those of the model that is kept of a generator."""
    files = {name: _digest(data) for name, data in store.as_files(generator).items()}
    return _fingerprint(options.values(generator), files)


def _fingerprint(values: Mapping[str, Any], files: Mapping[str, str]) -> bytes:
    identity = json.dumps([values, sorted(files.items())], sort_keys=True)
    return sha256(identity.encode()).digest()[:16]


def keep(generator: Generator, folder: Path, card: Mapping[str, Any]) -> Model:
    """Keep a trained generator; a model of the same key is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    store.sweep(folder)
    beside = Path(tempfile.mkdtemp(prefix=store.BESIDE, dir=folder))
    try:
        store.save(generator, beside)
        files = {path.name: _digest_of(path) for path in sorted(beside.iterdir())}
        head = {"format": FORMAT, "genbench": __version__, "created": datetime.now(UTC).isoformat()}
        return _place(beside, head | dict(card) | {"files": files})
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def take(model: Model, folder: Path) -> Model:
    """Keep a copy of a model that somebody else wrote; one of the same key is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=store.BESIDE, dir=folder))
    try:
        for file in FILES:
            shutil.copyfile(model.folder / file, beside / file)
        return _place(beside, model.card | {"source": _source(options.parse(model.card["spec"]))})
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _place(beside: Path, card: dict[str, Any]) -> Model:
    """Give the files of a model their card, and put them where its key says."""
    store.write_whole(beside / CARD, json.dumps(card, ensure_ascii=False, indent=2).encode())
    identity = json.dumps({name: card[name] for name in KEY}, sort_keys=True)
    plain = re.sub(r"[^\w-]+", "_", f"{card['author']}-{card['generator']}")[:80]
    final = beside.parent / f"{plain}-{_digest(identity.encode())[:10]}"
    _put(beside, final)
    return Model(final, card)


def remove(model: Model) -> None:
    """Remove a kept model: it is out of sight at once, then deleted."""
    store.remove_folder(model.folder)


def _put(beside: Path, final: Path) -> None:
    """Rename a folder to its place; an older one there gives way, by a rename too."""
    beside.chmod(0o755)
    for left in reversed(range(TRIES)):
        with contextlib.suppress(FileNotFoundError):  # it was not there, or another process was first
            store.remove_folder(final)
        try:
            os.rename(beside, final)
            return
        except OSError as error:  # another process has put its own there in between
            if not left or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def at_fault(error: BaseException) -> str:
    """The name of the loaded model in whose methods an error arose; "" where it arose elsewhere."""
    found = (frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__))
    return next((made.kept_as for made in found if isinstance(made, Generator) and made.kept_as), "")


def _excerpt(tokenizer: Tokenizer) -> str:
    """A short text to try a model on: some of its words and letters."""
    letters = tokenizer.letters[:: len(tokenizer.letters) // LETTERS + 1]
    words = tokenizer.words_known[:: len(tokenizer.words_known) // WORDS + 1]
    return " ".join([*words, letters])


def undamaged(path: Path, digest: str) -> bool:
    """Whether a file is a plain one, and has this checksum."""
    try:
        untrusted.require_plain(path)
        return _digest_of(path) == digest
    except (OSError, ValueError):
        return False


def _read(folder: Path) -> Model | None:
    card = None if folder.name.startswith(".") else cards.read(folder)
    return None if card is None else Model(folder, card)


def _source(spec: options.Spec) -> str:
    """The digest of every file that a SPEC names: a plugin, vectors; "" where it names none."""
    files = options.files_of(spec)
    return _digest(b"".join(bytes.fromhex(_digest_of(path)) for path in files)) if files else ""


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _digest_of(path: Path) -> str:
    """The same of a file, in pieces: to read it whole takes as long again as the digest."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
