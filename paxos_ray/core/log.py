"""The atomic log: committed entries from the minimum on, found by promise without scanning."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from typing import Any, NamedTuple

from paxos_ray.core.government import Government
from paxos_ray.core.promise import Promise
from paxos_ray.procession import Procession


class Entry(NamedTuple):
    """One entry: its promise, the promise before it, its stamp (ms of log time) and its body.

    The body of entry 0 of a government is the `Government`; every other body is the application's.
    """

    promise: Promise
    previous: Promise
    stamp: int
    body: Any


NOTHING = Promise(0, 0)


ENTRY_HEFT = 256
"""What an entry costs beside its body: memory for its promise, its place, its stamp."""


def heft(body: object) -> int:
    """The weight of a body in bytes: its length if it is bytes or text, else a nominal 64."""
    return len(body) if isinstance(body, (bytes, bytearray, str)) else 64


class Log:
    """Entries in order, `first` to `top`, with the government in force at `first`.

    The log is a procession, `queue`, which others may follow, listen to and have alarms rung by: an
    entry joins it when it is committed, and is trimmed by the log's own consumer, which stands at
    `first`. Beside it lies an index by promise. Positions are absolute, and that of `g/e` is that
    of `g/0` plus e, so it is a list; and of entries, not of nodes, so that a slice of it is what is
    asked for, and nodes are paid for only when somebody follows who needs them. Appending, finding
    and trimming cost constant time an entry; only entries are walked that are handed out.
    """

    __slots__ = (
        *("_entries", "_gone", "_head", "_hefts", "_keeper", "_origins"),
        *("base", "queue", "top"),
    )

    queue: Procession[Entry]
    """The entries held, as a queue that is not pushed to from outside. It ends when the log
    restarts elsewhere, with another queue. Copies of a log have none of its followers."""

    def __init__(self) -> None:
        self._begin({}, None, NOTHING)

    def _begin(self, origins: dict[int, int], base: Government | None, top: Promise) -> None:
        self.queue = Procession()
        self._keeper = self.queue.shifter()
        self._entries: list[Entry] = []
        self._hefts: list[int] = []  # running total of heft, up to and with each entry
        self._head = 0  # how many of _entries are let go but not yet moved out of the list
        self._gone = 0  # absolute position of _entries[0]
        self._origins = origins  # government number -> absolute position of its entry 0
        self.base = base
        self.top = top

    def __len__(self) -> int:
        return len(self._entries) - self._head

    def __iter__(self) -> Iterator[Entry]:
        return islice(self._entries, self._head, None)

    @property
    def first(self) -> Entry | None:
        """The earliest entry held, None before there is any."""
        return self._entries[self._head] if self._entries else None

    @property
    def last(self) -> Entry | None:
        """The entry at the top."""
        return self._entries[-1] if self._entries else None

    @property
    def heft(self) -> int:
        """The total weight of the bodies held, in bytes."""
        if not self._entries:
            return 0
        return self._hefts[-1] - self._before(self._head)

    @property
    def weight(self) -> int:
        """What holding it costs, in bytes: the heft, and the entries themselves."""
        return self.heft + ENTRY_HEFT * len(self)

    def restart(self, base: Government, first: Entry) -> None:
        """Forget everything; hold nothing yet, `first` is to come, at which `base` is in force."""
        self.queue.end()
        origins = {base.promise.government: -first.promise.entry}
        self._begin(origins, base, first.previous)

    def extend(self, entries: Sequence[Entry]) -> None:
        """Append entries that follow the top without a gap."""
        total = self._hefts[-1] if self._hefts else 0
        top = self.top
        position = self._gone + len(self._entries)
        for entry in entries:
            promise, previous, _, body = entry
            assert previous == top and promise > top, f"{promise} of {previous} after {top}"
            top = promise
            if promise.entry == 0:
                self._origins[promise.government] = position
                if self.base is None:
                    self.base = body
            position += 1
            total += heft(body)
            self._hefts.append(total)
        self._entries.extend(entries)
        self.top = top
        self.queue.extend(entries)

    def since(self, promise: Promise, entries: int, size: int) -> tuple[Entry, ...] | None:
        """What follows `promise`, at most so many entries and bytes (one entry at the least).

        None when that cannot be told from what is held: `promise` is below what precedes `first`.
        """
        if promise == self.top:
            return ()
        index = self._index(promise)
        return None if index is None else self._slice(index + 1, entries, size)

    def after(self, promise: Promise) -> Sequence[Entry] | None:
        """All that follows `promise`; None when that cannot be told from what is held."""
        if promise == self.top:
            return ()
        index = self._index(promise)
        return None if index is None else self._entries[index + 1 :]

    def opening(self, entries: int, size: int) -> tuple[Entry, ...]:
        """The earliest entries held, bounded likewise."""
        return self._slice(self._head, entries, size)

    def trim(self, minimum: Promise) -> None:
        """Let go of the entries below `minimum`, never of the top."""
        if not self._entries or minimum <= self._entries[self._head].promise:
            return
        index = self._index(minimum if minimum < self.top else self.top)
        if index is None or index <= self._head:
            return
        self._keeper.skip(index - self._head)
        self._head = index
        number = self._entries[index].promise.government
        if self.base is not None and number != self.base.promise.government:
            self.base = self._entries[self._origins[number] - self._gone].body
            self._origins = {n: at for n, at in self._origins.items() if n >= number}
        # Moving only when half is let go makes the cost of an entry let go constant.
        if 2 * self._head >= len(self._entries):
            del self._entries[: self._head], self._hefts[: self._head]
            self._gone += self._head
            self._head = 0

    def __getstate__(self) -> tuple[object, ...]:
        first = self._gone + self._head
        origins = {number: position - first for number, position in self._origins.items()}
        return tuple(self), origins, self.base, self.top

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        entries, origins, base, top = state
        self._begin(origins, base, top)
        self._entries.extend(entries)
        self._hefts.extend(accumulate(heft(entry.body) for entry in entries))
        self.queue.extend(entries)

    def _before(self, index: int) -> int:
        return self._hefts[index] - heft(self._entries[index].body)

    def _slice(self, index: int, entries: int, size: int) -> tuple[Entry, ...]:
        if index >= len(self._entries):
            return ()
        end = bisect_right(self._hefts, self._before(index) + size, index)
        return tuple(self._entries[index : max(index + 1, min(end, index + entries))])

    def _index(self, promise: Promise) -> int | None:
        """Where `promise` is (just before the head for its predecessor), None when unknown."""
        entries = self._entries
        origin = self._origins.get(promise[0])
        if origin is not None:
            index = origin + promise[1] - self._gone
            if self._head <= index < len(entries) and entries[index][0] == promise:
                return index
        if entries and promise == entries[self._head].previous:
            return self._head - 1
        return None
