"""The end of the log, as a citizen keeps it for who reads the log: bounded, and beyond the minimum.

The Legislator lets go of what everybody has, which takes a moment; readers of streams are slower.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, NamedTuple

from paxos_ray.actors.growing import grow
from paxos_ray.core.log import ENTRY_HEFT, NOTHING, Entry, heft
from paxos_ray.core.promise import Promise
from paxos_ray.machines.ring import ABSENT, GONE, HELD

UNKNOWN = "unknown"
"""What is to be said of a promise that is no entry's; else it is `HELD`, `GONE` or `ABSENT`."""


class Record(NamedTuple):
    """An applied entry, see `machines.Applied`: `replies` are encoded, None for a government."""

    promise: Promise
    stamp: int
    body: Any
    fresh: int
    replies: bytes | None


def weight_of(record: Record) -> int:
    """What holding it costs, in bytes."""
    replies = record.replies
    return ENTRY_HEFT + heft(record.body) + (0 if replies is None else len(replies))


class Extract(NamedTuple):
    """What a citizen says to who reads: some of what follows a promise, if that is `HELD`.

    It has applied the log up to `top`; a reader can go on from any promise since `earliest`.
    """

    verdict: str
    records: tuple[Record, ...]
    earliest: Promise
    top: Promise


grow(Record)


class Tail:
    """The latest records, in order, which weigh `limit` bytes and the earliest of them at most."""

    def __init__(self, limit: int) -> None:
        self.weight = 0
        """Bytes."""
        self.earliest = NOTHING
        """What follows this promise is held."""
        self._limit = limit
        self._records: list[Record] = []
        self._promises: list[Promise] = []
        self._weights: list[int] = []  # running total, up to and with each record
        self._head = 0  # how many of them are let go of but not yet moved out of the lists
        self._base = 0  # the running total before the first that is held
        self._there = False

    def __len__(self) -> int:
        return len(self._records) - self._head

    @property
    def top(self) -> Promise:
        """Up to where the log is here."""
        return self._promises[-1] if len(self) else self.earliest

    def restart(self, earliest: Promise) -> None:
        """Begin anew: what comes next follows `earliest`."""
        self._records, self._promises, self._weights = [], [], []
        self._head = self._base = self.weight = 0
        self.earliest = earliest
        self._there = True

    def append(self, entry: Entry, fresh: int = 0, replies: bytes | None = None) -> None:
        """The next entry has been applied."""
        promise, previous, stamp, body = entry
        assert previous == self.top, f"{promise} of {previous} after {self.top}"
        record = Record(promise, stamp, body, fresh, replies)
        weight = weight_of(record)
        self._records.append(record)
        self._promises.append(promise)
        self._weights.append((self._weights[-1] if self._weights else self._base) + weight)
        self.weight += weight
        self._there = True
        if self.weight > self._limit and len(self) > 1:
            self._let_go()

    def after(self, since: Promise, entries: int, size: int) -> Extract:
        """What follows `since`, at most so many entries and bytes (one entry at the least)."""
        records: tuple[Record, ...] = ()
        if not self._there:
            verdict = ABSENT
        elif since < self.earliest:
            verdict = GONE
        elif since >= self.top:
            verdict = HELD
        else:
            at = bisect_right(self._promises, since, self._head)
            known = self.earliest if at == self._head else self._promises[at - 1]
            verdict = HELD if known == since else UNKNOWN
            if known == since:
                before = self._weights[at - 1] if at > self._head else self._base
                end = bisect_right(self._weights, before + size, at)
                records = tuple(self._records[at : max(at + 1, min(end, at + entries))])
        return Extract(verdict, records, self.earliest, self.top)

    def _let_go(self) -> None:
        """Of the earliest, until what is held is within the limit; the last stays in any case."""
        least = self._weights[-1] - self._limit
        head = min(bisect_right(self._weights, least - 1, self._head) + 1, len(self._records) - 1)
        self.earliest, self._base = self._promises[head - 1], self._weights[head - 1]
        self.weight = self._weights[-1] - self._base
        self._records[self._head : head] = [None] * (head - self._head)  # type: ignore[list-item]
        self._head = head
        # Moving only when half is let go of makes the cost of one that is let go of constant.
        if 2 * head >= len(self._records):
            del self._records[:head], self._promises[:head], self._weights[:head]
            self._head = 0
