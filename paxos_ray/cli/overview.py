"""An island's status, for programs and for people."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

from paxos_ray.cli.render import government_json

if TYPE_CHECKING:
    from paxos_ray import IslandStatus, NodeStatus


def status_json(status: IslandStatus) -> dict[str, Any]:
    """The status for programs: promises as text, ids as Ray prints them, the leader first."""
    return {
        "island": status.name,
        "population": status.population,
        "autoscale": None if status.autoscale is None else asdict(status.autoscale),
        "reads_per_s": status.reads_per_s,
        "shaped": status.shaped,
        "underway": list(status.underway),
        "alarms": list(status.alarms),
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
                "acclimated": citizen.acclimated,
                "applied": None if citizen.applied is None else str(citizen.applied),
                "log_entries": citizen.log_entries,
                "log_heft": citizen.log_heft,
                "log_weight": citizen.log_weight,
                "queued": citizen.queued,
                "queue_weight": citizen.queue_weight,
                "stream_weight": citizen.stream_weight,
                "stream_from": None if citizen.stream_from is None else str(citizen.stream_from),
                "event_weight": citizen.event_weight,
                "events_from": None if citizen.events_from is None else str(citizen.events_from),
                "digest": citizen.digest,
            }
            for citizen in status.citizens
        ],
    }


def status_table(status: IslandStatus) -> Table:
    """A row a citizen, the leader first."""
    digests = any(citizen.digest for citizen in status.citizens)
    promise = "none yet" if status.government is None else status.government.promise
    title = f"{status.name}: {status.population} citizens asked for, government {promise}"
    table = Table("citizen", "seat", "process", "node", "applied", "entries", "bytes", title=title)
    notes = [note for note in (_scaling(status), _placement(status)) if note]
    table.caption = "\n".join(notes) or None
    nodes = {node.id: node for node in status.nodes}
    if digests:
        table.add_column("digest", no_wrap=True)
    for citizen in status.citizens:
        row = [
            citizen.id,
            citizen.seat,
            str(citizen.pid) if citizen.alive else "dead",
            _node(nodes.get(citizen.node_id or "")),
            str(citizen.applied or ""),
            f"{citizen.log_entries or 0:,}",
            f"{citizen.log_heft or 0:,}",
        ]
        if digests:
            row.append((citizen.digest or "")[:16])
        table.add_row(*row)
    if status.alarms:
        table.caption = "\n".join(status.alarms)
        table.caption_justify = "left"
    return table


def _node(node: NodeStatus | None) -> str:
    """Its address, and its zone if there are zones."""
    if node is None:
        return ""
    return f"{node.address} ({node.zone})" if node.zone else node.address


def _scaling(status: IslandStatus) -> str | None:
    if status.autoscale is None:
        return None
    return f"scales itself, {status.autoscale}: now {status.reads_per_s or 0:,.0f}"


def _placement(status: IslandStatus) -> str | None:
    """What the loss of a node would do, where there are several."""
    if len(status.nodes) < 2:
        return None
    here = [node.address for node in status.nodes if node.coordinator]
    vital = [node.address for node in status.nodes if node.vital]
    bears = f"would not bear the loss of {' or '.join(vital)}" if vital else "bears a lost node"
    return f"coordinator on {', '.join(here) or 'a node that is lost'}; the parliament {bears}"
