"""Which Ray cluster a command speaks to, and how it gets there without noise."""

from __future__ import annotations

import io
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import ray

from paxos_ray.cli.exits import CommandError, Exit

_REACH_S = 3.0


@contextmanager
def running(address: str | None) -> Iterator[str]:
    """Connect to a running cluster: `address`, else $RAY_ADDRESS, else the one on this machine.

    Gives the cluster's address. Raises `CommandError` when there is none. Meanwhile standard output
    is standard error, for Ray prints there what it has to say: print results afterwards.
    """
    if ray.is_initialized():  # by who calls the command from Python: theirs to end
        with redirect_stdout(sys.stderr):
            yield ray.get_runtime_context().gcs_address
        return
    address = address or os.environ.get("RAY_ADDRESS") or "auto"
    _reach(address)
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, str(error)) from None
    try:
        with redirect_stdout(sys.stderr):
            yield ray.get_runtime_context().gcs_address
    finally:
        ray.shutdown()


@contextmanager
def embedded() -> Iterator[str]:
    """Start a Ray of this process's own, quietly, and end it afterwards. Gives its address.

    Meanwhile nothing is printed on standard output, not even what Ray prints: print afterwards.
    """
    if ray.is_initialized():
        with redirect_stdout(sys.stderr):
            yield ray.get_runtime_context().gcs_address
        return
    try:
        ray.init(
            address="local",
            num_cpus=max(2, os.cpu_count() or 1),
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )
    except Exception as error:  # noqa: BLE001 - Ray raises a bare one when starting takes too long
        raise CommandError(f"no Ray could be started here: {error}", Exit.NO_CLUSTER) from None
    try:
        with redirect_stdout(io.StringIO()):
            yield ray.get_runtime_context().gcs_address
    finally:
        ray.shutdown()


def asked_for(address: str | None) -> bool:
    """Whether the user named a running cluster, by option or by $RAY_ADDRESS."""
    return bool(address or os.environ.get("RAY_ADDRESS"))


def _reach(address: str) -> None:
    """Try the port first: Ray itself goes on trying a silent address for more than a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from None


def _no_cluster(address: str, why: str) -> CommandError:
    where = "on this machine" if address == "auto" else f"at {address}"
    return CommandError(
        f"no Ray cluster {where}: {why.splitlines()[0] if why else 'not reachable'}\n"
        "Start one with `ray start --head`, or name one with --address or RAY_ADDRESS.",
        Exit.NO_CLUSTER,
    )
