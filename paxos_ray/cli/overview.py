"""An island's status, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from paxos_ray.cli.render import government_json

if TYPE_CHECKING:
    from paxos_ray import IslandStatus, NodeStatus, Promise


def status_json(status: IslandStatus) -> dict[str, Any]:
    """The status for programs: promises as text, ids as Ray prints them, the leader first."""
    return {
        "island": status.name,
        "republic": status.republic,
        "population": status.population,
        "autoscale": None if status.autoscale is None else asdict(status.autoscale),
        "reads_per_s": status.reads_per_s,
        "shaped": status.shaped,
        "underway": list(status.underway),
        "alarms": list(status.alarms),
        "divergences": [
            {
                "promise": str(divergence.promise),
                "object": divergence.object,
                "citizens": list(divergence.citizens),
                "decided": divergence.decided,
            }
            for divergence in status.divergences
        ],
        "limits": asdict(status.limits),
        "leader": status.government and status.government.leader,
        "coordinator": {
            "pid": status.coordinator.pid,
            "node_id": status.coordinator.node_id,
            "calls": status.coordinator.calls,
            "weight": status.coordinator.weight,
            "refused": status.coordinator.refused,
        },
        "government": status.government and government_json(status.government),
        "nodes": [
            {
                "id": node.id,
                "address": node.address,
                "zone": node.zone,
                "alive": node.alive,
                "citizens": list(node.citizens),
                "coordinator": node.coordinator,
                "vital": node.vital,
            }
            for node in status.nodes
        ],
        "citizens": [
            {
                "id": citizen.id,
                "seat": citizen.seat,
                "alive": citizen.alive,
                "pid": citizen.pid,
                "node_id": citizen.node_id,
                "address": citizen.address,
                "role": citizen.role,
                "acclimated": citizen.acclimated,
                "top": _promise(citizen.top),
                "minimum": _promise(citizen.minimum),
                "applied": _promise(citizen.applied),
                "log_entries": citizen.log_entries,
                "log_heft": citizen.log_heft,
                "log_weight": citizen.log_weight,
                "queued": citizen.queued,
                "queue_weight": citizen.queue_weight,
                "stream_weight": citizen.stream_weight,
                "stream_from": _promise(citizen.stream_from),
                "event_weight": citizen.event_weight,
                "events_from": _promise(citizen.events_from),
                "digest": citizen.digest,
            }
            for citizen in status.citizens
        ],
    }


def status_table(status: IslandStatus) -> Table:
    """A row a citizen, the leader first; below it what there is to say of the whole."""
    digests = any(citizen.digest for citizen in status.citizens)
    promise = "none yet" if status.government is None else status.government.promise
    title = f"{status.name}: {status.population} citizens asked for, government {promise}"
    table = Table("citizen", "seat", "process", "node", "applied", "entries", "bytes", title=title)
    table.caption = Text("\n".join(_notes(status)), style="table.caption")
    table.caption_justify = "left"
    nodes = {node.id: node for node in status.nodes}
    if digests:
        table.add_column("digest", no_wrap=True)
    for citizen in status.citizens:
        row = [
            citizen.id,
            citizen.seat,
            str(citizen.pid) if citizen.alive else "silent",
            _node(nodes.get(citizen.node_id or "")),
            str(citizen.applied or ""),
            f"{citizen.log_entries or 0:,}",
            f"{citizen.log_heft or 0:,}",
        ]
        if digests:
            row.append((citizen.digest or "")[:16])
        table.add_row(*row)
    return table


def _promise(promise: Promise | None) -> str | None:
    return None if promise is None else str(promise)


def _node(node: NodeStatus | None) -> str:
    """Its address, and its zone if there are zones."""
    if node is None:
        return ""
    return f"{node.address} ({node.zone})" if node.zone else node.address


def _notes(status: IslandStatus) -> Iterator[str]:
    """A line each: what is wrong first, then what is under way, then what is so."""
    yield from status.alarms
    yield from map(str, status.divergences)
    if not status.shaped:
        yield "it has not come to its shape yet"
    yield from status.underway
    if status.autoscale is not None:
        yield f"scales itself, {status.autoscale}: now {status.reads_per_s or 0:,.0f}"
    if len(status.nodes) > 1:
        yield _placement(status)


def _placement(status: IslandStatus) -> str:
    """What the loss of a node would do."""
    here = [node.address for node in status.nodes if node.coordinator]
    vital = [node.address for node in status.nodes if node.vital]
    bears = f"would not bear the loss of {' or '.join(vital)}" if vital else "bears a lost node"
    return f"coordinator on {', '.join(here) or 'a node that is lost'}; the parliament {bears}"
