"""Ray clusters, for programs that need no more of Ray than an island to live on: the commands.

Connecting to a running cluster or starting one for the while, and running a function on it.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from paxos_ray.actors.errors import IslandError, TimedOut, line_of

T = TypeVar("T")

_REACH_S = 3.0


class NoCluster(IslandError, ConnectionError):
    """There is no Ray cluster where one was looked for, or none could be started."""


class TaskFailed(IslandError, RuntimeError):
    """A task was lost with its process or node; whether it had any effect is unknown."""


class Cluster(NamedTuple):
    """A cluster that this process is connected to: its address and how many CPUs it has."""

    address: str
    cpus: float


@contextmanager
def connected(address: str | None = None) -> Iterator[Cluster]:
    """Connect to the running cluster at `address`, by default `$RAY_ADDRESS`, else this machine's.

    `address` is what `ray.init` takes: `host:port`, `ray://…`, `auto`. A process that is connected
    already stays so, to whatever it is connected to. Raises `NoCluster`.
    """
    if ray.is_initialized():
        yield _present()
        return
    address = address or os.environ.get("RAY_ADDRESS") or "auto"
    _reach(address)
    try:
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, str(error)) from None
    try:
        yield _present()
    finally:
        ray.shutdown()


@contextmanager
def embedded() -> Iterator[Cluster]:
    """Start a Ray of this process's own, quietly, and end it afterwards. Raises `NoCluster`.

    A process that is connected to a cluster already uses that one.
    """
    if ray.is_initialized():
        yield _present()
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
        raise NoCluster(f"no Ray could be started here: {error}") from None
    try:
        yield _present()
    finally:
        ray.shutdown()


class Task(Generic[T]):
    """A function under way on the cluster; made by `start`."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference

    def ready(self) -> bool:
        """Whether it has ended, in whatever way."""
        done, _ = ray.wait([self._reference], timeout=0)
        return bool(done)

    def result(self, timeout_s: float | None = None) -> T:
        """Wait for what it returns, at most `timeout_s` seconds.

        Raises what the function raised; `TimedOut`, then it goes on; `TaskFailed`.
        """
        try:
            value: T = ray.get(self._reference, timeout=timeout_s)
        except GetTimeoutError:
            raise TimedOut(f"the task has not ended within {timeout_s:g} s; it goes on") from None
        except RayTaskError as error:
            raise error.cause from None
        except RayError as error:
            raise TaskFailed(line_of(error)) from None
        return value


def start(
    function: Callable[..., T], *arguments: Any, node_id: str | None = None, num_cpus: float = 1.0
) -> Task[T]:
    """Run a function once on the cluster, in another process, on the given node if any.

    It is never run again by itself: increments of a second run would count twice.
    """
    options: dict[str, Any] = {"num_cpus": num_cpus, "max_retries": 0}
    if node_id is not None:
        options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return Task(_remote(function).options(**options).remote(*arguments))


@cache
def _remote(function: Callable[..., Any]) -> Any:
    return ray.remote(function)


def _present() -> Cluster:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return Cluster(ray.get_runtime_context().gcs_address, resources.get("CPU", 0.0))


def _reach(address: str) -> None:
    """Try the port first: Ray itself goes on trying a silent address for more than a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, str(error)) from None


def _no_cluster(address: str, why: str) -> NoCluster:
    where = "on this machine" if address == "auto" else f"at {address}"
    reason = why.splitlines()[0] if why else "not reachable"
    # Ray sends no token to a named address unless it is told to, and waits in vain without one.
    untold = address != "auto" and "RAY_AUTH_MODE" not in os.environ
    token = " If it wants a token, as most do, set RAY_AUTH_MODE=token." if untold else ""
    return NoCluster(
        f"no Ray cluster {where}: {reason}\n"
        f"Start one with `ray start --head`, or name one with --address or RAY_ADDRESS.{token}"
    )
