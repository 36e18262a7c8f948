"""A log to feed to replicas, without a protocol under it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from paxos_ray.core.log import NOTHING, Entry
from paxos_ray.core.promise import Promise
from paxos_ray.machines import Applied, Operation, Replica, Reply, encode_batch, encode_open


class Chronicle:
    """Entries in order, each applied to `replica` as it is appended; the stamps are the test's."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.entries: list[Entry] = []
        self.stamp = 0
        self.govern()

    def append(self, body: object, stamp: int | None = None) -> Applied:
        """Append an entry of the application, `stamp` at the log's last stamp unless given."""
        top = self.entries[-1].promise
        applied = self._add(Promise(top.government, top.entry + 1), body, stamp)
        assert applied is not None
        return applied

    def govern(self, stamp: int | None = None) -> None:
        """Append a government, the body of which is nothing to the machines."""
        number = self.entries[-1].promise.government if self.entries else 0
        assert self._add(Promise(number + 1, 0), object(), stamp) is None

    def open(self, lifetime_ms: int = 1_000, stamp: int | None = None) -> Promise:
        """Open a session; its name."""
        return self.append(encode_open(lifetime_ms), stamp).promise

    def batch(
        self,
        session: Promise,
        first: int,
        operations: Sequence[Operation],
        acknowledged: int = 0,
        stamp: int | None = None,
    ) -> list[Reply]:
        """Append a batch; its replies."""
        return self.append(encode_batch(session, first, acknowledged, operations), stamp).replies

    def replay(self, replica: Replica) -> Replica:
        """Apply everything to another replica, which may have begun with a snapshot."""
        for entry in self.entries:
            replica.apply(entry)
        return replica

    def _add(self, promise: Promise, body: object, stamp: int | None) -> Applied | None:
        previous = self.entries[-1].promise if self.entries else NOTHING
        self.stamp = self.stamp if stamp is None else stamp
        self.entries.append(Entry(promise, previous, self.stamp, body))
        return self.replica.apply(self.entries[-1])


@pytest.fixture
def chronicle() -> Chronicle:
    return Chronicle()


@pytest.fixture
def chronicles() -> type[Chronicle]:
    return Chronicle


def increment(name: str, n: Any = 1) -> Operation:
    return (name, "increment", (n,))


@pytest.fixture(name="increment")
def _increment() -> Any:
    return increment
