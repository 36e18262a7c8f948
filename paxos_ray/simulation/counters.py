"""Replicated counters in a simulated island: the citizen's application is a `machines.Replica`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from paxos_ray.core.log import Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Replica, Reply, UnknownObject
from paxos_ray.machines.ring import Ring
from paxos_ray.simulation.application import Application, Snapshot

EVENT_BYTES = 6_000


class CountersSnapshot(NamedTuple):
    """What a newcomer loads: the list, as of `applied`, and the replica's own snapshot."""

    applied: Promise
    entries: Snapshot
    replica: object


class Counters(Application):
    """The list of all simulated islands, which their checkers look at, and the replica beside it.

    `replies` are those to what this citizen has applied itself, by the entry's promise; `ring` has
    the latest events.
    """

    __slots__ = ("replica", "replies", "ring")

    def __init__(self) -> None:
        super().__init__()
        self.replica = Replica()
        self.replies: dict[Promise, list[Reply]] = {}
        self.ring = Ring(EVENT_BYTES)

    def apply(self, entries: Iterable[Entry]) -> Entry | None:
        """See `Application.apply`."""
        before = self.state.applied
        entries = tuple(entries)
        missing = super().apply(entries)
        for entry in entries:
            if before < entry.promise <= self.state.applied:
                applied = self.replica.apply(entry)
                self.ring.append(entry.promise, () if applied is None else applied.events)
                if applied is not None:
                    self.replies[applied.promise] = applied.replies
        return missing

    def snapshot(self) -> CountersSnapshot:
        """See `Application.snapshot`."""
        return CountersSnapshot(self.state.applied, self.state, self.replica.snapshot())

    def restore(self, snapshot: Any) -> None:
        """See `Application.restore`."""
        super().restore(snapshot.entries)
        self.replica.restore(snapshot.replica)
        self.replies = {}
        self.ring.restart(self.state.applied)

    def value(self, name: str) -> int:
        """The counter of that name, 0 if there is none."""
        try:
            value: int = self.replica.query(name, "value")
        except UnknownObject:
            return 0
        return value
