"""The faults: each says whether it can be had here, how it begins, and how it ends.

`begin` says what was done, to whom. `end` undoes what can be undone; the island gets over the rest
by itself.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress

from paxos_ray.actors.backstage import restart_deputy, variable
from paxos_ray.actors.errors import (
    ClusterTooSmall,
    IslandError,
    NotEnoughCitizens,
    Superseded,
    TimedOut,
)
from paxos_ray.actors.status import CitizenStatus, IslandStatus
from paxos_ray.chaos.errors import FaultRefused, NotNow
from paxos_ray.chaos.scene import Scene, freeze, kill, thaw
from paxos_ray.chaos.schedule import KINDS, Strike

RPC = "RAY_testing_rpc_failure"
"""By this variable Ray, when it starts, is told to lose calls between its processes."""

RPC_EXAMPLE = json.dumps(
    {
        f"{prefix}CoreWorkerService.grpc_client.PushTask": {
            "num_failures": -1,
            "req_failure_prob": 1,
            "resp_failure_prob": 1,
            "in_flight_failure_prob": 0,
        }
        for prefix in ("", "ray::rpc::")
    },
    separators=(",", ":"),
)
"""One call in a hundred is lost on its way, one reply in a hundred on its way back."""

_SCALE_S = 20.0


class Fault(ABC):
    """One fault of a kind, used once."""

    kind: str

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def refusal(self) -> str | None:
        """Why it cannot be had on this cluster, None if it can."""
        return None

    @abstractmethod
    def begin(self, strike: Strike) -> str:
        """Do it: what was done. Raises `NotNow`, and what the island and Ray raise."""

    def end(self) -> None:
        """Undo what can be undone."""
        return


class Kill(Fault):
    """A citizen's process dies."""

    kind = "kill"

    def begin(self, strike: Strike) -> str:
        """See `Fault.begin`."""
        citizen = self.scene.victim(strike, self.scene.status())
        self.scene.on(citizen.node_id or "", kill, citizen.pid)
        return f"{_named(citizen)} killed"


class Freeze(Fault):
    """A citizen's process stands still for a while; those of a majority, if asked for."""

    kind = "freeze"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._frozen: list[CitizenStatus] = []

    def begin(self, strike: Strike) -> str:
        """See `Fault.begin`."""
        status = self.scene.status()
        if strike.majority:
            victims = self.scene.crowd(strike, status)
        else:
            victims = [self.scene.victim(strike, status)]
        for citizen in victims:
            self._frozen.append(citizen)  # it may be, even if no answer comes
            self.scene.on(citizen.node_id or "", freeze, citizen.pid)
        return f"{', '.join(map(_named, victims))} frozen"

    def end(self) -> None:
        """See `Fault.end`."""
        failed: IslandError | None = None
        for citizen in self._frozen:
            if not self.scene.living(citizen.node_id):
                continue  # it is gone along with its node
            try:
                self.scene.on(citizen.node_id or "", thaw, citizen.pid)
            except TimedOut as error:
                failed = error
        self._frozen.clear()
        if failed is not None:
            raise failed


class Carriers(Fault):
    """The coordinator's process dies, or its deputy's."""

    kind = "coordinator"

    def begin(self, strike: Strike) -> str:
        """See `Fault.begin`."""
        if strike.part == "deputy":
            if not restart_deputy(self.scene.island.name):
                raise NotNow("there is no deputy")
            return "the deputy killed"
        coordinator = self.scene.status().coordinator
        self.scene.on(coordinator.node_id, kill, coordinator.pid)
        return f"the coordinator, process {coordinator.pid}, killed"


class Scale(Fault):
    """The island grows or shrinks by some citizens, and comes back to its size."""

    kind = "scale"

    def begin(self, strike: Strike) -> str:
        """See `Fault.begin`. Who cannot shrink grows."""
        base = self.scene.population
        by = 1 + strike.pick(2)
        ways = [base + by, base - by] if strike.part == "up" else [base - by, base + by]
        refused: list[str] = []
        for citizens in ways:
            try:
                self._want(citizens)
            except (NotEnoughCitizens, ClusterTooSmall) as error:
                refused.append(str(error))
            else:
                return f"scaled from {base} to {citizens}"
        raise NotNow("; ".join(refused))

    def end(self) -> None:
        """See `Fault.end`."""
        self._want(self.scene.population)

    def _want(self, citizens: int) -> None:
        if citizens < 1:
            raise NotEnoughCitizens("an island has one citizen at least")
        with suppress(TimedOut, Superseded):  # the wish stays: the island gets there in time
            self.scene.island.scale(citizens, timeout_s=_SCALE_S, progress=False)


class Rpc(Fault):
    """Ray loses calls between its processes. It does so from when it is started."""

    kind = "rpc"

    def refusal(self) -> str | None:
        """See `Fault.refusal`."""
        homes = {citizen.node_id for citizen in self.scene.status().citizens if citizen.node_id}
        deaf = [node for node in sorted(homes) if not self.scene.on(node, variable, RPC)]
        if not deaf:
            return None
        nodes = ", ".join(self.scene.addresses.get(node, node) for node in deaf)
        return (
            f"Ray takes its orders to lose calls when it starts: start each node with {RPC} in its "
            f"environment, for instance {RPC}='{RPC_EXAMPLE}'. It is not set on {nodes}"
        )

    def begin(self, strike: Strike) -> str:
        """See `Fault.begin`."""
        return f"Ray loses calls as {RPC} says, as long as it runs"


