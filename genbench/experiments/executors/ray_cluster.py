"""Reaching a Ray cluster, or starting one on this machine; what can go wrong on the way in one sentence."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from genbench.errors import UserError

PATIENCE = 5.0  # seconds for an address to answer
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the way of Ray's next versions; else it warns
}
INSTALL = "pip install 'genbench[ray]', here and on every node"


def require() -> None:
    """Raises UserError where Ray is not installed."""
    try:
        from ray import init  # noqa: F401 - a folder called ray could be imported too, and has no such name
    except ImportError as error:
        raise UserError(f"this executor needs Ray, which is not installed: {INSTALL}") from error


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Inside, Ray answers: at this address, or "" where one is found, else one of its own on this machine.

    A connection that was there before is used and left as it is. Raises UserError where nothing answers.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield
        return
    if address:
        _require_answer(address)
    try:
        ray.init(
            address=address or None,
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        why = " ".join(str(error).split())[:300]
        raise UserError(f"Ray at {address or 'this machine'} cannot be used: {why}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"no Ray cluster answers at {address} ({why}); start one with ray start --head") from error
