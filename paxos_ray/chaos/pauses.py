"""How long clients waited because of faults."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from paxos_ray.chaos.book import Told


class Event(NamedTuple):
    """A fault that took place, or was to (`why` it did not). Times in s since the run began; it was
    `over` when the island had come to rest again."""

    round: int
    kind: str
    what: str
    began_s: float
    ended_s: float
    over_s: float
    why: str | None = None
    pause_ms: float = 0.0

    @property
    def happened(self) -> bool:
        """Whether it took place."""
        return self.why is None


class Pauses(NamedTuple):
    """Of all faults of a kind: how many, and the pause that each brought, in ms."""

    times: int
    median_ms: float
    worst_ms: float


class Wait(NamedTuple):
    """From when to when a call was waited for, in s since the run began."""

    began_s: float
    ended_s: float


def waits(calls: Sequence[Told], clients: Sequence[str], began_ns: int) -> list[Wait]:
    """Those of these clients: on their nodes nothing is broken, so that a wait is the island's."""
    chosen = [
        Wait((told.operation.invoked - began_ns) / 1e9, (told.ended - began_ns) / 1e9)
        for told in calls
        if told.ended is not None and told.operation.client.split("/")[0] in clients
    ]
    return sorted(chosen)


def usual_ms(waits: Sequence[Wait]) -> float:
    """The median of all of them, in ms."""
    return 1e3 * median([wait.ended_s - wait.began_s for wait in waits]) if waits else 0.0


def measure(events: Sequence[Event], waits: Sequence[Wait]) -> list[Event]:
    """The events with their pauses: the longest that a call has waited from the fault on, of those
    that were under way while it lasted or the island got over it."""
    return [
        event._replace(pause_ms=_pause_ms(event, waits)) if event.happened else event
        for event in events
    ]


def _pause_ms(event: Event, waits: Sequence[Wait]) -> float:
    longest = max(
        (
            wait.ended_s - max(wait.began_s, event.began_s)
            for wait in waits
            if wait.ended_s > event.began_s and wait.began_s < event.over_s
        ),
        default=0.0,
    )
    return 1e3 * longest


def by_kind(events: Sequence[Event]) -> dict[str, Pauses]:
    """The pauses of the faults that took place, by kind."""
    found: dict[str, list[float]] = {}
    for event in events:
        if event.happened:
            found.setdefault(event.kind, []).append(event.pause_ms)
    return {kind: Pauses(len(ms), median(ms), max(ms)) for kind, ms in found.items()}
