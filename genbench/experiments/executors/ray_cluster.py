"""Connecting to a Ray cluster, or starting one on this machine; failures are one sentence."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from genbench.errors import UserError, missing_package

CONNECT_SECONDS = 5.0  # for an address to answer
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to anybody
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the behavior of Ray's next versions; else it warns
}


def require_ray() -> None:
    """Raise UserError where Ray is not installed."""
    try:
        from ray import init  # noqa: F401 - a folder called ray could be imported too, but has no such name
    except ImportError as error:
        raise missing_package("this executor", "ray[client]", hint="here and on every node") from error


@contextmanager
def connect(address: str) -> Iterator[None]:
    """Connect to the cluster at an address; "" means a running one, else one that is started on this machine.

    An existing connection is used and left open. Raises UserError where nothing answers.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)

    # a connection that the caller opened is left open
    import ray

    if ray.is_initialized():
        yield
        return

    # Ray itself would retry an address without an answer for minutes
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
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"Ray at {address or 'this machine'} cannot be used: {reason}; if it asks for a token, set "
            "RAY_AUTH_MODE=token and put the token into ~/.ray/auth_token (docs/cluster.md)"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def address_of_node() -> str:
    """Return the address of the cluster to which the node of this Ray task belongs."""
    import ray

    return str(ray.get_runtime_context().gcs_address)


def _require_answer(address: str) -> None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"no Ray cluster answers at {address} ({reason}); start one with ray start --head") from error
