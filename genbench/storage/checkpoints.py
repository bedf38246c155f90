"""Checkpoints of interrupted trainings: one safetensors file each, so that the same training can be resumed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from genbench.generator import Learned
from genbench.storage import files, untrusted
from genbench.storage.cards import identity_of

FOLDER = ".unfinished"  # below the folder of stored models


@dataclass(frozen=True)
class Checkpoint:
    """The checkpoint file of one training; it appears whole or not at all."""

    path: Path

    def save(self, state: Learned) -> None:
        """Replace the checkpoint by a new state, JSON values and arrays.

        Where the file cannot be written, as on a full disk, the training goes on without a checkpoint.
        """
        self.save_packed(files.pack(state))

    def save_packed(self, packed: bytes) -> None:
        """Replace the checkpoint by a state that `files.pack` has already packed."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomic(self.path, packed)

    def resume(self) -> Learned | None:
        """Return the saved state; None where there is none, or none that can be read."""
        with contextlib.suppress(OSError, ValueError, RecursionError, MemoryError):
            return files.unpack(untrusted.read_file(self.path, untrusted.MAX_ARRAY_BYTES))
        return None

    def remove(self) -> None:
        """Delete the checkpoint, because the training is complete or starts again."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def remove_old(models: Path) -> None:
    """Remove the checkpoints that no training has written for a day, in the folder of stored models."""
    for path in (models / FOLDER).glob("*"):
        if files.is_leftover(path):
            with contextlib.suppress(OSError):
                path.unlink()


def checkpoint_of(models: Path, key: Mapping[str, Any]) -> Checkpoint:
    """Return the checkpoint of a training, by the key of its model card, in the folder of stored models."""
    identity = json.dumps(identity_of(key), sort_keys=True)
    return Checkpoint(models / FOLDER / f"{sha256(identity.encode()).hexdigest()[:20]}.safetensors")
