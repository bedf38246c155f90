"""Seals: which models were trained in this store, and which came from elsewhere.

A store has a random key, and the card of every model that is trained here carries a keyed hash of the card itself
(HMAC), which includes the checksums of the model's files. A folder that was copied from another store, or whose card
was edited, has no valid seal, so it is treated as imported. This is no protection from somebody who can read the key.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genbench.storage.files import TEMPORARY_PREFIX

KEY_FILE = ".key"  # below the folder of stored models
KEY_BYTES = 32


def make_seal(folder: Path, card: Mapping[str, Any]) -> str:
    """Return the seal of a card, JSON values, in the folder of stored models; the key is created where it is missing.

    Raises OSError where the key cannot be written.
    """
    key = _read_key(folder)
    if key is None:
        _create_key(folder)
        key = _read_key(folder)
    return _seal(key or b"", card)


def has_seal(folder: Path, card: Mapping[str, Any], seal: str) -> bool:
    """Return whether a card was sealed in this folder of stored models."""
    key = _read_key(folder)
    return key is not None and hmac.compare_digest(_seal(key, card).encode(), seal.encode())


def _seal(key: bytes, card: Mapping[str, Any]) -> str:
    # as it is read from JSON, so that tuples and lists are the same
    values = json.loads(json.dumps(dict(card) | {"seal": ""}))
    return hmac.digest(key, json.dumps(values, sort_keys=True).encode(), "sha256").hex()


def _read_key(folder: Path) -> bytes | None:
    """Return the key of a folder of stored models; None where it has none."""
    try:
        key = (folder / KEY_FILE).read_bytes()
    except OSError:
        return None
    return key if len(key) == KEY_BYTES else None


def _create_key(folder: Path) -> None:
    """Create the key; of several processes the first one decides."""
    handle, temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(temporary, folder / KEY_FILE)
    finally:
        os.unlink(temporary)
