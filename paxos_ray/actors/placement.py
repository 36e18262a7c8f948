"""Where citizens are put: on the node that has the fewest of their island."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from paxos_ray.actors.errors import ClusterTooSmall
from paxos_ray.actors.settings import SHARE


def _nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return nodes


def living_nodes() -> list[dict[str, Any]]:
    """Ray's description of each node that is alive."""
    return [node for node in _nodes() if node["Alive"]]


def default_share() -> float:
    """What a citizen asks for by default: nothing on a cluster of one node, else `SHARE`."""
    return SHARE if len(living_nodes()) > 1 else 0.0


def check_size(citizens: int, num_cpus: float) -> None:
    """Raises `ClusterTooSmall` if the cluster, with nothing else on it, could not hold so many."""
    nodes = living_nodes()
    places = 0
    for node in nodes:
        cpus = float(node["Resources"].get("CPU", 0.0))
        places += int(cpus / num_cpus + 1e-9) if num_cpus else citizens
    if places < citizens:
        total = sum(float(node["Resources"].get("CPU", 0.0)) for node in nodes)
        raise ClusterTooSmall(
            f"{citizens} citizens of {num_cpus:g} CPUs each were asked for; the cluster has "
            f"{len(nodes)} nodes with {total:g} CPUs, room for {places}: ask for fewer, or for a "
            "smaller num_cpus"
        )


def strategies(occupied: Iterable[str], citizens: int) -> list[Any]:
    """Where so many newcomers go, given the node of each citizen present: Ray's strategies.

    Soft: if the node has no room, Ray chooses another.
    """
    nodes = [str(node["NodeID"]) for node in living_nodes()]
    if len(nodes) < 2:
        return [None] * citizens
    load = Counter(occupied)
    chosen = []
    for _ in range(citizens):
        node = min(nodes, key=lambda id: (load[id], id))
        load[node] += 1
        chosen.append(NodeAffinitySchedulingStrategy(node, soft=True))
    return chosen
