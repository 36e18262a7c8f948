"""Which node a citizen lives on: what is decided here depends on its arguments only.

One node holds one citizen as long as there are nodes enough, and as many as any other node, or one
more, when there are not. Of the nodes that hold as many, one is taken that is not where citizens
have died lately; then one without the coordinator, so that a leader that is lost does not take the
coordinator along; then one in the zone that has the fewest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from paxos_ray.actors.errors import ClusterTooSmall
from paxos_ray.actors.growing import grow
from paxos_ray.actors.settings import SHARE

ZONE = "ray.io/availability-zone"
"""The label of a node that says which zone it is in; Ray makes it of `RAY_NODE_ZONE`."""


class Node(NamedTuple):
    """A node of the cluster, as Ray has it: its id in hex, and how many CPUs it has in all."""

    id: str
    address: str
    zone: str
    cpus: float

    def holds(self, num_cpus: float) -> bool:
        """Whether an actor that asks for so much could ever be there."""
        return self.cpus + 1e-9 >= num_cpus


grow(Node)


def living_nodes() -> list[Node]:
    """All that are alive, by Ray's word."""
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    nodes = [
        Node(
            id=str(node["NodeID"]),
            address=str(node["NodeManagerAddress"]),
            zone=str(node.get("Labels", {}).get(ZONE, "")),
            cpus=float(node["Resources"].get("CPU", 0.0)),
        )
        for node in found
        if node["Alive"]
    ]
    return sorted(nodes)


def able_nodes(num_cpus: float) -> list[Node]:
    """Those of them that may hold an actor that asks for so much."""
    return [node for node in living_nodes() if node.holds(num_cpus)]


def default_share() -> float:
    """What a citizen asks for by default: nothing on a cluster of one node, else `SHARE`."""
    return SHARE if len(living_nodes()) > 1 else 0.0


def check_size(citizens: int, num_cpus: float) -> None:
    """Raises `ClusterTooSmall` if the cluster, with nothing else on it, could not hold so many."""
    nodes = living_nodes()
    places = 0
    for node in nodes:
        places += int(node.cpus / num_cpus + 1e-9) if num_cpus else citizens
    if places < citizens:
        total = sum(node.cpus for node in nodes)
        raise ClusterTooSmall(
            f"{citizens} citizens of {num_cpus:g} CPUs each were asked for; the cluster has "
            f"{len(nodes)} nodes with {total:g} CPUs, room for {places}: ask for fewer, or for a "
            "smaller num_cpus"
        )


def strategy(node: str | None) -> Any:
    """Ray's for that node. Soft: if it has no room, or is gone by then, Ray chooses another."""
    return None if node is None else NodeAffinitySchedulingStrategy(node, soft=True)


def order(nodes: Iterable[Node], island: str) -> list[Node]:
    """These nodes in an order that differs from island to island: of equal nodes the first is
    taken, and islands should not all take the same."""
    return sorted(nodes, key=lambda node: (crc32(f"{island}/{node.id}".encode()), node.id))


def choose(
    nodes: Sequence[Node],
    occupied: Iterable[str],
    coordinator: str | None = None,
    shunned: Collection[str] = (),
) -> str | None:
    """Where the next citizen goes, given the node of each that there is: the id of a node.

    `coordinator` is the node of that, `shunned` are those to avoid. None where there is but one
    node, or none: there Ray has no choice.
    """
    if len(nodes) < 2:
        return None
    load = Counter(occupied)
    zones = _zones(nodes, load)
    return _best(nodes, load, zones, coordinator, shunned).id


def _best(
    nodes: Sequence[Node],
    load: Mapping[str, int],
    zones: Mapping[str, int],
    coordinator: str | None,
    shunned: Collection[str],
) -> Node:
    return min(
        nodes,
        key=lambda node: (
            load[node.id],
            node.id in shunned,
            node.id == coordinator,
            zones[node.zone],
        ),
    )


def carrier_node(nodes: Sequence[Node], occupied: Iterable[str], other: str | None) -> str | None:
    """Where a coordinator or its deputy goes: the `other` of them lives on that node."""
    load = Counter(occupied)
    if len(nodes) < 2:
        return None
    # The last of equal ones, since citizens begin with the first.
    return min(reversed(nodes), key=lambda node: (node.id == other, load[node.id])).id


def bears_a_lost_node(citizens: int, nodes: int) -> bool:
    """Whether so many that vote, spread evenly over so many nodes, are a majority without any one
    of the nodes."""
    return citizens + -citizens // nodes > citizens // 2


def for_coordinator(island: str, num_cpus: float) -> str | None:
    """Where the coordinator of a new island goes."""
    return carrier_node(order(able_nodes(num_cpus), island), (), None)


def move(
    nodes: Sequence[Node],
    homes: Mapping[str, str],
    coordinator: str | None = None,
    shunned: Collection[str] = (),
) -> str | None:
    """The citizen that had better be elsewhere, None when all is well.

    `homes` has the node of each citizen, those first that should stay. Nobody is moved who is on a
    node that is not among `nodes`, nor to `shunned` ones. Elsewhere is where `choose` would have
    it, if that is a node with fewer citizens besides, or one with as few in a zone with fewer: so a
    citizen that has been moved is not moved back.
    """
    load = Counter(homes.values())
    known = {node.id: node for node in nodes}
    targets = [node for node in nodes if node.id not in shunned]
    if not targets:
        return None
    movable = [id for id in reversed(list(homes)) if homes[id] in known]
    for id in sorted(movable, key=lambda id: -load[homes[id]]):
        others = Counter(home for other, home in homes.items() if other != id)
        zones, here = _zones(nodes, others), known[homes[id]]
        there = _best(targets, others, zones, coordinator, ())
        if (others[there.id], zones[there.zone]) < (others[here.id], zones[here.zone]):
            return id
    return None


def surplus(homes: Mapping[str, str]) -> str | None:
    """Who leaves an island that has one too many: of those on the fullest node, the last."""
    load = Counter(homes.values())
    return max(reversed(list(homes)), key=lambda id: load[homes[id]], default=None)


def _zones(nodes: Iterable[Node], load: Mapping[str, int]) -> Counter[str]:
    zones: Counter[str] = Counter()
    for node in nodes:
        zones[node.zone] += load.get(node.id, 0)
    return zones
