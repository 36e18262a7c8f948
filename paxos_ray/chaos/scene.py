"""Where faults happen: the island and its cluster, as a fault finds and leaves them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from paxos_ray.actors.backstage import Hands, here, nodes
from paxos_ray.actors.errors import IslandError
from paxos_ray.actors.island import Island
from paxos_ray.actors.status import CitizenStatus, IslandStatus
from paxos_ray.chaos.driver import Driver
from paxos_ray.chaos.errors import DriverFailed, NotNow
from paxos_ray.chaos.schedule import Strike

T = TypeVar("T")

STATUS_S = 20.0
_HAND_S = 30.0
_LOOK_S = 0.25
_MISSED_S = 3.0  # a node that Ray does not have for so long is started again
_AGAIN_S = 75.0  # a busy machine takes long to start one, and would never come to an end


class Scene:
    """What a fault may use, and who has been hit in this round."""

    def __init__(self, island: Island, population: int, driver: Driver | None = None) -> None:
        self.island = island
        self.population = population
        self.driver = driver
        self.here = here()
        self.addresses: dict[str, str] = {}
        self.breakable = () if driver is None else tuple(driver.hosts())
        self._hit: set[str] = set()
        self._started: dict[str, float] = {}
        self._hands = Hands()
        self._look()

    def status(self) -> IslandStatus:
        """How the island is. Raises `TimedOut`."""
        return self.island.status(timeout_s=STATUS_S)

    def on(self, node: str, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function on a node, more than once if it must be. Raises `TimedOut`, and what it
        raises."""
        return self._hands.on(node, function, *arguments, timeout_s=_HAND_S)

    def living(self, node: str | None) -> bool:
        """Whether Ray has that node."""
        return node in [each.id for each in nodes()]

    def _look(self) -> None:
        """Which nodes there are, and somebody on each of them."""
        there = nodes()
        self.addresses.update((node.id, node.address) for node in there)
        self._hands.ready(node.id for node in there)

    # -- who is hit ---------------------------------------------------------------------------

    def begin_round(self) -> None:
        """Nobody has been hit yet."""
        self._hit.clear()

    def victim(self, strike: Strike, status: IslandStatus) -> CitizenStatus:
        """The citizen that a fault is meant for: `leader`, one that votes, or any. Raises
        `NotNow` if it does not answer, or if with it a majority would be hit."""
        among = [c for c in status.citizens if c.alive and c.pid and c.node_id]
        if strike.part == "leader":
            among = [citizen for citizen in among if citizen.seat == "leader"]
        elif strike.part == "voter":
            among = [c for c in among if c.seat in ("majority", "minority")]
        among = [citizen for citizen in among if citizen.id not in self._hit]
        if not among:
            raise NotNow(f"no {strike.part} answers")
        chosen = among[strike.pick(len(among))]
        self.hit(status, [chosen.id])
        return chosen

    def crowd(self, strike: Strike, status: IslandStatus) -> list[CitizenStatus]:
        """As many of those who vote as make a majority. Raises `NotNow`."""
        voters = [c for c in status.citizens if c.seat != "constituent" and c.alive and c.pid]
        wanted = _voters(status) // 2 + 1
        if len(voters) < wanted or self._hit:
            raise NotNow("too few of those who vote answer")
        first = strike.pick(len(voters))
        chosen = [*voters[first:], *voters[:first]][:wanted]
        self._hit.update(citizen.id for citizen in chosen)
        return chosen

    def hit(self, status: IslandStatus, citizens: Sequence[str]) -> None:
        """These are done without from now on. Raises `NotNow` unless a majority of those who vote
        is left; then nobody is hit."""
        hit = self._hit | set(citizens) | {c.id for c in status.citizens if not c.alive}
        lost = [c for c in status.citizens if c.seat != "constituent" and c.id in hit]
        if 2 * len(lost) >= _voters(status):
            raise NotNow("it would hit as many as make a majority")
        self._hit.update(citizens)

    # -- getting over it ----------------------------------------------------------------------

    def await_rest(self, limit_s: float) -> str | None:
        """Wait until every node is there, and the island has its population, all of them alive;
        nodes that Ray has given up are started again. None, or what is still wrong in the end."""
        deadline = time.monotonic() + limit_s
        missed: dict[str, float] = {}
        while True:
            try:
                wrong = self._unrest(missed)
            except (IslandError, DriverFailed) as error:
                wrong = str(error)
            if wrong is None or time.monotonic() > deadline:
                return wrong
            time.sleep(_LOOK_S)

    def _unrest(self, missed: dict[str, float]) -> str | None:
        gone = self._gone(missed)
        if gone:
            return f"not alive: {', '.join(gone)}"
        self._look()
        status = self.status()
        silent = [citizen.id for citizen in status.citizens if not citizen.alive]
        if silent:
            return f"silent: {', '.join(silent)}"
        if status.population != self.population:
            return f"{status.population} citizens are asked for, not {self.population}"
        return None if status.shaped else "; ".join(status.underway) or "not all are there"

    def _gone(self, missed: dict[str, float]) -> list[str]:
        """Nodes that may be broken, and that Ray does not have."""
        living, now = {node.address for node in nodes()}, time.monotonic()
        gone = [address for address in self.breakable if address not in living]
        for address in list(missed):
            if address not in gone:
                del missed[address]
        for address in gone:
            since = missed.setdefault(address, now)
            again = now - self._started.get(address, float("-inf")) > _AGAIN_S
            if now - since > _MISSED_S and again:
                self.start(address)
        return gone

    def start(self, address: str) -> None:
        """Have the driver start a node again. Raises `DriverFailed`."""
        assert self.driver is not None
        self.driver.start(address)
        self._started[address] = time.monotonic()


def _voters(status: IslandStatus) -> int:
    return sum(citizen.seat != "constituent" for citizen in status.citizens)


def kill(pid: int) -> None:
    """On its node: the process of a Ray actor dies, at once, as by a crash; one that has ended
    already is left alone. Raises `NotNow` if it is no actor of Ray."""
    _signal(pid, signal.SIGKILL)


def freeze(pid: int) -> None:
    """The same: it stands still until `thaw`."""
    _signal(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """The same: it goes on."""
    _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: signal.Signals) -> None:
    """One that has ended has no title, and needs no signal; nor has one that is only just starting,
    which is not meant. One that is no actor of Ray's gets none."""
    with suppress(FileNotFoundError, ProcessLookupError):
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
        if title.startswith(b"ray::"):
            os.kill(pid, number)
        elif title:
            raise NotNow(f"process {pid} is no actor of Ray any more")
