"""What clients on the hosts are asked to do: functions, for `Client.call`."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import paxos_ray
from paxos_ray import IslandStatus
from tests.actors.test_survival import Load

SOON_S = 90.0

_sockets: dict[int, socket.socket] = {}


def listen(port: int) -> None:
    """Take datagrams in from now on."""
    _sockets[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    _sockets[port].bind(("", port))
    _sockets[port].settimeout(60.0)


def hear(port: int) -> str:
    """The next datagram."""
    return _sockets[port].recv(100).decode()


def say(address: str, port: int, what: str) -> None:
    """Send a datagram, which may get lost."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(what.encode(), (address, port))


# -- islands --------------------------------------------------------------------------------------


def launch(name: str, citizens: int, **options: Any) -> IslandStatus:
    """Found an island: its status then. A warning is not an error here."""
    return paxos_ray.launch(name, citizens, progress=False, **options).status()


def status(name: str, digests: bool = False) -> IslandStatus:
    """Of an island."""
    return paxos_ray.attach(name).status(digests=digests, timeout_s=SOON_S)


def scale(name: str, citizens: int) -> None:
    """Have an island grow or shrink to so many."""
    paxos_ray.attach(name).scale(citizens, progress=False)


def shutdown(name: str) -> None:
    """End an island."""
    paxos_ray.attach(name).shutdown()


def await_status(
    name: str, told: Callable[..., bool] | None = None, *arguments: Any
) -> IslandStatus:
    """The status of the island, once it has its shape, everybody answers, and
    `told(status, *arguments)`."""
    island = paxos_ray.attach(name)
    deadline = time.monotonic() + SOON_S
    while True:
        seen = island.status(timeout_s=SOON_S)
        if seen.shaped and all(citizen.alive for citizen in seen.citizens):
            if told is None or told(seen, *arguments):
                return seen
        if time.monotonic() > deadline:
            raise TimeoutError(str(seen))
        time.sleep(0.05)


def without(seen: IslandStatus, id: str) -> bool:
    """Whether that citizen is none any more."""
    return id not in [citizen.id for citizen in seen.citizens]


def loads(seen: IslandStatus) -> list[int]:
    """How many citizens there are on the nodes, the fullest first."""
    return sorted((len(node.citizens) for node in seen.nodes), reverse=True)


def is_spread(seen: IslandStatus, nodes: int) -> bool:
    """Whether no two of them share a node, on so many nodes that may hold some."""
    return loads(seen)[:nodes] == [1] * nodes and all(node.alive for node in seen.nodes)


def host_of(seen: IslandStatus, id: str) -> int:
    """The host that a citizen is on."""
    (citizen,) = [each for each in seen.citizens if each.id == id]
    assert citizen.address is not None
    return int(citizen.address.split(".")[2]) - 1


def coordinator_host(seen: IslandStatus) -> int:
    """The host that the coordinator is on."""
    (node,) = [node for node in seen.nodes if node.coordinator]
    return int(node.address.split(".")[2]) - 1


def await_deputy(name: str) -> None:
    """Wait until there is a deputy that knows all citizens, and that this process knows."""
    island, deadline = paxos_ray.attach(name), time.monotonic() + SOON_S
    ids = set(island.government().citizens)
    while (deputy := island._client._lookout._deputy) is None or ids - set(
        deputy.known.remote().get(SOON_S)
    ):
        if time.monotonic() > deadline:
            raise TimeoutError("no deputy")
        time.sleep(0.05)


# -- who counts meanwhile -------------------------------------------------------------------------

_loads: dict[str, tuple[ExitStack, Load]] = {}


def begin_load(name: str) -> None:
    """From now on somebody increments a counter of that island, and checks each answer."""
    load = Load(paxos_ray.attach(name).counter(uuid.uuid4().hex))
    stack = ExitStack()
    stack.enter_context(load.under_way())
    _loads[name] = (stack, load)


def progress(name: str) -> None:
    """Wait until it has gone on from where it is now."""
    _loads[name][1].progress()


def end_load(name: str) -> int:
    """Have it end, and check that all it was told is true: how many increments there were."""
    stack, load = _loads.pop(name)
    stack.close()
    return load.acknowledged


def increment(name: str, counter: str, timeout_s: float | None = SOON_S) -> int:
    """One increment, waited for."""
    return paxos_ray.attach(name).counter(counter).increment(1, timeout_s=timeout_s)


def value(name: str, counter: str, timeout_s: float | None = SOON_S) -> int:
    """A counter, read."""
    return paxos_ray.attach(name).counter(counter).value(timeout_s=timeout_s)


def digests(name: str) -> set[str | None]:
    """Those of the states of all citizens, when they have come to rest."""
    return {c.digest for c in paxos_ray.attach(name).settled(timeout_s=SOON_S).citizens}


def is_led_by_another(seen: IslandStatus, leader: str) -> bool:
    """Whether somebody else leads now."""
    return seen.leader is not None and seen.leader.id != leader


def is_coordinated_by_another(seen: IslandStatus, pid: int) -> bool:
    """Whether the coordinator is another process now."""
    return seen.coordinator.pid != pid
