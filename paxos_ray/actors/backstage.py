"""What breaking an island on purpose needs of Ray, beyond what its users need.

A ledger keeps what processes tell, outside of them: whoever is killed has told before. It lives
on the node of the process that opened it, and no longer than that process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import ray
from ray.exceptions import (
    ActorUnavailableError,
    GetTimeoutError,
    RayActorError,
    RayError,
    RayTaskError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from paxos_ray.actors.connection import ask_ray, named
from paxos_ray.actors.errors import TimedOut
from paxos_ray.actors.placement import Node, living_nodes
from paxos_ray.actors.settings import DEPUTY

T = TypeVar("T")

_AGAIN_S = 0.05
_STEP_S = 2.0


class Moment(NamedTuple):
    """A time of a machine's monotonic clock, in ns; `boot` tells machines, and their starts, apart:
    where it is equal, the clock is the same one."""

    ns: int
    boot: str


def moment() -> Moment:
    """Now, here."""
    return Moment(time.monotonic_ns(), _boot())


class _Ledger:
    """The actor."""

    def __init__(self) -> None:
        self._told: list[Any] = []
        self._taken = 0
        self._closed = False

    def tell(self, told: Sequence[Any]) -> bool:
        self._told += told
        return self._closed

    def close(self) -> None:
        self._closed = True

    def take(self, taken: int) -> tuple[int, list[Any]]:
        # A call that was made again may come late, and after others: it lets go of nothing.
        del self._told[: max(0, taken - self._taken)]
        self._taken = max(taken, self._taken)
        return self._taken + len(self._told), list(self._told)

    def moment(self) -> Moment:
        return moment()


class Ledger:
    """A ledger as those see it who tell, and who read. It may be passed to tasks.

    Calls may get lost, and are made again: what is told may be there twice, in any order.
    """

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._taken = 0

    @classmethod
    def open(cls) -> Ledger:
        """A new one, on this node."""
        place = NodeAffinitySchedulingStrategy(here(), soft=False)
        actor = ray.remote(_Ledger).options(
            num_cpus=0, max_restarts=0, scheduling_strategy=place, enable_task_events=False
        )
        return cls(actor.remote())

    def tell(self, told: Sequence[Any], timeout_s: float) -> bool:
        """Have it keep that; returns when it does: whether it was closed, so that whoever tells
        should come to an end. Raises `TimedOut`: then it is kept, or not."""
        closed: bool = self._ask("tell", timeout_s, list(told))
        return closed

    def close(self, timeout_s: float = 10.0) -> None:
        """Have all who tell come to an end. Raises `TimedOut`."""
        self._ask("close", timeout_s)

    def take(self, timeout_s: float = 10.0) -> list[Any]:
        """What was told since this was last called. Raises `TimedOut`; nothing is lost then."""
        self._taken, told = self._ask("take", timeout_s, self._taken)
        found: list[Any] = told
        return found

    def moment(self, timeout_s: float = 10.0) -> Moment:
        """Now, where it is. Raises `TimedOut`."""
        found: Moment = self._ask("moment", timeout_s)
        return found

    def _ask(self, method: str, timeout_s: float, *arguments: Any) -> Any:
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = deadline - time.monotonic()
            try:
                call = getattr(self._actor, method).remote(*arguments)
                return ray.get(call, timeout=max(0.01, min(left_s, _STEP_S)))
            except (GetTimeoutError, RayActorError) as error:
                if time.monotonic() > deadline:
                    why = type(error).__name__
                    raise TimedOut(f"the ledger does not answer {method} ({why})") from None
                time.sleep(_AGAIN_S)


class _Hand:
    """The actor."""

    def do(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        return function(*arguments)


class Hands:
    """A process on each node that is there already when something is to be done at once: a task
    would wait for its process to start."""

    def __init__(self) -> None:
        self._hands: dict[str, Any] = {}

    def ready(self, nodes: Iterable[str]) -> None:
        """See that there is one on each of these nodes, or will be."""
        for node in nodes:
            if node not in self._hands:
                place = NodeAffinitySchedulingStrategy(node, soft=False)
                actor = ray.remote(_Hand).options(
                    num_cpus=0, max_restarts=0, scheduling_strategy=place, enable_task_events=False
                )
                self._hands[node] = actor.remote()

    def on(self, node: str, function: Callable[..., T], *arguments: Any, timeout_s: float) -> T:
        """What a function returns there; it may be called more than once. Raises `TimedOut`, and
        what it raises."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.ready([node])
            left_s = deadline - time.monotonic()
            try:
                call = self._hands[node].do.remote(function, arguments)
                done: T = ray.get(call, timeout=max(0.01, left_s))
            except RayTaskError as error:
                raise error.cause from None
            except (GetTimeoutError, RayError) as error:
                if not isinstance(error, ActorUnavailableError):
                    del self._hands[node]
                if time.monotonic() > deadline:
                    what, why = function.__name__, type(error).__name__
                    raise TimedOut(f"{what} on node {node[:8]}: no answer ({why})") from None
                time.sleep(_AGAIN_S)
            else:
                return done


def here() -> str:
    """The id of the node that this process is on."""
    return str(ray.get_runtime_context().get_node_id())


def nodes() -> list[Node]:
    """The nodes that are alive, by Ray's word. Raises `TimedOut` if it says nothing."""
    try:
        return living_nodes()
    except (RayError, RuntimeError, OSError) as error:
        raise TimedOut(f"Ray does not say which nodes there are: {error}") from None


def restart_deputy(island: str) -> bool:
    """Kill the deputy of an island, for Ray to start it anew; False if there is none."""
    try:
        ask_ray(ray.kill, named(DEPUTY, island), no_restart=False)
    except (ValueError, RayError):
        return False
    return True


def variable(name: str) -> str | None:
    """What a variable of the environment is: for another process to tell."""
    return os.environ.get(name)


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
