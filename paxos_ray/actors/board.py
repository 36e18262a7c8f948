"""Where a citizen puts up what objects publish, and who waits for it there: long calls, on threads
of their own, which the citizen's work never waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from paxos_ray.core.promise import Promise
from paxos_ray.machines.context import Event
from paxos_ray.machines.ring import AHEAD, HELD, Found, Ring, minds

WATCHES = "watches"
"""The concurrency group of those who wait."""

THREADS = 64
"""How many wait at a citizen at once: each process that watches has one call under way."""

BYTES = 1 << 20
"""How much is handed out in one call, beyond one entry."""

CROWD = 56
CROWDED_S = 0.25
"""With so many there, who comes waits for so long only, to let in those who stand in line."""


class Want(NamedTuple):
    """What is waited for: events of an object under some keys (None: any), after a promise; those
    of so many bytes at a time, and of one entry at the least."""

    since: Promise
    object: str
    keys: Collection[Any] | None
    size: int


class _Waiter:
    """Somebody who waits; `called` when there may be something, or when nobody hears it."""

    def __init__(self, wants: Sequence[Want]) -> None:
        self.wants = wants
        self.called = threading.Event()
        self.superseded = False


class Board:
    """A ring of events, for several threads: one appends, others wait."""

    def __init__(self, limit: int) -> None:
        self._ring = Ring(limit)
        self._lock = threading.Lock()
        self._waiters: dict[str, _Waiter] = {}
        self._minders: dict[str, list[tuple[Collection[Any] | None, _Waiter]]] = {}  # by object

    @property
    def weight(self) -> int:
        """See `Ring.weight`."""
        return self._ring.weight

    @property
    def earliest(self) -> Promise:
        """See `Ring.earliest`."""
        return self._ring.earliest

    def restart(self, earliest: Promise) -> None:
        """See `Ring.restart`."""
        with self._lock:
            self._ring.restart(earliest)
            for waiter in self._waiters.values():
                waiter.called.set()

    def append(self, promise: Promise, events: Sequence[Event]) -> None:
        """See `Ring.append`. Those who wait for one of the events are called."""
        with self._lock:
            self._ring.append(promise, events)
            for event in events:
                for keys, waiter in self._minders.get(event.object, ()):
                    if not waiter.called.is_set() and (keys is None or minds(keys, event.key)):
                        waiter.called.set()

    def wait(self, who: str, wants: Sequence[Want], limit_s: float) -> tuple[Found, ...]:
        """What there is of each of these, the first ones first, of `BYTES` and one entry in all; if
        that is nothing, as soon as there is something, and after `limit_s` at the latest.

        Another call of the same `who` ends this one: what it asks for counts."""
        found = self._look(wants)
        if not _is_idle(found) or limit_s <= 0:
            return found
        with self._standing(who, wants) as waiter:
            if len(self._waiters) > CROWD:
                limit_s = min(limit_s, CROWDED_S)
            deadline = time.monotonic() + limit_s
            while True:
                # Where nothing was found up to now it need not be looked for again.
                wants = [want._replace(since=f.upto) for want, f in zip(wants, found, strict=True)]
                found = self._look(wants)
                left_s = deadline - time.monotonic()
                if not _is_idle(found) or waiter.superseded or left_s <= 0:
                    return found
                waiter.called.wait(left_s)
                waiter.called.clear()

    def _look(self, wants: Sequence[Want]) -> tuple[Found, ...]:
        found, left = [], BYTES
        with self._lock:
            for since, name, keys, size in wants:
                each = self._ring.after(since, name, keys, min(size, left))
                left = max(0, left - each.weight)
                found.append(each)
        return tuple(found)

    @contextmanager
    def _standing(self, who: str, wants: Sequence[Want]) -> Iterator[_Waiter]:
        waiter = _Waiter(wants)
        with self._lock:
            earlier = self._waiters.pop(who, None)
            if earlier is not None:
                earlier.superseded = True
                earlier.called.set()
            self._waiters[who] = waiter
            for want in wants:
                self._minders.setdefault(want.object, []).append((want.keys, waiter))
        try:
            yield waiter
        finally:
            with self._lock:
                if self._waiters.get(who) is waiter:
                    del self._waiters[who]
                for name in {want.object for want in wants}:
                    left = [each for each in self._minders[name] if each[1] is not waiter]
                    if left:
                        self._minders[name] = left
                    else:
                        del self._minders[name]


def _is_idle(found: Sequence[Found]) -> bool:
    """Whether there is nothing to tell: no events, and no other news either."""
    return not any(each.events or each.verdict not in (HELD, AHEAD) for each in found)
