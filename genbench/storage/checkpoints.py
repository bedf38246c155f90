"""Unfinished trainings: one file of arrays and JSON each, so that the same training goes on where it was stopped."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from genbench import __version__
from genbench.generator import Learned
from genbench.storage import files as store
from genbench.storage import untrusted

FOLDER = ".unfinished"


@dataclass(frozen=True)
class Checkpoint:
    """The file of one training; it appears whole or not at all."""

    path: Path

    def save(self, state: Learned) -> None:
        """Replace what is there. A full or foreign disk costs the checkpoint, not the training."""
        self.keep(store.packed(state))

    def keep(self, packed: bytes) -> None:
        """The same of a state that was packed already."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            store.write_whole(self.path, packed)

    def resume(self) -> Learned | None:
        """What was saved; None where nothing was, or nothing that can be read."""
        with contextlib.suppress(OSError, ValueError, RecursionError, MemoryError):
            return store.unpacked(untrusted.read(self.path, untrusted.LARGEST))
        return None

    def remove(self) -> None:
        """The training is over, or begins anew."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def of(models: Path, key: Mapping[str, Any]) -> Checkpoint:
    """The checkpoint of a training, by all that makes two trainings the same, in the folder that keeps models."""
    identity = json.dumps([__version__, dict(key)], sort_keys=True)
    return Checkpoint(models / FOLDER / f"{sha256(identity.encode()).hexdigest()[:20]}.safetensors")
