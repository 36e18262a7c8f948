"""Which Ray cluster a command speaks to. Standard output is for results, Ray prints there too."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

import paxos_ray

if TYPE_CHECKING:
    from paxos_ray import Cluster


@contextmanager
def running(address: str | None) -> Iterator[Cluster]:
    """A running cluster: `address`, else $RAY_ADDRESS, else this machine's. Raises `NoCluster`.

    Meanwhile standard output is standard error: print results afterwards.
    """
    with paxos_ray.connected(address) as cluster, redirect_stdout(sys.stderr):
        yield cluster


@contextmanager
def embedded() -> Iterator[Cluster]:
    """A Ray of this process's own, for the while. Raises `NoCluster`.

    Meanwhile nothing is printed on standard output, and Ray is silent: print results afterwards.
    """
    with paxos_ray.embedded() as cluster, redirect_stdout(io.StringIO()):
        yield cluster


def asked_for(address: str | None) -> bool:
    """Whether the user named a running cluster, by option or by $RAY_ADDRESS."""
    return bool(address or os.environ.get("RAY_ADDRESS"))
