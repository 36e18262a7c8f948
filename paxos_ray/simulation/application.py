"""The application that the simulated island replicates: a list, told by its length and digest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from zlib import crc32

from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise


class Snapshot(NamedTuple):
    """The state as of `applied`: how many entries the list has, and a digest of all of them."""

    applied: Promise
    length: int
    digest: int


class Application:
    """One citizen's copy of the list; the bodies it takes are bytes."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = Snapshot(NOTHING, 0, 0)

    def apply(self, entries: Iterable[Entry]) -> Entry | None:
        """Append committed entries in order, skipping what the state holds already.

        Returns the entry at which something between it and the state is missing, None if nothing
        is. Governments move the place in the log, not the list.
        """
        applied, length, digest = self.state
        for entry in entries:
            promise, previous, _, body = entry
            if promise <= applied:
                continue
            if previous != applied:
                self.state = Snapshot(applied, length, digest)
                return entry
            applied = promise
            if promise.entry:
                length += 1
                digest = crc32(body, digest)
        self.state = Snapshot(applied, length, digest)
        return None

    def snapshot(self) -> Any:
        """What a newcomer loads, by `restore`; it says as of what it is by `applied`."""
        return self.state

    def restore(self, snapshot: Any) -> None:
        """Take a donor's state for one's own."""
        self.state = snapshot