class _Network(Fault):
    """What needs a driver, and nodes that it may break."""

    def refusal(self) -> str | None:
        """See `Fault.refusal`."""
        if self.scene.driver is None:
            return (
                "it needs somebody who can break the network and the nodes: name a program that "
                "does with --driver (docs/chaos.md says what it must understand), or use "
                "`python -m tests.cluster chaos`, which has one"
            )
        if not set(self.scene.breakable) & set(self.scene.addresses.values()):
            return "the driver names no node of this cluster that it may break"
        return None

    def place(self, strike: Strike, status: IslandStatus) -> str:
        """The address of the node that is hit: the one of a victim, or the coordinator's; and
        with it whoever else lives there. Raises `NotNow`."""
        if strike.part == "coordinator":
            address = self.scene.addresses.get(status.coordinator.node_id, "")
        else:
            wanted = ("leader",) if strike.part == "leader" else ("majority", "minority")
            homes = [
                citizen.address
                for citizen in status.citizens
                if citizen.seat in wanted and citizen.address in self.scene.breakable
            ]
            if not homes:
                raise NotNow(f"the {strike.part} is not on a node that may be broken")
            address = homes[strike.pick(len(homes))] or ""
        if address not in self.scene.breakable:
            raise NotNow(f"the {strike.part} is not on a node that may be broken")
        self.scene.hit(status, [c.id for c in status.citizens if c.address == address])
        return address

    def others(self, *addresses: str) -> list[str]:
        """All nodes but these."""
        return [a for a in sorted(set(self.scene.addresses.values())) if a not in addresses]


class Partition(_Network):
    """A node is cut off, with all that is on it; if asked for, those of a majority, each from all
    others."""

    kind = "partition"

    def begin(self, strike: Strike) -> str:
        """See `Fault.begin`."""
        status = self.scene.status()
        if strike.majority:
            crowd = self.scene.crowd(strike, status)
            homes = {c.address for c in crowd if c.address in self.scene.breakable}
            cut = sorted(filter(None, homes))
        else:
            cut = [self.place(strike, status)]
        self._cut(cut)
        return f"{', '.join(cut)} cut off{_who(status, cut)}"

    def _cut(self, cut: Sequence[str]) -> None:
        assert self.scene.driver is not None
        self.scene.driver.block(pair for address in cut for pair in _both(address, self.others()))

    def end(self) -> None:
        """See `Fault.end`."""
        if self.scene.driver is not None:
            self.scene.driver.heal()


class OneWay(_Network):
    """A node is not heard, or does not hear."""

    kind = "oneway"

    def begin(self, strike: Strike) -> str:
        """See `Fault.begin`."""
        status = self.scene.status()
        address = self.place(strike, status)
        assert self.scene.driver is not None
        mute = int(strike.draw * 1000) % 2 == 0
        others = self.others(address)
        self.scene.driver.block((address, o) if mute else (o, address) for o in others)
        return f"{address} {'is not heard' if mute else 'does not hear'}{_who(status, [address])}"

    def end(self) -> None:
        """See `Fault.end`."""
        if self.scene.driver is not None:
            self.scene.driver.heal()


class Node(_Network):
    """All of a node dies, and is started again."""

    kind = "node"

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._killed: str | None = None

    def begin(self, strike: Strike) -> str:
        """See `Fault.begin`."""
        status = self.scene.status()
        address = self.place(strike, status)
        assert self.scene.driver is not None
        self._killed = address
        self.scene.driver.kill(address)
        return f"{address} killed{_who(status, [address])}"

    def end(self) -> None:
        """See `Fault.end`."""
        if self._killed is not None:
            self.scene.start(self._killed)


FAULTS: dict[str, type[Fault]] = {
    fault.kind: fault for fault in (Kill, Freeze, Partition, OneWay, Carriers, Node, Rpc, Scale)
}
assert tuple(FAULTS) == KINDS


def check(kinds: Sequence[str], scene: Scene) -> None:
    """Raises `FaultRefused`, which names all of these that cannot be had here."""
    refusals = [(kind, FAULTS[kind](scene).refusal()) for kind in kinds]
    refused = [f"{kind}: {why}" for kind, why in refusals if why is not None]
    if refused:
        raise FaultRefused("\n".join(["these faults cannot be had here:", *refused]))


def _both(address: str, others: Sequence[str]) -> Iterator[tuple[str, str]]:
    for other in others:
        if other != address:
            yield address, other
            yield other, address


def _named(citizen: CitizenStatus) -> str:
    return f"{citizen.id}, {citizen.seat}"


def _who(status: IslandStatus, addresses: Sequence[str]) -> str:
    there = [_named(c) for c in status.citizens if c.address in addresses]
    if status.coordinator.node_id in {
        node.id for node in status.nodes if node.address in addresses
    }:
        there.append("the coordinator")
    return f", with {'; '.join(there)}" if there else ""
